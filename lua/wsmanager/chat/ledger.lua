-- What was sent and is not yet confirmed, in the order of sending: an entry stays
-- until confirm(), rewind() makes all of them unsent for a new connection, and
-- flush() sends the unsent ones until one is refused.
-- Depends on nothing. Never knows times, sockets or JSON.

---@class chat.ledger
---@field limits {messages: integer, bytes: integer}
---@field count integer   of entries to be confirmed
---@field bytes integer   their size
local Ledger = {}
Ledger.__index = Ledger

---@param limits {messages: integer, bytes: integer}   beyond them add returns "full"
---@return chat.ledger
local function new (limits)
  return setmetatable({
    limits = limits, count = 0, bytes = 0,
    entries = {}, first = 1, last = 0, unsent = 1, where = {},
  }, Ledger)
end

---@class chat.entry
---@field key string      confirms it; a second entry of the same key is ignored
---@field data string
---@field kind "text"|"binary"
---@field brief boolean?  needs no confirmation: removed once it was sent

local function has_room (self, entry)
  return self.count < self.limits.messages
    and self.bytes + #entry.data <= self.limits.bytes
end

---@param entry chat.entry
---@return true|nil, "full"|nil, string|nil
function Ledger:add (entry)
  if self.where[entry.key] then return true end
  if not entry.brief and not has_room(self, entry) then
    return nil, "full", ("%d messages, %d bytes wait for a receipt")
      :format(self.count, self.bytes)
  end
  self.last = self.last + 1
  self.entries[self.last] = entry
  self.where[entry.key] = self.last
  if not entry.brief then
    self.count = self.count + 1
    self.bytes = self.bytes + #entry.data
  end
  return true
end

---@param key string
---@return boolean   was there such an entry?
function Ledger:confirm (key)
  local at = self.where[key]
  if not at then return false end
  local entry = self.entries[at]
  self.where[key], self.entries[at] = nil, nil
  if not entry.brief then
    self.count = self.count - 1
    self.bytes = self.bytes - #entry.data
  end
  while self.first <= self.last and not self.entries[self.first] do
    self.first = self.first + 1
  end
  self.unsent = math.max(self.unsent, self.first)
  return true
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
