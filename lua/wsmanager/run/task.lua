-- A task: a function that runs in a coroutine of its own, to be joined and cancelled.
-- Depends on the scheduler's wait, cancellation.lua and coroutines.lua.
-- Never makes more than a table for a task that nobody joins: it is also its entry among
-- what is to run in the next round.

local arguments = require "wsmanager.base.arguments"
local cancellation = require "wsmanager.run.cancellation"
local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local raw = require "wsmanager.base.raw"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"
local threads = require "wsmanager.run.threads"

local create, running = raw.create, coroutine.running
local select, unpack = select, table.unpack or unpack
local tasks, cancelled = coroutines.tasks, coroutines.cancelled
local has_waiting, later, wait = coroutines.has_waiting, coroutines.later, scheduler.wait
local begin_task = coroutines.begin_task
local first_time, guard = coroutines.first_time, coroutines.guard

local NAME = "a coroutine"     -- in the report of an error
local LONGEST_CIRCLE = 1000    -- tasks that join each other

local task = {}

--- What `wsmanager.spawn` answers: a function in a coroutine of its own.
---@class wsmanager.Task
---
--- Its coroutine; in a host with threads of its own nil until it begins.
---@field thread? thread
---
--- `ready` until the next round of the loop; `running`, also while it waits, and after
--- `task:cancel` until its function has ended; then `returned`, `failed`, `cancelled` (before it
--- began) or `closed` (by `coroutine.close`).
---@field state "ready"|"running"|"returned"|"failed"|"cancelled"|"closed"
local Task = {}

Task.__index = Task

-- The private fields: 1 to n, its function and arguments until it begins, its results
-- when it has returned; why, text: its error; joiners: those who wait for its end;
-- turning: how many do so by turning the loop; told: somebody has its error; refused: see
-- cancellation.lua; later: what the next round is to do with it.

-- Has it not ended yet?
local is_alive = {ready = true, running = true}

local function check_self (self, method)
  if getmetatable(self) ~= Task then
    error("call it with ':', as in task:" .. method .. "(...)", 3)
  end
end

-- ## Its life

local function keep (self, ...)
  local n = select("#", ...)
  self.state, self.n = "returned", n
  if n == 1 then self[1] = ... end
  if n <= 1 then return end
  local results = {...}
  for i = 1, n do self[i] = results[i] end
end

-- What it was called with is not kept while it runs.
local function call (self, fn, ...)
  for i = 2, self.n do self[i] = nil end
  keep(self, fn(...))
end

-- Lua 5.1 compiles a `local` at the beginning of such a loop wrongly.
local function body (self)
  if self.state ~= "ready" then return end    -- cancelled, before a thread had begun it
  local fn = self[1]
  self.state, self[1] = "running", nil
  for _ in first_time, nil, nil, guard do
    if self.n == 1 then keep(self, fn())
    else call(self, fn, unpack(self, 2, self.n)) end
  end
end

local function tell (self)
  self.told = true
  report.tell(NAME, self.why, self.text)
end

-- An error that nobody who waited has taken after all is reported.
local function tell_untaken (self)
  if self.state == "failed" and not self.told and not self.turning then tell(self) end
end

local function wake_joiners (self)
  if self.joiners then coroutines.wake_all(self.joiners) end
  if coroutines.has_threads() then threads.look_again(self, tell_untaken)
  else tell_untaken(self) end
end

local function fail (self, why, thread)
  self.state, self.n = "failed", 0
  self.why, self.text = why, report.trace(why, thread)
  if not self.turning and not has_waiting(self.joiners) then tell(self) end
end

coroutines.set_task_end(function (self, failed, why, thread)
  if failed then fail(self, why, thread)
  elseif is_alive[self.state] then self.state = "closed" end
  if not self.joiners then return end
  self.later = wake_joiners
  later(self)
end)

-- In a host's thread, which the task has when that begins.
local function spawn_in_thread (fn, ...)
  local self = setmetatable({
    state = "ready", body = body, n = select("#", ...) + 1, fn, ...
  }, Task)
  threads.start_task(self)
  return self
end

--- Starts `fn(...)` in a coroutine of its own in the next round of the loop, and answers its
--- task. An error in it ends only it; those who wait in `task:join` get it, and if there are
--- none it is reported with a traceback on stderr (or to `wsmanager.onerror`).
---@param fn function  it may wait
---@param ... any  its arguments
---@return wsmanager.Task task
function task.spawn (fn, ...)
  arguments.check_function(1, "#1 to 'spawn'", fn)
  scheduler.prepare()
  if coroutines.has_threads() then return spawn_in_thread(fn, ...) end
  local thread = create(body)
  local self = setmetatable({
    thread = thread, state = "ready", later = begin_task, n = select("#", ...) + 1,
    fn, ...
  }, Task)
  tasks[thread] = self
  later(self)
  return self
end

-- ## Joining

-- Would the caller's task wait for itself, by tasks that wait for each other without a
-- timeout? Looks at so many of them: a long row of joins would take a time to walk.
local function is_circle (mine, other)
  for _ = 1, LONGEST_CIRCLE do
    if other == mine then return true end
    if not other.thread then return false end
    local queue = coroutines.waits_forever_in(other.thread)
    other = queue and queue.task
    if not other then return false end
  end
  return false
end

local function check_join (self, timeout)
  local thread = running()
  if not self.thread then return end
  if thread == self.thread then error("a task cannot join itself", 3) end
  if raw.status(self.thread) == "normal" and not coroutines.can_yield() then
    error("a task cannot be joined by a coroutine that it has resumed itself", 3)
  end
  if timeout ~= nil then return end
  local mine = tasks[thread] or threads.task_of[thread]
  if type(mine) == "table" and has_waiting(mine.joiners) and is_circle(mine, self) then
    error("these tasks would wait for each other for ever: the one to be joined waits "
          .. "for this one, and no 'join' between them has a timeout", 3)
  end
end

-- Waits once. Whoever turns the loop for it stands in no queue.
local function wait_once (self, deadline)
  if coroutines.can_yield() then return wait(self.joiners, deadline) end
  self.turning = (self.turning or 0) + 1
  local ok, in_time = pcall(wait, self.joiners, deadline)
  self.turning = self.turning > 1 and self.turning - 1 or nil
  if not ok then error(in_time, 0) end
  return in_time
end

local function outcome (self)
  local state = self.state
  if state == "returned" then
    return true, unpack(self, 1, self.n)
  elseif state == "failed" then
    self.told = true
    return false, self.why, self.text
  elseif state == "cancelled" then
    return nil, "cancelled", "the task was cancelled before it began"
  end
  return nil, "closed", "the coroutine of the task was closed"
end

--- Waits until the task has ended, and says how: `true` and what its function returned; `false`,
--- its error, and the error's text with its traceback; or nil, token, detail: `timeout`;
--- `cancelled`, it was before it began, or the caller's task was; `closed`, its coroutine was.
--- It may be called by several, and again. It raises where it could never return: for the task
--- itself or a coroutine that it resumes, and where tasks would join each other, all without a
--- timeout.
---@param timeout? number  seconds; nil: as long as it takes
---@return boolean|nil ended  true: it returned; false: it failed; nil: there is no result
---@return any ...  its results; or its error and the text; or the token and why
function Task:join (timeout)
  check_self(self, "join")
  timeout = arguments.timeout(1, "#1 to 'join'", timeout)
  if timeout == math.huge then timeout = nil end
  if not is_alive[self.state] then return outcome(self) end
  check_join(self, timeout)
  local deadline, in_time = timeout and core.now() + timeout, timeout ~= 0
  if not self.joiners then
    self.joiners = coroutines.new_queue()
    self.joiners.task = self
  end
  while in_time and is_alive[self.state] do in_time = wait_once(self, deadline) end
  if is_alive[self.state] then
    return cancellation.failure("the task has not ended", timeout)
  end
  return outcome(self)
end

-- ## Cancelling

--- Cancels the task: the wait that it is in ends with nil, `cancelled` and a sentence in the next
--- round, and so does each later one, at once. What need not wait is done as ever. Its function
--- is to return then; one that goes on to wait is ended by an error after ten of them. One that
--- has not begun never does. The task itself may be the caller. Only its own waits are ended,
--- not those of tasks that it has started.
---@return boolean cancelled  false: it had ended already
function Task:cancel ()
  check_self(self, "cancel")
  local thread = self.thread
  if self.state == "ready" then
    for i = 1, self.n do self[i] = nil end
    self.state, self.later, tasks[thread] = "cancelled", wake_joiners, nil
    return true
  elseif self.state ~= "running" then
    return false
  end
  if tasks[thread] or threads.task_of[thread] and not cancelled[thread] then
    tasks[thread], cancelled[thread] = false, self
    coroutines.interrupt(thread)
  end
  return true
end

return task
