-- Whether another attempt follows an end, after which delay, and at what rate.

local managers = require "support.managers"
local policy = require("wsmanager.core").protocol.policy

local events, event_names = managers.events, managers.event_names

local function delays(options, n, chance)
  local list = {}
  for attempt = 1, n do
    list[attempt] = policy.delay(options, attempt, chance or 0)
  end
  return list
end

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
    assert.equal(2000 - 1900 * 0.5, policy.delay({}, 1, 0.5))
    assert.equal(1500, policy.delay({ jitter = 0.5 }, 1, 0.5))
  end)

  it("is not under 100 ms because of jitter alone", function()
    assert.equal(100, policy.delay({}, 1, 0.999999))
    assert.equal(30, policy.delay({ delay_ms = 30 }, 1, 0.9))
    assert.equal(0, policy.delay({ delay_ms = 0 }, 1, 0.9))
  end)

  it("is drawn evenly between 100 ms and all of it: none come together", function()
    local counts = {}
    for i = 0, 9999 do
      local ms = policy.delay({}, 1, i / 10000)
      counts[ms] = (counts[ms] or 0) + 1
    end
    for ms, n in pairs(counts) do assert.is_true(n <= 6, ms) end
  end)

  it("is that of the list, whose last one repeats", function()
    local list = { delays = { 0, 500, 90000 }, jitter = 0 }
    assert.same({ 0, 500, 90000, 90000 }, delays(list, 4))
    list.jitter = 1
    assert.same({ 0, 300, 45050 }, delays(list, 3, 0.5))
  end)

  it("may shrink", function()
    assert.same({ 2000, 1000, 500 }, delays({ factor = 0.5, jitter = 0 }, 3))
  end)
end)

describe("a connection that ended", function()
  it("is followed by an attempt after a loss or an orderly close", function()
    for _, code in ipairs { 1000, 1001, 1005, 1006, 1011, 1012, 1013, 3000, 4999 } do
      assert.is_true(policy.retries { code = code }, code)
    end
  end)

  it("is not after a code after which the same would happen again", function()
    for _, code in ipairs { 1002, 1003, 1007, 1008, 1009, 1010 } do
      assert.is_false(policy.retries { code = code }, code)
    end
  end)

  it("is not after a code or status of `never`", function()
    local never = { 4004, 503 }
    assert.is_false(policy.retries { code = 4004, never = never })
    assert.is_true(policy.retries { code = 4005, never = never })
    assert.is_false(policy.retries { code = 1006, status = 503, never = never })
    assert.is_true(policy.retries { code = 1006, status = 500, never = never })
  end)

  it("is once more after 401 and 403 where a function renews the credentials", function()
    for _, status in ipairs { 401, 403 } do
      local function retries(given)
        given.status, given.final = status, true
        return policy.retries(given)
      end
      assert.is_false(retries {})
      assert.is_true(retries { renews = true })
      assert.is_false(retries { renews = true, is_renewed = true })
      assert.is_false(retries { renews = true, never = { status } })
      assert.is_false(retries { renews = true, is_local = true })
    end
    assert.is_false(policy.retries { renews = true, status = 404, final = true })
  end)

  it("is not after close(), a final error or a lock", function()
    assert.is_false(policy.retries { is_local = true, code = 1000 })
    assert.is_false(policy.retries { final = true })
    assert.is_false(policy.retries { locked = true })
  end)
end)

-- Fails at once; returns the names of the events.
local function fail(m, now)
  m:lost("refused", "nobody listens", false, now)
  return event_names(m)
end

local function reject(m, status, now)
  managers.target(m, now)
  m:connected(now)
  m:write(now)
  m:feed("HTTP/1.1 " .. status .. " No\r\nContent-Length: 0\r\n\r\n", now)
end

describe("a response of 401 or 403", function()
  local function start(options)
    local m = managers.new(options)
    m:start(0)
    return m
  end

  it("is final", function()
    local m = start()
    reject(m, 401, 0)
    assert.equal("closed", m:state())
  end)

  it("is followed by one attempt more where a function renews the credentials", function()
    local m = start { renews = true }
    reject(m, 401, 0)
    assert.equal("error close reconnecting", event_names(m))
    m:tick(2000)
    reject(m, 403, 2000)
    assert.equal("closed", m:state())
  end)

  it("may be followed by one more again after another end", function()
    local m = start { renews = true }
    reject(m, 401, 0)
    event_names(m)
    m:tick(2000)
    reject(m, 500, 2000)
    event_names(m)
    m:tick(4000)
    reject(m, 401, 4000)
    assert.equal("waiting", m:state())
  end)

  it("may be followed by one more after a reconnect()", function()
    local m = start { renews = true }
    reject(m, 401, 0)
    event_names(m)
    m:start(1)
    reject(m, 401, 1)
    assert.equal("waiting", m:state())
  end)
end)

describe("the owner's functions", function()
  it("have their time for an attempt, which has failed then", function()
    local m = managers.new { ask_target = true, ask_ms = 700 }
    m:start(100)
    assert.equal("target", event_names(m))
    assert.equal(800, m:deadline())
    m:tick(799)
    assert.equal("connecting", m:state())
    m:tick(800)
    local list = events(m)
    assert.same({ "error", "timeout" }, { list[1][1], list[1][2] })
    assert.matches("within 0.7 s", list[1][3])
    assert.equal("waiting", m:state())
    managers.target(m, 801)                      -- the late answer
    assert.equal("waiting", m:state())
    m:tick(2800)
    assert.same({ { "target", 1, 1, 2 } }, events(m))
  end)

  it("may have no deadline", function()
    local m = managers.new { ask_target = true, ask_ms = 0 }
    m:start(0)
    event_names(m)
    assert.is_nil(m:deadline())
  end)

  it("may fail: a failure of the attempt, that backs off and is counted", function()
    local m = managers.new { ask_target = true, budget = 1, factor = 2 }
    m:start(0)
    event_names(m)
    m:fail_target("no token", 5)
    assert.same({
      { "error", "refused", "no token" }, { "close", 1006, "", false },
      { "reconnecting", 1, 2000 },
    }, events(m))
    m:tick(2005)
    event_names(m)
    m:fail_target("no token", 2005)
    assert.equal("error close exhausted", event_names(m))
    assert.equal(0, m:counters().attempts)
    m:fail_target("late", 2006)
    assert.equal("exhausted", m:state())
  end)

  it("that do not give a verdict in time give the policy's", function()
    for code, state in pairs { [1001] = "waiting", [1008] = "closed" } do
      local m = managers.open { ask_verdict = true, ask_ms = 300 }
      m:feed(managers.close_frame(code), 1)
      m:lost(nil, nil, nil, 1)
      event_names(m)
      assert.equal(301, m:deadline())
      m:tick(301)
      assert.equal(state, m:state())
      assert.equal(code == 1001 and "reconnecting" or "", event_names(m))
      m:verdict(false, nil, 302)                 -- the late answer
      assert.equal(state, m:state())
    end
  end)
end)

describe("a list of targets", function()
  local function turn(m)
    for _, one in ipairs(events(m)) do
      if one[1] == "target" then return one[3] end
    end
  end

  it("moves on after each attempt, and not after a connection that was stable", function()
    local m = managers.new { ask_target = true }
    m:start(0)
    assert.equal(0, turn(m))
    managers.target(m, 0)
    fail(m, 0)
    m:tick(2000)
    assert.equal(1, turn(m))
    managers.connect(m, 2000)
    m:lost(nil, nil, nil, 7000)                  -- open for 5 s
    event_names(m)
    m:tick(9000)
    assert.equal(1, turn(m))
    managers.connect(m, 9000)
    m:lost(nil, nil, nil, 9001)
    event_names(m)
    m:tick(11001)
    assert.equal(2, turn(m))
  end)
end)

describe("the rate of attempts", function()
  -- Starts, and records when each attempt begins: all fail at once.
  local function attempts(m, count, now)
    local times = {}
    while #times < count do
      if m:want() == "target" then
        managers.target(m, now)
        times[#times + 1] = now
        fail(m, now)
      else
        event_names(m)
        now = m:deadline()
        m:tick(now)
      end
    end
    return times
  end

  local function check(times, limit, per)
    for i = limit + 1, #times do
      assert.is_true(times[i] - times[i - limit] > per, i)
    end
  end

  it("is never more than so many in any time", function()
    local m = managers.new { attempt_limit = 3, attempt_per_ms = 60000, delay_ms = 1 }
    m:start(0)
    local times = attempts(m, 31, 0)
    check(times, 3, 60000)
    assert.is_true(times[31] >= 10 * 60001)
  end)

  it("holds for a day of a thousand", function()
    local m = managers.new {
      attempt_limit = 1000, attempt_per_ms = 86400000, delay_ms = 10,
    }
    m:start(0)
    local times = attempts(m, 2500, 0)
    check(times, 1000, 86400000)
    m:free()
  end)

  it("holds for verdicts and for reconnect(), which tells how long it waits", function()
    local m = managers.new {
      attempt_limit = 1, attempt_per_ms = 1000, ask_verdict = true,
    }
    m:start(0)
    managers.target(m, 0)
    fail(m, 0)
    m:verdict(true, 0, 0)
    assert.same({ { "reconnecting", 1, 1001 } }, events(m))
    m:start(10)
    assert.equal("waiting", m:state())
    assert.same({ { "reconnecting", 0, 991 } }, events(m))
    m:tick(1000)
    assert.equal("waiting", m:state())
    m:tick(1001)
    assert.equal("target", m:want())
  end)

  it("outlives close()", function()
    local m = managers.open { attempt_limit = 1, attempt_per_ms = 1000 }
    m:close(1000, "", 1)
    m:lost(nil, nil, nil, 2)
    m:start(3)
    event_names(m)
    assert.same({ "waiting", 1001 }, { m:state(), m:deadline() })
  end)

  it("counts from when the target is known", function()
    local m = managers.new {
      attempt_limit = 1, attempt_per_ms = 1000, ask_target = true, delay_ms = 1,
    }
    m:start(0)
    event_names(m)
    managers.target(m, 900)
    fail(m, 900)
    assert.equal(1901, m:deadline())
  end)

  it("fails an attempt that it has no memory to remember", function()
    local core = require "wsmanager.core"
    local m = managers.new { attempt_limit = 1, attempt_per_ms = 1000 }
    m:start(0)
    core.failmemory(2)                           -- the URL, then the rate
    managers.target(m, 0)
    core.failmemory(-1)
    assert.same({ "waiting", 0 }, { m:state(), m:counters().attempts })
    local list = events(m)
    assert.same({ "error", "full" }, { list[1][1], list[1][2] })
  end)
end)

describe("the address of an attempt", function()
  it("is bad when it ends before the first message", function()
    local m = managers.new()
    m:start(0)
    assert.equal("unknown", m:address())
    reject(m, 500, 0)
    assert.equal("bad", m:address())
    event_names(m)
    m:tick(2000)
    assert.equal("unknown", m:address())
    managers.connect(m, 2000)
    m:feed(managers.frame(9, "ping"), 2000)
    assert.equal("unknown", m:address())
    m:lost(nil, nil, nil, 9000)
    assert.equal("bad", m:address())
  end)

  it("is bad when nothing answers in time", function()
    local m = managers.new()
    m:start(0)
    managers.target(m, 0)
    m:tick(10000)
    assert.equal("bad", m:address())
  end)

  it("is good once a message came, taken or not", function()
    local m = managers.open()
    m:feed(managers.text("hello"), 1)
    m:lost("closed", "reset", false, 2)
    assert.equal("good", m:address())
  end)

  it("is bad when the login fails, whatever came", function()
    local m = managers.new { ask_login = true }
    m:start(0)
    managers.connect(m, 0)
    m:feed(managers.text("no"), 1)
    m:lost(nil, nil, nil, 2)
    assert.equal("bad", m:address())
  end)

  it("is not judged by an end of our own, nor by a redirect", function()
    local m = managers.open()
    m:close(1000, "", 1)
    m:feed(managers.close_frame(1000), 2)
    m:lost(nil, nil, nil, 3)
    assert.equal("unknown", m:address())
    m = managers.open()
    m:start(1)
    assert.equal("unknown", m:address())
    m = managers.new { redirects = 1 }
    m:start(0)
    managers.target(m, 0)
    m:connected(0)
    m:write(0)
    m:feed("HTTP/1.1 302 Found\r\nLocation: /b\r\n\r\n", 0)
    assert.same({ "redirect", "unknown" }, { m:want(), m:address() })
  end)
end)
