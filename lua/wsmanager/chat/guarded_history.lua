-- A history as a chat's server asks it: an error in one of its functions is told, and is an
-- answer like others; so is a result that none of them may return.
-- Depends on protected.lua. Never raises.

local protected = require "wsmanager.run.protected"

---@class chat.guarded_history   the methods of chat.history, but close; nil, "raised", why
---  for an error, which has been told; nil, "codec", why for a message that does not encode
local Guarded = {}
Guarded.__index = Guarded

-- ## What each method may return

local function is_number (value) return type(value) == "number" end
local function is_table (value) return type(value) == "table" end

local function is_stored (entry)
  return is_table(entry) and is_number(entry.seq) and type(entry.data) == "string"
    and type(entry.sender) == "string" and type(entry.id) == "string"
end

local function is_range (first, last) return is_number(first) and is_number(last) end

local function is_list (list)
  if not is_table(list) then return false end
  for _, entry in ipairs(list) do
    if not is_stored(entry) then return false end
  end
  return true
end

local function are_marks (all)
  if not is_table(all) then return false end
  for _, marks in pairs(all) do
    if not is_table(marks) or not is_range(marks.received, marks.read) then return false end
  end
  return true
end

-- nil, token, detail of all but `where`; there nil alone says that it is not there.
local results = {
  append = { is_stored, "a message that is kept" },
  range = { is_range, "two numbers" },
  after = { is_list, "a list of messages" },
  before = { is_list, "a list of messages" },
  where = { function (seq) return seq == nil or is_number(seq) end, "a number or nil" },
  mark = { function (moved) return type(moved) == "boolean" end, "true or false" },
  marks = { are_marks, "a table of marks" },
  unread = { is_number, "a number" },
}

-- ## Asking

local function fail (self, why, text)
  self.failed(why, text)
  return nil, "raised", why
end

local function check (self, name, ok, a, b, c)
  if not ok then return fail(self, a, b) end
  if a == nil and b ~= nil then return nil, b, c end
  local rule = results[name]
  if rule[1](a, b) then return a, b, c end
  local why = ("the history's '%s' must return %s, or nil, token and detail")
    :format(name, rule[2])
  return fail(self, why, why)
end

for name in pairs(results) do
  Guarded[name] = function (self, ...)
    local history = self.history
    return check(self, name, protected.call(history[name], history, ...))
  end
end

function Guarded:append (room, sender, id, encode)
  local history, fault = self.history, nil
  local function encode_or_note (seq)
    local ok, data, kind = pcall(encode, seq)
    if ok then return data, kind end
    fault = data
    error(data, 0)
  end
  local ok, entry, is_new, detail =
    protected.call(history.append, history, room, sender, id, encode_or_note)
  if fault then return nil, "codec", fault end
  return check(self, "append", ok, entry, is_new, detail)
end

--- `failed(why, text)` is told each error, its text with the traceback.
---@param history chat.history
---@param failed fun(why: any, text: string)
---@return chat.guarded_history
return function (history, failed)
  return setmetatable({ history = history, failed = failed }, Guarded)
end
