-- The times of lines: they never go back.

local core = require "wsmanager.core"
local stamp = require "wsmanager.base.stamp"

local real = {now = core.now, walltime = core.walltime}

-- Clocks of the spec: `at` since some start, the time of day in whole milliseconds.
local function set_clocks (at, start)
  core.now = function () return at end
  core.walltime = function () return math.floor((start + at) * 1000) / 1000 end
end

describe("the time of a line", function ()
  after_each(function ()
    core.now, core.walltime = real.now, real.walltime
  end)

  it("is the same for the same moment, whenever it is asked", function ()
    set_clocks(100, 1e9)
    local time, first = stamp.clock(), nil
    for i = 0, 99 do
      set_clocks(100 + i * 0.00037, 1e9 + 0.0003)
      first = first or time(100)
      assert.equal(first, time(100))
    end
    assert.matches("^2001%-09%-09T01:48:20%.000Z$", first)
  end)

  it("does not go back for a moment that is told late", function ()
    set_clocks(100, 1e9)
    local time, before = stamp.clock(), nil
    for _, at in ipairs {99, 99.9304, 99.930, 99.2, 99.931} do
      local now = time(at)
      assert.is_true(not before or now >= before, now)
      before = now
    end
    assert.equal("2001-09-09T01:48:19.931Z", before)
  end)

  it("follows the system's clock where that is set", function ()
    set_clocks(100, 1e9)
    local time = stamp.clock()
    assert.equal("2001-09-09T01:48:20.000Z", time(100))
    set_clocks(101, 1e9 - 60)
    assert.equal("2001-09-09T01:47:21.000Z", time(101))
    set_clocks(102, 1e9 + 60)
    assert.equal("2001-09-09T01:49:22.000Z", time(102))
  end)

  it("does not take a pause between two looks at the clocks for that", function ()
    set_clocks(100, 1e9)
    local time, at = stamp.clock(), 101
    assert.equal("2001-09-09T01:48:20.000Z", time(100))
    core.now = function ()
      at = at + 0.5
      return at
    end
    assert.equal("2001-09-09T01:48:20.500Z", time(100.5))
  end)
end)
