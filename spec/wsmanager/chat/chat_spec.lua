-- The chat of lua/wsmanager/chat.lua, between real connections.

local json = require "support.json"
if not json.is_there "a chat" then return end

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local beside = require "support.beside"

local action = chat.chatAction

local function message (fields)
  local all = {
    id = "1", content = "hello", senderId = "42", sendTime = 1680844588000,
  }
  for name, value in pairs(fields or {}) do all[name] = value end
  return all
end

local function join (address, options)
  local all = {
    server = address, secure = false, uid = "42", token = "t", peer = "7",
    reconnect = { delay = 0.01, jitter = 0, factor = 1, pause = 0 },
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return chat.new(all)
end

-- Sends what it receives to all of `room`.
local function relay_in (room)
  return function (ws)
    room[#room + 1] = ws
    local data, kind = ws:receive()
    while data do
      for _, other in ipairs(room) do
        if other ~= ws then other:send(data, kind) end
      end
      data, kind = ws:receive()
    end
    for i, other in ipairs(room) do
      if other == ws then table.remove(room, i) end
    end
  end
end

-- A handler that gives each connection its own function, in turn.
local function in_turn (...)
  local handlers, turn = { ... }, 0
  return function (ws, request)
    turn = turn + 1
    return handlers[turn](ws, request)
  end
end

local function frame_of (ws)
  local data, kind = ws:receive(60)
  return data and chat.decode(data, kind)
end

describe("a chat", function ()
  it("joins at the URL of its session", beside(function (ws, request)
    ws:send(chat.encode(message {
      action = action.send,
      content = request.target,
    }))
    ws:receive(60)
  end, function (address)
    local talk = join(address, { uid = "a/b", token = "1&2", mode = 2 })
    assert.equal("/ws/a%2Fb?mode=2&token=1%262", talk:receive(60).content)
    talk:close()
  end))

  it("sends a text with its id, time and sender", beside(function (ws)
    ws:send(ws:receive(60))
    ws:receive(60)
  end, function (address)
    local talk = join(address)
    local said = assert(talk:text("hello", { mood = "good" }))
    local heard = assert(talk:receive(60))
    assert.same(said, heard)
    assert.equal("42", heard.senderId)
    assert.equal("7", heard.receiverId)
    assert.equal("good", heard.mood)
    assert.equal(chat.messageType.text, heard.type)
    assert.is_true(math.abs(heard.sendTime / 1000 - os.time()) < 60)
    talk:close()
  end))

  local room = {}
  it("handles receipts and gives them to onreceipt", beside(relay_in(room),
    function (address)
      local receipts = {}
      local customer = join(address, {
        onreceipt = function (receipt)
          receipts[#receipts + 1] = receipt.action
        end,
      })
      local doctor = join(address, { uid = "7", peer = "42" })
      assert(customer.ws:opened(60))
      assert(doctor.ws:opened(60))
      customer:text "hello"
      local heard = assert(doctor:receive(60))
      assert.is_true(doctor:read(heard))
      while #receipts < 2 do customer:receive(0.1) end
      assert.same({ action.received, action.read }, receipts)
      assert.is_true(customer:settled(5))
      assert.is_true(doctor:settled(5))
      customer:close()
      doctor:close()
    end))

  local gallery = {}
  it("shows pictures by their bytes and by URL", beside(relay_in(gallery),
    function (address)
      local customer = join(address)
      local doctor = join(address, { uid = "7", peer = "42" })
      assert(customer.ws:opened(60))
      assert(doctor.ws:opened(60))
      customer:image(chat.chatImg, { name = "wrist.png" })
      customer:image "https://example.org/a.png"
      local shown, linked = doctor:receive(60), doctor:receive(60)
      assert.equal("wrist.png", shown.content)
      assert.equal(chat.chatImg, shown.bytes)
      assert.equal(chat.messageType.img, shown.type)
      assert.equal("https://example.org/a.png", linked.content)
      assert.is_nil(linked.bytes)
      customer:close()
      doctor:close()
    end))

  local again = {}
  it("sends again what was not received, in its order", beside(in_turn(
    function (ws)
      again[1] = frame_of(ws).content
      ws:close(1012)
    end,
    function (ws)
      for _ = 1, 3 do
        local frame = frame_of(ws)
        again[#again + 1] = frame.content
        ws:send(chat.encode { action = action.received, id = frame.id })
      end
      ws:receive(60)
    end
  ), function (address)
    local talk = join(address)
    for _, line in ipairs { "a", "b", "c" } do talk:text(line) end
    assert.is_true(talk:settled(5))
    talk:close()
    assert.same({ "a", "a", "b", "c" }, again)
  end))

  it("drops a repeated message and confirms it again", beside(
    function (ws)
      local data = chat.encode(message { action = action.send })
      ws:send(data)
      ws:send(data)
      ws:send(chat.encode(message { action = action.send, id = "2" }))
      local confirmed = {}
      for i = 1, 3 do confirmed[i] = frame_of(ws).id end
      ws:send(chat.encode(message {
        action = action.send, id = "3", confirmed = confirmed,
      }))
      ws:receive(60)
    end,
    function (address)
      local talk = join(address)
      local heard = {}
      for _ = 1, 3 do heard[#heard + 1] = assert(talk:receive(60)) end
      assert.equal("1", heard[1].id)
      assert.equal("2", heard[2].id)
      assert.same({ "1", "1", "2" }, heard[3].confirmed)
      talk:close()
    end))

  it("sends a read again until it is confirmed", beside(in_turn(
    function (ws)
      ws:send(chat.encode(message { action = action.send }))
      repeat until frame_of(ws).action == action.read
      ws:close(1012)
    end,
    function (ws)
      local frame = frame_of(ws)
      ws:send(chat.encode {
        action = action.received, id = frame.id, senderId = "42",
      })
      ws:receive(60)
    end
  ), function (address)
    local talk = join(address)
    assert.is_true(talk:read(assert(talk:receive(60))))
    assert.is_true(talk:settled(5))
    talk:close()
  end))

  it("gives a frame it cannot read as a codec error, and goes on", beside(
    function (ws)
      ws:send "what?"
      ws:send(chat.encode(message { action = action.send }))
      ws:receive(60)
    end,
    function (address)
      local talk = join(address)
      local heard, token, why, raw = talk:receive(60)
      assert.same({ nil, "codec", "what?" }, { heard, token, raw })
      assert.is_string(why)
      assert.equal("hello", talk:receive(60).content)
      talk:close()
    end))

  it("iterates over messages, past a frame it cannot read", function ()
    local server = assert(wsmanager.serve {
      host = "127.0.0.1", port = 0, handler = function (ws)
        ws:send(chat.encode(message { action = action.send }))
        ws:send "what?"
        ws:send(chat.encode(message { action = action.send, id = "2" }))
      end,
    })
    local talk = join("127.0.0.1:" .. server.port, { reconnect = false })
    local ids = {}
    for heard in talk:messages() do ids[#ids + 1] = heard.id end
    server:stop()
    assert.same({ "1", "2" }, ids)
  end)

  it("gives messages to onmessage", beside(function (ws)
    ws:send(chat.encode(message { action = action.send }))
    ws:send(chat.encode(message { action = action.send, id = "2" }))
    ws:receive(60)
    ws:receive(60)
    ws:close()
  end, function (address)
    local ids = {}
    local talk = join(address, {
      reconnect = false,
      onmessage = function (heard) ids[#ids + 1] = heard.id end,
    })
    assert(talk.ws:closed(60))
    assert.same({ "1", "2" }, ids)
  end))

  it("keeps messages that come while it settles", beside(function (ws)
    ws:send(chat.encode(message { action = action.send }))
    for _ = 1, 2 do
      local frame = frame_of(ws)
      if frame.action == action.send then
        ws:send(chat.encode { action = action.received, id = frame.id })
      end
    end
    ws:receive(60)
  end, function (address)
    local talk = join(address)
    talk:text "a"
    assert.is_true(talk:settled(5))
    assert.equal("hello", talk:receive(60).content)
    talk:close()
  end))

  it("returns full when too much waits for a receipt", beside(function (ws)
    ws:receive(60)
  end, function (address)
    local talk = join(address, { outbox = { messages = 1 } })
    assert(talk:text "a")
    local said, token, detail = talk:text "b"
    assert.same({ nil, "full" }, { said, token })
    assert.is_string(detail)
    talk:close()
  end))

  it("returns closed after close", beside(function (ws)
    ws:receive(60)
  end, function (address)
    local talk = join(address)
    talk:close()
    talk.ws:closed(60)
    assert.same("closed", select(2, talk:text "a"))
  end))

  it("is locked without a session, and joins when there is one", beside(
    function (ws) ws:receive(60) end,
    function (address)
      local session
      local talk = chat.new {
        server = address, secure = false,
        session = function () return session, "nobody is logged in" end,
      }
      local heard, token, why = talk:receive(60)
      assert.same({ nil, "locked", "nobody is logged in" },
        { heard, token, why })
      assert.equal("locked", talk.ws.state)
      assert.equal("locked", select(2, talk:text "a"))
      session = { uid = "42", token = "t" }
      talk.ws:reconnect()
      assert.is_true(talk.ws:opened(60))
      assert.equal("42", talk:text("a").senderId)
      talk:close()
    end))

  -- The message of the error that fn raises at this line.
  local function blames_us (fn, sentence)
    local ok, why = pcall(fn)
    assert.is_false(ok)
    assert.matches("^[^\n]*chat_spec%.lua:%d+: ", why)
    assert.equal(sentence, why:gsub("^[^\n]-:%d+: ", ""))
  end

  it("raises at its caller's line for wrong options", function ()
    blames_us(function () chat.new() end,
      "bad argument #1 to 'new' (table expected, got nil)")
    blames_us(function () chat.new { uid = "1", tokn = "t" } end,
      "unknown option 'tokn' (did you mean 'token'?)")
    blames_us(function () chat.new { heartbeats = false } end,
      "unknown option 'heartbeats' (did you mean 'heartbeat'?)")
    blames_us(function () chat.new { decode = 1 } end,
      "bad option 'decode' (a chat decodes by itself)")
    blames_us(function () chat.new { url = "ws://127.0.0.1/" } end,
      "bad option 'url' (a chat makes its own of server, uid and token)")
    blames_us(function () chat.new { outbox = { message = 1 } } end,
      "unknown option 'outbox.message' (did you mean 'messages'?)")
    blames_us(function () chat.new { heartbeat = { intervall = 1 } } end,
      "unknown option 'heartbeat.intervall' (did you mean "
        .. "'interval'?)")
  end)

  it("raises for an option of a wrong type", function ()
    for _, case in ipairs {
      { "uid", {}, "string or number expected, got table" },
      { "token", false, "string or number expected, got boolean" },
      { "server", 1, "host[:port] expected, without ws://, got number" },
      { "server", "ws://h", "host[:port] expected, without ws://, got string" },
      { "secure", 1, "boolean expected, got number" },
      { "session", {}, "function expected, got table" },


      { "outbox", false, "table expected, got boolean" },
      { "onmessage", 1, "function expected, got number" },
      { "onreceipt", true, "function expected, got boolean" },
      { "mode", 3, "1 or 2 of chatTypes expected, got 3" },
      { "mode", "doctor", "1 or 2 of chatTypes expected, got string" },
    } do
      local name, value, why = case[1], case[2], case[3]
      blames_us(function () chat.new { [name] = value } end,
        ("bad option '%s' (%s)"):format(name, why))
    end
  end)

  it("returns the failure of its TLS", function ()
    local talk, token, why = chat.new {
      server = "127.0.0.1:9", uid = "1", token = "t",
      tls = { ca = "no/such/file.pem" },
    }
    assert.same({ nil, "tls" }, { talk, token })
    assert.matches("cannot read no/such/file%.pem", why)
  end)

  it("is locked by a session that names no mode there is", function ()
    local talk = chat.new {
      server = "127.0.0.1:9",
      session = function () return { uid = "1", token = "t", mode = 3 } end,
    }
    local heard, token, why = talk:receive(60)
    assert.same({ nil, "locked", "the session's mode is 3, not 1 or 2" },
      { heard, token, why })
    talk:close()
  end)

  it("names in a timeout what it waited for, and how long", beside(function (ws)
    ws:receive(60)
    ws:receive(60)
  end, function (address)
    local talk = join(address)
    talk:text "a"
    local settled, token, why = talk:settled(0.2)
    assert.same({ nil, "timeout" }, { settled, token })
    assert.equal("not settled within 0.2 s: 1 not received by the other "
      .. "side; open ws://" .. address .. "/ws/42", why)
    local heard
    heard, token, why = talk:receive(0.1)
    assert.same({ nil, "timeout" }, { heard, token })
    assert.equal("no message within 0.1 s: open ws://" .. address .. "/ws/42",
      why)
    talk:close()
  end))

  it("raises at its caller's line for what is no received message", function ()
    local talk = chat.new { uid = "1", server = "127.0.0.1:9" }
    blames_us(function () talk:read() end,
      "bad argument #1 to 'read' (a message is a table, not a nil)")
    blames_us(function () talk:read { id = 1 } end,
      "bad argument #1 to 'read' (field 'id' of a message (string expected, "
        .. "got number))")
    blames_us(function () talk:settled "1" end,
      "bad argument #1 to 'settled' (number expected, got string)")
    blames_us(function () talk:receive {} end,
      "bad argument #1 to 'receive' (number expected, got table)")
    blames_us(function () talk:text "\255" end,
      "message.content is not UTF-8: JSON holds text, bytes have to be encoded "
        .. "(base64)")
    talk:close()
  end)

  it("raises for what is neither a text nor a picture", function ()
    local talk = chat.new { uid = "1", server = "127.0.0.1:9" }
    assert.has_error(function () talk:text() end)
    assert.has_error(function () talk:text { "a" } end)
    assert.has_error(function () talk:image "no picture" end)
    assert.has_error(function () talk:text "\255" end)
    assert.has_error(function () talk:read {} end)
    talk:close()
  end)
end)
