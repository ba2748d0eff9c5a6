local wsmanager = require "wsmanager"

local WebSocket = wsmanager.WebSocket
local run, sleep = wsmanager.run, wsmanager.sleep

local server, url, heard

local function serve (handler)
  server = assert(wsmanager.serve {host = "127.0.0.1", handler = handler})
  url = "ws://127.0.0.1:" .. server.port
end

local function echo (ws)
  while true do
    local data, kind = ws:receive()
    if data == nil then return end
    ws:send(data, kind)
  end
end

local function sayer (...)
  local texts = {...}
  return function (ws)
    for _, text in ipairs(texts) do ws:send(text) end
  end
end

-- Waits until the condition is true.
local function await (condition)
  local deadline = wsmanager.now() + 5
  while not condition() do
    assert(wsmanager.now() < deadline, "it did not happen")
    sleep(0.001)
  end
end

local function fails (what, fn, ...)
  local arguments, unpack = {...}, table.unpack or unpack
  local _, why = pcall(function () fn(unpack(arguments, 1, 4)) end)
  assert.matches("^[^\n]*websocket_spec.lua:%d+: " .. what, why)
end

-- Notes the types of all events in order.
local function note (ws)
  local types = {}
  for _, name in ipairs {"open", "message", "error", "close"} do
    ws:addEventListener(name, function (event)
      types[#types + 1] = event.data and name .. " " .. event.data or name
    end)
  end
  return types
end

before_each(function ()
  heard = {}
  wsmanager.onerror = function (why, text)
    heard[#heard + 1] = {why = why, text = text}
  end
end)

after_each(function ()
  wsmanager.onerror = nil
  if server then server:stop(0) end
  server = nil
end)

describe("a WebSocket", function ()
  it("has the W3C's constants, on the constructor and on each", function ()
    serve(echo)
    local ws = WebSocket(url)
    for _, each in ipairs {WebSocket, ws, wsmanager} do
      assert.same({0, 1, 2, 3},
                  {each.CONNECTING, each.OPEN, each.CLOSING, each.CLOSED})
    end
    assert.equal(WebSocket.CONNECTING, ws.readyState)
    ws:close()
  end)

  it("opens, echoes and closes with events", function ()
    serve(echo)
    run(function ()
      local ws = WebSocket(url)
      local types, closed = note(ws), nil
      ws.onopen = function (event)
        assert.equal(ws, event.target)
        assert.equal(WebSocket.OPEN, ws.readyState)
        ws:send("hello")
      end
      ws.onmessage = function (event)
        assert.equal(url, event.origin)
        assert.equal("text", event.kind)
        ws:close(3000, "done")
      end
      ws.onclose = function (event) closed = event end
      await(function () return closed end)
      assert.same({"open", "message hello", "close"}, types)
      assert.equal(3000, closed.code)
      assert.is_true(closed.wasClean)
      assert.equal(WebSocket.CLOSED, ws.readyState)
      assert.same({}, heard)
    end)
  end)

  it("serializes its url", function ()
    serve(echo)
    local ws = WebSocket("http://LOCALHOST:80?x=1")
    assert.equal("ws://localhost/?x=1", ws.url)
    ws:close()
    ws = WebSocket("wss://example.invalid:8443/a/b")
    assert.equal("wss://example.invalid:8443/a/b", ws.url)
    ws:close()
    ws = WebSocket("ws://[::1]:80/")
    assert.equal("ws://[::1]/", ws.url)
    ws:close()
  end)

  it("tells the subprotocol and extensions agreed on", function ()
    server = assert(wsmanager.serve {
      host = "127.0.0.1", protocols = {"b", "a"}, handler = echo,
    })
    run(function ()
      local ws = WebSocket("ws://127.0.0.1:" .. server.port, {"a", "b"})
      assert.equal("", ws.protocol)
      await(function () return ws.readyState == 1 end)
      assert.equal("b", ws.protocol)
      assert.equal("", ws.extensions)
      ws:close()
    end)
  end)

  it("raises SyntaxError for a bad URL or subprotocol", function ()
    for _, bad in ipairs {"", "nonsense", "ftp://x", "ws://x#y", "ws:// x"} do
      fails("SyntaxError: ", WebSocket, bad)
    end
    fails("SyntaxError: .*'a b' is not a token", WebSocket, "ws://x", "a b")
    fails("SyntaxError: .*'a' is there twice", WebSocket, "ws://x",
          {"a", "a"})
    fails("bad argument #1 to 'WebSocket' %(string expected, got nil%)",
          WebSocket)
  end)

  it("raises InvalidStateError for a send while it connects", function ()
    serve(echo)
    local ws = WebSocket(url)
    fails("InvalidStateError: ", ws.send, ws, "early")
    ws:close()
  end)

  it("raises for a bad close, and goes on", function ()
    serve(echo)
    local ws = WebSocket(url)
    fails("InvalidAccessError: ", ws.close, ws, 1001)
    fails("InvalidAccessError: ", ws.close, ws, 2999)
    fails("SyntaxError: ", ws.close, ws, 1000, ("x"):rep(124))
    assert.equal(WebSocket.CONNECTING, ws.readyState)
    ws:close()
  end)

  it("counts what it cannot send any more in bufferedAmount", function ()
    serve(echo)
    run(function ()
      local ws = WebSocket(url)
      await(function () return ws.readyState == 1 end)
      ws:close()
      local before = ws.bufferedAmount
      ws:send("12345")
      ws:send("678", "binary")
      assert.equal(before + 8, ws.bufferedAmount)
      await(function () return ws.readyState == 3 end)
      ws:send("9")
      assert.equal(9, ws.bufferedAmount)
    end)
  end)

  it("fires error and close 1006 when it cannot connect, once", function ()
    serve(echo)
    server:stop()
    run(function ()
      local ws = WebSocket(url)
      local types, closed = note(ws), nil
      ws.onclose = function (event) closed = event end
      await(function () return closed end)
      assert.same({"error", "close"}, types)
      assert.equal(1006, closed.code)
      assert.equal("", closed.reason)
      assert.is_false(closed.wasClean)
    end)
  end)

  it("fires error and close 1006 when it is closed too early", function ()
    serve(echo)
    run(function ()
      local ws = WebSocket(url)
      local types = note(ws)
      ws:close()
      assert.equal(WebSocket.CLOSING, ws.readyState)
      await(function () return types[2] end)
      assert.same({"error", "close"}, types)
      assert.equal(WebSocket.CLOSED, ws.readyState)
    end)
  end)

  it("never reconnects", function ()
    local connections = 0
    serve(function () connections = connections + 1 end)
    run(function ()
      local ws = WebSocket(url)
      await(function () return ws.readyState == 3 end)
      sleep(0)
      assert.equal(1, connections)
      assert.equal(WebSocket.CLOSED, ws.readyState)
    end)
  end)

  it("discards messages that nobody listens to", function ()
    serve(function (ws)
      for _ = 1, 8 do ws:send(("x"):rep(1024 * 1024)) end
    end)
    run(function ()
      local ws = WebSocket(url)
      await(function () return ws.readyState == 3 end)
    end)
  end)

  it("has a binaryType that takes the W3C's two words", function ()
    serve(echo)
    local ws = WebSocket(url)
    assert.equal("blob", ws.binaryType)
    ws.binaryType = "arraybuffer"
    assert.equal("arraybuffer", ws.binaryType)
    ws.binaryType = "nonsense"
    assert.equal("arraybuffer", ws.binaryType)
    ws:close()
  end)

  it("has no more than the W3C gave it, and keeps a program's own", function ()
    serve(echo)
    local ws = WebSocket(url)
    for _, name in ipairs {"receive", "messages", "reconnect", "stats"} do
      assert.is_nil(ws[name])
    end
    ws.mine = 42
    assert.equal(42, ws.mine)
    assert.error_matches(function () ws.url = "x" end, "cannot be assigned")
    assert.error_matches(function () ws.send = print end, "cannot be assigned")
    assert.error_matches(function () ws.onMessage = print end,
      "unknown event property 'onMessage' %(did you mean 'onmessage'%?%)")
    ws.online = true
    assert.is_true(ws.online)
    ws:close()
  end)

  it("says where it is, not the secrets", function ()
    serve(echo)
    local ws = WebSocket(url .. "/a?token=secret")
    assert.equal("WebSocket: connecting " .. url .. "/a", tostring(ws))
    ws:close()
  end)
end)

describe("events", function ()
  local function connect (options)
    options = options or {}
    options.url = url
    if options.reconnect == nil then options.reconnect = false end
    return wsmanager.new(options)
  end

  it("reach properties and listeners in the order they were set", function ()
    serve(sayer("x"))
    run(function ()
      local ws, order = connect(), {}
      local function noter (name)
        return function () order[#order + 1] = name end
      end
      ws:addEventListener("message", noter "first")
      ws.onmessage = noter "replaced"
      ws:addEventListener("message", noter "third")
      ws.onmessage = noter "second"
      assert.is_function(ws.onmessage)
      await(function () return ws.state == "closed" end)
      assert.same({"first", "second", "third"}, order)
    end)
  end)

  it("reach a listener once when it says so, or never again", function ()
    serve(sayer("1", "2", "3"))
    run(function ()
      local ws, once, removed, all = connect(), 0, 0, 0
      local function remover ()
        removed = removed + 1
        ws:removeEventListener("message", remover)
      end
      local function counter () all = all + 1 end
      ws:addEventListener("message", function () once = once + 1 end,
                          {once = true})
      ws:addEventListener("message", remover)
      ws:addEventListener("message", counter)
      ws:addEventListener("message", counter)
      ws:removeEventListener("message", print)
      await(function () return ws.state == "closed" end)
      assert.same({1, 1, 3}, {once, removed, all})
    end)
  end)

  it("no longer reach a property that is nil", function ()
    serve(sayer("1"))
    run(function ()
      local ws = connect {onmessage = error}
      ws.onmessage = nil
      assert.is_nil(ws.onmessage)
      assert.equal("1", ws:receive(5))
      assert.same({}, heard)
    end)
  end)

  it("go on when a handler throws, which is reported", function ()
    serve(sayer("1", "2"))
    run(function ()
      local ws, all = connect(), {}
      ws.onmessage = function (event) error("dislike " .. event.data) end
      ws:addEventListener("message", function (event)
        all[#all + 1] = event.data
      end)
      await(function () return ws.state == "closed" end)
      assert.same({"1", "2"}, all)
      assert.equal(2, #heard)
      assert.matches("dislike 1", heard[1].why)
      assert.matches("dislike 1.*traceback.*websocket_spec", heard[1].text)
    end)
  end)

  it("give messages to a handler before the close behind them", function ()
    serve(sayer("1", "2", "3"))
    run(function ()
      local order = {}
      local ws = connect {
        onmessage = function (event) order[#order + 1] = event.data end,
        onclose = function (event) order[#order + 1] = event.code end,
      }
      await(function () return ws.state == "closed" end)
      assert.same({"1", "2", "3", 1000}, order)
    end)
  end)

  it("hold messages back while their handler waits", function ()
    serve(sayer("1", "2", "3"))
    run(function ()
      local order, inside = {}, 0
      connect {onmessage = function (event)
        inside = inside + 1
        assert.equal(1, inside)
        sleep(0.005)
        inside = inside - 1
        order[#order + 1] = event.data
      end}
      await(function () return order[3] end)
      assert.same({"1", "2", "3"}, order)
      assert.same({}, heard)
    end)
  end)

  it("let a handler receive the next message itself", function ()
    serve(sayer("question", "answer", "rest"))
    run(function ()
      local order = {}
      connect {onmessage = function (event)
        order[#order + 1] = "event " .. event.data
        if event.data == "question" then
          order[#order + 1] = "received " .. event.target:receive(5)
        end
      end}
      await(function () return order[3] end)
      assert.same({"event question", "received answer", "event rest"}, order)
    end)
  end)

  it("tell of reconnecting, attempt and delay", function ()
    serve(sayer("x"))
    run(function ()
      local events = {}
      local ws = connect {
        reconnect = {delay = 0.1, pause = 0, jitter = 0},
        onreconnecting = function (event) events[#events + 1] = event end,
      }
      assert.equal("x", ws:receive(5))
      assert.equal("x", ws:receive(5))
      ws:close()
      assert.equal(1, events[1].attempt)
      assert.equal(0.1, events[1].delay)
      assert.equal(ws, events[1].target)
    end)
  end)

  it("tell when there is room again", function ()
    local reading = false
    serve(function (ws)
      repeat sleep(0.001) until reading
      echo(ws)
    end)
    run(function ()
      local drained = false
      local ws = connect {
        buffer = 65536, ondrain = function () drained = true end,
      }
      assert(ws:opened(5))
      local ok
      repeat ok = ws:send(("x"):rep(65536), "binary", 0) until not ok
      reading = true
      repeat ws:receive(0.001) until drained
    end)
  end)

  it("refuse names and listeners that are none", function ()
    serve(echo)
    local ws = connect()
    fails("unknown event 'mesage' %(did you mean 'message'%?%)",
          ws.addEventListener, ws, "mesage", print)
    fails("bad argument #2 to 'addEventListener' %(function expected, got nil",
          ws.addEventListener, ws, "message")
    fails("bad argument #1 to 'removeEventListener' %(string expected, got ta",
          ws.removeEventListener, ws, {}, print)
    ws:close()
  end)

  it("call what can be called", function ()
    serve(sayer("x"))
    run(function ()
      local got
      local ws = connect()
      ws:addEventListener("message", setmetatable({}, {
        __call = function (_, event) got = event.data end,
      }))
      await(function () return got end)
      assert.equal("x", got)
    end)
  end)
end)
