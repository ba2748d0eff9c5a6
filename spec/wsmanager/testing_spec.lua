-- The scripted server and the clock of a test, used as a program's test would.

local programs = require "support.programs"
local wsmanager = require "wsmanager"

local testing = wsmanager.testing

local function run(fn) return function() wsmanager.run(fn) end end

-- Runs fn while the clock is a test's; how many seconds have passed on it.
local function timed(fn)
  local clock = testing.clock()
  local from = clock:now()
  local ok, why = pcall(wsmanager.run, fn, clock)
  local passed = clock:now() - from
  clock:stop()
  assert(ok, why)
  return passed
end

local function connect(server, options)
  options = options or {}
  options.url = server.url
  return assert(wsmanager.new(options))
end

describe("a scripted server", function()
  it("expects and sends", run(function()
    local server = testing.server(function(peer)
      assert.equal("/", peer.request.path)
      assert.equal("hello", peer:expect "hello")
      peer:expect(function(message) return #message == 3 end)
      peer:expect { op = "login", list = { 1, 2 } }
      peer:send { ok = true }
      peer:expect_close(4000)
    end)
    local ws = connect(server)
    ws:send "hello"
    ws:send "abc"
    ws:send '{"list": [1, 2], "op": "login"}'
    assert.equal('{"ok":true}', ws:receive(30))
    ws:close(4000)
    server:finish()
  end))

  it("says what was expected and what came, at the script's line", run(function()
    local function failure(script, act)
      local server = testing.server(script)
      local ws = connect(server, { reconnect = false })
      act(ws)
      local ok, why = wsmanager.spawn(server.finish, server):join(30)
      assert.is_false(ok)
      ws:close()
      return why
    end
    local function wants(text, script, act)
      assert.matches("^[%w_/.]*testing_spec%.lua:%d+: connection 1: " .. text:gsub("%p", "%%%0"),
                     failure(script, act))
    end
    wants('expected "hello", got "helo" (text)',
          function(peer) peer:expect "hello" end, function(ws) ws:send "helo" end)
    wants('expected {"op":1}, got {"op":2} (text)',
          function(peer) peer:expect { op = 1 } end, function(ws) ws:send '{"op":2}' end)
    wants('expected {"a":[1,{"b":2,"c":"x"}],"op":1,"z":[]}, got {"op":1} (text)',
          function(peer)
            peer:expect { z = wsmanager.array {}, op = 1, a = { 1, { c = "x", b = 2 } } }
          end,
          function(ws) ws:send '{"op":1}' end)
    wants('expected {"op":1}, got "no JSON" (text)',
          function(peer) peer:expect { op = 1 } end, function(ws) ws:send "no JSON" end)
    wants('expected what the function accepts, got "a" (binary)',
          function(peer) peer:expect(function() return false end) end,
          function(ws) ws:send("a", "binary") end)
    wants('expected "hello", but ',
          function(peer) peer:expect "hello" end,
          function(ws) ws:opened(30) ws:close(4001, "bye") end)
    wants('expected "hello", and nothing came within 0.01 s',
          function(peer) peer:expect("hello", 0.01) end, function() end)
    wants("expected a close with 4000, got 4001",
          function(peer) peer:expect_close(4000) end,
          function(ws) ws:opened(30) ws:close(4001) end)
    wants('expected a close, got "hello"',
          function(peer) peer:expect_close() end, function(ws) ws:send "hello" end)
    wants("expected a close, and none came within 0.01 s",
          function(peer) peer:expect_close(nil, 0.01) end, function() end)
  end))

  it("has a script for each connection, and refuses, closes and cuts", function()
    local codes = {}
    local passed = timed(function()
      local server = testing.server {
        function(peer) peer:close(1012, "restart") end,
        testing.refuse(503, { ["Retry-After"] = "120" }, "later"),
        function(peer) peer:delay(5) peer:cut() end,
        function(peer)
          assert.equal(4, peer.number)
          peer:expect "here again"
        end,
      }
      local ws = connect(server)
      ws.onclose = function(event) codes[#codes + 1] = event.code end
      ws.onopen = function() if server.count == 4 then ws:send "here again" end end
      server:finish()
      ws:close()
      ws:closed(30)
    end)
    assert.equal(1012, codes[1])
    assert.equal(1006, codes[#codes - 1])
    assert.is_true(passed >= 125 and passed < 400, tostring(passed))
  end)

  it("fails for a connection too many, and for one that does not come", function()
    timed(function()
      local server = testing.server { function(peer) peer:cut() end }
      local ws = connect(server)
      ws:opened(30)
      local other = connect(server)
      other:closed(30)
      local _, why = wsmanager.spawn(server.finish, server):join(30)
      assert.matches("connection 2 came, and there are 1 scripts", why, 1, true)
      other:close()
      ws:close()

      server = testing.server { function() end, function() end }
      ws = connect(server, { reconnect = false })
      ws:closed(30)
      _, why = wsmanager.spawn(server.finish, server, 60):join(90)
      assert.matches("connection 2 did not come within 60 s", why, 1, true)
    end)
  end)

  it("takes the options of serve, and refuses what is no script", run(function()
    local server = testing.server(function(peer)
      peer:expect { a = 1 }
    end, { decode = "json", protocols = "chat" })
    local ws = connect(server, { decode = "json", protocols = "chat" })
    ws:send { a = 1 }
    server:finish()
    assert.equal("chat", ws.protocol)
    ws:close()
    assert.has_error(function() testing.server() end, "bad argument #1 to 'server' (function or "
      .. "list of scripts expected, got nil)")
    assert.has_error(function() testing.server { print, "x" } end,
      "bad script 2 (a function, or testing.refuse(…), expected, got string)")
  end))
end)

describe("the clock of a test", function()
  it("passes hours of sleep at once, in their order", function()
    local order = {}
    local passed = timed(function()
      for _, hours in ipairs { 3, 1, 2 } do
        wsmanager.spawn(function()
          wsmanager.sleep(hours * 3600)
          order[#order + 1] = hours
        end)
      end
      wsmanager.sleep(3.5 * 3600)
    end)
    assert.same({ 1, 2, 3 }, order)
    assert.near(3.5 * 3600, passed, 0.1)
  end)

  it("passes heartbeats", function()
    local code, beats = nil, 0
    local passed = timed(function(clock)
      local server = testing.server(function(peer)
        for _ = 1, 10 do
          peer:expect "beat"
          beats = beats + 1
          peer:send "alive"
        end
      end)
      local ws = connect(server, {
        heartbeat = { interval = 30, timeout = 100, message = "beat" }, reconnect = false,
      })
      ws.onclose = function(event) code = event.code end
      assert(ws:opened(30))
      clock:advance(290)
      assert.equal(9, beats)
      server:finish()
      ws:closed(30)
    end)
    assert.equal(10, beats)
    assert.equal(1000, code)
    assert.is_true(passed >= 300 and passed < 302, tostring(passed))
  end)

  it("passes timeouts", function()
    local passed = timed(function()
      local server = testing.server(function(peer) peer:expect_close() end)
      local ws = connect(server)
      local data, token = ws:receive(900)
      assert.is_nil(data)
      assert.equal("timeout", token)
      ws:close()
      server:finish()
    end)
    assert.is_true(passed >= 900 and passed < 902, tostring(passed))
  end)

  it("advances without a coroutine, and runs again", function()
    local clock = testing.clock()
    local from = clock:now()
    clock:advance(60)
    assert.near(from + 60, clock:now(), 0.01)
    clock:stop()
    assert.is_true(wsmanager.now() >= from + 59.9)
    local before = wsmanager.now()
    wsmanager.sleep(0.01)
    assert.is_true(wsmanager.now() - before >= 0.0099)
  end)

  it("is refused in a host's loop", function()
    local text = programs.run [[
      local w = require "wsmanager"
      w.use {name = "x", watch = function () return function () end end}
      print(pcall(w.testing.clock))
    ]]
    assert.matches("a host's loop turns this one, on its own clock", text, 1, true)
  end)
end)
