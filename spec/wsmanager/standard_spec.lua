-- wsmanager.WebSocket beside the text of the WHATWG WebSockets Standard, clause by clause.

local wsmanager = require "wsmanager"
local ours = require "support.ours"

local WebSocket = wsmanager.WebSocket
local run, sleep = wsmanager.run, wsmanager.sleep
local await, fails, serve = ours.await, ours.fails, ours.serve

-- A WebSocket, its events in order, each with the state that it found, and the last
-- event of each type.
local function watch (url, protocols)
  local ws = WebSocket(url, protocols)
  local seen, events = {}, {}
  for _, name in ipairs {"open", "message", "error", "close"} do
    ws:addEventListener(name, function (event)
      seen[#seen + 1] = name .. (event.data and " " .. event.data or "") .. " " .. ws.readyState
      events[name] = event
    end)
  end
  return ws, seen, events
end

local function ended (ws)
  await(function () return ws.readyState == WebSocket.CLOSED end)
  sleep(0)
end

local function opened (ws)
  await(function () return ws.readyState == WebSocket.OPEN end)
end

-- A server's handler that sends so many messages, "m1" to "m<n>", and then waits, or
-- closes with a code.
local function sender (n, code, reason)
  return function (ws)
    for i = 1, n do ws:send("m" .. i) end
    if code then ws:close(code, reason) else ws:receive() end
  end
end

-- A server that ends TCP without a close frame.
local function rude (ws)
  ws:receive()
  require "wsmanager.run.dispatch".drop(ws)
end

local standard = {
  ["establish a connection: none of the subprotocols is chosen: it fails"] = function ()
    for _, options in ipairs {{}, {protocols = "other"}} do
      local _, url = serve(options)
      local ws, seen, events = watch(url, {"chat"})
      ended(ws)
      assert.same({"error 3", "close 3"}, seen)
      assert.same({1006, "", false},
                  {events.close.code, events.close.reason, events.close.wasClean})
      assert.equal("", ws.protocol)
    end
  end,

  ["establish a connection: without subprotocols none is chosen: it opens"] = function ()
    for _, protocols in ipairs {false, {}} do
      local _, url = serve {protocols = "other"}
      local ws = WebSocket(url, protocols or nil)
      opened(ws)
      assert.equal("", ws.protocol)
      ws:close()
    end
  end,

  ["constructor: http and https become ws and wss"] = function ()
    for given, url in pairs {["http://x/a"] = "ws://x/a", ["https://x/"] = "wss://x/",
                             ["WS://X/"] = "ws://x/"} do
      local ws = WebSocket(given)
      assert.equal(url, ws.url)
      ws:close()
    end
  end,

  ["constructor: another scheme or a fragment: SyntaxError"] = function ()
    for _, bad in ipairs {"ftp://x/", "ws://x/#", "ws://x/#a", "/path", "x", "mailto:x"} do
      fails("SyntaxError: ", WebSocket, bad)
    end
  end,

  ["constructor: a subprotocol is one token, each is there once: SyntaxError"] = function ()
    for _, bad in ipairs {"", "a, b", "a,b", " a", "a ", "a b", "a\r\nb", "\195\182", {"a", ""},
                          {"a,b"}, {"a", "b", "a"}, {1}, {{}}, 5} do
      fails("SyntaxError: ", WebSocket, "ws://x/", bad)
    end
    WebSocket("ws://127.0.0.1:1/", {"a", "A"}):close()
  end,

  ["readyState: CONNECTING until the event open; protocol and extensions empty"] = function ()
    local _, url = serve {protocols = {"b", "a"}}
    local ws, seen = watch(url, {"a", "b"})
    assert.same({0, "", ""}, {ws.readyState, ws.protocol, ws.extensions})
    while ws.readyState == 0 do
      assert.is_nil(seen[1])
      assert.equal("", ws.protocol)
      sleep(0)
    end
    assert.same({"open 1"}, seen)
    assert.same({"b", ""}, {ws.protocol, ws.extensions})
    ws:close()
    ended(ws)
    assert.equal("b", ws.protocol)
  end,

  ["bufferedAmount: what was sent in this task, without framing"] = function ()
    local _, url = serve()
    local ws = WebSocket(url)
    opened(ws)
    assert.equal(0, ws.bufferedAmount)
    ws:send("hello")
    assert.equal(5, ws.bufferedAmount)
    ws:send("\195\182")
    assert.equal(7, ws.bufferedAmount)
    ws:send(("x"):rep(100000), "binary")
    ws:send("")
    assert.equal(100007, ws.bufferedAmount)
    await(function () return ws.bufferedAmount == 0 end)
    ws:send("y")
    assert.equal(1, ws.bufferedAmount)
    ws:close()
  end,

  ["bufferedAmount: what the peer does not read"] = function ()
    local go_on = false
    local _, url = serve {inbox = 1000, handler = function (ws)
      await(function () return go_on end)
      while ws:receive() do end
    end}
    local ws = WebSocket(url)
    opened(ws)
    local total = 300 * 100000
    for _ = 1, 300 do ws:send(("x"):rep(100000)) end
    assert.equal(total, ws.bufferedAmount)
    sleep(0)
    sleep(0)
    local amount = ws.bufferedAmount
    assert.is_true(amount > 0 and amount < total)
    go_on = true
    await(function () return ws.bufferedAmount == 0 end)
    ws:close()
  end,

  ["bufferedAmount: is not set back when it closes, and grows with each send"] = function ()
    local server, url = serve {inbox = 1000, handler = function () sleep(60) end}
    local ws = WebSocket(url)
    opened(ws)
    for _ = 1, 300 do ws:send(("x"):rep(100000)) end
    sleep(0)
    sleep(0)
    local before = ws.bufferedAmount
    ws:close()
    assert.equal(before, ws.bufferedAmount)
    ws:send("123")
    assert.equal(before + 3, ws.bufferedAmount)
    for _, each in server:clients() do require "wsmanager.run.dispatch".drop(each) end
    ended(ws)
    local after = ws.bufferedAmount
    assert.is_true(after >= before + 3 and after <= 300 * 100000 + 3)
    ws:send("4567", "binary")
    assert.equal(after + 4, ws.bufferedAmount)
  end,

  ["close(): the code is checked first, then the reason, in every state"] = function ()
    local _, url = serve()
    local ws = WebSocket(url)
    local function check ()
      for _, code in ipairs {0, 999, 1001, 1005, 1006, 2999, 5000, 65536, 2^40, -1, 1000.5,
                             0 / 0, 1 / 0} do
        fails("InvalidAccessError: ", ws.close, ws, code, ("x"):rep(124))
      end
      fails("SyntaxError: ", ws.close, ws, 1000, ("x"):rep(124))
      fails("SyntaxError: ", ws.close, ws, nil, ("\195\182"):rep(62))
    end
    check()
    assert.equal(0, ws.readyState)
    opened(ws)
    check()
    assert.equal(1, ws.readyState)
    ws:close(1000, ("x"):rep(123))
    check()
    ended(ws)
    check()
    assert.equal(3, ws.readyState)
  end,

  ["close(): while CONNECTING it fails: CLOSING at once, then error and close 1006"] = function ()
    local _, url = serve()
    local ws, seen, events = watch(url)
    ws:close(3000, "x")
    assert.equal(2, ws.readyState)
    ws:close(3001)
    assert.same({}, seen)
    ended(ws)
    assert.same({"error 3", "close 3"}, seen)
    assert.same({1006, "", false}, {events.close.code, events.close.reason, events.close.wasClean})
  end,

  ["close(): without code and reason the frame has no body; with a reason alone 1000"] = function ()
    for _, case in ipairs {
      {nil, nil, 1005, ""}, {nil, "bye", 1000, "bye"}, {4999, nil, 4999, ""},
    } do
      local code, reason
      local _, url = serve(function (ws)
        ws:receive()
        code, reason = ws:closed(60)
      end)
      local ws = WebSocket(url)
      opened(ws)
      ws:close(case[1], case[2])
      await(function () return code end)
      assert.same({case[3], case[4]}, {code, reason})
    end
  end,

  ["close(): CLOSING or CLOSED: nothing happens"] = function ()
    local _, url = serve()
    local ws, seen, events = watch(url)
    opened(ws)
    ws:close(3000, "first")
    assert.equal(2, ws.readyState)
    ws:close(4000, "second")
    ended(ws)
    ws:close(4000)
    sleep(0)
    assert.equal(3000, events.close.code)
    assert.same({"open 1", "close 3"}, seen)
  end,

  ["close(): what was sent before it goes first"] = function ()
    local got = {}
    local _, url = serve(function (ws)
      local message = ws:receive()
      while message do
        got[#got + 1] = #message
        message = ws:receive()
      end
    end)
    local ws = WebSocket(url)
    opened(ws)
    for i = 1, 20 do ws:send(("x"):rep(i * 10000)) end
    ws:close()
    ws:send("too late")
    await(function () return #got == 20 end)
    ended(ws)
    assert.equal(200000, got[20])
    assert.is_nil(got[21])
  end,

  ["send(): while CONNECTING: InvalidStateError"] = function ()
    local _, url = serve()
    local ws = WebSocket(url)
    fails("InvalidStateError: ", ws.send, ws, "x")
    assert.equal(0, ws.bufferedAmount)
    ws:close()
    ws:send("x")
    assert.equal(1, ws.bufferedAmount)
  end,

  ["binaryType: another value changes nothing"] = function ()
    local _, url = serve()
    local ws = WebSocket(url)
    for _, value in ipairs {"Blob", "", 5, true} do
      ws.binaryType = value
      assert.equal("blob", ws.binaryType)
    end
    ws:close()
  end,

  ["feedback, open: readyState is OPEN, before any message, whatever came since"] = function ()
    local _, url = serve {protocols = "a", handler = sender(2, 4000, "bye")}
    local ws, seen = watch(url, "a")
    ws.onopen = function (event)
      assert.equal("a", event.target.protocol)
      assert.equal(1, event.target.readyState)
    end
    ended(ws)
    assert.same({"open 1", "message m1 1", "message m2 1", "close 3"}, seen)
  end,

  ["feedback, message: none unless it is OPEN: nothing after close()"] = function ()
    local _, url = serve(sender(50))
    local ws, seen, events = watch(url)
    ws.onmessage = function (event) event.target:close(3000, "enough") end
    ended(ws)
    assert.same({"open 1", "message m1 1", "close 3"}, seen)
    assert.equal(3000, events.close.code)
  end,

  ["feedback, message: nothing after close() with one listener or from elsewhere"] = function ()
    local _, url = serve(sender(50))
    local ws, count = WebSocket(url), 0
    ws.onmessage = function ()
      count = count + 1
      ws:close()
      ws:addEventListener("message", print)   -- and again it has one alone
      ws:removeEventListener("message", print)
    end
    ended(ws)
    assert.equal(1, count)
    local other, heard = WebSocket(url), 0
    opened(other)
    other:close()
    other.onmessage = function () heard = heard + 1 end
    ended(other)
    assert.equal(0, heard)
  end,

  ["feedback, message: all that came before the peer's close, OPEN all the while"] = function ()
    local _, url = serve(sender(2000, 4001, "done"))
    local ws, seen = watch(url)
    ended(ws)
    assert.equal(2002, #seen)
    for i = 1, 2000 do assert.equal("message m" .. i .. " 1", seen[i + 1]) end
    assert.equal("close 3", seen[2002])
  end,

  ["feedback, closed: not before a message whose listener waits, and those behind it"] = function ()
    for _, code in ipairs {4003, false} do
      local _, url = serve(code and sender(3, code, "late") or function (ws)
        for i = 1, 3 do ws:send("m" .. i) end
        ws:flush()
        require "wsmanager.run.dispatch".abort(ws)
      end)
      local ws, seen = WebSocket(url), {}
      local resumed = 0
      ws.onmessage = function (event)
        seen[#seen + 1] = event.data .. ws.readyState
        sleep(0.02)    -- its connection ends meanwhile
        resumed = resumed + ws.readyState
      end
      ws.onerror = function () seen[#seen + 1] = "error" .. ws.readyState end
      ws.onclose = function () seen[#seen + 1] = "close" .. ws.readyState end
      ended(ws)
      local expected = {"m11", "m21", "m31", "error3", "close3"}
      if code then table.remove(expected, 4) end
      assert.same(expected, seen)
      assert.equal(3, resumed)
    end
  end,

  ["feedback, message: origin is that of the URL, without path and user"] = function ()
    local _, url = serve(sender(1))
    local ws, _, events = watch((url:gsub("//", "//me:secret@")) .. "/path?q")
    await(function () return events.message end)
    assert.equal(url, events.message.origin)
    ws:close()
  end,

  ["feedback, closed: cleanly: close alone, with the peer's code and reason"] = function ()
    local _, url = serve(sender(0, 4002, "peer's"))
    local ws, seen, events = watch(url)
    ended(ws)
    assert.same({"open 1", "close 3"}, seen)
    assert.same({4002, "peer's", true},
                {events.close.code, events.close.reason, events.close.wasClean})
  end,

  ["feedback, closed: TCP lost: error, then close 1006, both CLOSED"] = function ()
    local _, url = serve(rude)
    local ws, seen, events = watch(url)
    opened(ws)
    ws:send("now")
    ended(ws)
    assert.same({"open 1", "error 3", "close 3"}, seen)
    assert.same({1006, "", false}, {events.close.code, events.close.reason, events.close.wasClean})
  end,

  ["feedback, closed: what we failed ourselves is 1006 without a reason"] = function ()
    local _, url = serve {handler = function (ws)
      ws:send(("x"):rep(17 * 1024 * 1024))
      ws:receive()
    end}
    local ws, seen, events = watch(url)
    ended(ws)
    assert.same({"open 1", "error 3", "close 3"}, seen)
    assert.same({1006, "", false}, {events.close.code, events.close.reason, events.close.wasClean})
  end,

  ["garbage collection: not while it holds messages to send, and not while it closes"] = function ()
    local got, code = 0, nil
    local go_on = false
    local _, url = serve {inbox = 1000, handler = function (ws)
      await(function () return go_on end)
      local message = ws:receive()
      while message do
        got = got + #message
        message = ws:receive()
      end
      code = ws:closed(60)
    end}
    local function begin ()
      local ws = WebSocket(url)
      opened(ws)
      for _ = 1, 300 do ws:send(("x"):rep(100000)) end
      return setmetatable({ws}, {__mode = "v"})
    end
    local weak = begin()
    for _ = 1, 5 do
      sleep(0)
      collectgarbage()
    end
    weak[1]:close(3210)
    go_on = true
    await(function ()
      collectgarbage()
      return code
    end)
    assert.same({300 * 100000, 3210}, {got, code})
  end,

  ["garbage collection: one that is open closes with a frame without a code"] = function ()
    local code, reason, clean, there
    local _, url = serve(function (ws)
      there = true
      code, reason, clean = ws:closed(60)
    end)
    local function begin ()
      local ws = WebSocket(url)
      opened(ws)
    end
    begin()
    await(function () return there end)
    await(function ()
      collectgarbage()
      collectgarbage()
      return code
    end)
    assert.same({1005, "", true}, {code, reason, clean})
  end,

  ["garbage collection: not while it has a listener"] = function ()
    local _, url = serve(sender(1, 1000))
    local closed, message = false, nil
    do
      local ws = WebSocket(url)
      ws.onmessage = function (event) message = event.data end
      ws.onclose = function () closed = true end
    end
    await(function ()
      collectgarbage()
      return closed
    end)
    assert.equal("m1", message)
  end,
}

describe("the WebSockets Standard:", function ()
  after_each(ours.stop)

  local names = {}
  for name in pairs(standard) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    it(name, function () run(standard[name]) end)
  end
end)
