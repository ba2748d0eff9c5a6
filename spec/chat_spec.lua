local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local seen = require "wsmanager.chat.seen"

local action = chat.chatAction

local function message (fields)
  local all = {
    id = "1", content = "hello", senderId = "42", sendTime = 1680844588000,
  }
  for name, value in pairs(fields or {}) do all[name] = value end
  return all
end

describe("a message", function ()
  it("is the same table when its shape is right", function ()
    local value = message { anything = { 1, 2 } }
    assert.equal(value, chat.Message(value))
  end)

  for _, name in ipairs { "id", "content", "senderId", "sendTime" } do
    it("is refused without " .. name, function ()
      local value = message()
      value[name] = nil
      assert.has_error(function () chat.Message(value) end)
    end)

    it("is refused with a " .. name .. " of another type", function ()
      assert.has_error(function () chat.Message(message { [name] = {} }) end)
    end)
  end

  it("says what is wrong with it", function ()
    local _, why = pcall(chat.Message, message { sendTime = "now" })
    assert.truthy(why:find("field 'sendTime' of a message (number expected, "
      .. "got string)", 1, true))
  end)
end)

describe("a list of messages", function ()
  it("may have any other field", function ()
    local value = { message(), message { id = "2" }, unread = 2 }
    assert.equal(value, chat.Messages(value))
  end)

  it("names the place of the one that is wrong", function ()
    local _, why = pcall(chat.Messages, { message(), { id = "2" } })
    assert.truthy(why:find("at 2: field 'content'", 1, true))
  end)
end)

describe("the wire of a chat", function ()
  it("carries a text message as JSON text", function ()
    local data, kind = chat.encode(message { action = action.send })
    assert.equal("text", kind)
    assert.same(message { action = 2 }, chat.decode(data, kind))
  end)

  it("carries a picture as a line of JSON and its bytes", function ()
    local bytes = "\137PNG\r\n\26\n\0\255\n\n"
    local frame = message { action = action.send, bytes = bytes }
    local data, kind = chat.encode(frame)
    assert.equal("binary", kind)
    assert.equal(bytes, data:sub(-#bytes))
    assert.same(frame, chat.decode(data, kind))
  end)

  it("takes no bytes from a text message", function ()
    local data = chat.encode(message { action = 2 })
    data = data:gsub("}$", ',"bytes":"x"}')
    assert.is_nil(chat.decode(data, "text").bytes)
  end)

  local refused = {
    ["nothing"] = "", ["not JSON"] = "{", ["JSON null"] = "null",
    ["a number"] = "4", ["no action"] = "{}", ["an unknown action"] =
      '{"action":5}', ["a receipt without an id"] = '{"action":1}',
    ["a read without an id"] = '{"action":3,"id":7}',
    ["a message without content"] =
      '{"action":2,"id":"1","senderId":"2","sendTime":3}',
  }
  for name, data in pairs(refused) do
    it("refuses " .. name, function ()
      for _, kind in ipairs { "text", "binary" } do
        local frame, why = chat.decode(data, kind)
        assert.is_nil(frame)
        assert.is_string(why)
      end
    end)
  end
end)

describe("a ledger", function ()
  local ledger, sent

  local function add (key, brief)
    return ledger:add {
      key = key, data = "<" .. key .. ">", kind = "text", brief = brief,
    }
  end

  local function send (data)
    table.insert(sent, data)
    return true
  end

  before_each(function ()
    ledger, sent = chat.ledger { messages = 3, bytes = 12 }, {}
  end)

  it("sends each entry once", function ()
    add "a"
    add "b"
    assert.is_true(ledger:flush(send))
    assert.is_true(ledger:flush(send))
    assert.same({ "<a>", "<b>" }, sent)
  end)

  it("sends all again, in order, after it was rewound", function ()
    add "a"
    add "b"
    ledger:flush(send)
    add "c"
    ledger:rewind()
    ledger:flush(send)
    assert.same({ "<a>", "<b>", "<a>", "<b>", "<c>" }, sent)
  end)

  it("sends no more what was confirmed", function ()
    add "a"
    add "b"
    add "c"
    ledger:flush(send)
    assert.is_true(ledger:confirm "b")
    assert.is_false(ledger:confirm "b")
    ledger:rewind()
    ledger:flush(send)
    assert.same({ "<a>", "<b>", "<c>", "<a>", "<c>" }, sent)
    assert.equal(2, ledger.count)
  end)

  it("goes on where the sender refused", function ()
    add "a"
    add "b"
    local willing = 1
    local function reluctant (data)
      willing = willing - 1
      return willing >= 0 and send(data)
    end
    assert.is_false(ledger:flush(reluctant))
    assert.is_true(ledger:flush(send))
    assert.same({ "<a>", "<b>" }, sent)
  end)

  it("forgets a brief entry once it was sent", function ()
    add("a", true)
    ledger:flush(send)
    ledger:rewind()
    ledger:flush(send)
    assert.same({ "<a>" }, sent)
  end)

  it("sends what comes after a brief entry", function ()
    for _, key in ipairs { "a", "b", "c" } do
      add(key, key ~= "c")
      ledger:flush(send)
    end
    add("d", true)
    add "e"
    ledger:flush(send)
    assert.same({ "<a>", "<b>", "<c>", "<d>", "<e>" }, sent)
  end)

  it("keeps one entry for a key", function ()
    add "a"
    add "a"
    assert.equal(1, ledger.count)
  end)

  it("is full at its number of messages", function ()
    for _, key in ipairs { "a", "b", "c" } do assert.is_true(add(key)) end
    local ok, token, detail = add "d"
    assert.same({ nil, "full" }, { ok, token })
    assert.is_string(detail)
    assert.is_true(add("e", true))
    ledger:confirm "a"
    assert.is_true(add "d")
  end)

  it("is full at its number of bytes", function ()
    add "long one"
    assert.same("full", select(2, add "b"))
  end)

  it("lets entries be confirmed while it sends", function ()
    add "a"
    add "b"
    add "c"
    ledger:flush(function (data)
      if data == "<a>" then ledger:confirm "b" end
      return send(data)
    end)
    assert.same({ "<a>", "<c>" }, sent)
  end)
end)

describe("the memory of ids", function ()
  it("knows what it has met", function ()
    local ids = seen.new(2)
    assert.is_true(ids:add "a")
    assert.is_false(ids:add "a")
  end)

  it("forgets the oldest beyond its limit", function ()
    local ids = seen.new(2)
    ids:add "a"
    ids:add "b"
    ids:add "c"
    assert.is_false(ids:add "c")
    assert.is_false(ids:add "b")
    assert.is_true(ids:add "a")
  end)
end)

-- The bodies of the next part run beside a server of this process.
local function beside (handler, body)
  return function ()
    local server = assert(wsmanager.serve {
      host = "127.0.0.1", port = 0, handler = handler,
    })
    local ok, why = pcall(wsmanager.run, body, "127.0.0.1:" .. server.port)
    server:stop()
    assert(ok, why)
  end
end

local function join (address, options)
  local all = {
    server = address, secure = false, uid = "42", token = "t", peer = "7",
    reconnect = { delay = 0.01, jitter = 0, factor = 1, pause = 0 },
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return chat.new(all)
end

-- Sends what it hears to all of `room`.
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
  local data, kind = ws:receive(5)
  return data and chat.decode(data, kind)
end

describe("a chat", function ()
  it("joins where its session says", beside(function (ws, request)
    ws:send(chat.encode(message {
      action = action.send,
      content = request.target,
    }))
    ws:receive(5)
  end, function (address)
    local talk = join(address, { uid = "a/b", token = "1&2", mode = 2 })
    assert.equal("/ws/a%2Fb?mode=2&token=1%262", talk:receive(5).content)
    talk:close()
  end))

  it("says a text with its id, time and sender", beside(function (ws)
    ws:send(ws:receive(5))
    ws:receive(5)
  end, function (address)
    local talk = join(address)
    local said = assert(talk:text("hello", { mood = "good" }))
    local heard = assert(talk:receive(5))
    assert.same(said, heard)
    assert.equal("42", heard.senderId)
    assert.equal("7", heard.receiverId)
    assert.equal("good", heard.mood)
    assert.equal(chat.messageType.text, heard.type)
    assert.is_true(math.abs(heard.sendTime / 1000 - os.time()) < 60)
    talk:close()
  end))

  local room = {}
  it("settles receipts and hands them to onreceipt", beside(relay_in(room),
    function (address)
      local receipts = {}
      local customer = join(address, {
        onreceipt = function (receipt)
          receipts[#receipts + 1] = receipt.action
        end,
      })
      local doctor = join(address, { uid = "7", peer = "42" })
      assert(customer.ws:opened(5))
      assert(doctor.ws:opened(5))
      customer:text "hello"
      local heard = assert(doctor:receive(5))
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
      assert(customer.ws:opened(5))
      assert(doctor.ws:opened(5))
      customer:image(chat.chatImg, { name = "wrist.png" })
      customer:image "https://example.org/a.png"
      local shown, linked = doctor:receive(5), doctor:receive(5)
      assert.equal("wrist.png", shown.content)
      assert.equal(chat.chatImg, shown.bytes)
      assert.equal(chat.messageType.img, shown.type)
      assert.equal("https://example.org/a.png", linked.content)
      assert.is_nil(linked.bytes)
      customer:close()
      doctor:close()
    end))

  local again = {}
  it("says again what was not received, and its order stays", beside(in_turn(
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
      ws:receive(5)
    end
  ), function (address)
    local talk = join(address)
    for _, line in ipairs { "a", "b", "c" } do talk:text(line) end
    assert.is_true(talk:settled(5))
    talk:close()
    assert.same({ "a", "a", "b", "c" }, again)
  end))

  it("drops what it has heard before and confirms it again", beside(
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
      ws:receive(5)
    end,
    function (address)
      local talk = join(address)
      local heard = {}
      for _ = 1, 3 do heard[#heard + 1] = assert(talk:receive(5)) end
      assert.equal("1", heard[1].id)
      assert.equal("2", heard[2].id)
      assert.same({ "1", "1", "2" }, heard[3].confirmed)
      talk:close()
    end))

  it("says a read again until it is confirmed", beside(in_turn(
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
      ws:receive(5)
    end
  ), function (address)
    local talk = join(address)
    assert.is_true(talk:read(assert(talk:receive(5))))
    assert.is_true(talk:settled(5))
    talk:close()
  end))

  it("gives a frame it cannot read as a codec error, and goes on", beside(
    function (ws)
      ws:send "what?"
      ws:send(chat.encode(message { action = action.send }))
      ws:receive(5)
    end,
    function (address)
      local talk = join(address)
      local heard, token, why, raw = talk:receive(5)
      assert.same({ nil, "codec", "what?" }, { heard, token, raw })
      assert.is_string(why)
      assert.equal("hello", talk:receive(5).content)
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

  it("hands messages to onmessage", beside(function (ws)
    ws:send(chat.encode(message { action = action.send }))
    ws:send(chat.encode(message { action = action.send, id = "2" }))
    ws:receive(5)
    ws:receive(5)
    ws:close()
  end, function (address)
    local ids = {}
    local talk = join(address, {
      reconnect = false,
      onmessage = function (heard) ids[#ids + 1] = heard.id end,
    })
    assert(talk.ws:closed(5))
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
    ws:receive(5)
  end, function (address)
    local talk = join(address)
    talk:text "a"
    assert.is_true(talk:settled(5))
    assert.equal("hello", talk:receive(5).content)
    talk:close()
  end))

  it("says full when too much waits for a receipt", beside(function (ws)
    ws:receive(5)
  end, function (address)
    local talk = join(address, { outbox = { messages = 1 } })
    assert(talk:text "a")
    local said, token, detail = talk:text "b"
    assert.same({ nil, "full" }, { said, token })
    assert.is_string(detail)
    talk:close()
  end))

  it("says closed after close", beside(function (ws)
    ws:receive(5)
  end, function (address)
    local talk = join(address)
    talk:close()
    talk.ws:closed(5)
    assert.same("closed", select(2, talk:text "a"))
  end))

  it("is locked without a session, and joins when there is one", beside(
    function (ws) ws:receive(5) end,
    function (address)
      local session
      local talk = chat.new {
        server = address, secure = false,
        session = function () return session, "nobody is logged in" end,
      }
      local heard, token, why = talk:receive(5)
      assert.same({ nil, "locked", "nobody is logged in" },
        { heard, token, why })
      assert.equal("locked", talk.ws.state)
      assert.equal("locked", select(2, talk:text "a"))
      session = { uid = "42", token = "t" }
      talk.ws:reconnect()
      assert.is_true(talk.ws:opened(5))
      assert.equal("42", talk:text("a").senderId)
      talk:close()
    end))

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

describe("the pictures", function ()
  for _, name in ipairs { "doctor", "chat" } do
    it("have the bytes of " .. name .. ".png", function ()
      local file = assert(io.open("examples/chat/" .. name .. ".png", "rb"))
      assert.equal(file:read "*a", chat[name .. "Img"])
      file:close()
      assert.same({ 48, 48 }, { chat.size(chat[name .. "Img"]) })
    end)
  end
end)
