-- Calls of functions that may wait and whose errors are caught, in each Lua.
-- Depends on coroutines.lua, scheduler.lua, caught.lua and report.lua.
-- Never reports an error: it returns it.

local caught = require "wsmanager.base.caught"
local coroutines = require "wsmanager.run.coroutines"
local raw = require "wsmanager.base.raw"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"

-- PUC Lua 5.1 cannot yield within a pcall.
local function wait_in_pcall ()
  pcall(raw.yield)
  error()
end

local pcall_yields = raw.resume(raw.create(wait_in_pcall))

local function keep (outcome, fn, ...)
  outcome[2], outcome[3], outcome[4] = fn(...)
end

-- There it is called in a coroutine of its own, for which the caller waits.
local function call_apart (fn, ...)
  local outcome, queue = {}, coroutines.new_queue()
  coroutines.start(function (ok, why, thread)
    outcome[1] = ok
    if not ok then outcome[2], outcome[3] = why, report.trace(why, thread) end
    if coroutines.has_waiting(queue) then coroutines.wake(queue) end
  end, keep, outcome, fn, ...)
  while outcome[1] == nil do
    if not scheduler.wait(queue) and coroutines.leaving then
      return false, coroutines.leaving
    end
  end
  return outcome[1], outcome[2], outcome[3], outcome[4]
end

return {
  -- true and what fn(...) returns (at most three results count), or false, its error and
  -- the text of that with the traceback.
  call = pcall_yields and caught or call_apart,
}
