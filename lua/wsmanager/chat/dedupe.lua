-- Drops repetitions: remembers the last `limit` names; a new one replaces the
-- oldest.
-- Depends on nothing.

---@class chat.dedupe
local Dedupe = {}
Dedupe.__index = Dedupe

---@param limit integer
---@return chat.dedupe
local function new (limit)
  return setmetatable({ limit = limit, known = {}, ring = {}, at = 0 }, Dedupe)
end

---@param name string
---@return boolean   was it new?
function Dedupe:add (name)
  if self.known[name] then return false end
  self.at = self.at % self.limit + 1
  local oldest = self.ring[self.at]
  if oldest then self.known[oldest] = nil end
  self.ring[self.at], self.known[name] = name, true
  return true
end

return { new = new }
