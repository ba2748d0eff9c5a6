-- The one rule of timeouts, in each function that takes one.

local wsmanager = require "wsmanager"
local json = require "support.json"
local ours = require "support.ours"
local peers = require "support.peers"
local web = require "support.web"

local run, spawn, sleep = wsmanager.run, wsmanager.spawn, wsmanager.sleep
local serve, fails, refused = ours.serve, ours.fails, ours.refused
local LONG = ours.LONG

-- A peer that takes all and says nothing.
local function silent (ws)
  repeat until not ws:receive()
end

local function connect (options)
  local _, url = serve(silent)
  options.url, options.reconnect = url, false
  local ws = wsmanager.new(options)
  assert(ws:opened(LONG))
  return ws
end

-- One that nobody answers: its outbox is full.
local function waiting ()
  local ws = wsmanager.new {
    url = ours.nowhere(), outbox = {messages = 1, full = "wait"},
    reconnect = {delay = 3600, max_delay = 3600, jitter = 0},
  }
  ws:send "first"
  ours.await(function () return ws.state == "waiting" end)
  return ws
end

-- What a call returns: no tail call, which would lose its line.
local function same (...) return ... end

-- In a login, with its handle. `caught`: the call raises, and its error is returned.
local function logging_in (call)
  return function (timeout, caught)
    local outcome = wsmanager.queue()
    local _, url = serve(silent)
    local ws
    ws = wsmanager.new {
      url = url, reconnect = false, decode = "json", correlate = "id",
      timeouts = {login = LONG},
      login = function (handle)
        if caught then outcome:put {pcall(call, handle, timeout)}
        else outcome:put {call(handle, timeout)} end
        ws:close()
      end,
    }
    local results, token, detail = outcome:take(LONG)
    if not results then return nil, token, detail end
    return results[1], results[2], results[3]
  end
end

-- Each function: what it is called in an error, the call, and the token of a timeout of 0;
-- `true` where that is a success.
local functions = {
  receive = {"#1 to 'receive'", function ()
    local ws = connect {}
    return function (timeout) return same(ws:receive(timeout)) end
  end, "timeout"},
  send = {"#3 to 'send'", function ()
    local ws = waiting()
    return function (timeout) return same(ws:send("x", "text", timeout)) end
  end, "full"},
  ["send { timeout }"] = {"#3 to 'send'", function ()
    local ws = waiting()
    return function (timeout) return same(ws:send("x", "text", {timeout = timeout})) end
  end, "full", "for 'timeout' "},
  drain = {"#1 to 'drain'", function ()
    local ws = waiting()
    return function (timeout) return same(ws:drain(timeout)) end
  end, "timeout"},
  opened = {"#1 to 'opened'", function ()
    local ws = waiting()
    return function (timeout) return same(ws:opened(timeout)) end
  end, "timeout"},
  closed = {"#1 to 'closed'", function ()
    local ws = connect {}
    return function (timeout) return same(ws:closed(timeout)) end
  end, "timeout"},
  ping = {"#2 to 'ping'", function ()
    local ws = connect {}
    return function (timeout) return same(ws:ping(nil, timeout)) end
  end, true},
  request = {"#2 to 'request'", function ()
    local ws = connect {decode = "json", correlate = "id"}
    return function (timeout) return same(ws:request({}, timeout)) end
  end, "timeout"},
  ["request { timeout }"] = {"#2 to 'request'", function ()
    local ws = connect {decode = "json", correlate = "id"}
    return function (timeout) return same(ws:request({}, {timeout = timeout})) end
  end, "timeout", "for 'timeout' "},
  ["subscription:receive"] = {"#1 to 'receive'", function ()
    local subscription = connect({}):subscribe()
    return function (timeout) return same(subscription:receive(timeout)) end
  end, "timeout"},
  ["receive of a reader"] = {"#1 to 'receive'", function ()
    local ws = connect {stream = true}
    return function (timeout) return same(ws:receive(timeout)) end
  end, "timeout"},
  join = {"#1 to 'join'", function ()
    local task = spawn(sleep, math.huge)
    return function (timeout) return same(task:join(timeout)) end
  end, "timeout"},
  put = {"#2 to 'put'", function ()
    local queue = wsmanager.queue(1)
    queue:put(1)
    return function (timeout) return same(queue:put(2, timeout)) end
  end, "full"},
  take = {"#1 to 'take'", function ()
    local queue = wsmanager.queue()
    return function (timeout) return same(queue:take(timeout)) end
  end, "timeout"},
  sleep = {"#1 to 'sleep'", function ()
    return function (timeout) return same(sleep(timeout)) end
  end, true},
  ["login's receive"] = {"#1 to 'receive'", function ()
    return logging_in(function (ws, timeout) return same(ws:receive(timeout)) end)
  end, "timeout"},
  ["login's send"] = {"#3 to 'send'", function ()
    return logging_in(function (ws, timeout) return same(ws:send("x", "text", timeout)) end)
  end, true},
  ["login's request"] = {"#2 to 'request'", function ()
    return logging_in(function (ws, timeout) return same(ws:request({}, timeout)) end)
  end, "timeout"},
}

describe("a timeout", function ()
  after_each(ours.stop)
  teardown(peers.stop)

  for name, case in pairs(functions) do
    local what, make, token, more = case[1], case[2], case[3], case[4] or ""
    local needs_json = name:find "request" or name:find "login"

    if not needs_json or json.is_there("a timeout of " .. name) then
      it("of less than 0 is one of 0: " .. name, function ()
        run(function ()
          local call = make()
          for _, timeout in ipairs {0, -0.5, -1, -math.huge} do
            if token == true then assert.is_true(call(timeout))
            else refused(token, call(timeout)) end
          end
        end)
      end)

      it("that is no number raises: " .. name, function ()
        run(function ()
          local call = make()
          for got, value in pairs {nan = 0/0, string = "5", boolean = true} do
            local why = "bad argument " .. what .. " %(number " .. more .. "expected, got "
                        .. got .. "%)"
            local ok, text
            if name:find "login" then ok, text = call(value, true)
            else ok, text = pcall(function () call(value) end) end
            assert.is_false(ok)
            assert.matches("arguments_spec%.lua:%d+: " .. why, text)
          end
        end)
      end)

      it("of math.huge ends only with what it waits for: " .. name, function ()
        run(function ()
          local call = make()
          local task = spawn(call, math.huge)
          sleep(0)
          sleep(0)
          if name == "ping" or name == "login's send" then
            assert.is_true((task:join(LONG)))
          else
            assert.equal("running", task.state)
            task:cancel()
            refused("cancelled", select(2, task:join(LONG)))
          end
        end)
      end)
    end
  end

  it("of step is one of 0, too", function ()
    run(function () assert(true) end)
    for _, timeout in ipairs {0, -1, -math.huge} do wsmanager.step(timeout) end
    for _, value in ipairs {0/0, "5"} do
      fails("bad argument #1 to 'step' %(number expected, got ", wsmanager.step, value)
    end
  end)

  it("of a reader is one of 0, too", function ()
    run(function ()
      local _, url = serve(function (ws)
        ws:send(("x"):rep(2^20), "binary")
        silent(ws)
      end)
      local ws = wsmanager.new {url = url, stream = true, reconnect = false}
      local reader = assert(ws:receive(LONG))
      for _, value in ipairs {0/0, "5"} do
        fails("bad argument #1 to 'read' %(number expected, got ", reader.read, reader, value)
      end
      local part, token
      repeat part, token = reader:read(-1) until not part
      assert.is_true(token == nil or token == "timeout")
    end)
  end)

  it("of stop is one of 0, too", function ()
    run(function ()
      local server, url = serve(function (ws) sleep(LONG) ws:close() end)
      local ws = wsmanager.new {url = url, reconnect = false}
      assert(ws:opened(LONG))
      for _, value in ipairs {0/0, "5"} do
        fails("bad argument #1 to 'stop' %(number expected, got ", server.stop, server, value)
      end
      server:stop(-1)
      assert.equal("closed", select(2, ws:receive(LONG)))
    end)
  end)

  it("of fetch is one of 0, too, or false", function ()
    local server = web.serve()
    for _, timeout in ipairs {0, -1, -math.huge} do
      local response, token = wsmanager.fetch(server.url .. "/status/200", {timeout = timeout})
      assert.same({nil, "timeout"}, {response, token})
    end
    for _, timeout in ipairs {false, math.huge, 1e300} do
      local response = wsmanager.fetch(server.url .. "/status/200", {timeout = timeout})
      assert.equal(200, response.status)
    end
    for _, value in ipairs {0/0, "5", true} do
      fails("bad option 'timeout' %(number or false expected, got ", wsmanager.fetch,
            server.url, {timeout = value})
    end
  end)
end)
