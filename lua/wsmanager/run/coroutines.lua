-- The coroutines of the built-in scheduler: started, parked, woken, and reported
-- when they fail.
-- Depends on timers.lua, waiters.lua and uncaught.lua.
-- Never turns the loop nor reads the clock: scheduler.lua does.

local raw = require "wsmanager.base.raw"
local timers = require "wsmanager.run.timers"
local uncaught = require "wsmanager.run.uncaught"
local waiters = require "wsmanager.run.waiters"

local create, running = raw.create, coroutine.running
local status, yield = raw.status, raw.yield
local isyieldable = coroutine.isyieldable or function () return true end
local coroutine_resume = raw.resume
local push, pop, index_of = waiters.push, waiters.pop, waiters.index_of
local remove, remove_first = waiters.remove, waiters.remove_first
local unpack = table.unpack or unpack

-- Lua 5.1 cannot tell whether a yield will fail.
local YIELDS_FAIL = not coroutine.isyieldable

-- Yielded by a coroutine that will be woken, and by a worker that has no function
-- to call. No tables: an error object with __eq might call itself equal.
local function PARKED () end
local function IDLE () end

-- coroutine -> true, or its task (task.lua), or false once that is cancelled
local tasks = setmetatable({}, {__mode = "k"})
local cancelled = setmetatable({}, {__mode = "k"}) -- coroutine -> its task, then
local callbacks = setmetatable({}, {__mode = "k"}) -- coroutine -> see `start`
local on_end = {}                                  -- worker -> fn()
local queue_of = {}                                -- coroutine -> its latest queue
local timer_of = {}                                -- parked coroutine -> its timer
local endless = setmetatable({}, {__mode = "k"})   -- those parked without both
local sleepers = timers.new()
local runnable = {first = 1, last = 0}             -- {coroutine, arguments ..., n = },
                                                   -- or an object with a method `later`
local idle = {}                                    -- workers
local earliest_due = -math.huge                    -- of one who begins to wait
local on_leave                                     -- of a queue with an owner
local on_task_end
local threads                                      -- of the host, which owns them
local strays                                       -- see `keep_strays`
local on_news                                      -- see `set_news`
local NONE = {}

-- For the scheduler, which reads them: who is one of ours, what is due when, and
-- what is ready to run.
local coroutines = {
  tasks = tasks, cancelled = cancelled, sleepers = sleepers, runnable = runnable,
}

coroutines.new_queue, coroutines.set_describe = waiters.new, uncaught.set_describe

-- Has the functions of threads.lua called instead of those here: the host owns the
-- threads that the program's functions run in.
function coroutines.set_threads (functions)
  threads = functions
end

-- Do the program's functions run in threads of a host?
function coroutines.has_threads () return threads ~= nil end

-- Has news() called when a round is due sooner than before: a host turns the loop.
function coroutines.set_news (news)
  on_news = news
end

-- In a host's loop one of ours that yields by itself waits for something of the host,
-- and is not resumed here.
function coroutines.keep_strays ()
  strays = strays or setmetatable({}, {__mode = "k"})
end

-- How many wait in the queue, with those of whose end nobody knows yet.
function coroutines.count_waiting (queue)
  if threads then return threads.count_waiting(queue) end
  return waiters.count(queue)
end

-- Sets the function that tells a queue's owner: leave(owner).
function coroutines.set_leave (leave)
  on_leave = leave
end

-- The queue that the coroutine waits in. What is left of one that was woken is not
-- cleared: it will wait in the same again.
local function waits_in (thread)
  local queue = queue_of[thread]
  return queue and queue[index_of[thread]] == thread and queue or nil
end

coroutines.waits_in, coroutines.idle = waits_in, idle

-- Takes a coroutine out of the queue and the timers that it waits in.
local function unpark (thread)
  local queue, timer = waits_in(thread), timer_of[thread]
  if queue then remove(queue, index_of[thread]) end
  if timer then
    timer_of[thread] = nil
    sleepers:remove(timer)
  end
end

-- ## How a coroutine ends

local function call_on_end (thread)
  local callback = on_end[thread]
  if not callback then return end
  on_end[thread] = nil
  callback()
end

local invoke

-- Sets the function that is told how the coroutine of a task has ended:
-- ended(task, failed, why, thread).
function coroutines.set_task_end (ended)
  on_task_end = ended
end

function coroutines.end_task (...) on_task_end(...) end

-- Forgets one that has ended; returns its callback or its task, if any.
local function forget (thread)
  local task, callback = tasks[thread], callbacks[thread]
  tasks[thread] = nil
  if callback then callbacks[thread] = nil end
  if task == false then task, cancelled[thread] = cancelled[thread], nil end
  return callback, task ~= true and task or nil
end

local function handle_failure (thread, why)
  local callback, task = forget(thread)
  if task then
    on_task_end(task, true, why, thread)
  elseif callback then
    local ok, again = pcall(callback, false, why, thread)
    if not ok then uncaught.report(thread, again, invoke) end
  else
    uncaught.report(thread, why, invoke)
  end
  uncaught.close(thread, why)
  call_on_end(thread)
end

-- It has returned, or somebody else has ended it.
local function handle_end (thread)
  local callback, task = forget(thread)
  if callback then callback(true) end
  if task then on_task_end(task, false) end
  call_on_end(thread)
end

-- After a resume that did not end in a park: has it failed, ended, or yielded by
-- itself? Returns whether it is still running. A wait that could not yield (Lua
-- 5.1, inside of pcall) is over.
local function after_resume (thread, ok, what)
  unpark(thread)
  if queue_of[thread] then
    queue_of[thread], index_of[thread] = nil, nil
  end
  if not ok then
    handle_failure(thread, what)
    return false
  end
  if what == IDLE then return false end
  if status(thread) == "suspended" then   -- a plain yield: others run first
    if tasks[thread] == nil then return true end    -- not ours: see `is_foreign`
    if strays then strays[thread] = true
    else push(runnable, {thread, n = 1}) end
    return true
  end
  handle_end(thread)
  return false
end

-- Resumes one of ours. Returns whether it is still running.
local function resume (thread, ...)
  local ok, what = coroutine_resume(thread, ...)
  return what == PARKED or after_resume(thread, ok, what)
end

-- ## When somebody else ends a coroutine
--
-- coroutine.close (Lua 5.4) closes the fourth value of a `for` around what the
-- coroutine runs. One that is not closed, but dead when it should be woken, ended in
-- a resume by somebody else.

-- Has the end of a coroutine that is dead handled in the next round.
local function handle_later (thread)
  push(runnable, {thread, n = 1})
end

local function when_closed ()
  local thread = running()
  local queue = waits_in(thread)
  -- Otherwise it has ended by itself, or is among the runnable.
  if not queue and not timer_of[thread] and not endless[thread] then return end
  unpark(thread)
  if queue and queue.owner and on_leave then on_leave(queue.owner) end
  handle_later(thread)
end

local function when_worker_closed (_, why)
  if why ~= nil then return end
  local thread = running()
  for i = #idle, 1, -1 do
    if idle[i] == thread then table.remove(idle, i) end
  end
end

local guard = setmetatable({}, {__close = when_closed})
local worker_guard = setmetatable({}, {__close = when_worker_closed})

local function first_time (_, again)
  if not again then return true end
end

local function always () return true end

-- ## Starting

local function body (fn, ...)
  for _ in first_time, nil, nil, guard do fn(...) end
end

local function new_task ()
  local thread = create(body)
  tasks[thread] = true
  return thread
end

function invoke (fn, a, b)
  fn(a, b)
end

local function next_call ()
  local thread = running()
  idle[#idle + 1] = thread
  call_on_end(thread)
  return yield(IDLE)
end

-- An idle worker keeps no reference to what it was called with.
local function worker ()
  for _ in always, nil, nil, worker_guard do invoke(next_call()) end
end

-- Calls fn(a, b) in a coroutine that is reused. Returns nil when it has ended,
-- or the coroutine when it waits for something.
function coroutines.call (fn, a, b)
  if threads then return threads.call(fn, a, b) end
  if #idle == 0 then coroutine_resume(new_task(), worker) end
  local count = #idle
  local thread = idle[count]
  idle[count] = nil
  if resume(thread, fn, a, b) then return thread end
end

-- Calls fn(...) in a new coroutine at once. When that has ended, now or later,
-- callback(true) is called, also if it was ended by somebody else before fn
-- returned; callback(false, why, thread) if it failed.
function coroutines.start (callback, fn, ...)
  if threads then return threads.start(callback, fn, ...) end
  local thread = new_task()
  callbacks[thread] = callback
  resume(thread, fn, ...)
end

-- Has fn(...) called in a new coroutine in the next round. Without a callback a
-- failure is reported.
function coroutines.start_later (callback, fn, ...)
  if threads then return threads.start(callback, fn, ...) end
  local thread = new_task()
  callbacks[thread] = callback
  push(runnable, {thread, n = select("#", ...) + 2, fn, ...})
  if on_news then on_news() end
  return thread
end

-- For the body of a task's coroutine: `for _ in first_time, nil, nil, guard do`.
coroutines.first_time, coroutines.guard = first_time, guard

-- Resumes the coroutine of a task for the first time, with the task; as its `later`.
function coroutines.begin_task (task)
  if threads then return threads.start_task(task) end
  local thread = task.thread
  if status(thread) == "suspended" then resume(thread, task)
  else handle_end(thread) end
end

-- Has `callback` called when what a worker was called for has ended.
function coroutines.on_end (thread, callback)
  if threads then return threads.on_end(thread, callback) end
  on_end[thread] = callback
end

-- May the caller wait among others: is it one of ours, at a place where it may yield,
-- or one of a host that may?
function coroutines.can_yield ()
  if threads then return threads.may_wait() end
  local thread = running()
  return (tasks[thread] ~= nil or coroutines.is_foreign(thread)) and isyieldable()
end

-- Is it a coroutine of the program's own that waits as ours do? In a host's loop.
function coroutines.is_foreign () return false end

-- Can a `for` iterator yield? Not in Lua 5.1; in LuaJIT it can.
coroutines.iterators_yield = coroutine_resume(create(function ()
  for _ in yield do error() end
end))

-- ## Waiting

-- Waits in the queue, if any, until it is woken or `due` (seconds, of the core's
-- clock) has come: returns true and what it was handed, or false. `thread` is the
-- caller, which may yield.
function coroutines.park (thread, queue, due)
  -- What a wait that failed, or that a stranger's resume has ended, left behind.
  if timer_of[thread] or YIELDS_FAIL and waits_in(thread) then unpark(thread) end
  if queue_of[thread] ~= queue then
    if waits_in(thread) then unpark(thread) end
    queue_of[thread] = queue
  end
  if queue then
    local last = queue.last + 1     -- push, without the call
    queue.last, queue[last] = last, thread
    index_of[thread] = last
  elseif not due or due == math.huge then
    endless[thread] = true
  end
  if due and due ~= math.huge then
    if due < earliest_due then due = earliest_due end
    local timer = {due = due, thread = thread}
    timer_of[thread] = timer
    sleepers:add(timer)
    if on_news then on_news() end
  end
  return yield(PARKED)
end

-- Has the wait of a coroutine end in the next round, as if its deadline had passed.
-- One that does not wait goes on as it is.
function coroutines.interrupt (thread)
  if threads then return threads.interrupt(thread) end
  if status(thread) ~= "suspended" then return end
  local queue = waits_in(thread)
  if not queue and not timer_of[thread] and not endless[thread] then return end
  unpark(thread)
  endless[thread] = nil
  push(runnable, {thread, n = 2, false, owner = queue and queue.owner})
  if on_news then on_news() end
end

-- Has all waits without a deadline end so, and in threads sleeps beyond `by`: the host
-- or the program ends, as the sentence says.
function coroutines.leave (sentence, by)
  coroutines.leaving = sentence
  if threads then return threads.leave(by) end
  for thread in pairs(queue_of) do
    if not timer_of[thread] then coroutines.interrupt(thread) end
  end
  for thread in pairs(endless) do coroutines.interrupt(thread) end
end

-- The queue in which a coroutine waits without a deadline, or nil.
function coroutines.waits_forever_in (thread)
  if threads then return threads.waits_forever_in(thread) end
  return not timer_of[thread] and waits_in(thread) or nil
end

-- Has the one that began to wait last woken first.
function coroutines.move_last_first (queue)
  local first, last = queue.first - 1, queue.last
  local thread = queue[last]
  if not thread then return end
  queue[first], index_of[thread], queue.first = thread, first, first
  remove(queue, last)
end

-- Does a coroutine wait in the queue? One that is dead, or is being closed, does not.
function coroutines.has_waiting (queue)
  if queue == nil then return false end
  while queue.first <= queue.last do
    local thread = queue[queue.first]
    if not thread then
      remove_first(queue)
    elseif status(thread) == "suspended" then
      return true
    else
      unpark(thread)
      if queue[queue.first] == thread then remove_first(queue) end
      -- in Lua 5.1 it runs on after a wait that failed, and waits elsewhere
      if not YIELDS_FAIL or status(thread) == "dead" then handle_later(thread) end
    end
  end
  if threads then return threads.has_waiting(queue) end
  return false
end

-- Wakes the first that waits in the queue; its park returns true, a, b, c. For a
-- queue of which has_waiting was true. A thread of a host is handed nothing: it looks
-- for itself when it runs.
function coroutines.wake (queue, a, b, c)
  if threads then return threads.wake(queue) end
  local first = queue.first         -- pop, without the call
  local thread = queue[first]
  queue[first] = nil
  if first == queue.last then queue.first, queue.last = 1, 0
  else queue.first = first + 1 end
  if timer_of[thread] then unpark(thread) end
  local ok, what = coroutine_resume(thread, true, a, b, c)
  if what ~= PARKED then after_resume(thread, ok, what) end
end

-- Wakes all that wait in the queue now.
function coroutines.wake_all (queue, a, b, c)
  if threads then return threads.wake_all(queue) end
  for _ = queue.first, queue.last - (queue.gaps or 0) do
    if not coroutines.has_waiting(queue) then return end
    coroutines.wake(queue, a, b, c)
  end
end

-- ## A round's part

local function wake_sleeper (thread)
  unpark(thread)
  if status(thread) == "suspended" then resume(thread, false)
  else handle_later(thread) end
end

-- Wakes all sleepers that are due at `time`, and calls timer.late(timer) of what is none.
-- One that goes to sleep again, also until a time in the past, is due after them and waits for the next round. Returns
-- whether there were any.
function coroutines.wake_due (time)
  local any, newest = false, sleepers.serial
  earliest_due = time
  local timer = sleepers:first()
  while timer and timer.due <= time and timer.serial <= newest do
    any = true
    if timer.late then
      sleepers:remove(timer)
      timer.late(timer)
    else
      wake_sleeper(timer.thread)
    end
    timer = sleepers:first()
  end
  return any
end

-- Has object.later(object) called in the next round, by the scheduler itself: those whom
-- it wakes do not run within a coroutine that runs already. It must not raise.
function coroutines.later (object)
  push(runnable, object)
  if on_news then on_news() end
end

-- Those that have yielded by themselves and ended meanwhile, in a resume of the host.
function coroutines.handle_strays ()
  for thread in pairs(strays or NONE) do
    if status(thread) == "dead" then
      strays[thread] = nil
      handle_later(thread)
    end
  end
end

-- Resumes what is runnable now, not what becomes so meanwhile.
function coroutines.run_runnable ()
  local count = runnable.last - runnable.first + 1
  for _ = 1, count do
    if runnable.first > runnable.last then break end
    local call = pop(runnable)
    local later = call.later
    local state = not later and status(call[1])
    if later then later(call)
    elseif state == "suspended" then resume(call[1], unpack(call, 2, call.n))
    elseif state == "dead" then
      -- closed after its wait was ended: it cannot leave its queue's owner by itself
      if call.owner and on_leave then on_leave(call.owner) end
      handle_end(call[1])
    end
  end
end

return coroutines
