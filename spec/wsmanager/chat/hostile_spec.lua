-- A chat whose peer means harm: what it may make the chat hold.

local json = require "support.json"
if not json.is_there "a chat and a hostile peer" then return end

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local beside = require "support.beside"
local frames = require "wsmanager.chat.frames"

local action = chat.chatAction

local function message (fields)
  local all = {
    action = action.send, id = "1", content = "hello", senderId = "7",
    sendTime = 1680844588000,
  }
  for name, value in pairs(fields or {}) do all[name] = value end
  return chat.encode(all)
end

local function join (address, options)
  local all = {
    server = address, secure = false, uid = "42", token = "t", peer = "7",
    reconnect = false,
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return chat.new(all)
end

-- Sends so many messages, and confirms nothing before it is asked to.
local function flood (count, content)
  return function (ws)
    local own
    repeat own = chat.decode(ws:receive(60)) until own.action == action.send
    for i = 1, count do
      ws:send(message { id = tostring(i), content = content })
    end
    ws:send(chat.encode { action = action.received, id = own.id })
    repeat until not ws:receive(60)
  end
end

describe("a chat with a hostile peer", function ()
  it("keeps no more messages than its inbox while it settles",
    beside(flood(2000, ("x"):rep(1000)), function (address)
      local talk = join(address, { inbox = 65536 })
      talk:text "a"
      local settled, token, why = talk:settled(60)
      assert.same({ nil, "full" }, { settled, token })
      assert.matches("^%d+ messages wait for receive%(%); 1 not received by",
        why)
      assert.is_true(talk.inbox_bytes <= 65536 + 2048)
      for i = 1, 2000 do
        assert.equal(tostring(i), assert(talk:receive(60)).id)
      end
      assert.equal(0, talk.inbox_bytes)
      assert.is_true(talk:settled(60))
      talk:close()
    end))

  -- Bytes that a connection holds for one whose peer reads nothing.
  local few = { buffer = 4096, outbox = { messages = 10, bytes = 4096 } }

  -- Sends messages and reads nothing, until it is told to.
  local function deaf (count, state)
    return function (ws)
      for at = 1, count do ws:send(message { id = tostring(at) }) end
      while not state.reads do wsmanager.sleep(0.01) end
      repeat until not ws:receive(60)
    end
  end

  local state = {}
  it("reads nobody who does not read its receipts", beside(deaf(200, state),
    function (address)
      local talk = join(address, few)
      assert(talk.ws:opened(60))
      local pay = frames.pay
      frames.pay = function () return false end
      local heard, token, why = talk:receive(0.1)
      frames.pay = pay
      assert.same({ nil, "timeout", "no message within 0.1 s: the peer does not "
        .. "read its receipts" }, { heard, token, why })
      state.reads = true
      for at = 1, 200 do
        assert.equal(tostring(at), assert(talk:receive(60)).id)
        assert.is_true(#talk.owed <= 1)
      end
      talk:close()
    end, { buffer = 65536 }))

  it("owes few receipts when a listener takes the messages", function ()
    local full = { send = function () return nil, "full" end }
    local talk = { ws = full, owed = {}, uid = "42", contacts_known = {
      heard = function () end,
    } }
    for at = 1, 1000 do
      frames.handle(talk, {
        action = action.send, id = tostring(at), content = "", senderId = "7",
        sendTime = 1,
      })
    end
    assert.equal(64, #talk.owed)
    assert.is_false(frames.pay(talk, 0))
    full.send = function () return true end
    assert.is_true(frames.pay(talk, 0))
    assert.same({}, talk.owed)
  end)

  for _, case in ipairs {
    { "id", ("i"):rep(129), "at most 128 bytes expected, got 129" },
    { "id", "", "a string expected that is not empty" },
    { "senderId", ("i"):rep(1000000), "at most 128 bytes expected, got 1000000" },
    { "receiverId", 7, "string expected, got number" },
    { "room", ("r"):rep(200), "at most 128 bytes expected, got 200" },
    { "type", "text", "number expected, got string" },
    { "seq", 1.5, "a whole number expected, got 1.5" },
  } do
    local name, value, why = case[1], case[2], case[3]
    it("refuses a message whose " .. name .. " is wrong: " .. why,
      beside(function (ws)
        ws:send(message { [name] = value })
        ws:send(message())
        ws:receive(60)
      end, function (address)
        local talk = join(address)
        local heard, token, detail = talk:receive(60)
        assert.same({ nil, "codec", ("field '%s' of a message (%s)")
          :format(name, why) }, { heard, token, detail })
        assert.equal("1", assert(talk:receive(60)).id)
        talk:close()
      end))
  end

  it("takes a field that is null for one that is not there",
    beside(function (ws)
      ws:send((message():gsub("}$", ',"receiverId":null,"type":null}')))
      ws:receive(60)
    end, function (address)
      local talk = join(address)
      local heard = assert(talk:receive(60))
      assert.same({ "1" }, { heard.id, heard.receiverId, heard.type })
      talk:close()
    end))

  it("takes nobody's message for another one's", beside(function (ws)
    ws:send(message { senderId = "a b", id = "c" })
    ws:send(message { senderId = "a", id = "b c" })
    ws:send(message { senderId = "1:a", id = "1" })
    ws:send(message { senderId = "1", id = ":a1" })
    repeat until not ws:receive(60)
  end, function (address)
    local talk = join(address)
    for _, id in ipairs { "c", "b c", "1", ":a1" } do
      assert.equal(id, assert(talk:receive(60)).id)
    end
    talk:close()
  end))

  it("knows a repeated message, however long its names are", beside(function (ws)
    local long = ("n"):rep(128)
    for _ = 1, 2 do ws:send(message { senderId = long, id = long }) end
    ws:send(message { senderId = long, id = ("n"):rep(127) .. "m" })
    ws:send(message())
    local confirmed = 0
    repeat
      local frame = chat.decode(ws:receive(60))
      if frame.action == action.received then confirmed = confirmed + 1 end
    until confirmed == 4
    ws:send(message { id = "all were confirmed" })
    repeat until not ws:receive(60)
  end, function (address)
    local talk = join(address)
    local lengths = {}
    for at = 1, 4 do lengths[at] = #assert(talk:receive(60)).id end
    assert.same({ 128, 128, 1, 18 }, lengths)
    talk:close()
  end))

  it("takes no receipt for one it has not asked for", beside(function (ws)
    local own = chat.decode(ws:receive(60))
    for _, fields in ipairs {
      { id = own.id .. "0" }, { id = own.id:upper() .. "x" },
      { id = "x", senderId = own.senderId },
    } do
      fields.action = action.received
      ws:send(chat.encode(fields))
    end
    ws:send(message())
    ws:receive(60)
    ws:receive(60)
  end, function (address)
    local receipts = 0
    local talk = join(address, {
      onreceipt = function () receipts = receipts + 1 end,
    })
    talk:text "a"
    assert(talk:receive(60))
    assert.same({ 0, 1 }, { receipts, talk.unconfirmed_count })
    talk:close()
  end))
end)
