-- The login of a chat: what happens before its connection is open.

local json = require "support.json"
if not json.is_there "a chat's login" then return end

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local beside = require "support.beside"
local chats = require "support.chats"

local action = chat.action

local head = {
  authorize = function () return true, { ["Wsmanager-Chat"] = "1" } end,
}

local function join (address, options)
  local all = {
    server = address, secure = false, uid = "42", token = "t", peer = "7",
    reconnect = false,
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return chat.new(all)
end

local function message (id)
  return chat.encode {
    action = action.send, id = id, content = id, senderId = "7", sendTime = 1,
  }
end

describe("the login of a chat", function ()
  it("is over when all rooms were told", chats.beside({}, function (_, join_in)
    local talk = join_in("42", { onmessage = chats.nothing })
    assert.is_true(talk.ws:opened(60))
    assert.equal(2, #talk:contacts())
    assert.equal("pair", talk:contact("7").name)
  end))

  it("gives back what comes before the welcome, in its order",
    beside(function (ws)
      ws:send(message "1")
      ws:send(chat.encode { action = action.room, room = "r", members = { "42", "7" } })
      ws:send(message "2")
      ws:send(chat.encode { action = action.welcome })
      ws:send(message "3")
      repeat until not ws:receive(60)
    end, function (address)
      local talk = join(address)
      for _, id in ipairs { "1", "2", "3" } do
        assert.equal(id, assert(talk:receive(60)).id)
      end
      assert.equal("r", talk:contact("7").name)
      talk:close()
    end, head))

  it("sends nothing of the user's before it is over", beside(function (ws)
    local data, token = ws:receive(0.1)
    assert(not data and token == "timeout")
    ws:send(chat.encode { action = action.welcome })
    ws:send(message(chat.decode(ws:receive(60)).content))
    ws:receive(60)
  end, function (address)
    local talk = join(address)
    talk:text "hello"
    assert.equal("hello", assert(talk:receive(60)).id)
    talk:close()
  end, head))

  it("fails where no welcome comes in time", beside(function (ws)
    ws:receive(60)
  end, function (address)
    local talk = join(address, { timeouts = { login = 0.1 } })
    local opened, token = talk.ws:opened(60)
    assert.same({ nil, "timeout" }, { opened, token })
    talk:close()
  end, head))

  it("waits for nothing from another server", beside(function (ws)
    ws:receive(60)
  end, function (address)
    local talk = join(address)
    assert.is_true(talk.ws:opened(60))
    talk:close()
  end))

  it("begins with the program's own", chats.beside({}, function (_, join_in)
    local told
    local talk = join_in("42", {
      login = function (ws, info)
        wsmanager.sleep(0)
        told = { ws.headers["wsmanager-chat"], info.attempt }
      end,
    })
    assert.is_true(talk.ws:opened(60))
    assert.same({ "1", 0 }, told)
    assert.equal(2, #talk:contacts())
  end))

  it("is refused by the program's own", chats.beside({}, function (_, join_in)
    for _, refusal in ipairs { {}, { false, "not today", "final" } } do
      local talk = join_in("42", {
        reconnect = false,
        login = function () return (table.unpack or unpack)(refusal, 1, 3) end,
      })
      local opened, token = talk.ws:opened(60)
      assert.same({ nil, "login" }, { opened, token })
    end
  end))
end)
