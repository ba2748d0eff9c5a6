-- The document that the project began with, row by row: each test has the name
-- of a row. Times are those of the managed connection on a fake clock.

local json = require "support.json"
if not json.is_there "the seed" then return end

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local beside = require "support.beside"
local life = require "support.life"

local BEAT = '{"action":4}'
local MESSAGE = "\129\2hi"                 -- RFC 6455 5.7, unmasked
local CLOSE = "\136\2\3\232"               -- 1000

local function echo (ws)
  local data, kind = ws:receive()
  while data do
    ws:send(data, kind)
    data, kind = ws:receive()
  end
end

-- Waits until the list has so many entries.
local function await (list, count)
  local deadline = wsmanager.now() + 60
  while #list < count do
    assert(wsmanager.now() < deadline, "nothing came in time")
    coroutine.yield()
  end
end

describe("the seed's WebSocket", function ()
  local states = { CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3 }
  for name, value in pairs(states) do
    it("has the constant " .. name, function ()
      assert.equal(value, wsmanager.WebSocket[name])
    end)
  end

  local ends = {}
  local function tell_the_end (ws)
    ws:receive(60)
    local code, reason = ws:closed(60)
    table.insert(ends, { code, reason })
  end

  it("has close([code[, reason]])", beside(tell_the_end, function (address)
    for _, arguments in ipairs { {}, { 1000 }, { 4001, "enough" } } do
      local ws, closes = wsmanager.WebSocket("ws://" .. address), {}
      ws.onopen = function () ws:close(arguments[1], arguments[2]) end
      ws.onclose = function (event) table.insert(closes, event) end
      await(closes, 1)
      assert.is_true(closes[1].wasClean)
      assert.equal(arguments[1] or 1005, closes[1].code)
      assert.equal(3, ws.readyState)
    end
    await(ends, 3)
    assert.same({ { 1005, "" }, { 1000, "" }, { 4001, "enough" } }, ends)
  end))

  it("has send(data)", beside(echo, function (address)
    local ws, heard = wsmanager.WebSocket("ws://" .. address), {}
    ws.onopen = function () ws:send "hello" end
    ws.onmessage = function (event) table.insert(heard, event.data) end
    await(heard, 1)
    assert.same({ "hello" }, heard)
    ws:close()
  end))

  local function gather_by_property (ws, names)
    for _, name in ipairs { "open", "message", "error", "close" } do
      ws["on" .. name] = function () table.insert(names, name) end
    end
  end

  local function gather_by_listener (ws, names)
    for _, name in ipairs { "open", "message", "error", "close" } do
      ws:addEventListener(name, function () table.insert(names, name) end)
    end
  end

  local function says_goodbye (ws)
    ws:send "goodbye"
    ws:close()
  end

  for way, gather in pairs {
    ["a property"] = gather_by_property,
    ["addEventListener"] = gather_by_listener,
  } do
    it("has the events open, message and close by " .. way,
      beside(says_goodbye, function (address)
        local names = {}
        gather(wsmanager.WebSocket("ws://" .. address), names)
        await(names, 3)
        assert.same({ "open", "message", "close" }, names)
      end))

    it("has the event error, then close, by " .. way,
      beside(echo, function (address)
        local names = {}
        gather(wsmanager.WebSocket("ws://" .. address), names)
        await(names, 2)
        assert.same({ "error", "close" }, names)
      end, { authorize = function () return nil, 403 end }))
  end
end)

describe("the seed's", function ()
  local enums = {
    chatTypes = { doctor = 1, customer = 2 },
    chatAction = { received = 1, send = 2, read = 3, heart = 4 },
    messageType = { text = 1, img = 2 },
    wsState = { CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3 },
  }
  for name, values in pairs(enums) do
    it(name .. " has its values", function ()
      assert.same(values, chat[name])
    end)
  end

  local message = {
    id = "1", content = "hi", senderId = "42", sendTime = 1680844588000,
    propName = { "any" },
  }

  it("Message is id, content, senderId, sendTime and any other", function ()
    assert.equal(message, chat.Message(message))
    for _, name in ipairs { "id", "content", "senderId", "sendTime" } do
      local without = {}
      for field, value in pairs(message) do without[field] = value end
      without[name] = nil
      assert.has_error(function () chat.Message(without) end)
    end
  end)

  it("Messages is a list of Message with any other field", function ()
    local list = { message, message, any = true }
    assert.equal(list, chat.Messages(list))
    assert.has_error(function () chat.Messages { { id = "1" } } end)
  end)

  it("getUrl names protocol, server, user, mode and token", function ()
    assert.equal("wss://chat.example.com/ws/42?mode=2&token=secret",
      chat.getUrl {
        protocols = "wss", socketServer = "chat.example.com", userId = "42",
        chatType = chat.chatTypes.customer, token = "secret",
      })
  end)

  for _, name in ipairs { "doctorImg", "chatImg" } do
    it(name .. " is a picture", function ()
      assert.equal("\137PNG\r\n\26\n", chat[name]:sub(1, 8))
      assert.same({ 48, 48 }, { chat.size(chat[name]) })
    end)
  end
end)

describe("the seed's wsManager field", function ()
  local manager

  before_each(function ()
    manager = chat.wsManager()
  end)

  local values = {
    heartMsg = BEAT, timeHeart = 30000, overTime = 100000, settimeHeart = 0,
    reconectTimeTO = 0, reconectTime = 2000, setoverTime = 0,
    reconnectNum = 10, chatType = 1,
  }
  for name, value in pairs(values) do
    it(name .. " begins with its value", function ()
      assert.equal(value, manager[name])
    end)
  end

  it("lockReconnect is false while there is a session", function ()
    local other = chat.wsManager(nil, {
      userId = "42", token = "t", socketServer = "127.0.0.1:9",
      protocols = "ws",
    })
    assert.is_false(other.lockReconnect)
    other:wsClose()
  end)

  local settings = {
    socketServer = "h:8", protocols = "ws", userId = "42", token = "t",
  }
  for name, value in pairs(settings) do
    it(name .. " is part of the URL", function ()
      local given = { [name] = value }
      for field, other in pairs(settings) do
        if given[field] == nil then manager[field] = other end
      end
      manager[name] = value
      assert.equal("ws://h:8/ws/42?mode=1&token=t", manager:getUrl())
    end)
  end

  it("chatType is the constructor's argument", function ()
    assert.equal(2, chat.wsManager(chat.chatTypes.customer).chatType)
  end)

  it("that nobody knows is refused", function ()
    assert.has_error(function () chat.wsManager(nil, { reconnectTime = 1 }) end)
  end)
end)

describe("the seed's wsManager method", function ()
  local function manage (address, settings)
    local all = {
      socketServer = address, protocols = "ws", userId = "42", token = "t",
    }
    for name, value in pairs(settings or {}) do all[name] = value end
    return chat.wsManager(chat.chatTypes.customer, all)
  end

  local heard = {}
  local function listen (ws, request)
    table.insert(heard, request.target)
    local data = ws:receive()
    while data do
      table.insert(heard, data)
      data = ws:receive()
    end
    table.insert(heard, "closed")
  end

  before_each(function ()
    while #heard > 0 do table.remove(heard) end
  end)

  for _, missing in ipairs { "userId", "token" } do
    it("init locks without " .. missing, function ()
      local settings = { userId = "42", token = "t" }
      settings[missing] = nil
      local manager = chat.wsManager(nil, settings)
      assert.is_true(manager.lockReconnect)
      assert.is_nil(manager.websock)
    end)
  end

  it("init dials getUrl", beside(listen, function (address)
    local manager = manage(address)
    await(heard, 1)
    assert.same({ "/ws/42?mode=2&token=t" }, heard)
    manager:wsClose()
  end))

  it("wsSend sends only when open", beside(listen, function (address)
    local manager = manage(address)
    manager:wsSend "too early"
    assert(manager.websock:opened(60))
    manager:wsSend "in time"
    await(heard, 2)
    assert.equal("in time", heard[2])
    manager:wsClose()
    manager:wsSend "too late"
    await(heard, 3)
    assert.equal("closed", heard[3])
  end))

  it("wsClose closes, and never dials again", beside(listen,
    function (address)
      local manager = manage(address)
      assert(manager.websock:opened(60))
      manager:wsClose()
      assert.is_number((manager.websock:closed(60)))
      assert.equal("closed", manager.websock.state)
      assert.equal(3, manager.websock.readyState)
    end))

  it("wsReconnect dials again", beside(listen, function (address)
    local manager = manage(address)
    assert(manager.websock:opened(60))
    manager:wsReconnect()
    await(heard, 3)
    assert(manager.websock:opened(60))
    assert.equal(2, manager.websock:stats().opens)
    manager:wsClose()
  end))

  it("wsReconnect does nothing when locked or out of budget", beside(listen,
    function (address)
      local manager = manage(address)
      assert(manager.websock:opened(60))
      manager.lockReconnect = true
      manager:wsReconnect()
      manager.lockReconnect, manager.reconnectNum = false, 0
      manager:wsReconnect()
      assert.equal("open", manager.websock.state)
      manager:wsClose()
    end))

  it("wsHeartbeat says heartMsg", beside(listen, function (address)
    local manager = manage(address)
    assert(manager.websock:opened(60))
    manager:wsHeartbeat()
    await(heard, 2)
    assert.equal(BEAT, heard[2])
    manager:wsClose()
  end))

  it("wsReset and wsHeartOverTime have nothing left to do", beside(listen,
    function (address)
      local manager = manage(address)
      assert(manager.websock:opened(60))
      manager:wsReset()
      manager:wsHeartOverTime()
      assert.equal("open", manager.websock.state)
      manager:wsClose()
    end))
end)

describe("the seed's rhythm", function ()
  it("onopen starts the heartbeat: a beat after 30 s", function ()
    local connection = life.new()
    connection:pass(7)
    connection:open()
    connection:pass(29999)
    assert.same({}, connection:heartbeats())
    connection:pass(1)
    assert.same({ 30007 }, connection:heartbeats())
  end)

  it("onmessage resets: a beat 30 s after the last message", function ()
    local connection = life.new()
    connection:open()
    connection:pass(20000)
    connection:receive(MESSAGE)
    connection:pass(29999)
    assert.same({}, connection:heartbeats())
    connection:pass(1)
    assert.same({ 50000 }, connection:heartbeats())
  end)

  it("wsHeartbeat beats every 30 s of silence", function ()
    local connection = life.new()
    connection:open()
    connection:pass(99999)
    assert.same({ 30000, 60000, 90000 }, connection:heartbeats())
  end)

  it("wsHeartOverTime closes after 100 s of silence", function ()
    local connection = life.new()
    connection:open()
    connection:pass(5000)
    connection:receive(MESSAGE)
    connection:pass(99999)
    assert.equal("open", connection.manager:state())
    connection:pass(1)
    assert.equal(105000, connection.disconnected)
    assert.equal("waiting", connection.manager:state())
  end)

  it("wsReset: a message puts off the overtime", function ()
    local connection = life.new()
    connection:open()
    for _ = 1, 5 do
      connection:pass(99999)
      connection:receive(MESSAGE)
    end
    assert.equal("open", connection.manager:state())
  end)

  it("onerror reconnects: a dial after 2 s", function ()
    local connection = life.new()
    connection:lose "refused"
    connection:pass(1999)
    assert.same({ 0 }, connection.attempts)
    connection:pass(1)
    assert.same({ 0, 2000 }, connection.attempts)
  end)

  it("onclose waits 3 s, then wsReconnect 2 s more", function ()
    local connection = life.new()
    connection:open()
    connection:pass(10000)
    connection:receive(CLOSE)
    connection:disconnect()
    connection:pass(4999)
    assert.same({ 0 }, connection.attempts)
    connection:pass(1)
    assert.same({ 0, 15000 }, connection.attempts)
  end)

  it("onclose does nothing when locked", function ()
    local connection = life.new { ask_target = true }
    connection:open()
    function connection:pop_events ()
      local name = self.manager:event()
      while name do
        if name == "target" then
          self.manager:lock("no session", self.now)
        end
        name = self.manager:event()
      end
    end
    connection:lose "closed"
    connection:pass(3600000)
    assert.equal("locked", connection.manager:state())
    assert.same({ 0 }, connection.attempts)
  end)

  it("wsReconnect dials 10 times, every 2 s, and no more", function ()
    local connection = life.new()
    local expected = { 0 }
    for i = 1, 10 do
      connection:lose "refused"
      connection:pass(2000)
      expected[#expected + 1] = i * 2000
    end
    connection:lose "refused"
    connection:pass(3600000)
    assert.same(expected, connection.attempts)
    assert.equal("exhausted", connection.manager:state())
  end)

  it("wsClose: no dial follows", function ()
    local connection = life.new()
    connection:open()
    connection.manager:close(1000, "", connection.now)
    connection:update()
    connection:receive(CLOSE)
    connection:pass(3600000)
    assert.equal("closed", connection.manager:state())
    assert.same({ 0 }, connection.attempts)
  end)

  it("wsSend queues, and is the seed's with no outbox", function ()
    local connection = life.new()
    assert.equal("later", connection.manager:send "hello")
    connection:open()
    assert.equal(life.text "hello", connection.sent[1].bytes)
    local bare = life.new { outbox_messages = 0 }
    assert.equal("closed", bare.manager:send "hello")
    bare:open()
    assert.same({}, bare.sent)
  end)
end)

describe("what the seed had wrong", function ()
  it("an error and the close that follows it: one dial", function ()
    local connection = life.new()
    connection:open()
    connection:lose "closed"
    connection:pass(9000)
    assert.equal(2, #connection.attempts)
    local names = table.concat(connection.events, " ")
    assert.truthy(names:find "close reconnecting")
    assert.is_nil(names:find "reconnecting reconnecting")
  end)

  it("the budget is given back after 5 s open", function ()
    local connection = life.new()
    for _ = 1, 50 do
      connection:open()
      connection:pass(5000)
      connection:lose "closed"
      connection:pass(2000)
    end
    assert.equal(51, #connection.attempts)
  end)

  it("beats do not pile up after a reconnect", function ()
    local connection = life.new()
    connection:open()
    connection:pass(29000)
    connection:lose "closed"
    connection:pass(2000)
    connection:open()
    connection:pass(60000)
    assert.same({ 61000, 91000 }, connection:heartbeats())
  end)

  it("a dead peer is noticed without a call", function ()
    local connection = life.new()
    connection:open()
    connection:pass(102000)
    assert.equal(2, #connection.attempts)
  end)

  it("a time that contradicts another raises where it was given", function ()
    local ok, why = pcall(function ()
      chat.wsManager(nil, { userId = "1", token = "t", overTime = 30000 })
    end)
    assert.is_false(ok)
    assert.matches("^[^\n:]*seed_spec.lua:%d+: bad field 'overTime' .*'timeHeart' 30", why)
    local manager = chat.wsManager(nil, { reconectTime = 90000 })
    manager.userId, manager.token, manager.socketServer = "1", "t", "127.0.0.1:1"
    manager:init()
    manager:wsClose()
    manager.timeHeart = 200000
    ok, why = pcall(function () manager:init() end)
    assert.is_false(ok)
    assert.matches("^[^\n:]*seed_spec.lua:%d+: bad field 'overTime'", why)
  end)
end)
