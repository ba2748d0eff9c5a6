local core = require "wsmanager.core"
local wsmanager = require "wsmanager"
local ours = require "support.ours"
local peers = require "support.peers"
local programs = require "support.programs"

local run, spawn = wsmanager.run, wsmanager.spawn
local serve, sayer, refused = ours.serve, ours.sayer, ours.refused
local await = ours.await
local LONG = ours.LONG

describe("a connection", function ()
  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  it("opens, exchanges messages and closes", function ()
    local _, url = serve()
    run(function ()
      local ws = wsmanager.new {url = url}
      assert.equal("connecting", ws.state)
      assert.is_true(ws:opened(LONG))
      assert.equal("open", ws.state)
      assert.is_true(ws:send("hello"))
      assert.same({"hello", "text"}, {ws:receive(LONG)})
      assert.is_true(ws:send("\0\255", "binary"))
      assert.same({"\0\255", "binary"}, {ws:receive(LONG)})
      ws:close(1000, "done")
      local code, _, clean = ws:closed(LONG)
      assert.equal(1000, code)
      assert.is_true(clean)
      assert.equal("closed", ws.state)
      ws:close()
      refused("closed", ws:send("late"))
    end)
  end)

  it("sends more of its outbox at once than it has masks for", function ()
    local count, size = 20000, 16    -- of a masked frame with ten bytes
    local peer = peers.start("scripted", {
      script = {{"accept", ""}, {"await", count * size}, {"close"}},
    })
    run(function ()
      local ws = wsmanager.new {
        url = "ws://127.0.0.1:" .. peer.port, heartbeat = false,
        outbox = {messages = count}, reconnect = false,
      }
      for i = 1, count do assert(ws:send(("%010d"):format(i))) end
      assert.equal(1006, (ws:closed(LONG)))
      assert.equal(0, ws:stats().outbox)
    end)
  end)

  it("sends before it is open", function ()
    local _, url = serve()
    run(function ()
      local ws = wsmanager.new {url = url}
      for i = 1, 100 do assert(ws:send(tostring(i))) end
      for i = 1, 100 do assert.equal(tostring(i), ws:receive(LONG)) end
    end)
  end)

  it("does all of it on the main thread, with no coroutine", function ()
    local peer = peers.start("python_server")
    local ws = wsmanager.new {url = "ws://127.0.0.1:" .. peer.port .. "/echo"}
    assert.is_true(ws:opened(LONG))
    assert.is_true(ws:send("hello"))
    assert.equal("hello", ws:receive(LONG))
    ws:close()
    assert.equal(1005, (ws:closed(LONG)))
    refused("closed", ws:receive())
  end)

  it("waits in a coroutine of somebody else by turning the loop", function ()
    local _, url = serve(sayer("one", "two"))
    run(function ()
      local ws = wsmanager.new {url = url, reconnect = false}
      local heard = {}
      for text in coroutine.wrap(function ()
        local data = ws:receive(LONG)
        while data do
          coroutine.yield(data)
          data = ws:receive(LONG)
        end
      end) do
        heard[#heard + 1] = text
      end
      assert.same({"one", "two"}, heard)
    end)
  end)

  it("works with the servers of node and python", function ()
    for _, name in ipairs {"node_server", "python_server"} do
      local peer = peers.start(name, {protocols = {"chat"}})
      run(function ()
        local ws = wsmanager.new {
          url = "ws://127.0.0.1:" .. peer.port .. "/echo",
          protocols = {"other", "chat"},
        }
        assert.is_true(ws:opened(LONG))
        assert.equal("chat", ws.protocol)
        ws:send("héllo")
        assert.equal("héllo", ws:receive(LONG))
        ws:close(3001, "enough")
        assert.same({3001, "enough", true}, {ws:closed(LONG)})
      end)
      peer:stop()
    end
  end)

  describe("closing", function ()
    it("raises the W3C's errors for a bad code or reason", function ()
      local _, url = serve()
      local ws = wsmanager.new {url = url}
      local function fails (what, ...)
        local arguments = {...}
        local _, why = pcall(function ()
          ws:close(arguments[1], arguments[2])
        end)
        assert.matches("connection_spec.lua:%d+: " .. what, why)
      end
      for _, code in ipairs {0, 999, 1001, 1005, 2999, 5000, 70000} do
        fails("InvalidAccessError: ", code)
      end
      fails("SyntaxError: ", 1000, ("x"):rep(124))
      fails("SyntaxError: ", 1000, "\255")
      fails("bad argument #1 to 'close' %(integer expected, got string", "1000")
      fails("bad argument #2 to 'close' %(string expected, got table", 1000, {})
      assert.equal("connecting", ws.state)
    end)

    it("wins over a reconnect", function ()
      local _, url = serve(sayer("bye"))
      run(function ()
        local ws = wsmanager.new {
          url = url, reconnect = {pause = 60}, timeouts = {close = 0.02},
        }
        local waiting = false
        ws.onreconnecting = function () waiting = true end
        await(function () return waiting end)
        assert.equal("waiting", ws.state)
        ws:close()
        assert.equal("closed", ws.state)
        assert.equal(1000, (ws:closed(LONG)))
        assert.equal("bye", ws:receive())
        refused("closed", ws:receive())
      end)
    end)

    it("ends a wait for opening", function ()
      run(function ()
        local ws = wsmanager.new {url = function () wsmanager.sleep(LONG) end}
        spawn(function () ws:close() end)
        local ok, token = ws:opened(LONG)
        assert.is_nil(ok)
        assert.equal("closed", token)
      end)
    end)

    it("happens to one that is collected, and the peer is told", function ()
      local heard, code = {}, nil
      local _, url = serve(function (ws)
        local data = ws:receive(LONG)
        while data do
          heard[#heard + 1] = data
          data = ws:receive(LONG)
        end
        code = ws:closed(LONG)
      end)
      run(function ()
        do
          local ws = wsmanager.new {url = url}
          assert(ws:opened(LONG))
          assert(ws:send("so long"))
        end
        repeat
          collectgarbage()
          wsmanager.sleep(0.001)
        until code
        assert.equal(1001, code)
        assert.same({"so long"}, heard)
      end)
    end)

    it("happens at the end of a program, behind what was sent", function ()
      local heard, code = {}, nil
      local _, url = serve(function (ws)
        local data = ws:receive(LONG)
        while data do
          heard[#heard + 1] = data
          data = ws:receive(LONG)
        end
        code = ws:closed(LONG)
      end)
      run(function ()
        local ended = programs.start(([[
          local wsmanager = require "wsmanager"
          local ws = wsmanager.new {url = "%s"}
          assert(ws:opened(60))
          for i = 1, 3 do ws:send("message " .. i) end
        ]]):format(url))
        await(function () return code end)
        assert.equal("status 0\n", ended())
        assert.equal(1001, code)
        assert.same({"message 1", "message 2", "message 3"}, heard)
      end)
    end)

    it("happens to one whose last listener is removed", function ()
      local _, url = serve(function (ws)
        ws:send("enough")
        ws:receive()
      end)
      run(function ()
        local weak = setmetatable({}, {__mode = "v"})
        local function start ()
          local ws = wsmanager.new {url = url, reconnect = false}
          weak[1] = ws
          ws.onmessage = function (event)
            event.target:close()
            event.target.onmessage = nil
          end
        end
        start()
        local deadline = wsmanager.now() + LONG
        while weak[1] do
          assert(wsmanager.now() < deadline, "it was not collected")
          wsmanager.sleep(0.001)
          collectgarbage()
        end
      end)
    end)

    it("does not happen to one that has a listener", function ()
      local server, url = serve()
      run(function ()
        local heard
        local function start ()
          local ws = wsmanager.new {url = url}
          ws.onmessage = function (event) heard = event.data end
          assert(ws:opened(LONG))
        end
        start()
        collectgarbage()
        collectgarbage()
        server:broadcast("anybody there?")
        await(function () return heard end)
        assert.equal("anybody there?", heard)
      end)
    end)
  end)

  it("reconnects on reconnect() while open", function ()
    local _, url = serve(function (ws)
      ws:send("hello")
      ws:receive()
    end)
    run(function ()
      local ws = wsmanager.new {url = url}
      assert.equal("hello", ws:receive(LONG))
      ws:reconnect()
      assert.equal("hello", ws:receive(LONG))
      assert.equal(2, ws:stats().opens)
    end)
  end)

  it("pings, and measures the latency of heartbeats that are pings", function ()
    local _, url = serve()
    run(function ()
      local ws = wsmanager.new {url = url, heartbeat = {interval = 0.01}}
      refused("closed", ws:ping())
      assert(ws:opened(LONG))
      assert.is_true(ws:ping("hello"))
      assert.error_matches(function () ws:ping(("x"):rep(126)) end, "125 bytes")
      await(function () return ws:stats().latency end)
      assert.is_true(ws:stats().latency < LONG)
      assert.is_true(ws:stats().pongs >= 2)
    end)
  end)

  it("shows its state and address, and no secret", function ()
    local server = serve()
    run(function ()
      local place = "127.0.0.1:" .. server.port .. "/ws/42"
      local ws = wsmanager.new {
        url = "ws://user:password@" .. place .. "?token=secret",
      }
      assert.equal("wsmanager: connecting ws://" .. place, tostring(ws))
      assert(ws:opened(LONG))
      assert.equal("wsmanager: open ws://" .. place, tostring(ws))
    end)
  end)

  it("has the W3C's constants and fields", function ()
    local _, url = serve()
    local ws = wsmanager.new {url = url}
    assert.same({0, 1, 2, 3}, {ws.CONNECTING, ws.OPEN, ws.CLOSING, ws.CLOSED})
    assert.equal(0, ws.readyState)
    assert.equal(0, ws.bufferedAmount)
    assert.equal(url, ws.url)
    assert.equal("", ws.protocol)
    assert.equal("", ws.extensions)
    ws.mine = "kept"
    assert.equal("kept", ws.mine)
    assert.is_nil(ws.other)
  end)

  it("refuses assignments that mean nothing", function ()
    local _, url = serve()
    local ws = wsmanager.new {url = url}
    assert.error_matches(function () ws.state = "open" end,
                         "'state' cannot be assigned")
    assert.error_matches(function () ws.send = print end,
                         "'send' cannot be assigned")
    assert.error_matches(function () ws.onmesage = print end,
      "unknown event property 'onmesage' %(did you mean 'onmessage'%?%)")
    assert.error_matches(function () ws.onmessage = "x" end,
      "bad handler 'onmessage' %(function or nil expected, got string%)")
  end)

  it("leaves no memory allocated when it is collected", function ()
    local function round ()
      local server, url = serve()
      run(function ()
        local ws = wsmanager.new {url = url, onopen = function () end}
        assert(ws:opened(LONG))
        ws:send("x")
        assert.equal("x", ws:receive(LONG))
        ws:close()
        assert(ws:closed(LONG))
      end)
      server:stop()
    end
    local function blocks ()
      for _ = 1, 3 do collectgarbage() end
      wsmanager.step(0)
      return core.memory().blocks
    end
    round()
    local before = blocks()
    for _ = 1, 5 do round() end
    assert.equal(before, blocks())
  end)
end)
