local schedulers = require "support.schedulers"

local function pack (...) return {n = select("#", ...), ...} end

local CLOSED = {n = 3, nil, "closed", "the queue was closed"}

describe("a queue", function ()
  local core, scheduler, coroutines, new, spawn, heard

  before_each(function ()
    local made = schedulers.new()
    core, scheduler, coroutines = made.core, made.scheduler, made.coroutines
    new, spawn = made.queue.new, made.task.spawn
    heard = {}
    made.report.set_hooks {onerror = function (why) heard[#heard + 1] = why end}
  end)

  after_each(function () assert.same({}, heard) end)

  local function settle () for _ = 1, 5 do scheduler.step(0) end end

  -- Takes in a coroutine of its own; into `got`, at its number.
  local function taker (queue, got, i, timeout)
    return spawn(function () got[i] = queue:take(timeout) end)
  end

  local function putter (queue, done, value, timeout)
    return spawn(function ()
      local answer = pack(queue:put(value, timeout))
      done[#done + 1] = answer.n == 1 and value or answer
    end)
  end

  it("gives what was put, in order, false too", function ()
    local queue = new()
    for _, value in ipairs {1, "two", false, 4} do assert.is_true(queue:put(value)) end
    assert.equal(4, queue:count())
    assert.same({1, "two", false, 4},
                {queue:take(), (queue:take(0)), queue:take(1), (queue:take())})
    assert.equal(0, queue:count())
  end)

  it("gives a table itself", function ()
    local queue, value = new(), {}
    queue:put(value)
    assert.equal(value, queue:take())
  end)

  it("refuses a wrong call at its line", function ()
    local queue = new(1)
    for what, fn in pairs {
      ["bad argument #1 to 'put' (value expected, got nil)"] =
        function () queue:put(nil) end,
      ["bad argument #2 to 'put' (number expected, got string)"] =
        function () queue:put(1, "1") end,
      ["bad argument #1 to 'take' (number expected, got nan)"] =
        function () queue:take(0/0) end,
      ["call it with ':', as in queue:put(...)"] = function () queue.put(1) end,
      ["call it with ':', as in queue:take(...)"] = function () queue.take() end,
      ["call it with ':', as in queue:close(...)"] = function () queue.close() end,
      ["call it with ':', as in queue:count(...)"] = function () queue.count() end,
      ["bad argument #1 to 'queue' (a whole number from 1 on expected, got 0)"] =
        function () local _ = new(0) end,
      ["bad argument #1 to 'queue' (a whole number from 1 on expected, got 1.5)"] =
        function () local _ = new(1.5) end,
      ["bad argument #1 to 'queue' (a whole number from 1 on expected, got x)"] =
        function () local _ = new "x" end,
    } do
      local ok, why = pcall(fn)
      assert.is_false(ok)
      assert.equal(what, why:match("^[^\n]*queue_spec.lua:%d+: (.*)$"))
    end
    assert.equal(0, queue:count())
  end)

  describe("that is empty", function ()
    it("has takers wait in their order", function ()
      local queue, got = new(), {}
      for i = 1, 3 do taker(queue, got, i) end
      settle()
      queue:put "a"
      assert.same({}, got)
      settle()
      queue:put "b"
      queue:put "c"
      settle()
      assert.same({"a", "b", "c"}, got)
    end)

    it("answers timeout", function ()
      local queue, got = new(), nil
      spawn(function () got = pack(queue:take(3)) end)
      scheduler.run()
      assert.same({n = 3, nil, "timeout", "nothing in the queue within 3 s"}, got)
      assert.equal(103, core.time)
    end)

    it("answers at once with a timeout of 0", function ()
      local turns = #core.turns
      assert.equal("timeout", select(2, new():take(0)))
      assert.equal(turns, #core.turns)
    end)

    it("turns the loop on the main thread", function ()
      local queue = new()
      spawn(function () scheduler.sleep(2) queue:put "tea" end)
      assert.equal("timeout", select(2, queue:take(1)))
      assert.equal("tea", queue:take(10))
      assert.equal(102, core.time)
    end)
  end)

  describe("that is full", function ()
    it("has putters wait in their order", function ()
      local queue, done = new(2), {}
      for i = 1, 5 do putter(queue, done, i) end
      settle()
      assert.same({1, 2}, done)
      assert.equal(2, queue:count())
      local got = {}
      for i = 1, 5 do
        got[i] = queue:take()
        settle()
        assert.is_true(queue:count() <= 2)
      end
      assert.same({1, 2, 3, 4, 5}, got)
      assert.same({1, 2, 3, 4, 5}, done)
    end)

    it("answers timeout, and full with a timeout of 0", function ()
      local queue, done = new(1), {}
      queue:put "first"
      assert.same({n = 3, nil, "full", "the queue holds 1 values, its limit"},
                  pack(queue:put("second", 0)))
      putter(queue, done, "third", 2)
      scheduler.run()
      assert.same({{n = 3, nil, "timeout", "no room in the queue within 2 s"}}, done)
      assert.equal("first", queue:take(0))
      assert.equal("timeout", select(2, queue:take(0)))
    end)

    it("turns the loop on the main thread", function ()
      local queue, got = new(1), {}
      queue:put "first"
      spawn(function ()
        scheduler.sleep(2)
        got[1] = queue:take()
      end)
      assert.equal("timeout", select(2, queue:put("second", 1)))
      assert.is_true(queue:put("third", 5))
      assert.equal("third", queue:take(0))
      assert.same({"first"}, got)
    end)
  end)

  it("runs nobody within put or take", function ()
    local queue, order = new(1), {}
    spawn(function ()
      local value = queue:take()
      order[#order + 1] = value
    end)
    settle()
    spawn(function ()
      queue:put "taken"
      order[#order + 1] = "put"
    end)
    scheduler.step(0)
    assert.equal("put", order[1])
    settle()
    assert.same({"put", "taken"}, order)
  end)

  it("lets nobody overtake those who wait", function ()
    local queue, got = new(), {}
    taker(queue, got, "first")
    settle()
    queue:put "a"
    -- the first has its turn in the next round
    assert.equal("timeout", select(2, queue:take(0)))
    spawn(function ()
      queue:put "b"
      queue:put "c"
      got.late = queue:take()
    end)
    settle()
    assert.equal("a", got.first)
    assert.equal("b", got.late)
    assert.equal("c", queue:take(0))
  end)

  it("lets no put overtake those who wait for room", function ()
    local queue, done = new(1), {}
    queue:put "first"
    putter(queue, done, "second")
    settle()
    assert.equal("first", queue:take())
    assert.equal("full", select(2, queue:put("third", 0)))
    settle()
    assert.equal("second", queue:take())
    assert.is_true(queue:put("third", 0))
  end)

  it("gives each of several takers as much as the others", function ()
    local queue, counts = new(4), {}
    for i = 1, 5 do
      counts[i] = 0
      spawn(function ()
        while queue:take() do counts[i] = counts[i] + 1 end
      end)
    end
    local puts = {}
    for i = 1, 3 do
      puts[i] = 0
      spawn(function ()
        while scheduler.now() < 200 do
          assert(queue:put(i))
          puts[i] = puts[i] + 1
          if puts[i] % 10 == 0 then scheduler.sleep(1) end
        end
      end)
    end
    scheduler.run(scheduler.sleep, 120)
    queue:close()
    settle()
    local sum = 0
    for i = 1, 5 do sum = sum + counts[i] end
    assert.equal(puts[1] + puts[2] + puts[3], sum)
    assert.is_true(sum >= 3000)
    for i = 1, 5 do assert.is_true(counts[i] > sum / 5 * 0.8, counts[i] .. " of " .. sum) end
    for i = 1, 3 do assert.is_true(puts[i] > sum / 3 * 0.8, puts[i] .. " of " .. sum) end
  end)

  it("passes values round a ring of 1,000 coroutines", function ()
    local n, rings, got = 1000, {}, nil
    for i = 1, n do rings[i] = new(1) end
    for i = 1, n do
      spawn(function ()
        while not got do
          local value = rings[i]:take()
          if value == 2500 then got = i end
          rings[i % n + 1]:put(value + 1)
        end
      end)
    end
    rings[1]:put(1)
    scheduler.run(function () while not got do coroutine.yield() end end)
    assert.equal(500, got)
  end)

  it("lets the others run, however much goes through it", function ()
    local queue, other, count = new(1), false, 0
    spawn(function () while not other do queue:put(1) end end)
    spawn(function () while not other do queue:take() count = count + 1 end end)
    scheduler.spawn(function ()
      for _ = 1, 10 do coroutine.yield() end
      other = true
    end)
    for _ = 1, 12 do scheduler.step(0) end
    assert.is_true(other)
    assert.is_true(count > 0)
  end)

  describe("that is closed", function ()
    it("takes nothing more, and gives what is left", function ()
      local queue = new()
      queue:put "a"
      queue:put "b"
      queue:close()
      assert.same(CLOSED, pack(queue:put "c"))
      assert.equal("a", queue:take())
      assert.equal("b", queue:take(0))
      assert.same(CLOSED, pack(queue:take()))
      assert.same(CLOSED, pack(queue:take(0)))
      queue:close()
      assert.same(CLOSED, pack(queue:take(5)))
    end)

    it("ends the waits of takers", function ()
      local queue, got = new(), {}
      for i = 1, 3 do spawn(function () got[i] = pack(queue:take(i == 2 and 5 or nil)) end) end
      settle()
      queue:close()
      assert.same({}, got)
      settle()
      assert.same({CLOSED, CLOSED, CLOSED}, got)
      scheduler.run()
      assert.equal(100, core.time)
    end)

    it("gives those who wait what is left, first", function ()
      local queue, got = new(), {}
      for i = 1, 3 do spawn(function () got[i] = pack(queue:take()) end) end
      settle()
      queue:put "a"
      queue:put "b"
      queue:close()
      settle()
      assert.same({{n = 1, "a"}, {n = 1, "b"}, CLOSED}, got)
    end)

    it("ends the waits of putters: their values are not in it", function ()
      local queue, done = new(1), {}
      queue:put "a"
      putter(queue, done, "b")
      putter(queue, done, "c")
      settle()
      queue:close()
      settle()
      assert.same({CLOSED, CLOSED}, done)
      assert.equal("a", queue:take())
      assert.same(CLOSED, pack(queue:take()))
    end)

    it("ends those of the main thread", function ()
      local queue = new(1)
      scheduler.spawn(function () scheduler.sleep(1) queue:close() end)
      assert.same(CLOSED, pack(queue:take()))
      queue = new(1)
      queue:put "a"
      scheduler.spawn(function () scheduler.sleep(1) queue:close() end)
      assert.same(CLOSED, pack(queue:put "b"))
    end)
  end)

  describe("whose takers and putters are cancelled", function ()
    it("loses nothing", function ()
      local queue, got, cancelled = new(2), {}, 0
      local takers = {}
      for i = 1, 20 do
        takers[i] = spawn(function ()
          local value, token = queue:take(i % 3 == 0 and 100 or nil)
          if token == "cancelled" then cancelled = cancelled + 1
          else got[#got + 1] = value end
        end)
      end
      settle()
      queue:put(1)
      for i = 1, 20, 2 do takers[i]:cancel() end
      queue:put(2)
      settle()
      for i = 3, 8 do queue:put(i) end
      settle()
      assert.equal(10, cancelled)
      assert.same({1, 2, 3, 4, 5, 6, 7, 8}, got)
      assert.equal(0, queue:count())
    end)

    it("says so to each", function ()
      local queue, got = new(1), {}
      local tasks = {
        spawn(function () got[1] = pack(queue:take()) end),
        spawn(function () got[2] = pack(queue:take(50)) end),
      }
      settle()
      for _, task in ipairs(tasks) do task:cancel() end
      settle()
      queue:put "a"
      tasks = {
        spawn(function () got[3] = pack(queue:put "b") end),
        spawn(function () got[4] = pack(queue:put("c", 50)) end),
      }
      settle()
      for _, task in ipairs(tasks) do task:cancel() end
      settle()
      local to_take = {n = 3, nil, "cancelled",
                       "the task was cancelled: nothing in the queue"}
      local to_put = {n = 3, nil, "cancelled",
                      "the task was cancelled: no room in the queue"}
      assert.same({to_take, to_take, to_put, to_put}, got)
      assert.equal("a", queue:take(0))
      assert.equal(0, queue:count())
    end)

    it("gives and takes what need not wait all the same", function ()
      local queue, got = new(), nil
      local task
      task = spawn(function ()
        task:cancel()
        queue:put "a"
        got = {queue:take(), (select(2, queue:take()))}
      end)
      settle()
      assert.same({"a", "cancelled"}, got)
    end)
  end)

  if coroutine.close then
    it("loses nothing to takers and putters that are closed", function ()
      local queue, got, done = new(2), {}, {}
      local takers = {}
      for i = 1, 10 do takers[i] = taker(queue, got, i) end
      settle()
      queue:put "a"
      queue:put "b"
      for _, i in ipairs {1, 3, 4} do coroutine.close(takers[i].thread) end
      settle()
      assert.same({[2] = "a", [5] = "b"}, got)
      for i = 6, 10 do coroutine.close(takers[i].thread) end
      settle()
      local putters = {}
      for i = 1, 6 do putters[i] = putter(queue, done, i) end
      settle()
      for _, i in ipairs {3, 5} do coroutine.close(putters[i].thread) end
      local left = {}
      for i = 1, 4 do
        left[i] = queue:take()
        settle()
      end
      assert.same({1, 2, 4, 6}, left)
      assert.same({1, 2, 4, 6}, done)
      assert.equal(0, queue:count())
    end)
  end

  it("is given back with all that waited in it", function ()
    if _VERSION == "Lua 5.1" then return end    -- no ephemerons: see below
    local kept = setmetatable({}, {__mode = "k"})
    do
      local queue = new(1)
      kept[queue] = true
      for i = 1, 10 do taker(queue, {}, i) end
      settle()
      queue:close()
    end
    settle()
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(kept))
  end)

  it("is no reason for run() to go on", function ()
    local queue = new()
    taker(queue, {}, 1)
    scheduler.run()
    assert.equal(100, core.time)
    assert.is_true(coroutines.has_waiting(queue.takers))
  end)
end)
