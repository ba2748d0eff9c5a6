-- A chat whose peer means harm: what it may make the chat hold.

local json = require "support.json"
if not json.is_there "a chat and a hostile peer" then return end

local chat = require "wsmanager.chat"
local beside = require "support.beside"

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

  it("reads nobody who does not read its receipts", beside(function (ws)
    for i = 1, 3000 do ws:send(message { id = tostring(i) }) end
    ws:receive(60)
    repeat until not ws:receive(60)
  end, function (address)
    local talk = join(address, { outbox = { messages = 10 } })
    local refuses, most = true, 0
    local send_now = talk.send_now
    talk.send_now = function (...)
      most = math.max(most, talk.ledger.briefs)
      return not refuses and send_now(...)
    end
    for i = 1, 10 do assert.equal(tostring(i), assert(talk:receive(60)).id) end
    refuses = false
    for i = 11, 3000 do
      assert.equal(tostring(i), assert(talk:receive(60)).id)
      assert.is_true(talk.ledger.briefs <= 10)
    end
    assert.is_true(most <= 10)
    talk:close()
  end))

  it("drops receipts beyond its bound when a listener takes the messages",
    beside(function (ws)
      for i = 1, 100 do ws:send(message { id = tostring(i) }) end
      ws:receive(60)
    end, function (address)
      local talk = join(address, { outbox = { messages = 10 } })
      talk.send_now = function () return nil, "full" end
      local heard = 0
      talk.onmessage = function ()
        heard = heard + 1
        assert(talk.ledger.briefs <= 10)
        if heard == 100 then talk:close() end
      end
      talk.ws:closed(60)
      assert.equal(100, heard)
      assert.equal(10, talk.ledger.briefs)
    end))

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
    assert.same({ 0, 1 }, { receipts, talk.ledger.count })
    talk:close()
  end))
end)
