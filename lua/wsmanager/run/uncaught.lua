-- Errors that have ended a coroutine: what failed, in the report's words.
-- Depends on report.lua. Never raises.

local report = require "wsmanager.base.report"

local close = coroutine.close     -- Lua 5.4
local getinfo, getlocal = debug.getinfo, debug.getlocal

local uncaught = {}

local describe_argument           -- of a failed call's noun

-- Sets the function that names what failed: describe(a) for call(fn, a).
function uncaught.set_describe (describe)
  describe_argument = describe
end

-- The noun for a failed coroutine: its stack still has the argument of `invoke`, the
-- function that called the program's.
local function describe (thread, invoke)
  local level = 0
  local info = getinfo(thread, level, "f")
  while info and info.func ~= invoke do
    level = level + 1
    info = getinfo(thread, level, "f")
  end
  if not info or not describe_argument then return "a coroutine" end
  local _, argument = getlocal(thread, level, 2)
  return describe_argument(argument)
end

function uncaught.report (thread, why, invoke)
  local ok, what = pcall(describe, thread, invoke)
  report.failure(ok and what or "a coroutine", why, thread)
end

-- The same for a call whose argument is known, and the error's text.
function uncaught.report_call (argument, why, text)
  local ok, what = pcall(describe_argument, argument)
  report.tell(ok and what or "a coroutine", why, text)
end

-- Closes what a failed coroutine has left open: its variables `<close>`.
function uncaught.close (thread, why)
  if not close then return end
  local _, last = close(thread)
  if not rawequal(last, why) then
    report.failure("a coroutine that closed", last)
  end
end

return uncaught
