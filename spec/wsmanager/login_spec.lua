-- Logging in to real servers: what goes first, and who gets what.

local wsmanager = require "wsmanager"
local logins = require "support.logins"
local ours = require "support.ours"
local peers = require "support.peers"

local unpack = table.unpack or unpack

local run = wsmanager.run
local refused = ours.refused
local LONG, await = ours.LONG, ours.await
local scripted, recorder = logins.scripted, logins.recorder
local identify, QUICK = logins.identify, logins.QUICK

describe("a login", function ()
  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  it("goes before all that waits", function ()
    run(function ()
      local heard, order = {}, {}
      local url = recorder(heard)
      local ws = wsmanager.new {
        url = url, login = identify,
        onopen = function (event)
          order[#order + 1] = "listener"
          event.target:send "listener"
          wsmanager.sleep(0)
          event.target:send "listener, later"
        end,
      }
      wsmanager.spawn(function ()
        ws:opened()
        order[#order + 1] = "opened"
        ws:send "opened"
      end)
      assert.is_true(ws:send "queued 1")
      assert.is_true(ws:send "queued 2")
      await(function () return #heard == 6 end)
      assert.same({"IDENTIFY", "listener", "queued 1", "queued 2"}, {unpack(heard, 1, 4)})
      assert.same({"listener", "opened"}, order)
      ws:close()
    end)
  end)

  it("has the same order without it", function ()
    run(function ()
      local heard = {}
      local url = scripted(function (ws)
        repeat heard[#heard + 1] = ws:receive() until ws.state ~= "open"
      end)
      local ws = wsmanager.new {
        url = url, onopen = function (event) event.target:send "listener" end,
      }
      wsmanager.spawn(function () ws:opened() ws:send "opened" end)
      ws:send "queued"
      await(function () return #heard == 3 end)
      assert.same({"listener", "queued", "opened"}, heard)
      ws:close()
    end)
  end)

  it("lets those who wait for room send after the outbox", function ()
    run(function ()
      local heard = {}
      local ws = wsmanager.new {
        url = recorder(heard), login = identify, outbox = {messages = 1},
        onopen = function (event) event.target:send "listener" end,
      }
      assert.is_true(ws:send "queued")
      refused("full", ws:send("no room", "text", 0))
      assert.is_true(ws:send("waited", "text", LONG))
      await(function () return #heard == 4 end)
      assert.same({"IDENTIFY", "listener", "queued", "waited"}, heard)
      ws:close()
    end)
  end)

  it("keeps the connection connecting, and opened() waits", function ()
    run(function ()
      local ws, go, done
      ws = wsmanager.new {
        url = recorder {},
        login = function (handle)
          assert.equal("connecting", ws.state)
          assert.equal(0, ws.readyState)
          await(function () return go end)
          identify(handle)
          done = true
        end,
      }
      refused("timeout", ws:opened(0.05))
      assert.equal("connecting", ws.state)
      go = true
      assert.is_true(ws:opened(LONG))
      assert.is_true(done)
      assert.equal("open", ws.state)
      ws:close()
    end)
  end)

  it("gets a handle of that one connection, and where it stands", function ()
    run(function ()
      local infos, handles = {}, {}
      local url = scripted(function (ws, n)
        ws:receive(LONG)
        if n == 1 then ws:close(4001, "again") end
        ws:receive()
      end, {protocols = "chat"})
      local ws
      ws = wsmanager.new {
        url = url, protocols = "chat", reconnect = QUICK,
        login = function (handle, info)
          infos[#infos + 1], handles[#handles + 1] = info, handle
          assert.not_equal(ws, handle)
          assert.equal(url, handle.url)
          assert.equal("chat", handle.protocol)
          assert.equal("websocket", handle.headers.upgrade)
          assert.equal(#handles, handle.epoch)
          assert.is_true(handle:send "hi")
        end,
      }
      await(function () return #infos == 2 and ws.state == "open" end)
      assert.same({attempt = 0, epoch = 1, url = url, opened = false, gap = false}, infos[1])
      assert.equal(1, infos[2].attempt)
      assert.equal(2, infos[2].epoch)
      assert.is_true(infos[2].opened)
      assert.same({4001, "again", true}, {infos[2].code, infos[2].reason, infos[2].clean})
      assert.equal(2, ws:stats().epoch)
      for _, handle in ipairs(handles) do
        refused("closed", handle:send "x")
        refused("closed", handle:receive(0))
        refused("closed", handle:receive())
        refused("closed", handle:giveback "x")
        refused("closed", handle:ping())
        handle:close()
      end
      assert.equal("open", ws.state)
      ws:close()
    end)
  end)

  it("alone receives, and what it did not take follows it in order", function ()
    run(function ()
      local got = {}
      local ws = wsmanager.new {
        url = recorder({}, {"event 1", "event 2", "event 3"}), login = identify,
      }
      wsmanager.spawn(function ()
        repeat
          local data = ws:receive()
          got[#got + 1] = data
        until not data
      end)
      await(function () return #got == 3 end)
      assert.same({"event 1", "event 2", "event 3"}, got)
      ws:close()
    end)
  end)

  it("leaves the messages behind its answer to listeners, too", function ()
    run(function ()
      local got = {}
      local ws = wsmanager.new {
        url = recorder({}, {"event 1", "event 2"}), login = identify,
        onmessage = function (event) got[#got + 1] = event.data end,
      }
      await(function () return #got == 2 end)
      assert.same({"event 1", "event 2"}, got)
      ws:close()
    end)
  end)

  it("gives back what was not its own", function ()
    run(function ()
      local url = scripted(function (ws)
        ws:send "early 1"
        ws:send("early\0", "binary")
        ws:send "READY"
        ws:send "event"
        ws:receive()
      end)
      local ws
      ws = wsmanager.new {
        url = url, login = function (handle)
          local bytes = #"event"
          repeat
            local data, kind = handle:receive(LONG)
            if data ~= "READY" then
              assert(handle:giveback(data, kind))
              bytes = bytes + #data
            end
          until data == "READY"
          await(function () return ws:stats().unread >= bytes end)
        end,
      }
      assert.same({"early 1", "text"}, {ws:receive(LONG)})
      assert.equal("open", ws.state)
      assert.same({"early\0", "binary"}, {ws:receive(LONG)})
      assert.same({"event", "text"}, {ws:receive(LONG)})
      ws:close()
    end)
  end)

  it("gives nothing back twice", function ()
    run(function ()
      local why
      local url = scripted(function (ws) ws:send "a" ws:receive() end)
      local ws = wsmanager.new {
        url = url, login = function (handle)
          assert(handle:giveback(handle:receive(LONG)))
          local ok
          ok, why = pcall(handle.giveback, handle, "a")
          assert.is_false(ok)
        end,
      }
      assert.equal("a", (ws:receive(LONG)))
      refused("timeout", ws:receive(0.02))
      assert.matches("given back already", why)
      ws:close()
    end)
  end)

  it("decodes and encodes, and gives back what was decoded", function ()
    run(function ()
      local url = scripted(function (ws)
        ws:send {op = 10}
        ws:send("\"a string\"", "text")
        assert(ws:receive(LONG).op == 2)
        ws:send {op = 0, t = "READY"}
        ws:send("\1", "binary")
        ws:receive()
      end, {decode = "json"})
      local ws = wsmanager.new {
        url = url, decode = "json", login = function (handle)
          local hello = handle:receive(LONG)
          assert.equal(10, hello.op)
          local text, kind = handle:receive(LONG)
          assert.same({"a string", "text"}, {text, kind})
          assert(handle:send {op = 2})
          local ready = handle:receive(LONG)
          assert.equal("READY", ready.t)
          assert(handle:giveback(ready))
          assert(handle:giveback(hello))
          assert(handle:giveback {op = 11})
          return true
        end,
      }
      assert.equal("READY", ws:receive(LONG).t)
      assert.equal(10, ws:receive(LONG).op)
      assert.equal(11, ws:receive(LONG).op)
      assert.same({"\1", "binary"}, {ws:receive(LONG)})
      ws:close()
    end)
  end)

  it("leaves to others what earlier connections left", function ()
    run(function ()
      local go, ws
      local url = scripted(function (peer, n)
        peer:send "HELLO"
        if n == 1 then
          peer:send "left 1"
          peer:send "left 2"
          peer:close(4001)
        end
        peer:receive()
      end)
      ws = wsmanager.new {
        url = url, reconnect = QUICK, login = function (handle, info)
          assert(handle:receive(LONG) == "HELLO")
          if info.epoch == 2 then await(function () return go end) end
        end,
      }
      await(function () return ws:stats().epoch == 2 end)
      assert.equal("left 1", (ws:receive(LONG)))
      assert.equal("left 2", (ws:receive(LONG)))
      assert.equal("connecting", ws.state)
      refused("timeout", ws:receive(0.02))
      go = true
      assert.is_true(ws:opened(LONG))
      ws:close()
    end)
  end)

  it("without an outbox refuses what others send meanwhile", function ()
    run(function ()
      local go
      local ws = wsmanager.new {
        url = recorder {}, outbox = false,
        login = function (handle)
          await(function () return go end)
          identify(handle)
        end,
      }
      await(function () return ws:stats().epoch == 1 end)
      refused("full", ws:send "x")
      refused("full", ws:send("x", "text", 0))
      go = true
      assert.is_true(ws:opened(LONG))
      assert.is_true(ws:send "x")
      ws:close()
    end)
  end)

  it("waits for room, and is told of it", function ()
    run(function ()
      local size, count, total, waited = 200000, 40, 0, nil
      local url = scripted(function (ws)
        await(function () return waited end)
        while total < size * count do total = total + #ws:receive(LONG) end
        ws:send "READY"
        ws:receive()
      end)
      local ws = wsmanager.new {
        url = url, buffer = 100000, login = function (handle)
          for _ = 1, count do
            local ok, token = handle:send(("x"):rep(size), "binary", 0)
            if not ok then
              waited = token
              assert(handle:send(("x"):rep(size), "binary", LONG))
            end
          end
          assert(handle:receive(LONG) == "READY")
        end,
      }
      assert.is_true(ws:opened(LONG))
      assert.equal("full", waited)
      assert.equal(size * count, total)
      ws:close()
    end)
  end)

  it("is called on each connection, and what waited goes after each", function ()
    run(function ()
      local heard = {}
      local url = scripted(function (ws, n)
        heard[n] = {}
        for _ = 1, 2 do heard[n][#heard[n] + 1] = ws:receive(LONG) end
        if n < 3 then ws:close(4001) end
        ws:receive()
      end)
      local ws = wsmanager.new {
        url = url, reconnect = QUICK,
        login = function (handle, info) handle:send("login " .. info.epoch) end,
      }
      for i = 1, 3 do
        ws:send("message " .. i)
        await(function () return heard[i] and #heard[i] == 2 end)
        await(function () return i == 3 or ws.state ~= "open" or ws:stats().epoch > i end)
      end
      assert.same({
        {"login 1", "message 1"}, {"login 2", "message 2"}, {"login 3", "message 3"},
      }, heard)
      ws:close()
    end)
  end)

  it("may spawn, and its handle ends with it", function ()
    run(function ()
      local results = {}
      local ws = wsmanager.new {
        url = recorder {}, login = function (handle)
          identify(handle)
          wsmanager.spawn(function () results[1] = {handle:receive()} end)
          wsmanager.spawn(function () results[2] = {handle:receive(LONG)} end)
          ours.settle()
        end,
      }
      assert.is_true(ws:opened(LONG))
      await(function () return results[1] and results[2] end)
      refused("closed", unpack(results[1], 1, 3))
      refused("closed", unpack(results[2], 1, 3))
      ws:close()
    end)
  end)

  it("that fails elsewhere than it waits is found out by name", function ()
    run(function ()
      local errors = {}
      local ws = wsmanager.new {
        url = recorder {}, login = function (handle)
          for i, call in ipairs {
            function () handle.receive() end,
            function () handle:receive "soon" end,
            function () handle:send(42) end,
            function () handle:send("x", "texts") end,
            function () handle:send "\255" end,
            function () handle:giveback() end,
            function () handle:ping(("x"):rep(126)) end,
            function () handle:close(999) end,
            function () handle:close(1000, 7) end,
            function () handle:close(1000, ("x"):rep(124)) end,
          } do
            local ok, why = pcall(call)
            errors[i] = not ok and why
          end
        end,
      }
      assert.is_true(ws:opened(LONG))
      for i, text in ipairs {
        "call it with ':'", "number expected, got string", "string expected, got number",
        "'text' or 'binary' expected, got texts", "text must be UTF%-8", "given back already",
        "at most 125 bytes", "InvalidAccessError", "string expected, got number", "SyntaxError",
      } do
        assert.matches("login_spec.lua:%d+: .*" .. text, errors[i])
      end
      ws:close()
    end)
  end)

  it("is an option of a connection, not of a WebSocket", function ()
    ours.fails("bad option 'login' %(function expected, got string%)",
               wsmanager.new, {url = "ws://localhost", login = "x"})
    ours.fails("bad option 'timeouts.login'",
               wsmanager.new, {url = "ws://localhost", timeouts = {login = "x"}})
    ours.fails("bad option 'login'", wsmanager.serve,
               {login = 1, handler = function () end})
  end)

  it("leaves nothing behind that keeps the connection", function ()
    local weak = setmetatable({}, {__mode = "v"})
    run(function ()
      local url = recorder {}
      do
        local ws = wsmanager.new {url = url, login = identify}
        assert.is_true(ws:opened(LONG))
        weak[1] = ws
      end
    end)
    for _ = 1, 5 do
      wsmanager.step(0)
      collectgarbage()
    end
    assert.is_nil(weak[1])
  end)
end)
