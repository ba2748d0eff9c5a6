-- Threads of a host that owns them (nginx, copas, cqueues): the program's functions run
-- in them, and who waits waits on a condition.
-- Depends on coroutines.lua, whose functions of the same names call these, and on the
-- host's table.
-- Never hands a value to a thread that waits: one that the host has ended would take it
-- along. Who is woken looks for itself, and wakes the next one where more is there.

local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local fifo = require "wsmanager.base.fifo"
local jobs = require "wsmanager.run.jobs"
local parking = require "wsmanager.run.parking"
local waitless = require "wsmanager.base.waitless"

local running = coroutine.running
local now = core.now
local tasks, sleepers = coroutines.tasks, coroutines.sleepers

local LOOK_AGAIN = 0.01   -- seconds after which a wake-up must have had its effect
local MOST_IDLE = 32      -- workers

local threads = {task_of = jobs.task_of}

local NOTHING = {later = function () end}        -- to be done in the next round

local host
local spawn, new_condition
local news                                         -- a round is due sooner
local waiting = fifo.new()                         -- jobs that no worker has begun
local idle = {}                                    -- workers: {condition =, called =}
local coming                                       -- the worker on its way, or true
local dismissed = 0                                -- how often `dismiss` was called
local queue_of = setmetatable({}, {__mode = "k"})  -- thread -> queue that it waits in
local endless = setmetatable({}, {__mode = "k"})   -- thread -> true: without a deadline
local timed = setmetatable({}, {__mode = "k"})     -- thread -> true: with one
local doubtful                                     -- what is to be looked at again
local on_timed_end                                 -- nobody waits with a deadline

-- ## Looking again
--
-- A thread that was woken and has not run may have been ended by the host. What it was
-- woken for is looked at again soon, without a word from it.

local function look_again (timer)
  doubtful = nil
  for id, schedule in pairs(timer.things) do schedule(id) end
end

-- Has schedule(id) called after a while.
function threads.look_again (id, schedule)
  if not doubtful then
    doubtful = {}
    sleepers:add {due = now() + LOOK_AGAIN, late = look_again, things = doubtful}
    news()
  end
  doubtful[id] = schedule
end

-- ## Workers

local work

-- Has a worker come, if there is something to do and none is on its way already.
local function summon ()
  if coming or fifo.is_empty(waiting) then return end
  local worker = table.remove(idle)
  coming = worker or true
  threads.look_again(waiting, threads.summon_again)
  if worker then
    worker.called = true
    worker.condition:signal()
  else
    spawn(work)
  end
end

-- The worker that was on its way may be gone.
function threads.summon_again ()
  coming = nil
  summon()
end

-- Another worker is called before a job begins, as it may wait.
local function do_jobs ()
  coming = nil
  local job = fifo.pop(waiting)
  while job do
    summon()
    jobs.run(job)
    job = fifo.pop(waiting)
  end
end

local function rest (worker, generation)
  idle[#idle + 1], worker.called = worker, false
  repeat worker.condition:wait() until worker.called or dismissed ~= generation
end

function work ()
  local worker, generation = {condition = new_condition()}, dismissed
  do_jobs()
  while dismissed == generation and #idle < MOST_IDLE and not coroutines.leaving do
    rest(worker, generation)
    do_jobs()
  end
end

-- The idle workers end: nothing is left that they could be called for.
function threads.dismiss ()
  dismissed = dismissed + 1
  local all = idle
  idle = {}
  for i = 1, #all do all[i].condition:signal() end
end

-- Returns the job where it has not ended: where the host's threads begin at once, it may
-- have.
local function add (job)
  fifo.push(waiting, job)
  news()
  summon()
  return not job.done and job or nil
end

-- Calls fn(a, b). As coroutines.call; the job stands for the coroutine.
function threads.call (fn, a, b)
  return add(jobs.of_call(fn, a, b))
end

-- As coroutines.start, and start_later.
function threads.start (callback, fn, ...)
  return add(jobs.of_start(callback, fn, ...))
end

function threads.start_task (task)
  return add(jobs.of_task(task))
end

function threads.on_end (job, callback)
  job.on_end = callback
end

function threads.has_jobs () return not fifo.is_empty(waiting) end

-- ## Waiting

function threads.may_wait () return host.may_wait() end

function threads.has_waiting (queue)
  local condition = queue.condition
  return condition ~= nil and condition:waiting() > 0
end

function threads.count_waiting (queue)
  local condition = queue.condition
  return condition and condition:waiting() or 0
end

-- Wakes the first that waits in the queue.
function threads.wake (queue)
  queue.condition:signal()
end

function threads.wake_all (queue)
  local condition = queue.condition
  for _ = 1, condition and condition:waiting() or 0 do condition:signal() end
end

local function refuse ()
  local why = host.why and host.why()
              or "only a thread of " .. (host.name or "the host") .. " can"
  waitless.raise("nobody can wait here: " .. why .. " (wsmanager.spawn starts one)")
end

function threads.check_wait ()
  if not host.may_wait() then refuse() end
end

-- Until it is woken or the time has come: seconds, or nil. A sleep that is begun while the
-- host ends does not keep it.
local function wait_on (queue, thread, seconds)
  local set = seconds and timed or endless
  if not (queue.is_sleep and coroutines.leaving) then set[thread] = true end
  local in_time = queue.condition:wait(seconds)
  set[thread] = nil
  if seconds and on_timed_end and next(timed) == nil then on_timed_end() end
  return in_time
end

-- As scheduler.wait; it may return true for nothing.
function threads.wait (queue, deadline)
  if not host.may_wait() then refuse() end
  local thread, seconds = running(), nil
  if deadline and deadline ~= math.huge then
    seconds = deadline - now()
    if seconds <= 0 then return false end
  elseif coroutines.leaving then
    return false
  end
  if not queue.condition then queue.condition = new_condition() end
  queue_of[thread] = queue
  local in_time = wait_on(queue, thread, seconds)
  queue_of[thread] = nil
  if tasks[thread] == false or not seconds and coroutines.leaving then return false end
  return in_time == true
end

-- As scheduler.sleep's: false: the task is cancelled, or the host ends.
function threads.sleep (due)
  local thread, queue = running(), {is_sleep = true}
  if not host.may_wait() then refuse() end
  if host.sleep and not jobs.task_of[thread] and due ~= math.huge then
    host.sleep(math.max(0, due - now()))
    return true
  end
  queue.due = due
  while due > now() do
    if not threads.wait(queue, due) and due > now() + 0.001 or queue.is_cut then
      return false
    end
  end
  return true
end

-- Has its wait end as if its time had come: `tasks` says why.
function threads.interrupt (thread)
  local queue = queue_of[thread]
  if queue then threads.wake_all(queue) end
end

function threads.waits_forever_in (thread)
  return endless[thread] and queue_of[thread] or nil
end

-- ## The end of the host

-- Does somebody wait with a deadline? What he does is to be finished.
function threads.is_timed () return next(timed) ~= nil end

-- Sleeps beyond `by`, if any, end.
function threads.leave (by)
  on_timed_end = function () coroutines.later(NOTHING) end
  for thread in pairs(endless) do threads.interrupt(thread) end
  for thread in pairs(timed) do
    local queue = queue_of[thread]
    if by and queue.is_sleep and queue.due > by then
      queue.is_cut = true
      threads.interrupt(thread)
    end
  end
  threads.dismiss()
end

-- Does the program run in one of them, but for those that are keys of `but`?
function threads.is_busy (but)
  if threads.has_jobs() then return true end
  for job in pairs(jobs.active) do
    if not but[job.thread] then return true end
  end
  return false
end

-- ## Beginning

-- `has_news` is called when a round is due sooner than before.
function threads.set_host (given, has_news)
  host, news = given, has_news
  spawn = parking.later(given, "spawn")
  new_condition = given.condition or parking.conditions(given, has_news)
  coroutines.set_threads(threads)
end

return threads
