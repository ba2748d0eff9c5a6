local core = require "wsmanager.core"

local function rate(limit, per) return core.protocol.rate(limit, per) end

-- Takes what fits from `now` on, each as soon as it may: the times.
local function take(r, count, now, reserve)
  local times = {}
  for i = 1, count do
    now = r:next(now, reserve)
    r:note(now)
    times[i] = now
  end
  return times
end

-- The most in any window of `per` milliseconds, both ends included.
local function densest(times, per)
  local most, first = 0, 1
  for last = 1, #times do
    while times[last] - times[first] > per do first = first + 1 end
    most = math.max(most, last - first + 1)
  end
  return most
end

describe("a rate", function()
  after_each(function() core.failmemory(-1) end)

  it("lets the first ones through at once, and the next when the window allows",
    function()
      assert.same({ 5, 5, 5, 1006, 1006 }, take(rate(3, 1000), 5, 5))
    end)

  it("slides: each one makes room when its own time is over", function()
    local r = rate(2, 1000)
    r:note(0)
    r:note(400)
    assert.equal(1001, r:next(500))
    r:note(1001)
    assert.equal(1401, r:next(1001))
  end)

  it("keeps the reserve for those who ask without one", function()
    local r = rate(5, 1000)
    assert.same({ 0, 0, 0, 1001 }, take(r, 4, 0, 2))
    r = rate(5, 1000)
    take(r, 3, 0, 2)
    assert.equal(1001, r:next(10, 2))
    assert.equal(10, r:next(10))
    take(r, 2, 10)
    assert.equal(1001, r:next(10))
    -- what the reserve gave is missing to the others until its time is over
    assert.equal(1011, r:next(1001, 4))
  end)

  it("never lets a reserve take everything", function()
    local r = rate(2, 1000)
    assert.equal(0, r:next(0, 5))
    r:note(0)
    assert.equal(1001, r:next(0, 5))
  end)

  it("tells how many fit now", function()
    local r = rate(3, 1000)
    assert.equal(3, r:room(0))
    r:note(0)
    r:note(100)
    assert.equal(1, r:room(1000))
    assert.equal(2, r:room(1001))
    assert.equal(3, r:room(1101))
  end)

  it("counts the last ones again when they waited, or not at all", function()
    local r = rate(2, 1000)
    r:note(0)
    r:note(0)
    r:move(1, 700)
    assert.equal(1001, r:next(700))
    r:note(1001)
    assert.equal(1701, r:next(1001))
    r:undo(1)
    assert.equal(1001, r:next(1001))
    r:undo(9)
    assert.equal(2, r:room(1001))
    r:move(9, 2000)
    assert.equal(2, r:room(2000))
  end)

  it("goes on over its limit where its owner must", function()
    local r = rate(2, 1000)
    for now = 0, 4 do r:note(now) end
    assert.equal(1004, r:next(5))
    assert.equal(0, r:room(5))
  end)

  it("is never denser than its limit, whatever the rhythm", function()
    math.randomseed(7)
    for _ = 1, 200 do
      local limit, per = math.random(1, 40), math.random(1, 500)
      local r, now, times = rate(limit, per), 0, {}
      for i = 1, 300 do
        now = r:next(now + math.random(0, 3) * math.random(0, per))
        assert.is_true(r:room(now) > 0)
        assert.is_true(r:note(now))
        times[i] = now
      end
      assert.is_true(densest(times, per) <= limit)
    end
  end)

  it("remembers only as many as happened, and frees them", function()
    collectgarbage()
    collectgarbage()
    local before = core.memory().blocks
    local r = rate(1000000, 1000)
    for i = 1, 20 do r:note(i) end
    assert.equal(before + 1, core.memory().blocks)
    r:clear()
    assert.equal(before, core.memory().blocks)
    assert.equal(1000000, r:room(20))
  end)

  it("says so where there is no memory, and stays as it was", function()
    local r = rate(20, 1000)
    take(r, 8, 0)
    core.failmemory(0)
    assert.is_false(r:note(1))
    core.failmemory(-1)
    assert.equal(12, r:room(1))
    assert.is_true(r:note(1))
  end)
end)
