-- ws:ping: what waits for a pong, with peers of ours and of others.

local wsmanager = require "wsmanager"
local ours = require "support.ours"
local peers = require "support.peers"

local run, spawn = wsmanager.run, wsmanager.spawn
local await, refused = ours.await, ours.refused
local LONG = ours.LONG

local function is_latency (value)
  assert.is_number(value)
  assert.is_true(value >= 0 and value < LONG, value)
end

describe("ws:ping", function ()
  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  local function open (url)
    local ws = wsmanager.new {url = url, reconnect = false}
    assert(ws:opened(LONG))
    return ws
  end

  for _, name in ipairs {"python_server", "node_server"} do
    it("returns the seconds that the pong of " .. name .. " took", function ()
      local ws = open("ws://127.0.0.1:" .. peers.start(name).port .. "/echo")
      is_latency(ws:ping(nil, LONG))
      is_latency(ws:ping("with a payload", LONG))
      is_latency(ws:ping(("x"):rep(125), LONG))
      assert.equal(3, ws:stats().pongs)
      run(function () is_latency(ws:ping("", LONG)) end)
      local stats = ws:stats()
      assert.is_nil(stats.latency)    -- a heartbeat's
      is_latency(stats.latency_smoothed)
      is_latency(stats.latency_p99)
      ws:close()
    end)
  end

  it("waits for its own, of several at once", function ()
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      local found = {}
      for i = 1, 30 do
        spawn(function ()
          found[i] = {ws:ping(i % 3 > 0 and "p" .. i % 7 or nil, LONG)}
        end)
      end
      await(function () return #found == 30 end)
      for i = 1, 30 do is_latency(found[i][1]) end
      assert.equal(30, ws:stats().pongs)
      ws:close()
    end)
  end)

  it("only sends without a timeout, or with 0", function ()
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      assert.is_true(ws:ping())
      assert.is_true(ws:ping "x")
      assert.is_true(ws:ping("x", 0))
      await(function () return ws:stats().pongs == 3 end)
      assert.is_nil(ws:stats().latency_p99)
      ws:close()
    end)
  end)

  it("says that the connection is being closed, or is not there yet", function ()
    run(function ()
      local _, url = ours.serve()
      local ws = wsmanager.new {url = url}
      local _, token, why = ws:ping("x", LONG)
      assert.same({"closed", "the connection is not there yet"}, {token, why})
      assert(ws:opened(LONG))
      ws:close()
      for _, timeout in ipairs {0, LONG} do
        token, why = select(2, ws:ping("x", timeout))
        assert.same({"closed", "the connection is being closed"}, {token, why})
      end
    end)
  end)

  it("works on the server's side, and while messages lie untaken", function ()
    run(function ()
      local found
      local _, url = ours.serve(function (ws)
        ws:send "untaken"
        found = {ws:ping(nil, LONG)}
      end)
      local ws = open(url)
      is_latency(ws:ping(nil, LONG))
      await(function () return found end)
      is_latency(found[1])
      assert.equal("untaken", (ws:receive(LONG)))
    end)
  end)

  -- A peer that answers as the script says; what it reads before are masked pings.
  local function scripted (...)
    local script = {{"accept", ""}}
    for _, step in ipairs {...} do script[#script + 1] = step end
    return open("ws://127.0.0.1:" .. peers.start("scripted", {script = script}).port)
  end

  it("is answered by the last one's pong, if the peer sends only that", function ()
    run(function ()
      local ws = scripted({"await", 3 * 9}, {"send", "8a0374776f"},
                          {"await", 9}, {"send", "8a03746564"}, {"await", 1e6})
      local found, count = {}, 0
      for i, payload in ipairs {"one", "ten", "two"} do
        spawn(function ()
          found[i] = {ws:ping(payload, LONG)}
          count = count + 1
        end)
      end
      await(function () return count == 3 end)
      for i = 1, 3 do is_latency(found[i][1]) end
      is_latency(ws:ping("ted", LONG))
    end)
  end)

  it("times out; the connection is as it was", function ()
    run(function ()
      local ws = scripted({"await", 9 + 9}, {"send", "8a036e6f770181026869"},
                          {"await", 1e6})
      local value, token, detail = ws:ping("one", 0.05)
      refused("timeout", value, token, detail)
      assert.matches("no pong within 0.05 s", detail)
      assert.equal("open", ws.state)
    end)
  end)

  it("answers why the connection ended", function ()
    run(function ()
      for _, case in ipairs {
        {{"send", "880203e8"}, "closed", "1000"},
        {{"close"}, "closed", "without a close frame"},
        {{"send", "ff00"}, "protocol", "RFC 6455"},
      } do
        local ws = scripted({"await", 9}, case[1], {"await", 1e6})
        local value, token, detail = ws:ping("one", LONG)
        refused(case[2], value, token, detail)
        assert.matches(case[3], detail)
      end
      local _, url = ours.serve()
      local ws = open(url)
      spawn(function () ws:close() end)
      local value, token = ws:ping(("x"):rep(9), LONG)
      assert(value or token == "closed")
      refused("closed", ws:ping(nil, LONG))
    end)
  end)

  it("is refused beyond 64", function ()
    run(function ()
      local ws = scripted {"await", 1e6}
      local found = {}
      for _ = 1, 64 do
        spawn(function ()
          local result = {ws:ping(nil, 0.2)}
          found[#found + 1] = result
        end)
      end
      wsmanager.sleep(0)
      wsmanager.sleep(0)
      local value, token, detail = ws:ping(nil, LONG)
      refused("full", value, token, detail)
      assert.matches("64 pings wait", detail)
      await(function () return #found == 64 end)
      assert.equal("timeout", found[1][2])
      refused("timeout", ws:ping(nil, 0.01))
    end)
  end)

  it("raises for a wrong call", function ()
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      local function fails (text, fn)
        local ok, why = pcall(fn)
        assert.is_false(ok)
        assert.matches("^[^\n]*ping_spec.lua:%d+: .*" .. text, why)
      end
      fails("at most 125 bytes", function () ws:ping(("x"):rep(126), 1) end)
      fails("#2 to 'ping' %(number expected, got string", function () ws:ping(nil, "5") end)
      fails("#2 to 'ping' %(number expected, got nan", function () ws:ping(nil, 0/0) end)
      fails("call it with ':'", function () ws.ping(nil, 5) end)
      ws:close()
    end)
  end)

  it("whose coroutine is closed holds nothing back", function ()
    if not coroutine.close then return end
    run(function ()
      local ws = scripted {"await", 1e6}
      for _ = 1, 200 do
        local thread
        spawn(function ()
          thread = coroutine.running()
          ws:ping("x", LONG)
        end)
        wsmanager.sleep(0)
        wsmanager.sleep(0)
        coroutine.close(thread)
      end
      local _, token = ws:ping(nil, 0.01)
      assert.equal("timeout", token)
    end)
  end)
end)
