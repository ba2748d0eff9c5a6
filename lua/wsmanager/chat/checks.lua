-- Checks of what programs give to the functions of a chat.
-- Depends on shape.lua.
-- Never returns a failure: it raises, at the line of its caller's caller.

local shape = require "wsmanager.chat.shape"

local checks = {}

--- Raises for talk.text(...) instead of talk:text(...).
function checks.self (self, method)
  if type(self) == "table" and self.contacts_known then return end
  error("call it with ':', as in talk:" .. method .. "(...)", 3)
end

--- Seconds, or nil.
function checks.timeout (position, method, value)
  if value == nil or type(value) == "number" and value == value then return end
  error(("bad argument #%d to '%s' (number expected, got %s)"):format(position,
    method, value ~= value and "nan" or type(value)), 3)
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
