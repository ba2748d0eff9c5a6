-- A queue of values between coroutines: first in, first out.
-- Depends on the scheduler's wait, cancellation.lua and coroutines.lua.
-- Never gives a value to a coroutine before it runs: one that is closed or cancelled
-- while it waits has none, and loses none.

local arguments = require "wsmanager.base.arguments"
local cancellation = require "wsmanager.run.cancellation"
local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local scheduler = require "wsmanager.run.scheduler"
local threads = require "wsmanager.run.threads"

local wait, wake, later = scheduler.wait, coroutines.wake, coroutines.later
local has_waiting, count_waiting = coroutines.has_waiting, coroutines.count_waiting

local WOKEN_PER_ROUND = 256
local CLOSED = "the queue was closed"

local queue = {}

--- Values between coroutines, first in, first out. It holds any value but nil. Who takes and who
--- puts have their turns in the order in which they came. A coroutine that is ended or cancelled
--- while it waits in a queue takes nothing with it.
---@class wsmanager.Queue
local Queue = {}

Queue.__index = Queue

-- The private fields: the values, from `first` to `last`; size; limit; closed;
-- takers, putters: those who wait; scheduled: `later` wakes them in the next round.

local function check_self (self, method)
  if getmetatable(self) ~= Queue then
    error("call it with ':', as in queue:" .. method .. "(...)", 3)
  end
end

-- ## Waking those who wait

-- Whom there is something for, those who take first; nil: nobody.
local function next_to_wake (self)
  if (self.size > 0 or self.closed) and has_waiting(self.takers) then
    return self.takers
  elseif (self.size < self.limit or self.closed) and has_waiting(self.putters) then
    return self.putters
  end
end

local function schedule_later (self)
  self.scheduled = true
  later(self)
end

-- Threads of a host do it when they run; for one that does not come others are woken.
local function wake_threads (self)
  local waiting = next_to_wake(self)
  if not waiting then return end
  local enough = waiting == self.takers and self.size or self.limit - self.size
  if self.closed then enough = math.huge end
  for _ = 1, math.min(enough, count_waiting(waiting)) do wake(waiting) end
  threads.look_again(self, schedule_later)
end

-- Called by the scheduler: each of them runs at once and does what it waited for.
local function wake_waiting (self)
  self.scheduled = nil
  if coroutines.has_threads() then return wake_threads(self) end
  for _ = 1, WOKEN_PER_ROUND do
    local waiting = next_to_wake(self)
    if not waiting then return end
    wake(waiting, true)
  end
  self.scheduled = true
  later(self)
end

local function schedule (self)
  if self.scheduled or not next_to_wake(self) then return end
  self.scheduled = true
  later(self)
end

-- ## The values

local function push (self, value)
  local last = self.last + 1
  self[last], self.last, self.size = value, last, self.size + 1
  if has_waiting(self.takers) then schedule(self) end
end

local function pop (self)
  local first = self.first
  local value = self[first]
  self[first], self.first, self.size = nil, first + 1, self.size - 1
  if self.size == 0 then self.first, self.last = 1, 0 end
  if has_waiting(self.putters) then schedule(self) end
  return value
end

-- ## Waiting
--
-- Who was woken has its turn. Who comes later has what is left for it beside those who
-- wait: it cannot overtake them.

local function may_put (self, woken)
  if self.size >= self.limit then return false end
  return woken or not has_waiting(self.putters)
         or self.size + count_waiting(self.putters) < self.limit
end

local function may_take (self, woken)
  if self.size == 0 then return false end
  return woken or not has_waiting(self.takers)
         or self.size > count_waiting(self.takers)
end

-- Waits for room.
local function wait_to_put (self, value, timeout)
  local deadline = timeout and core.now() + timeout
  local in_time, woken
  repeat
    in_time, woken = wait(self.putters, deadline)
    woken = woken or coroutines.has_threads()
    if self.closed then return nil, "closed", CLOSED end
    if may_put(self, woken) then
      push(self, value)
      return true
    end
  until not in_time
  return cancellation.failure("no room in the queue", timeout)
end

-- Waits for a value.
local function wait_to_take (self, timeout)
  local deadline = timeout and core.now() + timeout
  local in_time, woken
  repeat
    in_time, woken = wait(self.takers, deadline)
    woken = woken or coroutines.has_threads()
    if may_take(self, woken) then return pop(self) end
    if self.closed and self.size == 0 then return nil, "closed", CLOSED end
  until not in_time
  return cancellation.failure("nothing in the queue", timeout)
end

-- ## The methods

--- Puts a value behind the others. When as many wait as the limit says it waits for
--- room, behind those who do so already. It does not run those who take: they do in the
--- next round.
---@param value any  not nil
---@param timeout? number  seconds to wait for room; 0: never wait
---@return true|nil put
---@return wsmanager.Token? token  "closed"; "full" with a timeout of 0; "timeout", "cancelled"
---@return string? detail  why
function Queue:put (value, timeout)
  check_self(self, "put")
  if value == nil then arguments.fail(1, "#1 to 'put' (value", value) end
  timeout = arguments.timeout(1, "#2 to 'put'", timeout)
  if self.closed then return nil, "closed", CLOSED end
  if may_put(self) then
    push(self, value)
    return true
  end
  if timeout == 0 then
    return nil, "full", "the queue holds " .. self.size .. " values, its limit"
  end
  return wait_to_put(self, value, timeout)
end

--- Takes the oldest value. When there is none it waits for one, behind those who do so
--- already.
---@param timeout? number  seconds; 0: never wait
---@return any value  or nil
---@return wsmanager.Token? token  of nil: "timeout", "cancelled"; "closed": and nothing is left
---@return string? detail  why
function Queue:take (timeout)
  check_self(self, "take")
  timeout = arguments.timeout(1, "#1 to 'take'", timeout)
  if may_take(self) then return pop(self) end
  if self.closed and self.size == 0 then return nil, "closed", CLOSED end
  if timeout == 0 then
    return cancellation.failure("nothing in the queue", timeout)
  end
  return wait_to_take(self, timeout)
end

--- Closes it: nothing more can be put, and those who wait for room get nil, "closed".
--- What is there can still be taken; then `take` returns nil, "closed". May be called
--- again.
function Queue:close ()
  check_self(self, "close")
  self.closed = true
  schedule(self)
end

--- How many values there are to be taken.
---@return integer count  0 or more
function Queue:count ()
  check_self(self, "count")
  return self.size
end

local function is_limit (value)
  return type(value) == "number" and value >= 1 and value % 1 == 0
end

--- A queue of values between coroutines, first in, first out. Those who take, and those
--- who wait for room, have their turns in the order in which they came.
---@param limit? integer  of values in it; without one there is always room
---@return wsmanager.Queue queue
function queue.new (limit)
  if limit ~= nil and not is_limit(limit) then
    error("bad argument #1 to 'queue' (a whole number from 1 on expected, got "
          .. tostring(limit) .. ")", 2)
  end
  return setmetatable({
    first = 1, last = 0, size = 0, limit = limit or math.huge,
    takers = coroutines.new_queue(), putters = coroutines.new_queue(),
    later = wake_waiting,
  }, Queue)
end

return queue
