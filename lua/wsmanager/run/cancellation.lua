-- What a wait of a cancelled task does, and what it returns.
-- Depends on coroutines.lua, which knows whose tasks are cancelled. Whatever waits
-- without success asks here why: `nil, "timeout", detail` or `nil, "cancelled", detail`.
-- Never cancels: task.lua does.

local coroutines = require "wsmanager.run.coroutines"
local raw = require "wsmanager.base.raw"

local running, yield = coroutine.running, raw.yield
local isyieldable = coroutine.isyieldable or function () return true end
local tasks, cancelled = coroutines.tasks, coroutines.cancelled

local REFUSED = 10     -- waits that are answered; then they raise

local cancellation = {}

-- In place of a wait of a cancelled coroutine: false at once, as after a deadline. One
-- that waits all the same, again and again, lets the others run.
function cancellation.refuse (thread)
  local task = cancelled[thread]
  task.refused = (task.refused or 0) + 1
  if task.refused > REFUSED and isyieldable() then yield() end
  return false
end

-- Is the caller's task cancelled?
function cancellation.is_cancelled ()
  return tasks[running()] == false
end

-- What a wait returns that has ended without what it waited for: "no message within 5 s:
-- open wss://example.com/" of `what`, `timeout` and `where` (or nil). Raises where a
-- cancelled task has not ended after so many that it would go on for ever.
---@return nil
---@return "timeout"|"cancelled"|"closed" token  "closed": the host ends
---@return string detail
function cancellation.failure (what, timeout, where)
  local thread = running()
  where = where or ""
  if tasks[thread] ~= false then
    if coroutines.leaving and (timeout == nil or timeout == math.huge) then
      return nil, "closed", coroutines.leaving .. ": " .. what .. where
    end
    timeout = timeout or math.huge
    return nil, "timeout", what .. " within " .. timeout .. " s" .. where
  end
  if (cancelled[thread].refused or 0) > REFUSED then
    error("this task was cancelled and goes on waiting, after " .. REFUSED
          .. " waits that have returned nil, \"cancelled\": end it at the first one", 0)
  end
  return nil, "cancelled", "the task was cancelled: " .. what .. where
end

return cancellation
