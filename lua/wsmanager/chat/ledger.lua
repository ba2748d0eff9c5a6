-- What was sent and is not yet confirmed, in the order of sending: an entry stays
-- until confirm(), rewind() makes all of them unsent for a new connection, and
-- flush() sends the unsent ones until one is refused.
-- Depends on nothing. Never knows times, sockets or JSON.

-- A receipt is shorter: three names of at most 128 bytes in JSON.
local LONGEST = 4096

---@class chat.ledger
---@field limits {messages: integer, bytes: integer}
---@field count integer   of entries to be confirmed
---@field bytes integer   their size
---@field briefs integer  of brief entries that are not sent yet
---@field brief_bytes integer
local Ledger = {}
Ledger.__index = Ledger

---@param limits {messages: integer, bytes: integer}   beyond them add returns "full";
---brief entries are counted for themselves
---@return chat.ledger
local function new (limits)
  return setmetatable({
    limits = limits, count = 0, bytes = 0, briefs = 0, brief_bytes = 0,
    entries = {}, first = 1, last = 0, unsent = 1, where = {},
  }, Ledger)
end

---@class chat.entry
---@field key string      confirms it; a second entry of the same key is ignored
---@field data string
---@field kind "text"|"binary"
---@field brief boolean?  needs no confirmation: removed once it was sent

-- nil, or how much there is already.
local function has_no_room (self, entry)
  local limits, count, bytes = self.limits, self.count, self.bytes
  if entry.brief then count, bytes = self.briefs, self.brief_bytes end
  if count < limits.messages and bytes + #entry.data <= limits.bytes then
    return nil
  end
  return ("%d %s, %d bytes wait %s"):format(count,
    entry.brief and "receipts" or "messages", bytes,
    entry.brief and "to be sent" or "for a receipt")
end

local function count (self, entry, change)
  local bytes = change * #entry.data
  if entry.brief then
    self.briefs, self.brief_bytes =
      self.briefs + change, self.brief_bytes + bytes
  else
    self.count, self.bytes = self.count + change, self.bytes + bytes
  end
end

---@param entry chat.entry
---@return true|nil, "full"|nil, string|nil
function Ledger:add (entry)
  if self.where[entry.key] then return true end
  local why = has_no_room(self, entry)
  if why then return nil, "full", why end
  self.last = self.last + 1
  self.entries[self.last] = entry
  self.where[entry.key] = self.last
  count(self, entry, 1)
  return true
end

---@param key string
---@return boolean   was there such an entry?
function Ledger:confirm (key)
  local at = self.where[key]
  if not at then return false end
  local entry = self.entries[at]
  self.where[key], self.entries[at] = nil, nil
  count(self, entry, -1)
  while self.first <= self.last and not self.entries[self.first] do
    self.first = self.first + 1
  end
  self.unsent = math.max(self.unsent, self.first)
  return true
end

--- Has it no room for one more brief entry?
---@return boolean
function Ledger:is_choked ()
  return self.briefs >= self.limits.messages
    or self.brief_bytes + LONGEST > self.limits.bytes
end

---@param key string
---@return boolean
function Ledger:holds (key)
  return self.where[key] ~= nil
end

--- For a new connection: makes all entries unsent.
function Ledger:rewind ()
  self.unsent = self.first
end

---@param send fun(data: string, kind: "text"|"binary"): any   false: no room now
---@return boolean   is everything sent?
function Ledger:flush (send)
  while self.unsent <= self.last do
    local at = self.unsent
    local entry = self.entries[at]
    if entry then
      if not send(entry.data, entry.kind) then return false end
      if entry.brief then self:confirm(entry.key) end
    end
    self.unsent = math.max(self.unsent, at + 1)
  end
  return true
end

return { new = new }
