-- The last `limit` names that were met, each once: the oldest makes room.

---@class chat.seen
local Seen = {}
Seen.__index = Seen

---@param limit integer
---@return chat.seen
local function new (limit)
  return setmetatable({ limit = limit, known = {}, ring = {}, at = 0 }, Seen)
end

---@param name string
---@return boolean   it is new
function Seen:add (name)
  if self.known[name] then return false end
  self.at = self.at % self.limit + 1
  local oldest = self.ring[self.at]
  if oldest then self.known[oldest] = nil end
  self.ring[self.at], self.known[name] = name, true
  return true
end

return { new = new }
