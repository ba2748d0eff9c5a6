-- The ids of messages that the users of a server have sent, over their connections.
-- Depends on nothing.
-- Never holds more than its bounds: the oldest id of a user goes, and of the users
-- without a connection those who have been gone for longest.

local IDS = 4096                   -- of one user
local BYTES = 16 * 1024 * 1024     -- of all users without a connection
local OVERHEAD = 128               -- bytes of an id in Lua beside its own

local users = {}

---@class wsmanager.UserIds   the ids of one user: has, a set; ring; next, its oldest place
---@field connections integer  of the user, now
---@field bytes integer
---@field counted? integer  bytes when his last connection ended

---@class wsmanager.Users   by name; absent: the two ends of a list, the first gone is next
local Users = {}
Users.__index = Users

function users.new ()
  local ends = {}
  ends.before, ends.behind = ends, ends
  return setmetatable({by_name = {}, absent = ends, bytes = 0}, Users)
end

local function unlink (ids)
  ids.before.behind, ids.behind.before = ids.behind, ids.before
  ids.before, ids.behind = nil, nil
end

local function forget_oldest (self)
  local oldest = self.absent.behind
  unlink(oldest)
  self.bytes = self.bytes - oldest.counted
  self.by_name[oldest.name] = nil
end

-- A connection of the user begins; returns his ids.
function Users:enter (name)
  local ids = self.by_name[name]
  if not ids then
    ids = {name = name, connections = 0, bytes = 0, has = {}, ring = {}, next = 1}
    self.by_name[name] = ids
  elseif ids.connections == 0 then
    unlink(ids)
    self.bytes = self.bytes - ids.counted
  end
  ids.connections = ids.connections + 1
  return ids
end

-- It has ended.
function Users:leave (ids)
  ids.connections = ids.connections - 1
  if ids.connections > 0 then return end
  if ids.bytes == 0 then
    self.by_name[ids.name] = nil
    return
  end
  local last = self.absent.before
  ids.before, ids.behind = last, self.absent
  last.behind, self.absent.before = ids, ids
  ids.counted = ids.bytes
  self.bytes = self.bytes + ids.counted
  while self.bytes > BYTES do forget_oldest(self) end
end

local function weight (id)
  return id and #id + OVERHEAD or 0
end

-- Was a message of that id received before? It was, from now on.
function users.is_repeated (ids, id)
  if ids.has[id] then return true end
  local at = ids.next
  local oldest = ids.ring[at]
  if oldest then ids.has[oldest] = nil end
  ids.has[id], ids.ring[at] = true, id
  ids.next = at % IDS + 1
  ids.bytes = ids.bytes + weight(id) - weight(oldest)
  return false
end

return users
