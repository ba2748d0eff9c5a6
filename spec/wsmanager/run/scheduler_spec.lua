-- The scheduler on a loop and a clock of our own: nothing here waits.

local function rooms (core)
  local names = {
    "wsmanager.core", "wsmanager.run.scheduler", "wsmanager.base.report",
  }
  local kept = {}
  for _, name in ipairs(names) do
    kept[name], package.loaded[name] = package.loaded[name], nil
  end
  package.loaded["wsmanager.core"] = core
  local scheduler = require "wsmanager.run.scheduler"
  local report = require "wsmanager.base.report"
  for _, name in ipairs(names) do package.loaded[name] = kept[name] end
  return scheduler, report
end

-- A core whose time is passed by waiting.
local function fake ()
  local core = {time = 100, turns = {}, corks = {}, readies = {}}
  local loop = {}
  function core.now () return core.time end
  function core.loop () return loop end
  function loop.ready () return table.remove(core.readies, 1) end
  function loop.cork (_, corked) core.corks[#core.corks + 1] = corked end
  function loop.begin (_, wait)
    core.turns[#core.turns + 1] = wait
    core.time = core.time + (wait or 0)
    loop:cork(true)
    return loop.ready()
  end
  return core
end

describe("the scheduler", function ()
  local core, scheduler, report

  before_each(function ()
    core = fake()
    scheduler, report = rooms(core)
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
      report.home = {onerror = function (why, text)
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

    it("lets others go on at a bare yield", function ()
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

    it("says whether anything happened", function ()
      assert.is_false(scheduler.step(0))
      scheduler.spawn(function () end)
      assert.is_true(scheduler.step(0))
    end)

    it("corks the loop while coroutines run and uncorks it after", function ()
      scheduler.step(0)
      assert.same({true, false}, core.corks)
    end)

    it("attends to what is ready, connections and servers", function ()
      local attended = {}
      scheduler.attend = function (object)
        attended[#attended + 1] = object
      end
      local connection = {}
      scheduler.connections[4] = connection
      scheduler.servers[5] = {attend = function ()
        attended[#attended + 1] = "server"
      end}
      core.readies = {4, 5, 6}
      assert.is_true(scheduler.step(0))
      assert.same({connection, "server"}, attended)
    end)

    it("looks again at what was touched, without waiting", function ()
      local looks = 0
      scheduler.attend = function () looks = looks + 1 end
      local connection = {}
      scheduler.connections[4] = connection
      scheduler.touch(4)
      scheduler.step(10)
      assert.equal(100, core.time)
      assert.equal(1, looks)
      assert.is_false(scheduler.step(0))
    end)

    it("refuses what is no number", function ()
      assert.error_matches(function () scheduler.step("0") end,
        "bad argument #1 to 'step' %(number expected, got string%)")
    end)
  end)

  describe("waiting in a queue", function ()
    it("hands over to the first that waits, one at a time", function ()
      local queue, got = scheduler.queue(), {}
      for i = 1, 2 do
        scheduler.spawn(function ()
          local in_time, data, kind = scheduler.wait(queue)
          got[i] = {in_time, data, kind}
        end)
      end
      scheduler.step(0)
      scheduler.wake(queue, "one", "text")
      assert.same({{true, "one", "text"}}, got)
      scheduler.wake(queue, "two", "binary")
      assert.same({true, "two", "binary"}, got[2])
      assert.is_false(scheduler.waits(queue))
    end)

    it("gives up at the deadline and leaves the queue", function ()
      local queue, in_time = scheduler.queue(), nil
      scheduler.spawn(function ()
        in_time = scheduler.wait(queue, core.now() + 3)
      end)
      scheduler.run()
      assert.is_false(in_time)
      assert.is_false(scheduler.waits(queue))
      assert.equal(103, core.time)
    end)

    it("forgets the deadline when it is woken", function ()
      local queue = scheduler.queue()
      scheduler.spawn(function () scheduler.wait(queue, core.now() + 3) end)
      scheduler.step(0)
      scheduler.wake(queue)
      scheduler.step(50)
      assert.equal(150, core.time)
    end)

    it("wakes all that wait now, not those who come back", function ()
      local queue, wakes = scheduler.queue(), 0
      for _ = 1, 3 do
        scheduler.spawn(function ()
          while true do
            scheduler.wait(queue)
            wakes = wakes + 1
          end
        end)
      end
      scheduler.step(0)
      scheduler.wake_all(queue)
      assert.equal(3, wakes)
      assert.is_true(scheduler.waits(queue))
    end)

    it("turns the loop once in a coroutine that is not ours", function ()
      local queue = scheduler.queue()
      local in_time = coroutine.wrap(function ()
        return scheduler.wait(queue, core.now() + 4)
      end)()
      assert.is_true(in_time)
      assert.same({4}, core.turns)
      assert.is_false(scheduler.waits(queue))
    end)

    it("loses nothing to a coroutine that died meanwhile", function ()
      report.home = {onerror = function () end}
      local queue = scheduler.queue()
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
      scheduler.wake(queue, "first")
      scheduler.wake(queue, "second")
      assert.equal("dead", coroutine.status(thread))
      assert.equal("second", got)
    end)
  end)

  describe("a wait that never ends", function ()
    local queue, heard

    before_each(function ()
      queue, heard = scheduler.queue(), {}
      report.home.onerror = function (why) heard[#heard + 1] = why end
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
        assert.is_true(scheduler.waits(queue))
        scheduler.wake(queue, "data")
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
        assert.is_false(scheduler.waits(queue))
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
      if scheduler.waits(queue) then scheduler.wake(queue) end
      scheduler.step(0)
      assert.is_false(scheduler.waits(queue))
      assert.is_true(#heard <= 1)
    end)
  end)

  describe("calling a handler", function ()
    it("uses the same coroutine again when it did not wait", function ()
      local threads = {}
      for i = 1, 3 do
        assert.is_nil(scheduler.call(function ()
          threads[i] = coroutine.running()
        end))
      end
      assert.equal(threads[1], threads[2])
      assert.equal(threads[1], threads[3])
    end)

    it("answers the coroutine of one that waits, and tells its end", function ()
      local ended = false
      local thread = scheduler.call(function () scheduler.sleep(1) end)
      assert.equal("thread", type(thread))
      scheduler.after(thread, function () ended = true end)
      scheduler.step(0)
      assert.is_false(ended)
      scheduler.run(scheduler.sleep, 2)
      assert.is_true(ended)
    end)

    it("reports one that fails, with a traceback", function ()
      local text
      report.home = {onerror = function (_, trace) text = trace end}
      scheduler.call(function () error("slipped") end)
      assert.matches("slipped.*traceback", text)
      local called = false
      scheduler.call(function () called = true end)
      assert.is_true(called)
    end)
  end)

  it("keeps a thousand timers in order, removing some", function ()
    local timers = (require "wsmanager.run.timers").new()
    local entries = {}
    for i = 1, 1000 do
      entries[i] = {due = (i * 7919) % 1009}
      timers:add(entries[i])
    end
    for i = 1, 1000, 3 do timers:remove(entries[i]) end
    local last, count = -1, 0
    while timers:first() do
      local entry = timers:first()
      assert.is_true(entry.due >= last)
      last, count = entry.due, count + 1
      timers:remove(entry)
    end
    assert.equal(666, count)
  end)
end)
