-- What it costs twice as many: instructions of Lua, counted, never timed.

local ours = require "support.ours"
local schedulers = require "support.schedulers"
local wsmanager = require "wsmanager"

local LESS, MORE = 1000, 2000
local AT_MOST = 2.5          -- times as much for MORE as for LESS
local STEP = 100             -- instructions between two looks

-- Instructions that f(...) takes, with those of the coroutines that it makes. What
-- LuaJIT compiles calls no hook.
local function count (f, ...)
  local total = 0
  if jit then
    jit.off()
    jit.flush()
  end
  debug.sethook(function () total = total + STEP end, "", STEP)
  local ok, why = pcall(f, ...)
  debug.sethook()
  if jit then jit.on() end
  assert(ok, why)
  return total
end

-- The order in which `n` are told: name -> function (i, n) of what place has i.
local orders = {
  ["in their order"] = function (i) return i end,
  ["from the last"] = function (i, n) return n - i end,
  ["in any order"] = function (i, n) return i * 7919 % n end,
  ["one in three, then the rest"] = function (i) return i % 3 end,
}

describe("twice as many", function ()
  local core, scheduler, coroutines, spawn, new_queue

  before_each(function ()
    local made = schedulers.new()
    core, scheduler, coroutines = made.core, made.scheduler, made.coroutines
    spawn, new_queue = made.task.spawn, made.queue.new
  end)

  local function grows (f)
    f(10)
    local less, more = count(f, LESS), count(f, MORE)
    assert(more <= AT_MOST * less,
           ("%d cost %d, %d cost %d"):format(LESS, less, MORE, more))
  end

  for name, order in pairs(orders) do
    it("that wait in one queue and time out " .. name, function ()
      grows(function (n)
        local queue, late = coroutines.new_queue(), 0
        for i = 1, n do
          local due = core.time + 1 + order(i, n) / n
          scheduler.spawn(function ()
            if not scheduler.wait(queue, due) then late = late + 1 end
          end)
        end
        scheduler.step(0)
        while late < n do scheduler.step(1) end
        assert.is_false(coroutines.has_waiting(queue))
      end)
    end)

    it("that time out together " .. name .. ", behind one that waits", function ()
      grows(function (n)
        local queue, late, got = coroutines.new_queue(), 0, nil
        core.time = 101
        scheduler.spawn(function () got = {scheduler.wait(queue)} end)
        for i = 1, n do
          scheduler.spawn(function ()
            local due = 102 + order(i, n) / n
            if not scheduler.wait(queue, due) then late = late + 1 end
          end)
        end
        scheduler.step(0)
        core.time = 104
        scheduler.step(0)
        assert.equal(n, late)
        assert.is_true(coroutines.has_waiting(queue))
        coroutines.wake(queue, "data")
        assert.same({true, "data"}, got)
        assert.is_false(coroutines.has_waiting(queue))
      end)
    end)

    if coroutine.close then
      it("that are closed " .. name, function ()
        grows(function (n)
          local queue, threads = coroutines.new_queue(), {}
          for i = 1, n do
            threads[i] = scheduler.spawn(scheduler.wait, queue,
                                         i % 2 == 0 and core.time + 1 or nil)
          end
          scheduler.step(0)
          local places = {}
          for i = 1, n do places[i] = {order(i, n), i} end
          table.sort(places, function (a, b)
            return a[1] < b[1] or a[1] == b[1] and a[2] < b[2]
          end)
          for _, place in ipairs(places) do
            coroutine.close(threads[place[2]])
            coroutines.has_waiting(queue)
          end
          scheduler.step(2)
          assert.is_false(coroutines.has_waiting(queue))
        end)
      end)
    end
  end

  for name, order in pairs(orders) do
    it("tasks that wait in one queue and are cancelled " .. name, function ()
      grows(function (n)
        local queue, tasks, ended = new_queue(1), {}, 0
        for i = 1, n do
          tasks[i] = spawn(function ()
            local _, token = queue:take(i % 2 == 0 and 1000 or nil)
            if token == "cancelled" then ended = ended + 1 end
          end)
        end
        scheduler.step(0)
        local places = {}
        for i = 1, n do places[i] = {order(i, n), i} end
        table.sort(places, function (a, b)
          return a[1] < b[1] or a[1] == b[1] and a[2] < b[2]
        end)
        for _, place in ipairs(places) do tasks[place[2]]:cancel() end
        scheduler.step(0)
        assert.equal(n, ended)
        assert.is_true(queue:put(1, 0))
        assert.equal(1, queue:take(0))
      end)
    end)
  end

  -- Each waits for the one before it, or behind it.
  for name, step in pairs {before = -1, behind = 1} do
    it("tasks that each join the one " .. name, function ()
      grows(function (n)
        local tasks = {}
        for i = 1, n do
          tasks[i] = spawn(function ()
            local other = tasks[i + step]
            if other then assert(other:join()) end
            scheduler.sleep(1)
          end)
        end
        assert.is_true(tasks[step < 0 and n or 1]:join())
      end)
    end)
  end

  it("tasks that join the last of a row", function ()
    grows(function (n)
      local last = spawn(scheduler.sleep, 1)
      for _ = 1, 2000 do
        local before = last
        last = spawn(function () before:join() end)
      end
      scheduler.step(0)
      local done = 0
      for _ = 1, n do
        local task = spawn(function () last:join() end)
        spawn(function () if task:join() then done = done + 1 end end)
      end
      while done < n do scheduler.step(1) end
    end)
  end)

  it("values that go through a queue with a limit", function ()
    grows(function (n)
      local queue, got = new_queue(3), 0
      for _ = 1, 4 do
        spawn(function () for i = 1, n do queue:put(i) end end)
        spawn(function ()
          for _ = 1, n do
            assert(queue:take())
            got = got + 1
          end
        end)
      end
      while got < 4 * n do scheduler.step(0) end
    end)
  end)

  it("keep their order around those who left", function ()
    local queue, woken, expected = coroutines.new_queue(), {}, {}
    for i = 1, 200 do
      local leaves = i % 7 ~= 0
      local due = leaves and core.time + 1 + i * 7919 % 200 / 200 or nil
      if not leaves then expected[#expected + 1] = i end
      scheduler.spawn(function ()
        if scheduler.wait(queue, due) then woken[#woken + 1] = i end
      end)
    end
    scheduler.step(0)
    for _ = 1, 300 do scheduler.step(0.01) end
    coroutines.wake_all(queue)
    assert.same(expected, woken)
  end)
end)

describe("twice as many", function ()
  after_each(ours.stop)

  local function grows (f)
    f(10)
    local less, more = count(f, LESS), count(f, MORE)
    assert(more <= AT_MOST * less,
           ("%d cost %d, %d cost %d"):format(LESS, less, MORE, more))
  end

  it("receivers of one connection that time out together", function ()
    local _, url = ours.serve()
    grows(function (n)
      wsmanager.run(function ()
        local ws = wsmanager.new {url = url}
        assert(ws:opened(ours.LONG))
        local late = 0
        for _ = 1, n do
          wsmanager.spawn(function ()
            local _, token = ws:receive(0.001)
            if token == "timeout" then late = late + 1 end
          end)
        end
        ours.await(function () return late == n end)
        ws:close()
      end)
    end)
  end)

  it("listeners of one connection, called once or removed", function ()
    local _, url = ours.serve()
    grows(function (n)
      wsmanager.run(function ()
        local ws, calls = wsmanager.new {url = url}, {}
        local all = {}
        for i = 1, n do
          all[i] = function () calls[#calls + 1] = i end
          ws:addEventListener("open", all[i], {once = i % 2 == 0})
          ws:addEventListener("open", all[i])
        end
        for i = 1, n do
          local each = i % 8 < 4 and i or n - i
          if each % 3 == 0 then ws:removeEventListener("open", all[each]) end
        end
        assert(ws:opened(ours.LONG))
        local before, last = #calls, 0
        for _, i in ipairs(calls) do
          assert(i > last)
          last = i
        end
        calls = {}
        ws:reconnect()
        ours.await(function () return ws:stats().opens == 2 and #calls > 0 end)
        assert(#calls < before)
        for _, i in ipairs(calls) do assert(i % 2 == 1) end
        ws:close()
      end)
    end)
  end)

  it("senders of one connection that wait for room", function ()
    local _, url = ours.serve(function (ws)
      while ws:receive() do wsmanager.sleep(0) end
    end)
    local block = ("x"):rep(32768)
    grows(function (n)
      wsmanager.run(function ()
        local ws = wsmanager.new {url = url, buffer = 65536}
        assert(ws:opened(ours.LONG))
        local sent, order = 0, {}
        for i = 1, n do
          wsmanager.spawn(function ()
            assert(ws:send(block, "binary"))
            sent = sent + 1
            order[sent] = i
          end)
        end
        ours.await(function () return sent == n end)
        for i = 1, n do assert(order[i] == i) end
        ws:close()
        ws:closed(ours.LONG)
      end)
    end)
  end)
end)
