-- connection.lua: what close() loses, and drain(), after which it loses nothing.

local ours = require "support.ours"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

local run, refused, LONG = wsmanager.run, ours.refused, ours.LONG

describe("send and close before it is open", function ()
  after_each(function ()
    ours.stop()
    peers.stop()
  end)

  it("says how many messages were never sent, and keeps them", function ()
    run(function ()
      local heard
      local ws = wsmanager.new {url = ours.nowhere(),
                                onerror = function (event) heard = event.message end}
      assert.equal(0, wsmanager.new {url = ours.nowhere(), onerror = function () end}:close())
      for _, text in ipairs {"a", "", "c"} do assert.is_true(ws:send(text)) end
      assert.equal(3, ws:close())
      assert.equal(0, ws:close())
      ws:closed(LONG)
      assert.matches("3 messages %(2 bytes%) were never sent", heard)
      assert.same({"a", "", "c"}, (ws:unsent()))
    end)
  end)

  it("says so while it waits to reconnect, too", function ()
    run(function ()
      local ws = wsmanager.new {url = ours.nowhere(), onerror = function () end,
                                reconnect = {delay = LONG, jitter = 0}}
      ours.await(function () return ws.state == "waiting" end)
      ws:send "a"
      assert.equal(1, ws:close())
      ws:closed(LONG)
      assert.same({"a"}, (ws:unsent()))
    end)
  end)

  -- Lua 5.1 and LuaJIT may run no finalizer in so short a time.
  if _VERSION ~= "Lua 5.1" then
    it("gives each of them once, though finalizers take some, too", function ()
      assert.equal("each came once\n", ours.finalizers("unsent"))
    end)
  end

  it("sends all that waited when it is closed as it opens", function ()
    local count = 20000    -- more than there are masks in a block
    run(function ()
      local got = {}
      local _, url = ours.serve(function (ws)
        local data = ws:receive()
        while data do
          got[#got + 1] = data
          data = ws:receive()
        end
      end)
      local dropped
      local ws = wsmanager.new {url = url, reconnect = false,
                                outbox = {messages = count}}
      ws.onopen = function () dropped = ws:close(1000) end
      for i = 1, count do assert(ws:send(tostring(i))) end
      assert.equal(1000, (ws:closed(LONG)))
      assert.equal(0, dropped)
      ours.await(function () return #got == count end)
    end)
  end)

  it("loses nothing with drain between them", function ()
    run(function ()
      local got = {}
      local _, url = ours.serve(function (ws)
        local data = ws:receive()
        while data do
          got[#got + 1] = data
          data = ws:receive()
        end
        got.over = true
      end)
      local ws = wsmanager.new {url = url, reconnect = false}
      for i = 1, 100 do assert(ws:send(tostring(i))) end
      assert.is_true(ws:drain(LONG))
      assert.equal(0, ws.bufferedAmount)
      assert.equal(0, ws:close())
      assert.equal(1005, (ws:closed(LONG)))
      ours.await(function () return got.over end)
      assert.equal(100, #got)
    end)
  end)
end)

describe("drain", function ()
  after_each(function ()
    ours.stop()
    peers.stop()
  end)

  it("returns at once when nothing waits, in any state", function ()
    run(function ()
      local _, url = ours.serve()
      local ws = wsmanager.new {url = url, reconnect = false}
      assert.is_true(ws:drain(0))
      ws:opened(LONG)
      assert.is_true(ws:drain(0))
      ws:close()
      ws:closed(LONG)
      assert.is_true(ws:drain(0))
    end)
  end)

  it("waits for a peer that reads late", function ()
    run(function ()
      local go
      local _, url = ours.serve {inbox = 2^16, handler = function (ws)
        ours.await(function () return go end)
        while ws:receive() do end
      end}
      local ws = wsmanager.new {url = url, reconnect = false, buffer = 2^26}
      ws:opened(LONG)
      for _ = 1, 32 do assert(ws:send(("x"):rep(2^20), "binary")) end
      refused("timeout", ws:drain(0.01))
      local both = 0
      for _ = 1, 2 do
        wsmanager.spawn(function ()
          assert.is_true(ws:drain(LONG))
          both = both + 1
        end)
      end
      go = true
      assert.is_true(ws:drain(LONG))
      ours.await(function () return both == 2 end)
      assert.equal(0, ws.bufferedAmount)
      ws:close()
    end)
  end)

  it("waits through a reconnect", function ()
    run(function ()
      local server, url = ours.serve()
      local port = server.port
      server:stop(0)
      local ws = wsmanager.new {url = url, onerror = function () end,
                                reconnect = {delay = 0.01, jitter = 0, limit = false}}
      ws:send ""
      refused("timeout", ws:drain(0.01))
      ours.serve {port = port}
      assert.is_true(ws:drain(LONG))
      ws:close()
    end)
  end)

  it("says why it ended with something unsent", function ()
    run(function ()
      local ws = wsmanager.new {url = ours.nowhere(), reconnect = false,
                                onerror = function () end}
      ws:send "lost"
      local ok, token, detail = ws:drain(LONG)
      refused("refused", ok, token, detail)
      assert.same({"lost"}, (ws:unsent()))
    end)
  end)

  it("raises at the caller's line for what is no timeout", function ()
    run(function ()
      local _, url = ours.serve()
      local ws = wsmanager.new {url = url}
      ours.fails("bad argument #1 to 'drain'", ws.drain, ws, "soon")
      ours.fails("", ws.drain, {})
      ws:close()
    end)
  end)
end)
