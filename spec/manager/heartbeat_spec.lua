-- When a manager sends heartbeats, on a fake clock.

local liveness = require "support.liveness"
local managers = require "support.managers"

local event_names = managers.event_names
local acknowledging, dead_at = liveness.acknowledging, liveness.dead_at
local pass, times = liveness.pass, liveness.times
local message = '{"action":4}'
local PONG = 11    -- of the kinds of notes, as journal.h counts them

describe("a heartbeat", function()
  it("is sent after 30 s of silence and every 30 s after it", function()
    local m = managers.open({ heartbeat_message = message, heartbeat_timeout_ms = 0 }, 1000)
    local bytes = managers.masked(1, message)
    assert.same({ { 31000, bytes }, { 61000, bytes }, { 91000, bytes } }, pass(m, 100999))
  end)

  it("sends its message though the program has forgotten the text", function()
    local m = managers.open { heartbeat_message = ("beat"):rep(25) .. 7 }
    collectgarbage()
    collectgarbage()
    local others = {}
    for i = 1, 5000 do others[i] = ("x"):rep(96) .. 10000 + i end
    assert.equal(5000, #others)
    assert.same({ { 30000, managers.masked(1, ("beat"):rep(25) .. 7) } }, pass(m, 59999))
  end)

  it("is of the kind that the policy names", function()
    local m = managers.open { heartbeat_message = "\255", heartbeat_binary = true }
    assert.same({ { 30000, managers.masked(2, "\255") } }, pass(m, 59999))
  end)

  -- A byte each way, at that time.
  local function receive(m, now) m:feed(managers.frame(10, ""), now) end
  local function send(m, now)
    m:send "hello"
    m:write(now)
  end

  for mode, expected in pairs {
    [0] = { received = 30000, sent = 30000, both = 50000 },       -- either
    [1] = { received = 50000, sent = 30000, both = 50000 },       -- received
    [2] = { received = 30000, sent = 50000, both = 50000 },       -- sent
    [3] = { received = 30000, sent = 30000, both = 30000 },       -- always
  } do
    it("is due by its mode " .. mode, function()
      for how, due in pairs(expected) do
        local m = managers.open { heartbeat_mode = mode }
        m:tick(10000)
        if how ~= "sent" then receive(m, 20000) end
        if how ~= "received" then send(m, 20000) end
        assert.same({ how, due }, { how, pass(m, 60000)[1][1] })
      end
    end)

    it("never comes sooner than an interval after the last, mode " .. mode, function()
      local m = managers.open({ heartbeat_mode = mode, heartbeat_timeout_ms = 0 })
      local list = times(pass(m, 30000))
      receive(m, 30001)
      for _, at in ipairs(times(pass(m, 130000))) do list[#list + 1] = at end
      for i = 2, #list do assert.is_true(list[i] - list[i - 1] >= 30000) end
      assert.is_true(#list >= 4)
    end)
  end

  it("is sent while only the peer sends", function()
    local m = managers.open()
    local list = {}
    for now = 1000, 100000, 1000 do
      receive(m, now)
      if m:deadline() <= now then m:tick(now) end
      if m:write(now) ~= "" then list[#list + 1] = now end
    end
    assert.same({ 30000, 60000, 90000 }, list)
    assert.equal("open", m:state())
  end)

  it("is sent in every mode when nothing was heard for the timeout", function()
    local m = managers.open { heartbeat_mode = 2 }
    local list = {}
    for now = 1000, 169000, 1000 do
      if m:deadline() <= now then m:tick(now) end
      if m:write(now):byte(1) == 0x89 then list[#list + 1] = now end
      m:send "a trickle"
      m:write(now)
    end
    assert.same({ 100000 }, list)
    m:tick(170000)
    assert.equal("waiting", m:state())
  end)

  it("is one chain, also after a reconnect", function()
    local m = managers.open { heartbeat_message = message }
    pass(m, 30000)
    m:lost(nil, nil, nil, 40000)
    event_names(m)
    m:tick(42000)
    managers.connect(m, 42000)
    event_names(m)
    assert.same({ { 72000, managers.masked(1, message) } }, pass(m, 72000 + 29999))
  end)

  it("is a ping unless a message is given, and its pong is the latency", function()
    local m = managers.open()
    m:tick(30000)
    local ping = m:write(30000)
    assert.equal(0x89, ping:byte(1))
    assert.is_nil(m:latency())
    m:feed(managers.frame(10, ping:sub(7)), 30042)
    assert.equal(42, m:latency())
    m:tick(60042)
    assert.is_not.equal(ping, m:write(60042))
  end)

  it("notes when its pong came, and counts how long that took", function()
    local m = managers.open()
    m:notes()
    m:tick(30000)
    local ping = m:write(30000)
    m:feed(managers.frame(10, ping:sub(7)), 30042)
    local notes = m:notes()
    assert.same({ PONG, 30042, 42, 0, "" }, notes[#notes])
    m:feed(managers.frame(10, ping:sub(7)), 30050)    -- once more
    assert.same({}, m:notes())
    assert.same({ 1, 42 }, { m:round_trips() })
    assert.same({ 42, 42, 42 }, { m:latency() })
  end)

  it("takes no pong of an earlier ping for its own", function()
    local m = managers.open()
    m:tick(30000)
    local first = m:write(30000):sub(7)
    m:feed(managers.frame(10, first), 30042)
    m:tick(60042)
    local second = m:write(60042):sub(7)
    m:feed(managers.frame(10, first), 60043)
    assert.equal(42, (m:latency()))
    m:feed(managers.frame(10, second), 60049)
    assert.equal(7, (m:latency()))
  end)

  it("that could not be sent is none", function()
    local m = managers.open()
    m:keys(0)
    m:tick(30000)
    assert.equal(0, m:counters().heartbeats)
    assert.equal("", m:write(30000))
    m:keys()
    m:tick(m:deadline())
    assert.equal(1, m:counters().heartbeats)
  end)

  it("takes no stray pong for an answer", function()
    local m = managers.open { heartbeat_mode = 1 }
    m:feed(managers.frame(10, "\0\0\0\0\0\0\0\1"), 1)
    m:tick(30000)
    m:tick(30001)
    m:write(30001)
    assert.is_nil(m:latency())
  end)

  it("can be switched off", function()
    local m = managers.open { heartbeat_interval_ms = 0, heartbeat_timeout_ms = 0 }
    assert.is_nil(m:deadline())
    m:tick(1e12)
    assert.equal("", m:write(1e12))
  end)

  it("is sent though the output is full, and waits there alone", function()
    local m = managers.open { output_bytes = 100, heartbeat_timeout_ms = 0 }
    m:send(("x"):rep(100))
    local before = m:buffered()
    m:tick(30000)
    local with_ping = m:buffered()
    assert.is_true(with_ping > before)
    for now = 60000, 300000, 30000 do m:tick(now) end
    assert.equal(with_ping, m:buffered())
    m:write(300000)
    m:tick(330000)
    assert.equal(0x89, m:write(330000):byte(1))
  end)

  it("is a ping as well when half of the time for a message has passed", function()
    local m = managers.open { heartbeat_message = message, heartbeat_interval_ms = 60000 }
    local kernel, acknowledge = acknowledging()
    local list = pass(m, 99999, kernel, acknowledge)
    assert.same({ 60000, 80000 }, times(list))
    assert.equal(0x89, list[2][2]:byte(1))
    assert.equal(100000, dead_at(m, 200000, kernel, acknowledge))
  end)

  it("is a ping behind a message that is due at the same time", function()
    local m = managers.open {
      heartbeat_message = message, heartbeat_interval_ms = 20000, heartbeat_timeout_ms = 60000,
    }
    local kernel, acknowledge = acknowledging()
    local list = pass(m, 59999, kernel, acknowledge)
    local text = managers.masked(1, message)
    assert.same({ 20000, 40000 }, times(list))
    assert.equal(text, list[2][2]:sub(1, #text))
    assert.equal(0x89, list[2][2]:byte(#text + 1))
  end)

  it("is not sent again on the next connection when a ping is behind it", function()
    local m = managers.open {
      heartbeat_message = message, heartbeat_interval_ms = 20000, heartbeat_timeout_ms = 60000,
    }
    pass(m, 39999)
    m:tick(40000)
    m:lost(nil, nil, false, 40000)
    assert.same({}, (m:unsent()))
  end)

  -- A ping takes the place of a message that is one too many for the rate.
  it("is one ping at most of those that wait in the output", function()
    local m = managers.open {
      heartbeat_message = message, heartbeat_mode = 3, rate_limit = 1, rate_per_ms = 60000,
    }
    assert.equal("sent", m:send("x", nil, 29990))
    m:write(29990)
    m:tick(30000)
    local with_ping = m:buffered()
    assert.equal(0x89, m:output():byte(1))
    for _, now in ipairs { 47500, 60000, 65000, 82500 } do m:tick(now) end
    assert.equal(with_ping, m:buffered())
    m:write(82501)
    m:tick(100000)
    assert.is_true(m:buffered() > 0)
  end)

  it("that is out keeps back no message of the program's that looks like it", function()
    local m = managers.open { heartbeat_message = message, heartbeat_interval_ms = 60000 }
    m:tick(60000)
    m:write(60000)
    m:tick(70000)
    m:tick(80000)
    assert.equal(0x89, m:output():byte(1))
    assert.equal("sent", m:send(message, nil, 80000))
    m:lost(nil, nil, false, 80001)
    assert.same({ message }, (m:unsent()))
  end)

  it("is no ping as well where its answer is a message", function()
    local m = managers.open {
      heartbeat_message = message, heartbeat_ack = true, heartbeat_interval_ms = 60000,
    }
    assert.same({ 60000 }, times(pass(m, 99999)))
  end)

  it("is spread by the jitter, the first one", function()
    local seen = {}
    for seed = 1, 200 do
      local m = managers.open { seed = seed, heartbeat_jitter = 1, heartbeat_timeout_ms = 0 }
      local list = times(pass(m, 100000))
      assert.is_true(list[1] <= 30000)
      assert.equal(30000, list[2] - list[1])
      seen[math.floor(list[1] / 3000)] = true
    end
    for tenth = 0, 9 do assert.is_true(seen[tenth]) end
  end)

  it("asks for its message where that is a function", function()
    local m = managers.open { heartbeat_ask = true }
    m:tick(30000)
    assert.equal("heartbeat", event_names(m))
    assert.equal("", m:write(30000))
    assert.is_true(m:heartbeat("\1\2", true))
    assert.equal(managers.masked(2, "\1\2"), m:write(30000))
    assert.is_true(m:heartbeat("nobody asked", false))
    m:tick(47500)
    m:tick(60000)
    assert.is_true(m:heartbeat(nil))
    assert.equal(0x89, m:write(60000):byte(1))
    m:lost(nil, nil, nil, 60001)
    assert.is_true(m:heartbeat("too late", false))
    assert.equal("error close reconnecting", event_names(m))
  end)

  it("does not ask on for a connection that has ended", function()
    local m = managers.open { heartbeat_ask = true }
    m:tick(30000)
    m:lost(nil, nil, nil, 30001)
    assert.equal("error close reconnecting", event_names(m))
  end)

  it("follows other rules from when they are set", function()
    local m = managers.open { heartbeat_interval_ms = 0, heartbeat_timeout_ms = 0 }
    m:set_heartbeat({ heartbeat_interval_ms = 1000, heartbeat_timeout_ms = 0,
                      heartbeat_mode = 3, heartbeat_message = "d" }, 5000)
    assert.same({ { 6000, managers.masked(1, "d") }, { 7000, managers.masked(1, "d") } },
                pass(m, 7999))
    m:lost(nil, nil, nil, 8000)
    m:tick(10000)
    event_names(m)
    m:tick(10000)
    managers.connect(m, 10000)
    assert.same({ 11000 }, times(pass(m, 11999))) -- on the next connection, too
    m:set_heartbeat(nil, 12000)
    assert.is_nil(m:deadline())
  end)

  it("looks after a server's side too", function()
    local m = managers.serve()
    assert.same({ 30000, 60000, 90000 }, times(pass(m, 99999)))
    m:tick(100000)
    assert.equal("closed", m:state())
  end)
end)
