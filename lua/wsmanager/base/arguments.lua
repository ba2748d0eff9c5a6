-- Checks of arguments; errors raised at the line of the caller.
-- Depends on nothing. Never returns a failure: a wrong call raises.
--
-- `level` counts as in error(), from the function that calls one of these: 1 is
-- the line that called it, 2 the line that called its caller.

local arguments = {}

-- Raises "bad argument #1 to 'step' (number expected, got nil)" for
-- "#1 to 'step' (number".
function arguments.fail (level, what, value)
  local got = value ~= value and "nan" or type(value)
  error("bad argument " .. what .. " expected, got " .. got .. ")", level + 2)
end

-- Raises for a message that is no string, where no codec would make it one.
function arguments.fail_message (level, method, value)
  local hint = type(value) == "table"
               and "; with the option decode = \"json\" a table is sent as JSON" or ""
  error("bad argument #1 to '" .. method .. "' (string expected, got "
        .. type(value) .. hint .. ")", level + 2)
end

-- ## Timeouts
--
-- One rule for all: a number of seconds. Less than 0 counts as 0, as does what is left of a
-- deadline that has passed; math.huge has no end. NaN is no number.

-- The rule as a test of an option's value.
function arguments.is_timeout (value)
  return type(value) == "number" and value == value
end

-- The timeout that `value` is, nil for nil; raises for anything else.
function arguments.timeout (level, what, value)
  if value == nil then return nil end
  if type(value) ~= "number" or value ~= value then
    arguments.fail(level + 1, what .. " (number", value)
  end
  return value > 0 and value or 0
end

function arguments.check_function (level, what, value)
  if type(value) ~= "function" then
    arguments.fail(level + 1, what .. " (function", value)
  end
end

-- Can it be called as a function?
function arguments.is_callable (value)
  if type(value) == "function" then return true end
  local meta = debug.getmetatable(value)
  return meta ~= nil and rawget(meta, "__call") ~= nil
end

-- Raises for ws.flush() instead of ws:flush().
function arguments.check_self (ws, method)
  if type(ws) ~= "userdata" then
    error("call it with ':', as in ws:" .. method .. "(...)", 3)
  end
end

-- The same for an object with that metatable: `call` is "server:stop".
function arguments.check_object (object, metatable, call)
  if type(object) == "table" and getmetatable(object) == metatable then return end
  error("call it with ':', as in " .. call .. "(...)", 3)
end

-- Returns the first three results of fn(...); raises its error anew at `level`.
-- Not for a tail call, which would hide a level.
function arguments.call_at_level (level, fn, ...)
  local ok, a, b, c = pcall(fn, ...)
  if ok then return a, b, c end
  error(a, level + 1)
end

return arguments
