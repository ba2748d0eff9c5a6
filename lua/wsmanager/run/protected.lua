-- Calls of functions that may wait and whose errors are caught, in each Lua.
-- Depends on coroutines.lua and scheduler.lua.
-- Never reports an error: it returns it.

local coroutines = require "wsmanager.run.coroutines"
local scheduler = require "wsmanager.run.scheduler"

-- PUC Lua 5.1 cannot yield within a pcall.
local function wait_in_pcall ()
  pcall(coroutine.yield)
  error()
end

local pcall_yields = coroutine.resume(coroutine.create(wait_in_pcall))

local function keep (outcome, fn, ...)
  outcome[2], outcome[3], outcome[4] = fn(...)
end

-- There it is called in a coroutine of its own, for which the caller waits.
local function call_apart (fn, ...)
  local outcome, queue = {}, coroutines.new_queue()
  coroutines.start(function (ok, why)
    outcome[1] = ok
    if not ok then outcome[2] = why end
    if coroutines.has_waiting(queue) then coroutines.wake(queue) end
  end, keep, outcome, fn, ...)
  while outcome[1] == nil do scheduler.wait(queue) end
  return outcome[1], outcome[2], outcome[3], outcome[4]
end

return {
  -- true and what fn(...) returns (at most three results count), or false and its error.
  call = pcall_yields and pcall or call_apart,
}
