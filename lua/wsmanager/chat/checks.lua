-- Checks of what programs give to the functions of a chat.
-- Depends on base/arguments.lua and shape.lua.
-- Never returns a failure: it raises, at the line of its caller's caller.

local arguments = require "wsmanager.base.arguments"
local shape = require "wsmanager.chat.shape"

local checks = {}

--- Raises for talk.text(...) instead of talk:text(...).
function checks.self (self, method)
  if type(self) == "table" and self.contacts_known then return end
  error("call it with ':', as in talk:" .. method .. "(...)", 3)
end

--- A timeout, or nil.
function checks.timeout (position, method, value)
  value = arguments.timeout(2, ("#%d to '%s'"):format(position, method), value)
  return value
end

--- More fields of a message, or nil.
function checks.extra (method, value)
  if value == nil or type(value) == "table" then return end
  error(("bad argument #2 to '%s' (table expected, got %s)"):format(method,
    type(value)), 3)
end

--- A message that is to be sent; raises without a position.
function checks.message (method, frame)
  local wrong = shape.message_fault(frame)
  if wrong then error(("bad argument #2 to '%s' (%s)"):format(method, wrong), 0) end
end

return checks
