-- When a manager reconnects, after which delay, and when it gives up.

local managers = require "support.managers"

local events, event_names = managers.events, managers.event_names

-- Goes to the deadline and connects; returns when that was.
local function reconnect(m)
  local now = m:deadline()
  m:tick(now)
  assert(m:want() == "target")
  managers.target(m, now)
  return now
end

local function fail(m, now)
  m:lost("refused", "nobody listens", false, now)
  return event_names(m)
end

describe("reconnecting", function()
  it("has the seed's rhythm: 2 s after an error", function()
    local m = managers.open()
    m:lost("closed", "reset", false, 7000)
    event_names(m)
    assert.equal(9000, m:deadline())
    m:tick(8999)
    assert.equal("waiting", m:state())
    m:tick(9000)
    assert.equal("connecting", m:state())
  end)

  it("has the seed's rhythm: 3 s and 2 s after an orderly close", function()
    local m = managers.open()
    m:feed(managers.close_frame(1000), 7000)
    m:lost(nil, nil, nil, 7000)
    event_names(m)
    assert.equal(12000, m:deadline())
  end)

  it("schedules one attempt for an error and the close that follows it", function()
    local m = managers.open()
    m:lost("closed", "reset", false, 7000)
    m:lost(nil, nil, nil, 7001)
    event_names(m)
    m:tick(9000)
    managers.target(m, 9000)
    m:tick(9001)
    assert.equal(2, m:counters().attempts)
  end)

  it("waits longer each time, up to the cap", function()
    local m = managers.new { factor = 2 }
    m:start(0)
    managers.target(m, 0)
    local now, waits = 0, {}
    for i = 1, 7 do
      fail(m, now)
      waits[i] = m:deadline() - now
      now = reconnect(m)
    end
    assert.same({ 2000, 4000, 8000, 16000, 32000, 60000, 60000 }, waits)
  end)

  it("draws its jitter from the seed", function()
    local function wait(seed)
      local m = managers.new { jitter = 1, seed = seed }
      m:start(0)
      managers.target(m, 0)
      fail(m, 0)
      return m:deadline()
    end
    local least, most = 2000, 100
    for seed = 1, 200 do
      local ms = wait(seed)
      assert.equal(ms, wait(seed))
      assert.is_true(ms >= 100 and ms <= 2000)
      least, most = math.min(least, ms), math.max(most, ms)
    end
    assert.is_true(least < 250 and most > 1750)
  end)

  it("waits until every event was popped", function()
    local m = managers.open()
    m:lost(nil, nil, nil, 0)
    assert.is_nil(m:deadline())
    m:tick(1e6)
    assert.equal("waiting", m:state())
    event_names(m)
    assert.equal(2000, m:deadline())
    m:tick(1e6)
    assert.equal("connecting", m:state())
  end)

  it("asks for the target again each time", function()
    local m = managers.new { ask_target = true }
    m:start(0)
    assert.same({ { "target", 0, 0, 1 } }, events(m))
    managers.target(m, 0)
    fail(m, 0)
    m:tick(2000)
    assert.same({ { "target", 1, 1, 2 } }, events(m))
  end)

  it("does not happen after close(), a final error or a hopeless code", function()
    local m = managers.open()
    m:lost("tls", "certificate has expired", true, 1)
    assert.equal("closed", m:state())
    for _, code in ipairs { 1002, 1003, 1007, 1008, 1009, 1010 } do
      m = managers.open()
      m:feed(managers.close_frame(code), 1)
      m:lost(nil, nil, nil, 1)
      assert.equal("closed", m:state(), code)
    end
  end)
end)

describe("the budget", function()
  it("has no end by default: an outage of a week ends nothing", function()
    local m = managers.new { factor = 2 }
    m:start(0)
    managers.target(m, 0)
    local now = 0
    while now < 7 * 86400000 do
      assert.equal("error close reconnecting", fail(m, now))
      local next_one = reconnect(m)
      assert.is_true(next_one - now <= 60000)
      now = next_one
    end
  end)

  it("may be ten failures in a row, then exhausted", function()
    local m = managers.new { budget = 10 }
    m:start(0)
    managers.target(m, 0)
    local now = 0
    for _ = 1, 10 do
      assert.equal("error close reconnecting", fail(m, now))
      now = reconnect(m)
    end
    assert.equal("error close exhausted", fail(m, now))
    assert.same({ "exhausted", "disconnect" }, { m:state(), m:want() })
    assert.is_nil(m:deadline())
    assert.equal(11, m:counters().attempts)
    assert.is_false(m:next(now))
  end)

  it("comes back after 5 s open, not before", function()
    local m = managers.open()
    m:lost(nil, nil, nil, 0)
    event_names(m)
    local now = reconnect(m)
    m:connected(now)
    m:write(now)
    m:feed(managers.response, now)
    m:lost(nil, nil, nil, now + 4999)
    assert.equal(2, m:counters().failures)
    event_names(m)
    now = reconnect(m)
    m:connected(now)
    m:write(now)
    m:feed(managers.response, now)
    m:lost(nil, nil, nil, now + 5000)
    assert.equal(1, m:counters().failures)
  end)

  it("comes back with a start", function()
    local m = managers.new { budget = 1 }
    m:start(0)
    managers.target(m, 0)
    fail(m, 0)
    fail(m, reconnect(m))
    assert.equal("exhausted", m:state())
    m:start(1e6)
    assert.equal("target", m:want())
    managers.target(m, 1e6)
    assert.equal("error close reconnecting", fail(m, 1e6))
  end)

  it("may have no end: five thousand failures, then ten years open", function()
    local m = managers.new { budget = math.huge, factor = 2 }
    local decade = 10 * 365 * 24 * 3600 * 1000
    m:start(0)
    managers.target(m, 0)
    local now, attempts = 0, 1
    for _ = 1, 5000 do
      fail(m, now)
      now = reconnect(m)
      attempts = attempts + 1
    end
    m:connected(now)
    m:write(now)
    m:feed(managers.response, now)
    m:lost(nil, nil, nil, decade)
    assert.equal(1, m:counters().failures)
    assert.equal(attempts, m:counters().attempts)
    event_names(m)
    assert.equal(decade + 2000, m:deadline())
  end)

  it("lasts for ten years of failures by the day", function()
    local m = managers.new { budget = math.huge, delay_ms = 24 * 3600 * 1000 }
    m:start(0)
    managers.target(m, 0)
    local now = 0
    for _ = 1, 3650 do
      fail(m, now)
      now = reconnect(m)
    end
    assert.equal(3650 * 24 * 3600 * 1000, now)
    assert.equal("connecting", m:state())
  end)
end)

describe("a verdict", function()
  local function asked(options)
    local all = { ask_verdict = true }
    for k, v in pairs(options or {}) do all[k] = v end
    local m = managers.open(all)
    return m
  end

  it("is asked after each end, with what the policy would say", function()
    local m = asked()
    m:lost(nil, nil, nil, 1)
    assert.equal("waiting", m:state())
    assert.is_nil(m:deadline())
    assert.same({ "verdict", "closed", 1006, false }, events(m)[3])
    m = asked()
    m:feed(managers.close_frame(1008), 1)
    m:lost(nil, nil, nil, 1)
    assert.same({ "verdict", "", 1008, true }, events(m)[2])
  end)

  it("of yes connects again with the policy's delay", function()
    local m = asked()
    m:lost(nil, nil, nil, 1)
    event_names(m)
    m:verdict(true, nil, 10)
    assert.same({ { "reconnecting", 1, 2000 } }, events(m))
    assert.equal(2010, m:deadline())
  end)

  it("of yes after an orderly close pauses too", function()
    local m = asked()
    m:feed(managers.close_frame(1000), 1)
    m:lost(nil, nil, nil, 1)
    event_names(m)
    m:verdict(true, nil, 10)
    assert.same({ { "reconnecting", 1, 5000 } }, events(m))
  end)

  it("of yes may bring its own delay, and overrides the policy", function()
    local m = asked()
    m:feed(managers.close_frame(1008), 1)
    m:lost(nil, nil, nil, 1)
    event_names(m)
    m:verdict(true, 70, 10)
    assert.same({ { "reconnecting", 1, 70 } }, events(m))
    assert.equal(80, m:deadline())
  end)

  it("of no closes and reports what was not sent", function()
    local m = asked()
    m:send("hello")
    m:lost(nil, nil, nil, 1)
    event_names(m)
    m:verdict(false, nil, 2)
    assert.same({ "closed", "error" }, { m:state(), event_names(m) })
  end)

  it("spends the budget", function()
    local m = asked { budget = 1 }
    m:lost(nil, nil, nil, 1)
    event_names(m)
    m:verdict(true, 0, 1)
    event_names(m)
    m:tick(1)
    managers.target(m, 1)
    fail(m, 1)
    m:verdict(true, 0, 1)
    assert.same({ "exhausted", "exhausted" }, { m:state(), event_names(m) })
  end)

  it("that nobody asked for is ignored", function()
    local m = managers.open()
    m:verdict(false, nil, 1)
    assert.equal("open", m:state())
    m:lost(nil, nil, nil, 1)
    m:verdict(false, nil, 1)
    assert.equal("waiting", m:state())
  end)
end)
