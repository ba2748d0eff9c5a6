local schedulers = require "support.schedulers"

describe("the scheduler", function ()
  local core, scheduler, coroutines, report

  before_each(function ()
    local made = schedulers.new()
    core, scheduler = made.core, made.scheduler
    coroutines, report = made.coroutines, made.report
  end)

  describe("running a function", function ()
    it("returns what the function returns, nils too", function ()
      local function pack (...) return select("#", ...), {...} end
      local n, values = pack(scheduler.run(function (a, b)
        return a, nil, b, nil
      end, 1, 2))
      assert.equal(4, n)
      assert.same({1, nil, 2}, {values[1], values[2], values[3]})
    end)

    it("raises the function's error with the coroutine's traceback", function ()
      local ok, why = pcall(scheduler.run, function ()
        local function culprit () error("no tea") end
        culprit()
      end)
      assert.is_false(ok)
      assert.matches("no tea", why)
      assert.matches("culprit", why)
      assert.matches("traceback", why)
    end)

    it("raises an error object as it is", function ()
      local object = {}
      local ok, why = pcall(scheduler.run, function () error(object) end)
      assert.is_false(ok)
      assert.equal(object, why)
    end)

    it("ends when the function ends, and others go on the next time", function ()
      local woken = false
      scheduler.run(function ()
        scheduler.spawn(function ()
          scheduler.sleep(5)
          woken = true
        end)
        scheduler.sleep(1)
      end)
      assert.is_false(woken)
      scheduler.run(scheduler.sleep, 5)
      assert.is_true(woken)
    end)

    it("is a plain call inside of a coroutine of its own", function ()
      local inner, outer
      scheduler.run(function ()
        outer = coroutine.running()
        assert.equal("value", scheduler.run(function (value)
          inner = coroutine.running()
          return value
        end, "value"))
      end)
      assert.equal(outer, inner)
    end)

    it("without a function runs until nothing is left to wait for", function ()
      local done = 0
      for i = 1, 3 do
        scheduler.spawn(function ()
          scheduler.sleep(i)
          done = done + 1
        end)
      end
      scheduler.run()
      assert.equal(3, done)
      assert.equal(103, core.time)
    end)

    it("refuses what is no function", function ()
      local _, why = pcall(function () scheduler.run(5) end)
      assert.matches("^[^\n]*scheduler_spec.lua:%d+: bad argument #1 to 'run' "
                     .. "%(function expected, got number%)$", why)
      assert.error_matches(function () scheduler.spawn("x") end,
        "bad argument #1 to 'spawn' %(function expected, got string%)")
    end)
  end)

  it("refuses nil instead of a function", function ()
    local ok, why = pcall(function () scheduler.run(nil) end)
    assert.is_false(ok)
    assert.matches("scheduler_spec.lua:%d+: bad argument #1 to 'run' "
                   .. "%(function expected, got nil%)$", why)
  end)

  describe("spawning", function ()
    it("begins in the next round, in order, with the arguments", function ()
      local seen = {}
      for i = 1, 3 do
        scheduler.spawn(function (a, b) seen[#seen + 1] = {a, b} end, i, nil)
      end
      assert.same({}, seen)
      assert.is_true(scheduler.step(0))
      assert.same({{1}, {2}, {3}}, seen)
      assert.is_false(scheduler.step(0))
    end)

    it("reports an error with its traceback and goes on", function ()
      local heard = {}
      report.set_hooks {onerror = function (why, text)
        heard = {why, text}
      end}
      scheduler.spawn(function () error("spilt milk") end)
      local other = false
      scheduler.spawn(function () other = true end)
      scheduler.step(0)
      assert.matches("spilt milk", heard[1])
      assert.matches("traceback", heard[2])
      assert.is_true(other)
    end)

    it("lets others run at a plain yield", function ()
      local order = {}
      scheduler.spawn(function ()
        order[#order + 1] = "a1"
        coroutine.yield()
        order[#order + 1] = "a2"
      end)
      scheduler.spawn(function () order[#order + 1] = "b" end)
      scheduler.step(0)
      assert.same({"a1", "b"}, order)
      scheduler.step(0)
      assert.same({"a1", "b", "a2"}, order)
    end)
  end)

  describe("sleeping", function ()
    it("wakes in the order of time, ties in the order of coming", function ()
      local order = {}
      local function sleeper (name, seconds)
        scheduler.spawn(function ()
          scheduler.sleep(seconds)
          order[#order + 1] = name
        end)
      end
      sleeper("late", 3)
      sleeper("early", 1)
      sleeper("first", 2)
      sleeper("second", 2)
      scheduler.run()
      assert.same({"early", "first", "second", "late"}, order)
    end)

    it("makes the loop wait just until the next is due", function ()
      scheduler.spawn(scheduler.sleep, 7)
      scheduler.step(0)
      scheduler.step(60)
      assert.same({0, 7}, core.turns)
    end)

    it("turns the loop on the main thread", function ()
      scheduler.sleep(2.5)
      assert.equal(102.5, core.time)
    end)

    it("does not starve others with sleep(0)", function ()
      local spins, other = 0, false
      scheduler.spawn(function ()
        while not other do
          spins = spins + 1
          scheduler.sleep(0)
        end
      end)
      scheduler.step(0)
      scheduler.spawn(function () other = true end)
      scheduler.step(0)
      scheduler.step(0)
      assert.is_true(other)
      assert.is_true(spins <= 3)
    end)

    -- One that is behind, beside 20 that sleep until the same time.
    local function beside (wait)
      local spins, due, order = 0, core.time, {}
      scheduler.spawn(function ()
        while #order < 20 do
          spins, due = spins + 1, due + 0.001
          core.time = core.time + 0.002
          wait(due - core.time)
        end
      end)
      for i = 1, 20 do
        scheduler.spawn(function ()
          scheduler.sleep(0.05)
          order[#order + 1] = {i, core.time}
        end)
      end
      for _ = 1, 60 do scheduler.step(0) end
      assert.equal(20, #order)
      for i, each in ipairs(order) do assert.same({i, order[1][2]}, each) end
      assert.is_true(spins <= 30)
    end

    it("does not starve others until a time in the past", function ()
      beside(scheduler.sleep)
      beside(function () scheduler.sleep(-math.huge) end)
    end)

    it("does not starve others waiting until a time in the past", function ()
      local queue = coroutines.new_queue()
      beside(function (seconds)
        assert.is_false(scheduler.wait(queue, core.time + seconds))
      end)
    end)

    it("refuses what is no number", function ()
      assert.error_matches(function () scheduler.sleep("1") end,
        "bad argument #1 to 'sleep' %(number expected, got string%)")
    end)
  end)

  describe("stepping", function ()
    it("never waits with 0", function ()
      scheduler.spawn(scheduler.sleep, 9)
      scheduler.step(0)
      scheduler.step(0)
      assert.equal(100, core.time)
    end)

    it("returns whether anything happened", function ()
      assert.is_false(scheduler.step(0))
      scheduler.spawn(function () end)
      assert.is_true(scheduler.step(0))
    end)

    it("corks the loop while coroutines run and uncorks it after", function ()
      scheduler.step(0)
      assert.same({true, false}, core.corks)
    end)

    it("handles what is ready, connections and servers", function ()
      local handled = {}
      scheduler.set_handlers {
        connection = function (ws) handled[#handled + 1] = {"ws", ws} end,
        server = function (server) handled[#handled + 1] = {"server", server} end,
      }
      local connection, server = {}, {}
      scheduler.connections[4], scheduler.servers[5] = connection, server
      core.readies = {4, 5, 6}
      assert.is_true(scheduler.step(0))
      assert.same({{"ws", connection}, {"server", server}}, handled)
    end)

    it("handles what was scheduled, without waiting", function ()
      local count = 0
      scheduler.set_handlers {connection = function () count = count + 1 end}
      local connection = {}
      scheduler.connections[4] = connection
      scheduler.schedule(4)
      scheduler.step(10)
      assert.equal(100, core.time)
      assert.equal(1, count)
      assert.is_false(scheduler.step(0))
    end)

    it("refuses what is no number", function ()
      assert.error_matches(function () scheduler.step("0") end,
        "bad argument #1 to 'step' %(number expected, got string%)")
    end)
  end)
end)
