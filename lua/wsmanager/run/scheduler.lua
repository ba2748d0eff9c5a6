-- The built-in scheduler: one loop, the coroutines that wait on it, sleepers.
-- Stands on the core's loop, timers.lua and report.lua.
-- Never knows what a ready connection means: `attend` does, which the
-- connections set, and the servers' own method of that name.

local core = require "wsmanager.core"
local report = require "wsmanager.base.report"
local timers = require "wsmanager.run.timers"

local create, running = coroutine.create, coroutine.running
local status, yield = coroutine.status, coroutine.yield
local isyieldable = coroutine.isyieldable or function () return true end
local coroutine_resume = coroutine.resume
local now = core.now
local getinfo, getlocal = debug.getinfo, debug.getlocal
local unpack = table.unpack or unpack

local PARK = {}    -- yielded by a coroutine that something will wake
local IDLE = {}    -- yielded by a worker that has nothing to do
local LONGEST = 3600   -- seconds that one turn waits at most

local scheduler = {
  attend = nil,                                  -- of a ready connection
  name = nil,                                    -- of what call's fn(a) hears
  connections = setmetatable({}, {__mode = "v"}),-- id -> connection
  held = {},                                     -- id -> one that must live
  servers = {},                                  -- id -> server
}

local connections = scheduler.connections
local loop                                       -- of this Lua state, lazily
local begin, next_ready, cork                    -- its methods
local tasks = setmetatable({}, {__mode = "k"})   -- the coroutines that are ours
local rescues = setmetatable({}, {__mode = "k"}) -- what to do when they fail
local endings = {}                               -- coroutine -> call when done
local parked = {}                                -- coroutine -> its queue
local timed = {}                                 -- coroutine -> its timer
local sleepers = timers.new()
local runnable = {first = 1, last = 0}           -- calls to begin or go on
local revisit = {}                               -- ids to look at next round
local revisiting = false                         -- are there any?
local idle = {}                                  -- workers

-- The loop of this Lua state, made at the first use.
function scheduler.loop ()
  if loop then return loop end
  local made, token, detail = core.loop()
  if not made then error("wsmanager: " .. token .. ": " .. detail, 0) end
  loop = made
  begin, next_ready, cork = made.begin, made.ready, made.cork
  return loop
end

local function push (queue, value)
  queue.last = queue.last + 1
  queue[queue.last] = value
end

local function pop (queue)
  local first = queue.first
  local value = queue[first]
  queue[first] = nil
  queue.first = first + 1
  if first == queue.last then queue.first, queue.last = 1, 0 end
  return value
end

local function forget (queue, value)
  local found = queue.first
  while found <= queue.last and queue[found] ~= value do found = found + 1 end
  if found > queue.last then return end
  for i = found, queue.last do queue[i] = queue[i + 1] end
  queue.last = queue.last - 1
end

-- It waits no more: neither in a queue nor for a time.
local function unpark (thread)
  local queue, entry = parked[thread], timed[thread]
  if queue then
    parked[thread] = nil
    forget(queue, thread)
  end
  if entry then
    timed[thread] = nil
    sleepers:remove(entry)
  end
end

local function ended (thread)
  local ending = endings[thread]
  if not ending then return end
  endings[thread] = nil
  ending()
end

local hear

-- What to call it that has failed; a worker's stack still says what it heard.
local function noun (thread)
  local level = 0
  local info = getinfo(thread, level, "f")
  while info and info.func ~= hear do
    level = level + 1
    info = getinfo(thread, level, "f")
  end
  if not info or not scheduler.name then return "a coroutine" end
  local _, heard = getlocal(thread, level, 2)
  return scheduler.name(heard)
end

local function failed (thread, why)
  local rescue = rescues[thread]
  tasks[thread], rescues[thread] = nil, nil
  if rescue then
    rescue(why, thread)
  else
    report.failure(noun(thread), why, thread)
  end
  ended(thread)
end

-- A coroutine of ours has come back, and not to wait. Returns whether it is still
-- under way. A wait that could not yield (Lua 5.1, inside of pcall) is over.
local function come_back (thread, ok, what)
  unpark(thread)
  if not ok then
    failed(thread, what)
    return false
  end
  if what == IDLE then
    ended(thread)
    return false
  end
  if status(thread) == "suspended" then   -- a bare yield gives way to others
    push(runnable, {thread, n = 1})
    return true
  end
  tasks[thread], rescues[thread] = nil, nil
  ended(thread)
  return false
end

-- Lets a coroutine of ours go on. Returns whether it is still under way.
local function resume (thread, ...)
  local ok, what = coroutine_resume(thread, ...)
  return what == PARK or come_back(thread, ok, what)
end

local function task (fn)
  local thread = create(fn)
  tasks[thread] = true
  return thread
end

function hear (fn, a, b)
  fn(a, b)
end

local function rest ()
  idle[#idle + 1] = running()
  return yield(IDLE)
end

-- While it rests it holds nothing of what it heard: that may be dropped.
local function worker ()
  while true do hear(rest()) end
end

-- Calls fn(a, b) in a coroutine of ours that costs nothing to make. Returns nil
-- when it has ended, or the coroutine when it waits for something.
function scheduler.call (fn, a, b)
  if #idle == 0 then coroutine_resume(task(worker)) end
  local count = #idle
  local thread = idle[count]
  idle[count] = nil
  if resume(thread, fn, a, b) then return thread end
end

-- Calls fn(...) in a coroutine of ours at once; should it fail, now or later,
-- rescue(why, thread) hears of it.
function scheduler.attempt (rescue, fn, ...)
  local thread = task(fn)
  rescues[thread] = rescue
  resume(thread, ...)
end

-- Has `ending` called when the coroutine that waits has ended.
function scheduler.after (thread, ending)
  endings[thread] = ending
end

-- Is the caller a coroutine of ours that may yield here?
function scheduler.yields ()
  return tasks[running()] == true and isyieldable()
end

function scheduler.queue ()
  return {first = 1, last = 0}
end

-- Does anybody wait in the queue? One that was closed (Lua 5.4) does not.
function scheduler.waits (queue)
  if queue == nil then return false end
  while queue.first <= queue.last do
    local thread = queue[queue.first]
    if status(thread) ~= "dead" then return true end
    unpark(thread)
  end
  return false
end

-- Lua 5.1 cannot say whether a yield will fail: what an earlier one left
-- behind goes first.
local function park (thread, queue, due)
  if parked[thread] or timed[thread] then unpark(thread) end
  if queue then
    local last = queue.last + 1     -- push, without the call
    parked[thread] = queue
    queue.last, queue[last] = last, thread
  end
  if due and due ~= math.huge then
    local entry = {due = due, thread = thread}
    timed[thread] = entry
    sleepers:add(entry)
  end
  return yield(PARK)
end

-- Wakes the first that waits in the queue and hands it three values.
function scheduler.wake (queue, a, b, c)
  local first = queue.first         -- pop, without the call
  local thread = queue[first]
  queue[first] = nil
  if first == queue.last then queue.first, queue.last = 1, 0
  else queue.first = first + 1 end
  parked[thread] = nil
  if timed[thread] then unpark(thread) end
  local ok, what = coroutine_resume(thread, true, a, b, c)
  if what ~= PARK then come_back(thread, ok, what) end
end

-- Wakes all that wait in the queue now.
function scheduler.wake_all (queue, a, b, c)
  for _ = queue.first, queue.last do
    if not scheduler.waits(queue) then return end
    scheduler.wake(queue, a, b, c)
  end
end

-- Can a `for` wait? Lua 5.1 cannot yield from an iterator, LuaJIT can.
scheduler.iterates = coroutine_resume(create(function ()
  for _ in yield do error() end
end))

-- Has the connection or server of that id looked at in the next round.
function scheduler.touch (id)
  revisit[id] = true
  revisiting = true
end

local function look (id)
  local connection = connections[id]
  if connection then
    scheduler.attend(connection)
  elseif scheduler.servers[id] then
    scheduler.servers[id]:attend()
  end
end

local function look_again ()
  local ids = revisit
  revisit, revisiting = {}, false
  for id in pairs(ids) do look(id) end
end

local function look_at_ready (id)
  repeat
    look(id)
    id = next_ready(loop)
  until not id
end

-- Who goes to sleep again in this round wakes in the next one.
local function wake_sleepers ()
  local any, newest = false, sleepers.serial
  local entry, time = sleepers:first(), now()
  while entry and entry.due <= time and entry.serial <= newest do
    any = true
    unpark(entry.thread)
    if status(entry.thread) ~= "dead" then resume(entry.thread, false) end
    entry = sleepers:first()
  end
  return any
end

local function run_runnable ()
  local count = runnable.last - runnable.first + 1
  for _ = 1, count do
    if runnable.first > runnable.last then break end
    local call = pop(runnable)
    if status(call[1]) ~= "dead" then
      resume(call[1], unpack(call, 2, call.n))
    end
  end
end

-- What a turn of the loop has brought, `id` first, and what else is due.
local function round (id)
  local happened = id ~= nil
  if id then look_at_ready(id) end
  if revisiting then
    look_again()
    happened = true
  end
  if sleepers.count > 0 and wake_sleepers() then happened = true end
  if runnable.first <= runnable.last then
    run_runnable()
    happened = true
  end
  cork(loop, false)
  return happened
end

-- How long the loop may wait; a loop that has nothing to wait for would not.
local function patience (timeout)
  if revisiting or runnable.first <= runnable.last then return 0 end
  local wait = LONGEST
  if timeout and timeout < wait then wait = timeout end
  if sleepers.count > 0 then
    local left = sleepers:first().due - now()
    if left < wait then wait = left end
  end
  return wait > 0 and wait or 0
end

local function check_seconds (seconds, name)
  if type(seconds) == "number" and seconds == seconds then return end
  local got = type(seconds) == "number" and "nan" or type(seconds)
  error("bad argument #1 to '" .. name .. "' (number expected, got "
        .. got .. ")", 3)
end

scheduler.check_seconds = check_seconds

--- Turns the loop once: waits until something happens (or `timeout` seconds;
--- 0 never waits: the once-a-frame call of a game loop), then runs the
--- handlers and coroutines that it concerns.
---@param timeout? number  seconds; nil: as long as it takes
---@return boolean happened
function scheduler.step (timeout)
  if timeout ~= nil then check_seconds(timeout, "step") end
  if not loop then scheduler.loop() end
  return round(begin(loop, patience(timeout)))
end

local step = scheduler.step

-- Waits in the queue until it is woken or the deadline has passed, and returns
-- whether it was in time and what it was handed. A coroutine of ours yields;
-- anybody else turns the loop once: the caller looks again and comes back.
function scheduler.wait (queue, deadline)
  local thread = running()
  if tasks[thread] and isyieldable() then
    return park(thread, queue, deadline)
  end
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
function scheduler.sleep (seconds)
  check_seconds(seconds, "sleep")
  local thread, due = running(), now() + seconds
  if tasks[thread] and isyieldable() then
    park(thread, nil, due)
    return
  end
  repeat
    step(math.max(0, due - now()))
  until now() >= due
end

local function check_function (fn, name)
  if type(fn) ~= "function" then
    error("bad argument #1 to '" .. name .. "' (function expected, got "
          .. type(fn) .. ")", 3)
  end
end

--- Starts fn(...) in a coroutine of its own in the next round. An error in it
--- is reported with a traceback (or to `wsmanager.onerror`) and ends only it.
---@param fn function
---@param ... any  its arguments
---@return thread
function scheduler.spawn (fn, ...)
  check_function(fn, "spawn")
  local thread = task(fn)
  push(runnable, {thread, n = select("#", ...) + 1, ...})
  return thread
end

-- Is there anything left that the loop could wait for?
local function lives ()
  return runnable.first <= runnable.last or sleepers.count > 0
         or revisiting or next(scheduler.held) ~= nil
         or next(scheduler.servers) ~= nil
end

local function finish (outcome, ...)
  outcome.done = true
  outcome.n = select("#", ...)
  outcome.values = {...}
end

local function main (outcome, fn, ...)
  return finish(outcome, fn(...))
end

--- Runs fn(...) in a coroutine and turns the loop until it has ended. What it
--- returns is returned, its error is raised with its traceback. Other
--- coroutines and connections that are not done stay as they are: the next
--- `run` or `step` goes on with them. Without fn it turns the loop until
--- nothing is left to wait for (a server: until it is stopped). Inside of a
--- coroutine of `run` it is a plain call.
---@param fn? function
---@param ... any  its arguments
---@return any ...  what fn returns
function scheduler.run (fn, ...)
  if fn == nil then
    while lives() do step() end
    return
  end
  check_function(fn, "run")
  if scheduler.yields() then return fn(...) end
  scheduler.loop()
  local outcome = {done = false}
  local thread = task(main)
  rescues[thread] = function (why)
    outcome.done, outcome.failed, outcome.why = true, true, why
  end
  push(runnable, {thread, n = select("#", ...) + 3, outcome, fn, ...})
  repeat step() until outcome.done
  if outcome.failed then error(report.raise(outcome.why, thread), 0) end
  return unpack(outcome.values, 1, outcome.n)
end

--- Monotonic time in seconds; its zero means nothing.
---@return number
scheduler.now = now

return scheduler
