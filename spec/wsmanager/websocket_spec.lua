local wsmanager = require "wsmanager"
local ours = require "support.ours"

local WebSocket = wsmanager.WebSocket
local run, sleep = wsmanager.run, wsmanager.sleep
local await, fails, nowhere, serve =
  ours.await, ours.fails, ours.nowhere, ours.serve

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

describe("a WebSocket", function ()
  after_each(ours.stop)

  it("has the W3C's constants, on the constructor and on each", function ()
    local _, url = serve()
    local ws = WebSocket(url)
    for _, each in ipairs {WebSocket, ws, wsmanager} do
      assert.same({0, 1, 2, 3},
                  {each.CONNECTING, each.OPEN, each.CLOSING, each.CLOSED})
    end
    assert.equal(WebSocket.CONNECTING, ws.readyState)
    ws:close()
  end)

  it("opens, echoes and closes with events", function ()
    local _, url = serve()
    local heard = ours.hush()
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

  it("has the negotiated subprotocol and extensions", function ()
    local _, url = serve {protocols = {"b", "a"}}
    run(function ()
      local ws = WebSocket(url, {"a", "b"})
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
    local _, url = serve()
    local ws = WebSocket(url)
    fails("InvalidStateError: ", ws.send, ws, "early")
    ws:close()
  end)

  it("raises at the caller's line for text that is not UTF-8", function ()
    local _, url = serve()
    run(function ()
      local ws = WebSocket(url)
      await(function () return ws.readyState == 1 end)
      local ok, why = pcall(function ()
        ws:send("\255")
        return true
      end)
      assert.is_false(ok)
      assert.matches("^[^\n:]*websocket_spec.lua:%d+: bad argument #1", why)
    end)
  end)

  it("raises for a bad close, and goes on", function ()
    local _, url = serve()
    local ws = WebSocket(url)
    fails("InvalidAccessError: ", ws.close, ws, 1001)
    fails("InvalidAccessError: ", ws.close, ws, 2999)
    fails("SyntaxError: ", ws.close, ws, 1000, ("x"):rep(124))
    assert.equal(WebSocket.CONNECTING, ws.readyState)
    ws:close()
  end)

  it("counts what it cannot send any more in bufferedAmount", function ()
    local _, url = serve()
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
    local url = nowhere()
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
    local _, url = serve()
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
    local _, url = serve(function () connections = connections + 1 end)
    run(function ()
      local ws = WebSocket(url)
      await(function () return ws.readyState == 3 end)
      sleep(0)
      assert.equal(1, connections)
      assert.equal(WebSocket.CLOSED, ws.readyState)
    end)
  end)

  it("discards messages that nobody listens to", function ()
    local _, url = serve(function (ws)
      for _ = 1, 8 do ws:send(("x"):rep(1024 * 1024)) end
    end)
    run(function ()
      local ws = WebSocket(url)
      await(function () return ws.readyState == 3 end)
    end)
  end)

  it("has a binaryType that takes the W3C's two values", function ()
    local _, url = serve()
    local ws = WebSocket(url)
    assert.equal("blob", ws.binaryType)
    ws.binaryType = "arraybuffer"
    assert.equal("arraybuffer", ws.binaryType)
    ws.binaryType = "nonsense"
    assert.equal("arraybuffer", ws.binaryType)
    ws:close()
  end)

  it("has only the W3C's properties, and keeps a program's own", function ()
    local _, url = serve()
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

  it("shows its address, and no secret", function ()
    local _, url = serve()
    local ws = WebSocket(url .. "/a?token=secret")
    assert.equal("WebSocket: connecting " .. url .. "/a", tostring(ws))
    ws:close()
  end)
end)
