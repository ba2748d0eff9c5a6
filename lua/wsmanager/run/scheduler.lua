-- The built-in scheduler: who waits, and who turns the loop meanwhile.
-- Depends on rounds.lua, whose functions it offers too, coroutines.lua and cancellation.lua.
-- Never knows a host: where one turns the loop, hosting.lua has `set_elsewhere` say how
-- the others wait.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local cancellation = require "wsmanager.run.cancellation"
local coroutines = require "wsmanager.run.coroutines"
local leaving = require "wsmanager.run.leaving"
local report = require "wsmanager.base.report"
local rounds = require "wsmanager.run.rounds"
local waitless = require "wsmanager.base.waitless"

local running = coroutine.running
local isyieldable = coroutine.isyieldable or function () return true end
local now = core.now
local unpack = table.unpack or unpack
local park, tasks, step = coroutines.park, coroutines.tasks, rounds.step
local check_function = arguments.check_function
local to_timeout = arguments.timeout

local scheduler = {}

for name, value in pairs(rounds) do scheduler[name] = value end

-- In a host: how any but our own coroutines wait: functions wait(queue, deadline) and
-- sleep(due), which return nil where the caller is to turn the loop; may_wait(); and
-- check_wait() and check_run(), which raise where nobody can wait, and where `run` cannot
-- turn the loop.
local elsewhere

-- Finds out where this program runs, once, before anybody waits.
local prepare

function scheduler.set_elsewhere (functions)
  elsewhere = functions
end

function scheduler.set_prepare (fn)
  prepare = fn
  rounds.set_prepare(fn)
end

-- For the first use of what is no connection.
function scheduler.prepare ()
  if prepare then prepare() end
end

-- The program stops: whoever turns the loop by waiting does so until it has. false.
local function finish (thread)
  return not elsewhere and tasks[thread] == nil and leaving.finish()
end

-- Waits in the queue until it is woken or the deadline has passed; returns
-- whether it was in time, and what it was handed. A coroutine of ours yields;
-- any other caller turns the loop once, checks again and calls again. In a task that
-- is cancelled it returns false: what the caller then returns, cancellation.lua says.
function scheduler.wait (queue, deadline)
  local thread = running()
  if waitless.thread then waitless.check_wait(thread) end
  local task = tasks[thread]
  if task and isyieldable() then return park(thread, queue, deadline) end
  if task == false then return cancellation.refuse(thread) end
  if prepare then prepare() end
  if elsewhere then
    local in_time, a, b, c = elsewhere.wait(queue, deadline)
    if in_time ~= nil then return in_time, a, b, c end
  end
  if deadline == nil or deadline == math.huge then
    if coroutines.leaving then return finish(thread) end
    step()
    return true
  end
  local left = math.max(0, deadline - now())
  step(left)
  return left > 0
end

-- Raises where a wait would: for what has an effect before it waits. (Lua 5.1 cannot tell
-- it of a coroutine that is within a pcall.)
function scheduler.check_wait ()
  local thread = running()
  if waitless.thread then waitless.check_wait(thread) end
  if tasks[thread] ~= nil and isyieldable() then return end
  if prepare then prepare() end
  if elsewhere then elsewhere.check_wait() end
end

-- May the caller wait, if only by turning the loop?
function scheduler.may_wait ()
  if prepare then prepare() end
  return not elsewhere or elsewhere.may_wait()
end

local wait = scheduler.wait

-- true: it has slept; false: it could not; nil: not yet.
local function sleep_until (due)
  if elsewhere then
    local slept = elsewhere.sleep(due)
    if slept ~= nil then return slept end
  end
  step(math.max(0, due - now()))
  return now() >= due or nil
end

--- Waits so many seconds while everything else goes on.
---@param seconds number  math.huge: until the program ends
---@return true|nil slept
---@return wsmanager.Token? token  "cancelled": its task was
---@return string? detail  why
function scheduler.sleep (seconds)
  seconds = to_timeout(1, "#1 to 'sleep'", seconds)
  if not seconds then arguments.fail(1, "#1 to 'sleep' (number", seconds) end
  local thread, due = running(), now() + seconds
  if waitless.thread then waitless.check_wait(thread) end
  if tasks[thread] and isyieldable() then
    park(thread, nil, due)
    if tasks[thread] and (not coroutines.leaving or now() >= due) then return true end
  elseif tasks[thread] == false then
    cancellation.refuse(thread)
  end
  if prepare then prepare() end
  local slept
  while slept == nil and tasks[thread] ~= false and not coroutines.leaving do
    slept = sleep_until(due)
  end
  if slept then return true end
  if coroutines.leaving then finish(thread) end
  return cancellation.failure("it did not sleep for so long")
end

-- Starts fn(...) in a coroutine of its own in the next round. An error in it is
-- reported with a traceback (or to `wsmanager.onerror`) and ends only it. For the
-- module's own use: task.lua has the one that answers a task.
---@param fn function
---@param ... any  its arguments
---@return thread
function scheduler.spawn (fn, ...)
  check_function(1, "#1 to 'spawn'", fn)
  return coroutines.start_later(nil, fn, ...)
end

local function keep_results (outcome, ...)
  outcome.done = true
  outcome.n = select("#", ...)
  outcome.results = {...}
end

local function main (outcome, fn, ...)
  keep_results(outcome, fn(...))
end

--- Runs `fn(...)` in a coroutine and turns the loop until it has ended. What it returns is
--- returned, its error is raised with its traceback; if its coroutine is closed (Lua 5.4)
--- nothing is returned. Other coroutines and connections that are not done stay as they are: the
--- next `run` or `wsmanager.step` goes on with them. Without an argument it turns the loop until
--- nothing is left to wait for (a server: until it is stopped). Inside of a coroutine of `run`
--- it is a plain call. In a forked child it raises, as `wsmanager.step` does, if the parent had
--- a connection or a server; and in a host whose own loop turns the module's, but in a thread
--- that may wait it is a plain call.
---@param fn? function  it may wait
---@param ... any  its arguments
---@return any ...  what fn returns
function scheduler.run (...)
  rounds.check_fork()
  if waitless.thread then waitless.check_turn() end
  if prepare then prepare() end
  local is_loop_alone = select("#", ...) == 0
  if not is_loop_alone then
    check_function(1, "#1 to 'run'", (...))
    if coroutines.can_yield() then return (...)(select(2, ...)) end
  end
  if elsewhere and elsewhere.check_run then elsewhere.check_run() end
  if is_loop_alone then
    while rounds.has_work() and not leaving.is_over() do step() end
    return
  end
  rounds.loop()
  local outcome = {done = false}
  local thread = coroutines.start_later(function (ok, why, thread)
    outcome.done, outcome.failed = true, not ok
    if not ok then outcome.why = report.raise(why, thread) end
  end, main, outcome, ...)
  rounds.run(outcome, thread)
  if coroutines.leaving then leaving.finish() end
  if outcome.failed then error(outcome.why, 0) end
  return unpack(outcome.results or {}, 1, outcome.n or 0)
end

scheduler.step = step

--- Seconds of a clock that never goes back; its zero means nothing. It goes on while
--- the machine is suspended, where the system has such a clock (Linux, macOS).
---@return number seconds
scheduler.now = now

scheduler.wait = wait

return scheduler
