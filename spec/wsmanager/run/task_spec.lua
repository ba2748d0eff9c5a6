local error_objects = require "support.error_objects"
local schedulers = require "support.schedulers"

local function pack (...) return {n = select("#", ...), ...} end

describe("a task", function ()
  local core, scheduler, coroutines, heard, spawn

  before_each(function ()
    local made = schedulers.new()
    core, scheduler, coroutines = made.core, made.scheduler, made.coroutines
    spawn = made.task.spawn
    heard = {}
    made.report.set_hooks {onerror = function (why, text)
      heard[#heard + 1] = {why = why, text = text}
    end}
  end)

  local function run (...) return scheduler.run(...) end

  it("has a coroutine and begins in the next round", function ()
    local thread
    local task = spawn(function () thread = coroutine.running() end)
    assert.equal("thread", type(task.thread))
    assert.equal("ready", task.state)
    assert.is_nil(thread)
    scheduler.step(0)
    assert.equal(task.thread, thread)
    assert.equal("returned", task.state)
  end)

  it("refuses what is no function", function ()
    local _, why = pcall(function () spawn("x") end)
    assert.matches("^[^\n]*task_spec.lua:%d+: bad argument #1 to 'spawn' "
                   .. "%(function expected, got string%)$", why)
  end)

  describe("that is joined", function ()
    it("answers true and what its function returned, nils too", function ()
      local got = run(function ()
        return pack(spawn(function (a, b)
          scheduler.sleep(3)
          return a, nil, b, nil
        end, 1, 2):join())
      end)
      assert.same({n = 5, true, 1, nil, 2, nil}, got)
      assert.equal(103, core.time)
    end)

    it("answers true alone, if that returned nothing", function ()
      assert.same({n = 1, true}, pack(spawn(function () end):join()))
    end)

    it("answers results that look like a failure behind true", function ()
      local task = spawn(function () return nil, "timeout", "why" end)
      assert.same({n = 4, true, nil, "timeout", "why"}, pack(task:join()))
    end)

    it("answers again and again, and to all", function ()
      local got = {}
      run(function ()
        local task = spawn(function () scheduler.sleep(1) return "tea" end)
        for i = 1, 3 do
          spawn(function () got[i] = {task:join()} end)
        end
        assert.same({true, "tea"}, {task:join()})
        scheduler.sleep(1)
        got[4] = {task:join(0)}
      end)
      for i = 1, 4 do assert.same({true, "tea"}, got[i]) end
    end)

    it("answers on the main thread, which turns the loop", function ()
      local task = spawn(function () scheduler.sleep(5) return "tea" end)
      assert.same({n = 3, nil, "timeout", "the task has not ended within 2 s"},
                  pack(task:join(2)))
      assert.same({true, "tea"}, {task:join()})
      assert.equal(105, core.time)
    end)

    it("may be late: timeout, and it goes on", function ()
      run(function ()
        local task = spawn(function () scheduler.sleep(5) return "tea" end)
        local got = pack(task:join(2))
        assert.same({n = 3, nil, "timeout", "the task has not ended within 2 s"}, got)
        assert.equal(102, core.time)
        local turns = #core.turns
        assert.equal("timeout", select(2, task:join(0)))
        assert.equal(turns, #core.turns)
        assert.same({true, "tea"}, {task:join(math.huge)})
      end)
    end)

    it("lets the others know in the next round, not within its end", function ()
      local order = {}
      run(function ()
        local task = spawn(function ()
          scheduler.sleep(1)
          order[#order + 1] = "ends"
        end)
        spawn(function () task:join() order[#order + 1] = "joined" end)
        spawn(function () scheduler.sleep(1) order[#order + 1] = "other" end)
        scheduler.sleep(2)
      end)
      assert.same({"ends", "other", "joined"}, order)
    end)

    it("cannot be joined by itself", function ()
      run(function ()
        local task
        task = spawn(function () task:join() end)
        local ok, why = task:join()
        assert.is_false(ok)
        assert.matches("^[^\n]*task_spec.lua:%d+: a task cannot join itself$", why)
      end)
    end)

    it("cannot be joined by a coroutine that it resumes", function ()
      run(function ()
        local task
        task = spawn(function () coroutine.wrap(function () task:join(5) end)() end)
        local ok, why = task:join()
        assert.is_false(ok)
        assert.matches("task_spec.lua:%d+: a task cannot be joined by a coroutine", why)
      end)
    end)

    it("raises for two that join each other without end", function ()
      run(function ()
        local a, b
        a = spawn(function () return b:join() end)
        b = spawn(function ()
          local ok = a:join()
          return ok
        end)
        local ok, failed, why = a:join()
        assert.is_true(ok)
        assert.is_false(failed)
        assert.matches("task_spec.lua:%d+: these tasks would wait for each other", why)
        assert.equal("failed", b.state)
      end)
      assert.same({}, heard)
    end)

    it("raises for a circle of many, and knows it from a row", function ()
      run(function ()
        local all, n = {}, 50
        for i = 1, n do
          all[i] = spawn(function () return (all[i + 1] or all[1]):join() end)
        end
        assert.is_true(all[1]:join())
        assert.equal("failed", all[n].state)
        local row = {}
        for i = 1, n do
          row[i] = spawn(function ()
            if i == n then scheduler.sleep(1) return i end
            return select(2, row[i + 1]:join())
          end)
        end
        assert.same({true, n}, {row[1]:join()})
      end)
    end)

    it("lets a circle with a timeout end by that", function ()
      run(function ()
        local a, b, got
        a = spawn(function () got = {b:join(3)} return "a" end)
        b = spawn(function () return a:join() end)
        assert.same({true, true, "a"}, {b:join()})
        assert.equal("timeout", got[2])
      end)
    end)

    it("refuses a wrong call at its line", function ()
      local task = spawn(function () end)
      for what, fn in pairs {
        ["call it with ':', as in task:join%(...%)"] = function () task.join(1) end,
        ["bad argument #1 to 'join' %(number expected, got string%)"] =
          function () task:join "1" end,
        ["call it with ':', as in task:cancel%(...%)"] = function () task.cancel() end,
      } do
        local _, why = pcall(fn)
        assert.matches("^[^\n]*task_spec.lua:%d+: " .. what .. "$", why)
      end
    end)
  end)

  describe("that fails", function ()
    local function fail () error("spilt milk") end

    it("is reported at once, if nobody waits", function ()
      local task = spawn(function () fail() end)
      scheduler.step(0)
      assert.equal(1, #heard)
      assert.matches("task_spec.lua:%d+: spilt milk", heard[1].why)
      assert.matches("traceback", heard[1].text)
      local ok, why, text = task:join()
      assert.is_false(ok)
      assert.same(heard[1], {why = why, text = text})
      assert.equal(1, #heard)
    end)

    it("tells those who wait, and nobody else", function ()
      local got = {}
      run(function ()
        local task = spawn(function () scheduler.sleep(1) fail() end)
        for i = 1, 2 do spawn(function () got[i] = pack(task:join()) end) end
        got[3] = pack(task:join(5))
        scheduler.sleep(1)
      end)
      for i = 1, 3 do
        assert.equal(3, got[i].n)
        assert.is_false(got[i][1])
        assert.matches("task_spec.lua:%d+: spilt milk$", got[i][2])
        assert.matches("spilt milk\nstack traceback:.*in .-fail", got[i][3])
      end
      assert.same({}, heard)
    end)

    it("tells the main thread, which turns the loop", function ()
      local task = spawn(function () scheduler.sleep(1) fail() end)
      assert.is_false((task:join()))
      assert.same({}, heard)
    end)

    it("is reported when those who waited have left", function ()
      run(function ()
        local task = spawn(function () scheduler.sleep(2) fail() end)
        assert.equal("timeout", select(2, task:join(1)))
        scheduler.sleep(2)
      end)
      assert.equal(1, #heard)
    end)

    for name, object in pairs(error_objects) do
      it("has its error object, " .. name, function ()
        run(function ()
          local got = pack(spawn(function () error(object, 0) end):join())
          assert.equal(3, got.n)
          assert.is_false(got[1])
          assert.is_true(rawequal(object, got[2]))
          assert.is_string(got[3])
        end)
        assert.same({}, heard)
      end)
    end

    it("has the error nil, too", function ()
      local got = pack(spawn(function () error(nil) end):join())
      assert.is_false(got[1])
      assert.is_string(got[3])
    end)
  end)

  describe("that is cancelled", function ()
    local waits = {
      sleep = function () return scheduler.sleep(1000) end,
      ["sleep for ever"] = function () return scheduler.sleep(math.huge) end,
      join = function () return spawn(scheduler.sleep, 2000):join() end,
      ["join with a timeout"] = function ()
        return spawn(scheduler.sleep, 2000):join(1000)
      end,
    }

    for name, wait in pairs(waits) do
      it("has its wait end in the next round: " .. name, function ()
        local got
        local task = spawn(function () got = pack(wait()) return "politely" end)
        scheduler.step(0)
        scheduler.step(0)
        assert.is_true(task:cancel())
        assert.is_nil(got)
        scheduler.step(0)
        assert.equal(3, got.n)
        assert.is_nil(got[1])
        assert.equal("cancelled", got[2])
        assert.matches("^the task was cancelled: ", got[3])
        assert.same({true, "politely"}, {task:join(0)})
        assert.is_true(core.time < 110)
        assert.same({}, heard)
      end)

      it("has its later waits end at once: " .. name, function ()
        local got = {}
        local task = spawn(function ()
          scheduler.sleep(5)
          for i = 1, 3 do got[i] = select(2, wait()) end
        end)
        scheduler.step(0)
        task:cancel()
        scheduler.step(0)
        assert.same({"cancelled", "cancelled", "cancelled"}, got)
        assert.equal("returned", task.state)
      end)
    end

    it("never begins, if it has not begun", function ()
      run(function ()
        local began = false
        local task = spawn(function () began = true end)
        local got
        spawn(function () got = pack(task:join()) end)
        scheduler.sleep(1)
        task = spawn(function () began = false end)
        local joiner = spawn(function () return task:join() end)
        assert.is_true(began)
        assert.is_true(task:cancel())
        assert.equal("cancelled", task.state)
        local answer = {n = 3, nil, "cancelled", "the task was cancelled before it began"}
        assert.same(answer, pack(task:join()))
        scheduler.sleep(1)
        assert.is_true(began)
        assert.same({n = 1, true}, got)
        assert.same({true, nil, "cancelled", answer[3]}, {joiner:join()})
        assert.is_false(task:cancel())
      end)
    end)

    it("tells who waits for one that has not begun", function ()
      local task, joined
      task = spawn(error)
      coroutines.call(function () joined = {task:join()} end)
      assert.is_true(task:cancel())
      scheduler.step(0)
      assert.equal("cancelled", joined[2])
    end)

    it("was over: false", function ()
      local task = spawn(function () return "tea" end)
      scheduler.step(0)
      assert.is_false(task:cancel())
      assert.same({true, "tea"}, {task:join()})
    end)

    it("by itself: its next wait ends", function ()
      run(function ()
        local task
        task = spawn(function ()
          assert.is_true(task:cancel())
          assert.is_true(task:cancel())
          return scheduler.sleep(10)
        end)
        local got = {task:join()}
        assert.same({true, nil, "cancelled"}, {got[1], got[2], got[3]})
        assert.equal(100, core.time)
      end)
    end)

    it("twice, while it waits, is woken once", function ()
      run(function ()
        local count = 0
        local task = spawn(function ()
          scheduler.sleep(10)
          count = count + 1
          coroutine.yield()
          count = count + 10
        end)
        scheduler.sleep(1)
        task:cancel()
        task:cancel()
        coroutine.yield()
        assert.equal(1, count)
        assert.is_true(task:join())
        assert.equal(11, count)
      end)
    end)

    it("leaves those whom it joined as they are", function ()
      run(function ()
        local other = spawn(function () scheduler.sleep(5) return "tea" end)
        local task = spawn(function () return other:join() end)
        scheduler.sleep(1)
        task:cancel()
        local got = {task:join()}
        assert.same({true, nil, "cancelled"}, {got[1], got[2], got[3]})
        assert.same({true, "tea"}, {other:join()})
      end)
    end)

    it("and does not heed it, is ended by an error, and lets others run", function ()
      local beats, others = 0, 0
      run(function ()
        local task = spawn(function ()
          while true do
            scheduler.sleep(30)
            beats = beats + 1
          end
        end)
        local other = spawn(function ()
          while scheduler.sleep(1) do others = others + 1 end
        end)
        scheduler.sleep(100)
        local before = beats
        task:cancel()
        local before_others = others
        local ok, why, text = task:join(5)
        assert.is_false(ok)
        assert.is_true(others >= before_others)
        assert.matches("was cancelled and goes on waiting", why)
        assert.matches("task_spec.lua", text)
        assert.is_true(beats - before < 20)
        other:cancel()
      end)
      assert.is_true(others > 10)
    end)

    -- PUC Lua 5.1 cannot wait in a pcall
    if jit or _VERSION ~= "Lua 5.1" then
      it("and does not heed even that: the others run", function ()
        local spins = 0
        local task = spawn(function ()
          while spins < 1000 do
            spins = spins + 1
            pcall(scheduler.sleep, 1)
          end
        end)
        scheduler.step(0)
        task:cancel()
        local other = spawn(function () return spins end)
        scheduler.step(0)
        scheduler.step(0)
        assert.is_true(select(2, other:join(0)) < 1000)
      end)
    end

    it("by one whom it wakes: its next wait ends", function ()
      local task, got
      local queue = coroutines.new_queue()
      spawn(function ()
        scheduler.wait(queue)
        task:cancel()
      end)
      task = spawn(function ()
        coroutines.wake(queue)
        got = {scheduler.sleep(10)}
      end)
      scheduler.step(0)
      assert.equal("cancelled", got[2])
    end)
  end)

  it("that is left when run ends goes on with the next one", function ()
    local task = run(function ()
      return spawn(function () scheduler.sleep(5) return "tea" end)
    end)
    assert.equal("ready", task.state)
    assert.same({true, "tea"}, {run(function () return task:join() end)})
  end)

  it("that waits for ever for another does not keep run() going", function ()
    local other = spawn(scheduler.sleep, math.huge)
    spawn(function () other:join() end)
    run()
    assert.equal(100, core.time)
  end)

  if coroutine.close then
    it("whose coroutine is closed is over", function ()
      run(function ()
        local task = spawn(scheduler.sleep, 10)
        local joiner = spawn(function () return task:join() end)
        local unborn = spawn(error)
        scheduler.sleep(1)
        coroutine.close(task.thread)
        assert.same({true, nil, "closed", "the coroutine of the task was closed"},
                    {joiner:join(1)})
        assert.equal("closed", task.state)
        assert.equal("failed", unborn.state)
        unborn = spawn(error)
        coroutine.close(unborn.thread)
        assert.equal("closed", select(2, unborn:join(1)))
      end)
    end)

    it("whose joiners are closed when it fails is reported", function ()
      run(function ()
        local task = spawn(function () scheduler.sleep(1) error("spilt milk") end)
        local joiner = spawn(function () task:join() end)
        local closer = spawn(function () scheduler.sleep(1) coroutine.close(joiner.thread) end)
        scheduler.sleep(3)
        assert.equal("returned", closer.state)
      end)
      assert.equal(1, #heard)
      assert.matches("spilt milk", heard[1].why)
    end)

    it("that is cancelled and closed is over", function ()
      run(function ()
        local task = spawn(scheduler.sleep, 10)
        scheduler.sleep(1)
        task:cancel()
        coroutine.close(task.thread)
        assert.equal("closed", select(2, task:join(1)))
        assert.is_false(task:cancel())
      end)
    end)
  end
end)
