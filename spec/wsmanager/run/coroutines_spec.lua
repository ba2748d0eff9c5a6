local error_objects = require "support.error_objects"
local schedulers = require "support.schedulers"

describe("coroutines", function ()
  local core, scheduler, coroutines, report

  before_each(function ()
    local made = schedulers.new()
    core, scheduler = made.core, made.scheduler
    coroutines, report = made.coroutines, made.report
  end)

  describe("waiting in a queue", function ()
    it("wakes the first that waits, one at a time", function ()
      local queue, got = coroutines.new_queue(), {}
      for i = 1, 2 do
        scheduler.spawn(function ()
          local in_time, data, kind = scheduler.wait(queue)
          got[i] = {in_time, data, kind}
        end)
      end
      scheduler.step(0)
      coroutines.wake(queue, "one", "text")
      assert.same({{true, "one", "text"}}, got)
      coroutines.wake(queue, "two", "binary")
      assert.same({true, "two", "binary"}, got[2])
      assert.is_false(coroutines.has_waiting(queue))
    end)

    it("gives up at the deadline and leaves the queue", function ()
      local queue, in_time = coroutines.new_queue(), nil
      scheduler.spawn(function ()
        in_time = scheduler.wait(queue, core.now() + 3)
      end)
      scheduler.run()
      assert.is_false(in_time)
      assert.is_false(coroutines.has_waiting(queue))
      assert.equal(103, core.time)
    end)

    it("forgets the deadline when it is woken", function ()
      local queue = coroutines.new_queue()
      scheduler.spawn(function () scheduler.wait(queue, core.now() + 3) end)
      scheduler.step(0)
      coroutines.wake(queue)
      scheduler.step(50)
      assert.equal(150, core.time)
    end)

    it("wakes all that wait now, not those who come back", function ()
      local queue, wakes = coroutines.new_queue(), 0
      for _ = 1, 3 do
        scheduler.spawn(function ()
          while true do
            scheduler.wait(queue)
            wakes = wakes + 1
          end
        end)
      end
      scheduler.step(0)
      coroutines.wake_all(queue)
      assert.equal(3, wakes)
      assert.is_true(coroutines.has_waiting(queue))
    end)

    it("turns the loop once in a coroutine that is not ours", function ()
      local queue = coroutines.new_queue()
      local in_time = coroutine.wrap(function ()
        return scheduler.wait(queue, core.now() + 4)
      end)()
      assert.is_true(in_time)
      assert.same({4}, core.turns)
      assert.is_false(coroutines.has_waiting(queue))
    end)

    it("loses nothing to a coroutine that died meanwhile", function ()
      report.set_hooks {onerror = function () end}
      local queue = coroutines.new_queue()
      local thread = scheduler.spawn(function ()
        scheduler.wait(queue)
        error("woken to die")
      end)
      local got
      scheduler.spawn(function ()
        local _, data = scheduler.wait(queue)
        got = data
      end)
      scheduler.step(0)
      coroutines.wake(queue, "first")
      coroutines.wake(queue, "second")
      assert.equal("dead", coroutine.status(thread))
      assert.equal("second", got)
    end)
  end)

  describe("a wait that never ends", function ()
    local queue, heard

    before_each(function ()
      queue, heard = coroutines.new_queue(), {}
      report.set_hooks {
        onerror = function (why) heard[#heard + 1] = why end,
      }
    end)

    local function receiver (...)
      heard[#heard + 1] = {...}
    end

    if coroutine.close then
      it("is forgotten with a coroutine that was closed", function ()
        local first = scheduler.spawn(scheduler.wait, queue)
        scheduler.spawn(function () receiver(scheduler.wait(queue)) end)
        scheduler.step(0)
        coroutine.close(first)
        assert.is_true(coroutines.has_waiting(queue))
        coroutines.wake(queue, "data")
        assert.same({{true, "data"}}, heard)
      end)

      it("of a closed coroutine is no error when its time comes", function ()
        local waits = scheduler.spawn(scheduler.wait, queue, core.time + 1)
        local sleeps = scheduler.spawn(scheduler.sleep, 1)
        scheduler.step(0)
        coroutine.close(waits)
        coroutine.close(sleeps)
        coroutine.close(scheduler.spawn(receiver))
        scheduler.step(2)
        scheduler.step(2)
        assert.same({}, heard)
        assert.is_false(coroutines.has_waiting(queue))
      end)
    end

    it("is over where it could not yield", function ()
      local function try () return pcall(scheduler.wait, queue) end
      scheduler.spawn(function ()
        if try() then return end
        coroutine.yield()
        heard[#heard + 1] = "went on"
      end)
      scheduler.step(0)
      if coroutines.has_waiting(queue) then coroutines.wake(queue) end
      scheduler.step(0)
      assert.is_false(coroutines.has_waiting(queue))
      assert.is_true(#heard <= 1)
    end)
  end)

  describe("calling a handler", function ()
    it("uses the same coroutine again when it did not wait", function ()
      local threads = {}
      for i = 1, 3 do
        assert.is_nil(coroutines.call(function ()
          threads[i] = coroutine.running()
        end))
      end
      assert.equal(threads[1], threads[2])
      assert.equal(threads[1], threads[3])
    end)

    it("returns the coroutine of one that waits, and calls at its end", function ()
      local ended = false
      local thread = coroutines.call(function () scheduler.sleep(1) end)
      assert.equal("thread", type(thread))
      coroutines.on_end(thread, function () ended = true end)
      scheduler.step(0)
      assert.is_false(ended)
      scheduler.run(scheduler.sleep, 2)
      assert.is_true(ended)
    end)

    it("reports one that fails, with a traceback", function ()
      local text
      report.set_hooks {onerror = function (_, trace) text = trace end}
      coroutines.call(function () error("slipped") end)
      assert.matches("slipped.*traceback", text)
      local called = false
      coroutines.call(function () called = true end)
      assert.is_true(called)
    end)
  end)

  describe("an error", function ()
    local heard

    before_each(function ()
      heard = {}
      report.set_hooks {
        onerror = function (why) heard[#heard + 1] = {why} end,
      }
    end)

    for name, why in pairs(error_objects) do
      it("that is " .. name .. " ends its own coroutine", function ()
        local ended, others = 0, 0
        scheduler.spawn(function () error(why, 0) end)
        scheduler.spawn(function () others = others + 1 end)
        coroutines.call(function () error(why, 0) end)
        coroutines.start(function (ok, got)
          assert.is_false(ok)
          assert.is_true(rawequal(why, got))
          ended = ended + 1
        end, function () error(why, 0) end)
        scheduler.step(0)
        assert.equal(1, others)
        assert.equal(1, ended)
        assert.equal(2, #heard)
        for i = 1, 2 do assert.is_true(rawequal(why, heard[i][1])) end
        local ok, raised = pcall(scheduler.run, function () error(why, 0) end)
        assert.is_false(ok)
        if type(why) ~= "string" then
          assert.is_true(rawequal(why, raised))
        end
      end)

      it("that was yielded as " .. name .. " is none", function ()
        local after = false
        scheduler.spawn(function ()
          coroutine.yield(why)
          after = true
        end)
        scheduler.step(0)
        scheduler.step(0)
        assert.is_true(after)
        assert.same({}, heard)
      end)
    end

    it("of the function that is told of errors is reported, too", function ()
      coroutines.start(function () error("no better") end,
                       function () error("bad") end)
      assert.equal(1, #heard)
      assert.matches("no better", heard[1][1])
    end)

    it("of the function that names what failed does no harm", function ()
      coroutines.set_describe(error)
      coroutines.call(function () error("slipped") end)
      assert.equal(1, #heard)
      assert.matches("slipped", heard[1][1])
    end)

    if coroutine.close then
      it("closes what its coroutine has left open", function ()
        local load = loadstring or load
        local closed = 0
        local function with_open (fn)
          return load([[
            local closes, fn = ...
            return function ()
              local scoped <close> = closes
              fn()
            end
          ]])(setmetatable({}, {__close = function (_, why)
            closed = closed + 1
            assert(why)
            if closed == 3 then error("twice") end
          end}), fn)
        end
        scheduler.spawn(with_open(function () error("slipped") end))
        scheduler.step(0)
        assert.equal(1, closed)
        local ok, why = pcall(scheduler.run, with_open(function ()
          error("slipped again")
        end))
        assert.is_false(ok)
        assert.matches("slipped again.*traceback", why)
        assert.equal(2, closed)
        scheduler.spawn(with_open(function () error({}) end))
        scheduler.step(0)
        assert.equal(3, #heard)
        assert.matches("twice", heard[3][1])
      end)
    end
  end)
end)
