-- A wait to reconnect when the machine wakes up or its network comes back.

local managers = require "support.managers"

local event_names = managers.event_names

-- A client whose attempt at `now` failed; its wait has begun.
local function waiting(options, now)
  local m = managers.new(options)
  m:start(now)
  managers.target(m, now)
  m:lost("refused", "no route to host", false, now)
  assert(m:state() == "waiting")
  event_names(m)
  return m
end

describe("a wait to reconnect", function()
  it("ends at once when the network comes back", function()
    local m = waiting({ delay_ms = 30000 }, 0)
    assert.equal(30000, m:deadline())
    m:recovered(12345)
    assert.equal(12345, m:deadline())
    m:tick(12345)
    assert.equal("connecting", m:state())
  end)

  it("ends at once when the machine wakes up, its time being over or not", function()
    local hour = 3600000
    local m = waiting({ delay_ms = 60000, max_delay_ms = 60000 }, 0)
    m:recovered(hour)
    m:tick(hour)
    assert.equal("connecting", m:state())
    m = waiting({ delay_ms = 2 * hour, max_delay_ms = 2 * hour }, 0)
    m:recovered(hour)
    m:tick(hour)
    assert.equal("connecting", m:state())
  end)

  it("is spread by the jitter over a second", function()
    local earliest, latest = math.huge, 0
    for seed = 1, 200 do
      local m = waiting({ delay_ms = 60000, jitter = 1, seed = seed }, 0)
      local before = m:deadline()
      m:recovered(5000)
      if before >= 6000 then
        earliest = math.min(earliest, m:deadline())
        latest = math.max(latest, m:deadline())
      end
    end
    assert.is_true(earliest >= 5000 and earliest < 5200, earliest)
    assert.is_true(latest < 6000 and latest > 5800, latest)
  end)

  it("lasts a second at least: a network that flaps is no flood of attempts", function()
    local m = waiting({ delay_ms = 60000, max_delay_ms = 60000, budget = 1000 }, 0)
    local attempts = 0
    for now = 10, 60000, 10 do
      m:recovered(now)
      m:tick(now)
      if m:state() == "connecting" then
        attempts = attempts + 1
        managers.target(m, now)
        m:lost("refused", "no route to host", false, now)
        event_names(m)
      end
    end
    assert.is_true(attempts >= 55 and attempts <= 60, attempts)
  end)

  it("is short if the network came back during the attempt before it", function()
    local m = waiting({ delay_ms = 30000 }, 0)
    local now = m:deadline()
    m:tick(now)
    managers.target(m, now)
    m:recovered(now + 1)
    m:lost("timeout", "no answer", false, now + 5000)
    event_names(m)
    assert.equal(now + 6000, m:deadline())
    m:tick(now + 6000)
    managers.target(m, now + 6000)
    m:lost("timeout", "no answer", false, now + 7000)
    event_names(m)
    assert.equal(now + 37000, m:deadline())
  end)

  it("is as long as ever if that attempt opened", function()
    local m = waiting({ delay_ms = 30000 }, 0)
    local now = m:deadline()
    m:tick(now)
    managers.target(m, now)
    m:recovered(now + 1)
    m:connected(now + 2)
    m:write(now + 2)
    m:feed(managers.response, now + 2)
    assert.equal("open", m:state())
    m:lost(nil, nil, false, now + 10000)
    event_names(m)
    assert.equal(now + 40000, m:deadline())
  end)

  it("is never made longer", function()
    local m = waiting({ delay_ms = 500 }, 0)
    m:recovered(100)
    assert.equal(500, m:deadline())
  end)

  it("stays as the peer asked for it", function()
    local m = managers.new { delay_ms = 1000 }
    m:start(0)
    managers.target(m, 0)
    m:connected(0)
    m:write(0)
    m:feed("HTTP/1.1 503 Busy\r\nRetry-After: 20\r\nContent-Length: 0\r\n\r\n", 0)
    assert.equal("waiting", m:state())
    event_names(m)
    m:recovered(5000)
    assert.equal(20000, m:deadline())
  end)

  it("stays as the owner asked for it", function()
    local m = managers.new { ask_verdict = true, delay_ms = 1000 }
    m:start(0)
    managers.target(m, 0)
    m:lost("refused", "no", false, 0)
    event_names(m)
    m:verdict(true, 40000, 0)
    event_names(m)
    m:recovered(5000)
    assert.equal(40000, m:deadline())
  end)

  it("is what the network is watched for, and the attempts after one that failed",
     function()
    local m = managers.new { delay_ms = 1000 }
    assert.is_false(m:awaits())
    m:start(0)
    managers.target(m, 0)
    assert.is_false(m:awaits())
    m:lost("refused", "no", false, 0)
    assert.is_true(m:awaits())
    event_names(m)
    m:tick(1000)
    assert.is_true(m:awaits())
    managers.connect(m, 1000)
    assert.equal("open", m:state())
    assert.is_false(m:awaits())
    m:recovered(2000)
    assert.equal("open", m:state())
    assert.is_false(managers.serve():awaits())
  end)
end)
