-- The shape of messages and frames: which fields they have, of which types, and
-- how long the names in them may be. A sentence says which field is wrong.
-- Depends on the core, for UTF-8. Never raises.

local core = require "wsmanager.core"

local shape = {}

-- Ids and names of users and rooms: what is remembered of a peer's has a bound.
local MAX_NAME = 128

local function number_fault (value)
  if value ~= value or value == math.huge or value == -math.huge then
    return "a finite number expected, got " .. tostring(value)
  end
end

local function name_fault (value)
  if value == "" then return "a string expected that is not empty" end
  if #value > MAX_NAME then
    return ("at most %d bytes expected, got %d"):format(MAX_NAME, #value)
  end
  if not core.utf8(value) then return "UTF-8 expected" end
end

local function whole_fault (value)
  if value % 1 ~= 0 or value < 0 or value > 2^53 then
    return "a whole number expected, got " .. tostring(value)
  end
end

local name = { "string", name_fault }
local whole = { "number", whole_fault }
local number = { "number", number_fault }

-- Whether the field must be there, its name, its rule.
local message = {
  { true, "id", name }, { true, "content", { "string" } },
  { true, "senderId", name }, { true, "sendTime", number },
  { false, "type", number }, { false, "receiverId", name },
  { false, "room", name }, { false, "seq", whole },
}

local receipt = {
  { true, "id", name }, { false, "senderId", name },
  { false, "receiverId", name }, { false, "room", name },
  { false, "seq", whole },
}

local function got (value)
  if type(value) == "nil" then return "no value" end
  return type(value)
end

local function field_fault (value, rule)
  if type(value) ~= rule[1] then
    return rule[1] .. " expected, got " .. got(value)
  end
  return rule[2] and rule[2](value)
end

-- nil, or what is wrong with the first field of `value` that is wrong.
function shape.fault (value, fields, what)
  for _, field in ipairs(fields) do
    local is_needed, key, rule = field[1], field[2], field[3]
    local why = (is_needed or value[key] ~= nil)
      and field_fault(value[key], rule)
    if why then return ("field '%s' of %s (%s)"):format(key, what, why) end
  end
  return nil
end

-- The same for a message.
function shape.message_fault (value)
  if type(value) ~= "table" then
    return "a message is a table, not a " .. type(value)
  end
  return shape.fault(value, message, "a message")
end

-- The same for a receipt.
function shape.receipt_fault (value)
  return shape.fault(value, receipt, "a receipt")
end

-- nil, or what is wrong with a user's or room's name.
function shape.name_fault (value)
  return field_fault(value, name)
end

shape.rules = { name = name, whole = whole, number = number }

return shape
