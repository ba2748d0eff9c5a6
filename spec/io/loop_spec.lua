-- A loop asks libuv who is readable, unless one socket alone is so again and again.

local peers = require "support.peers"
local rounds = require "wsmanager.run.rounds"
local wsmanager = require "wsmanager"

local LONG = 30

local function connect (peer)
  local ws = wsmanager.new {url = "ws://127.0.0.1:" .. peer.port .. "/echo",
                            reconnect = false, compress = false}
  assert(ws:opened(LONG))
  return ws
end

local function echo (ws, text)
  assert(ws:send(text))
  assert.equal(text, (ws:receive(LONG)))
end

-- Runs fn(peer) while one connection is busy.
local function beside_a_busy_one (fn)
  local peer = peers.start "python_server"
  wsmanager.run(function ()
    local busy, done, count = connect(peer), false, 0
    local task = wsmanager.spawn(function ()
      while not done do
        echo(busy, "hello")
        count = count + 1
      end
      busy:close()
    end)
    fn(peer)
    done = true
    assert(task:join(LONG))
    assert.is_true(count > 0)
  end)
end

describe("a loop", function ()
  after_each(peers.stop)

  it("does not ask each time where one socket alone is busy", function ()
    local peer = peers.start "python_server"
    wsmanager.run(function ()
      local ws = connect(peer)
      local from, before = wsmanager.now(), rounds.loop():counters().polls
      for _ = 1, 2000 do echo(ws, "hello") end
      local polls = rounds.loop():counters().polls - before
      -- after four milliseconds it asks
      local limit = 100 + (wsmanager.now() - from) / 0.004
      assert(polls <= limit, polls .. " polls, " .. limit .. " expected at the most")
      ws:close()
    end)
  end)

  it("reads from others meanwhile", function ()
    beside_a_busy_one(function (peer)
      local ws = connect(peer)
      for i = 1, 50 do echo(ws, "message " .. i) end
      ws:close()
      assert(ws:closed(LONG))
    end)
  end)

  it("writes what the kernel did not take at once meanwhile", function ()
    beside_a_busy_one(function (peer)
      local ws, text = connect(peer), ("x"):rep(2 ^ 20 - 1)
      for _ = 1, 4 do assert(ws:send(text)) end
      for _ = 1, 4 do assert.equal(#text, #ws:receive(LONG)) end
      ws:close()
    end)
  end)

  it("tells the end of the busy one", function ()
    local peer = peers.start("scripted", {host = "127.0.0.1", script = {
      {"accept"}, {"frame"}, {"drip", ("810161"):rep(40), 0.001}, {"send", "880203e9"},
      {"frame"}, {"close"},
    }})
    wsmanager.run(function ()
      local ws = wsmanager.new {url = "ws://127.0.0.1:" .. peer.port, reconnect = false}
      ws:send "go"
      for _ = 1, 40 do assert.equal("a", (ws:receive(LONG))) end
      assert.equal(1001, (ws:closed(LONG)))
    end)
  end)
end)
