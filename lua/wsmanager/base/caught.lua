-- Calls a function and catches its error, with the traceback.
-- Depends on report.lua.
-- Never raises.

local report = require "wsmanager.base.report"

-- The error whose traceback is being made.
local latest

local KEPT = {}

local function keep (why)
  local kept = { KEPT, why, report.trace(why, true) }
  latest = nil
  return kept
end

-- Where the stack is full its traceback finds no room, and the error becomes a Lua's own
-- ERROR_IN_HANDLING: this handler has as few slots as it can.
local function handle (why)
  latest = why
  return keep(why)
end

-- In LuaJIT not even `handle` may find room.
local ERROR_IN_HANDLING = "error in error handling"

-- No handler is called where there is no memory.
local function outcome_of (ok, a, ...)
  if ok then return true, a, ... end
  if type(a) == "table" and rawequal(rawget(a, 1), KEPT) then return false, a[2], a[3] end
  local why, own = a, latest
  latest = nil
  if a == ERROR_IN_HANDLING then why = own == nil and "stack overflow" or own end
  return false, why, report.text(why)
end

-- true and what fn(...) returns, or false, its error and the text of that with the
-- traceback.
local function caught (fn, ...)
  return outcome_of(xpcall(fn, handle, ...))
end

return caught
