-- The built-in scheduler: one loop for each Lua state, turned in rounds.
-- Depends on the core's loop and coroutines.lua.
-- Never knows what a ready connection or server means: its handlers do.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local cancellation = require "wsmanager.run.cancellation"
local coroutines = require "wsmanager.run.coroutines"
local each = require "wsmanager.base.each"
local report = require "wsmanager.base.report"
local waitless = require "wsmanager.base.waitless"

local running, status = coroutine.running, coroutine.status
local isyieldable = coroutine.isyieldable or function () return true end
local now = core.now
local unpack = table.unpack or unpack
local park, run_runnable = coroutines.park, coroutines.run_runnable
local wake_due = coroutines.wake_due
local tasks, sleepers = coroutines.tasks, coroutines.sleepers
local runnable = coroutines.runnable
local check_function = arguments.check_function
local check_seconds = arguments.check_seconds

local LONGEST_TURN = 3600     -- seconds
local HANDLED_PER_ROUND = 256  -- of those that are ready

local scheduler = {
  connections = setmetatable({}, {__mode = "v"}),-- id -> connection
  retained = {},                                 -- id -> connection kept alive
  servers = {},                                  -- id -> server
}

local connections, servers = scheduler.connections, scheduler.servers
local loop                                       -- made at the first use
local begin, next_ready, cork                    -- its methods
local retained, retained_count = scheduler.retained, 0
local scheduled = {}                             -- id -> true: for the next round
local any_scheduled = false
local handle_connection, handle_server
local attended = {}                              -- id -> fn(id): what else there is

-- What a round does with a connection or server that is ready or scheduled:
-- handlers.connection(ws), handlers.server(server).
function scheduler.set_handlers (handlers)
  handle_connection = handlers.connection or handle_connection
  handle_server = handlers.server or handle_server
end

-- Raises in a forked child whose parent had connections or servers.
local function check_fork ()
  if loop then loop:check() end
end

-- The loop of this Lua state; raises where it cannot be made or used.
function scheduler.loop ()
  check_fork()
  if loop then return loop end
  local made, token, detail = core.loop()
  if not made then error("wsmanager: " .. token .. ": " .. detail, 0) end
  loop = made
  begin, next_ready, cork = made.begin, made.ready, made.cork
  return loop
end

-- Keeps the connection of that id alive, in `retained`; or with nil no longer.
function scheduler.retain (id, connection)
  local before = retained[id]
  if before == connection then return end
  retained[id] = connection
  if not before then retained_count = retained_count + 1
  elseif not connection then retained_count = retained_count - 1 end
end

-- Has the connection or server of that id handled in the next round.
function scheduler.schedule (id)
  scheduled[id] = true
  any_scheduled = true
end

-- Has fn(id) called when the handle of that id on the loop is ready, or when it is
-- scheduled. An id that is no number is the owner of a queue. `kept`: as long as it is
-- attended, `run` has something to wait for.
function scheduler.attend (id, fn, kept)
  attended[id] = fn
  scheduler.retain(id, kept)
end

function scheduler.forget (id)
  attended[id] = nil
  scheduler.retain(id, nil)
end

coroutines.set_leave(scheduler.schedule)

local function handle (id)
  local connection = connections[id]
  if connection then
    handle_connection(connection)
  elseif servers[id] then
    handle_server(servers[id])
  elseif attended[id] then
    attended[id](id)
  end
end

local function handle_scheduled ()
  local ids = scheduled
  scheduled, any_scheduled = {}, false
  for id in each(ids) do handle(id) end
end

-- One that is made ready by what it is handled with may be so for ever: beyond a
-- number the others stay ready for the next round.
local function handle_ready (id)
  for _ = 1, HANDLED_PER_ROUND do
    handle(id)
    id = next_ready(loop)
    if not id then return end
  end
end

-- Handles what a turn of the loop has found ready, `id` first, and what is due.
-- Returns whether there was anything. What it sends is written at the beginning of
-- the next turn, or by cork(loop, false).
local function round (id)
  local happened = id ~= nil
  if id then handle_ready(id) end
  if any_scheduled then
    handle_scheduled()
    happened = true
  end
  if sleepers.count > 0 and wake_due(now()) then happened = true end
  if runnable.first <= runnable.last then
    run_runnable()
    happened = true
  end
  return happened
end

-- How many seconds the loop may wait. Never without end: a loop that has nothing
-- to wait for would not wait at all.
local function poll_timeout (timeout)
  if any_scheduled or runnable.first <= runnable.last then return 0 end
  local wait = LONGEST_TURN
  if timeout and timeout < wait then wait = timeout end
  if sleepers.count > 0 then
    local left = sleepers:first().due - now()
    if left < wait then wait = left end
  end
  return wait > 0 and wait or 0
end

--- Turns the loop once: waits until something happens (or `timeout` seconds;
--- 0 never waits: the once-a-frame call of a game loop), then runs the
--- handlers and coroutines that it concerns.
---@param timeout? number  seconds; nil: as long as it takes
---@return boolean happened
function scheduler.step (timeout)
  if timeout ~= nil then check_seconds(1, "#1 to 'step'", timeout) end
  if waitless.thread then waitless.check_turn() end
  if not loop then scheduler.loop() end
  local happened = round(begin(loop, poll_timeout(timeout)))
  cork(loop, false)
  return happened
end

local step = scheduler.step

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
  if deadline == nil or deadline == math.huge then
    step()
    return true
  end
  local left = math.max(0, deadline - now())
  step(left)
  return left > 0
end

--- Waits so many seconds while everything else goes on.
---@param seconds number  math.huge: until the program ends
---@return true|nil slept
---@return string? token  "cancelled": its task was
---@return string? detail
function scheduler.sleep (seconds)
  check_seconds(1, "#1 to 'sleep'", seconds)
  local thread, due = running(), now() + seconds
  if waitless.thread then waitless.check_wait(thread) end
  if tasks[thread] and isyieldable() then
    park(thread, nil, due)
    if tasks[thread] then return true end
  elseif tasks[thread] == false then
    cancellation.refuse(thread)
  end
  while tasks[thread] ~= false do
    step(math.max(0, due - now()))
    if now() >= due then return true end
  end
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

-- Is there anything left that the loop could wait for?
local function has_work ()
  return runnable.first <= runnable.last or sleepers.count > 0
         or any_scheduled or retained_count > 0
         or next(servers) ~= nil
end

local function keep_results (outcome, ...)
  outcome.done = true
  outcome.n = select("#", ...)
  outcome.results = {...}
end

local function main (outcome, fn, ...)
  keep_results(outcome, fn(...))
end

--- Runs fn(...) in a coroutine and turns the loop until it has ended. What it
--- returns is returned, its error is raised with its traceback; if its coroutine
--- is closed (Lua 5.4) nothing is returned. Other
--- coroutines and connections that are not done stay as they are: the next
--- `run` or `step` goes on with them. Without fn it turns the loop until
--- nothing is left to wait for (a server: until it is stopped). Inside of a
--- coroutine of `run` it is a plain call. In a forked child it raises, as `step`
--- does, if the parent had a connection or a server.
---@param fn? function
---@param ... any  its arguments
---@return any ...  what fn returns
function scheduler.run (fn, ...)
  check_fork()
  if waitless.thread then waitless.check_turn() end
  if fn == nil then
    while has_work() do step() end
    return
  end
  check_function(1, "#1 to 'run'", fn)
  if coroutines.can_yield() then return fn(...) end
  scheduler.loop()
  local outcome = {done = false}
  local thread = coroutines.start_later(function (ok, why, thread)
    outcome.done, outcome.failed = true, not ok
    if not ok then outcome.why = report.raise(why, thread) end
  end, main, outcome, fn, ...)
  repeat round(begin(loop, poll_timeout())) until outcome.done or status(thread) == "dead"
  cork(loop, false)
  if outcome.failed then error(outcome.why, 0) end
  return unpack(outcome.results or {}, 1, outcome.n or 0)
end

--- Seconds of a clock that never goes back; its zero means nothing. It goes on while
--- the machine is suspended, where the system has such a clock (Linux, macOS).
---@return number
scheduler.now = now

return scheduler
