-- Who is in which room, at a server.
-- Depends on shape.lua. Never knows connections.

local each = require "wsmanager.base.each"
local shape = require "wsmanager.chat.shape"

---@class chat.rooms
local Rooms = {}
Rooms.__index = Rooms

---@class chat.room
---@field name string
---@field members string[]
---@field has table<string, true>

---@return chat.rooms
local function new ()
  return setmetatable({ all = {}, of_user = {} }, Rooms)
end

local function check_name (value, what)
  local why = shape.name_fault(value)
  if why then error(("%s (%s)"):format(what, why), 0) end
end

local function check (name, members)
  check_name(name, "the name of a room")
  if type(members) ~= "table" then
    error(("the members of room '%s' (list of names expected, got %s)")
      :format(name, type(members)), 0)
  end
  local has = {}
  for _, uid in ipairs(members) do
    check_name(uid, ("a member of room '%s'"):format(name))
    if has[uid] then
      error(("room '%s' has the member '%s' twice"):format(name, uid), 0)
    end
    has[uid] = true
  end
  if #members < 2 then
    error(("room '%s' has fewer than two members"):format(name), 0)
  end
  return has
end

--- Removes a room.
function Rooms:remove (name)
  local room = self.all[name]
  if not room then return end
  self.all[name] = nil
  for _, uid in ipairs(room.members) do
    local own = self.of_user[uid]
    own[name] = nil
    if not next(own) then self.of_user[uid] = nil end
  end
end

local function same (room, members)
  if not room or #room.members ~= #members then return false end
  for at, uid in ipairs(members) do
    if room.members[at] ~= uid then return false end
  end
  return true
end

--- Adds a room, or changes its members; raises a sentence, without a position.
---@param name string
---@param members string[]
---@return chat.room
function Rooms:set (name, members)
  local has = check(name, members)
  if same(self.all[name], members) then return self.all[name] end
  self:remove(name)
  local room = { name = name, members = {}, has = has }
  for at, uid in ipairs(members) do
    room.members[at] = uid
    self.of_user[uid] = self.of_user[uid] or {}
    self.of_user[uid][name] = room
  end
  self.all[name] = room
  return room
end

--- Raises a sentence, without a position, for what is no table name -> members.
function Rooms.check_all (_, rooms)
  if type(rooms) ~= "table" then
    error(("rooms must be a table of lists of names, not a %s")
      :format(type(rooms)), 0)
  end
  for name, members in pairs(rooms) do check(name, members) end
end

--- Adds all rooms of a table name -> members.
function Rooms:set_all (rooms)
  self:check_all(rooms)
  for name, members in pairs(rooms) do self:set(name, members) end
end

--- The rooms of a user, by name.
---@return table<string, chat.room>
function Rooms:of (uid)
  return self.of_user[uid] or {}
end

--- Where a user's frame goes: to the room that it names, or to the one that has
--- only this user and the receiver.
---@return chat.room|nil, string|nil why
function Rooms:target (uid, frame)
  local own = self:of(uid)
  if frame.room then
    local room = own[frame.room]
    if room then return room end
    return nil, ("%s is in no room '%s'"):format(uid, frame.room)
  end
  local found
  for name, room in each(own) do
    if #room.members == 2 and room.has[frame.receiverId or ""]
      and frame.receiverId ~= uid and (not found or name < found.name) then
      found = room
    end
  end
  if found then return found end
  return nil, ("%s has no room with %s"):format(uid,
    frame.receiverId or "nobody: a receiverId or a room is needed")
end

--- The users that share a room with this one.
---@return table<string, true>
function Rooms:neighbours (uid)
  local all = {}
  for _, room in each(self:of(uid)) do
    for _, other in ipairs(room.members) do
      if other ~= uid then all[other] = true end
    end
  end
  return all
end

return { new = new }
