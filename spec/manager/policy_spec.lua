local policy = require("wsmanager.core").protocol.policy

local function delays(options, n, chance)
  local list = {}
  for attempt = 1, n do
    list[attempt] = policy.delay(options, attempt, chance or 0)
  end
  return list
end

describe("the defaults", function()
  it("are the documented ones", function()
    local p = policy.defaults()
    assert.equal(30000, p.heartbeat_interval_ms)
    assert.equal(100000, p.heartbeat_timeout_ms)
    assert.is_true(p.reconnect)
    assert.equal(2000, p.delay_ms)
    assert.equal(60000, p.max_delay_ms)
    assert.equal(2, p.factor)
    assert.equal(1, p.jitter)
    assert.equal(3000, p.pause_ms)
    assert.equal(10, p.budget)
    assert.equal(5000, p.stable_ms)
    assert.equal(10000, p.open_ms)
    assert.equal(5000, p.close_ms)
    assert.equal(1024, p.outbox_messages)
    assert.equal(1048576, p.outbox_bytes)
    assert.equal(4194304, p.inbox_bytes)
    assert.equal(1048576, p.output_bytes)
    assert.equal(16777216, p["limits.message"])
    assert.equal(131072, p["limits.fragments"])
    assert.equal(2 ^ 64, p["limits.frame"])
    assert.equal(16384, p.header_bytes)
    assert.is_false(p.ask_target)
    assert.is_false(p.ask_verdict)
  end)
end)

describe("the delay", function()
  it("doubles until the cap", function()
    assert.same({ 2000, 4000, 8000, 16000, 32000, 60000, 60000 },
                delays({ jitter = 0 }, 7))
  end)

  it("stays the same with factor 1", function()
    assert.same({ 2000, 2000, 2000 }, delays({ factor = 1, jitter = 0 }, 3))
    assert.equal(2000, policy.delay({ factor = 1, jitter = 0 }, 4e9, 0))
  end)

  it("is never under the delay asked for because of the cap", function()
    assert.same({ 90000, 90000 },
                delays({ delay_ms = 90000, jitter = 0 }, 2))
  end)

  it("has no cap when the cap is switched off", function()
    assert.equal(2000 * 2 ^ 10,
                 policy.delay({ max_delay_ms = 0, jitter = 0 }, 11, 0))
    assert.equal(4294967295,
                 policy.delay({ max_delay_ms = 0, jitter = 0 }, 4e9, 0))
  end)

  it("ends at the cap after four thousand million attempts", function()
    assert.equal(60000, policy.delay({ jitter = 0 }, 4e9, 0))
  end)

  it("is less by the jitter's share of chance", function()
    assert.equal(2000, policy.delay({}, 1, 0))
    assert.equal(1000, policy.delay({}, 1, 0.5))
    assert.equal(1500, policy.delay({ jitter = 0.5 }, 1, 0.5))
  end)

  it("is not under 100 ms because of jitter alone", function()
    assert.equal(100, policy.delay({}, 1, 0.999999))
    assert.equal(30, policy.delay({ delay_ms = 30 }, 1, 0.9))
    assert.equal(0, policy.delay({ delay_ms = 0 }, 1, 0.9))
  end)

  it("may shrink", function()
    assert.same({ 2000, 1000, 500 }, delays({ factor = 0.5, jitter = 0 }, 3))
  end)
end)

describe("a connection that ended", function()
  it("is dialled again after a loss or an orderly close", function()
    for _, code in ipairs { 1000, 1001, 1005, 1006, 1011, 1012, 1013, 3000, 4999 } do
      assert.is_true(policy.retries { code = code }, code)
    end
  end)

  it("is not after a code after which the same would happen again", function()
    for _, code in ipairs { 1002, 1003, 1007, 1008, 1009, 1010 } do
      assert.is_false(policy.retries { code = code }, code)
    end
  end)

  it("is not after close(), a final error or a lock", function()
    assert.is_false(policy.retries { is_local = true, code = 1000 })
    assert.is_false(policy.retries { final = true })
    assert.is_false(policy.retries { locked = true })
  end)
end)
