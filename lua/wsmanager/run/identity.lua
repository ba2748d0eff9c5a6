-- The ids of messages, as the functions of a program return them.
-- Depends on report.lua.
-- Never keeps one.

local report = require "wsmanager.base.report"

local ID_LIMIT = 128    -- bytes

local identity = {
  connections = setmetatable({}, {__mode = "k"}),   -- with `identify` -> true
}

local math_type = math.type    -- Lua 5.3

-- The id as text; nil where there is none; false where it is none that can be.
local function to_id (value)
  local is = type(value)
  if is == "string" then
    return value ~= "" and value or nil
  elseif is == "number" and value == value then
    local is_whole = math_type and math_type(value) == "integer"
    if is_whole then return ("%d"):format(value) end
    return value % 1 == 0 and ("%.0f"):format(value) or tostring(value)
  end
  if value == nil or value == false then return nil end
  return false
end

-- "table", "nan"
local function name_of (value) return value ~= value and "nan" or type(value) end

-- The id of a received message that the function of that name has read; one that is too
-- long is none. Raises for a result that is none.
function identity.of_received (name, value)
  local id = to_id(value)
  if id == false then
    error("bad result of '" .. name .. "' (string, number or nil expected, got "
          .. name_of(value) .. ")", 0)
  end
  return id and #id <= ID_LIMIT and id or nil
end

-- The id of a message that is sent, or nil; or false and why it is refused. An error
-- in the function is reported, and the message has none. Raises for a result that is
-- none, at `level`, which counts from the caller as in error().
function identity.of_sent (level, identify, value, kind)
  local ok, result = pcall(identify, value, kind or "text")
  if not ok then
    report.failure("identify", result)
    return nil
  end
  local id = to_id(result)
  if id == false then
    error("bad result of 'identify' (string, number or nil expected, got "
          .. name_of(result) .. ")", level + 2)
  end
  if id and #id > ID_LIMIT then
    return false, "the message's id has " .. #id .. " bytes, at most "
                  .. ID_LIMIT .. " are possible: it was not sent"
  end
  return id
end

return identity
