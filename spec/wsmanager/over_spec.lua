-- A connection that has ended, and what its methods return then.

local wsmanager = require "wsmanager"
local ours = require "support.ours"

local run, spawn = wsmanager.run, wsmanager.spawn
local serve, refused, await = ours.serve, ours.refused, ours.await
local LONG = ours.LONG

describe("a connection that is over", function ()
  after_each(ours.stop)

  it("completes the close before reconnect() connects again", function ()
    local _, url = serve()
    run(function ()
      local ws = wsmanager.new {url = url}
      local closes, code = 0, nil
      ws.onclose = function () closes = closes + 1 end
      assert(ws:opened(LONG))
      spawn(function () code = ws:closed(LONG) end)
      wsmanager.sleep(0)
      ws:close(3001, "enough")
      ws:reconnect()
      assert.equal("closing", ws.state)
      assert.is_true(ws:opened(LONG))
      assert.equal(3001, code)
      assert.equal(1, closes)
      assert.equal(2, ws:stats().opens)
    end)
  end)

  it("notifies its waiters of the end before its listener reconnects it", function ()
    local _, url = serve()
    run(function ()
      local ws = wsmanager.new {url = url}
      local state
      ws.onclose = function ()
        if state then return end
        ws:reconnect()
        state = ws.state
      end
      assert(ws:opened(LONG))
      ws:close()
      assert.equal(1005, (ws:closed(LONG)))
      assert.equal("closed", state)
      assert.is_true(ws:opened(LONG))
    end)
  end)

  it("stays closed when close comes after reconnect", function ()
    local _, url = serve()
    run(function ()
      local ws = wsmanager.new {url = url}
      assert(ws:opened(LONG))
      ws:close()
      ws:reconnect()
      ws:close()
      assert(ws:closed(LONG))
      refused("closed", ws:opened(LONG))
      assert.equal(1, ws:stats().opens)
    end)
  end)

  local load = loadstring or load
  local scope = load [[
    local ws, fn = ...
    do
      local scoped <close> = ws
      if fn then fn(ws) end
    end
  ]]

  local function is_closed (ws)
    assert.equal("closed", ws.state)
    refused("closed", ws:opened(LONG))
    assert.same({1006, "", false}, {ws:closed(LONG)})
    refused("closed", ws:receive(LONG))
    refused("closed", ws:send("x"))
    refused("closed", ws:ping())
    ws:close()
    ws:close(1000, "again")
    assert.same({1006, "", false}, {ws:closed(0)})
  end

  local describe_scope = scope and describe or pending

  describe_scope("because its scope ended (Lua 5.4)", function ()
    it("is closed", function ()
      local _, url = serve()
      run(function ()
        local ws = wsmanager.new {url = url}
        scope(ws, function () assert(ws:opened(LONG)) end)
        is_closed(ws)
      end)
    end)

    it("is closed on the main thread, though it never opened", function ()
      local _, url = serve()
      local ws = wsmanager.new {url = url}
      scope(ws)
      is_closed(ws)
    end)

    it("is closed while it waits for the next attempt", function ()
      local url = ours.nowhere()
      run(function ()
        local ws = wsmanager.new {url = url, reconnect = {delay = LONG}}
        scope(ws, function ()
          await(function () return ws.state == "waiting" end)
        end)
        is_closed(ws)
      end)
    end)

    it("wakes those who wait", function ()
      local _, url = serve()
      run(function ()
        local ws = wsmanager.new {url = url}
        local heard = {}
        scope(ws, function ()
          assert(ws:opened(LONG))
          spawn(function () heard[1] = ws:closed() end)
          spawn(function () heard[2] = select(2, ws:receive()) end)
          wsmanager.sleep(0)
        end)
        await(function () return heard[1] and heard[2] end)
        assert.same({1006, "closed"}, heard)
      end)
    end)

    it("keeps the end that it had", function ()
      local _, url = serve()
      run(function ()
        local ws = wsmanager.new {url = url}
        scope(ws, function ()
          assert(ws:opened(LONG))
          ws:close(3000)
          assert(ws:closed(LONG))
        end)
        assert.equal(3000, (ws:closed(0)))
      end)
    end)

    it("may be scoped in a listener of its own", function ()
      local _, url = serve()
      run(function ()
        local ws = wsmanager.new {url = url}
        ws.onopen = function () scope(ws) end
        assert.equal(1006, (ws:closed(LONG)))
      end)
    end)
  end)
end)
