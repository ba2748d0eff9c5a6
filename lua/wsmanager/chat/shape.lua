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

local function flag_fault () end

local function names_fault (value)
  for at = 1, #value do
    local entry = value[at]
    local why = type(entry) ~= "string" and "string expected, got " .. type(entry)
      or name_fault(entry)
    if why then return ("at %d: %s"):format(at, why) end
  end
end

local flag = { "boolean", flag_fault }
local text = { "string", nil }
local names = { "table", names_fault }
local list = { "table", nil }

-- For each action: what it is called, and of each field whether it must be there,
-- its name, its rule.
local frames = {
  [1] = {
    "a receipt", { true, "id", name }, { false, "senderId", name },
    { false, "receiverId", name }, { false, "room", name },
    { false, "seq", whole },
  },
  [2] = {
    "a message", { true, "id", name }, { true, "content", text },
    { true, "senderId", name }, { true, "sendTime", number },
    { false, "type", number }, { false, "receiverId", name },
    { false, "room", name }, { false, "seq", whole }, { false, "history", name },
  },
  [4] = { "a heartbeat" },
  [5] = {
    "a confirmation", { true, "id", name }, { false, "of", whole },
    { false, "senderId", name }, { false, "room", name }, { false, "seq", whole },
  },
  [6] = {
    "a refusal", { true, "id", name }, { false, "of", whole },
    { false, "senderId", name }, { false, "room", name }, { true, "why", text },
  },
  [7] = {
    "a notice of typing", { true, "typing", flag }, { false, "room", name },
    { false, "senderId", name }, { false, "receiverId", name },
  },
  [8] = {
    "a notice of presence", { true, "senderId", name }, { true, "online", flag },
  },
  [9] = {
    "a question about the history", { true, "id", name }, { false, "room", name },
    { false, "receiverId", name }, { false, "before", whole },
    { false, "after", whole }, { false, "limit", whole },
    { false, "first", whole }, { false, "last", whole }, { false, "count", whole },
  },
  [10] = {
    "a room", { true, "room", name }, { false, "members", names },
    { false, "online", names }, { false, "marks", list }, { false, "first", whole },
    { false, "last", whole }, { false, "received", whole }, { false, "read", whole },
    { false, "unread", whole }, { false, "store", name }, { false, "left", flag },
  },
  [11] = { "a welcome", { false, "store", name }, { false, "senderId", name } },
}
frames[3] = frames[1]

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

-- nil, or what is wrong with the first field that is wrong.
local function fault (value, fields)
  for at = 2, #fields do
    local field = fields[at]
    local is_needed, key, rule = field[1], field[2], field[3]
    local why = (is_needed or value[key] ~= nil)
      and field_fault(value[key], rule)
    if why then
      return ("field '%s' of %s (%s)"):format(key, fields[1], why)
    end
  end
  return nil
end

-- nil, or what is wrong with a message.
function shape.message_fault (value)
  if type(value) ~= "table" then
    return "a message is a table, not a " .. type(value)
  end
  return fault(value, frames[2])
end

-- nil, or what is wrong with a frame.
function shape.frame_fault (value)
  if type(value) ~= "table" then return "not a JSON object" end
  local action = value.action
  local fields = type(action) == "number" and frames[action]
  if fields then return fault(value, fields) end
  return ("field 'action' of a frame (1 to 11 expected, got %s)")
    :format(type(action) == "number" and tostring(action) or type(action))
end

-- nil, or what is wrong with a user's or room's name.
function shape.name_fault (value)
  return field_fault(value, name)
end

shape.is_utf8 = core.utf8

function shape.is_whole (value)
  return type(value) == "number" and not whole_fault(value)
end

-- One text for a sender and an id: the sender's length is in it, so that no two
-- pairs share a text.
function shape.key (sender, id)
  return #sender .. ":" .. sender .. id
end

-- A name that no other run or process has.
function shape.unique ()
  local address = tostring({}):match "0x0*(%x+)" or tostring({})
  return ("%x-%s-%x"):format(os.time(), address, math.random(0, 0xffffff))
end

return shape
