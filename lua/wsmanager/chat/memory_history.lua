-- The history of rooms in memory: gone when the process ends.
-- Depends on history_options.lua and shape.lua. Never knows connections.

local arguments = require "wsmanager.base.arguments"
local history_options = require "wsmanager.chat.history_options"
local shape = require "wsmanager.chat.shape"

local key_of = shape.key

--- What chat.serve keeps messages in. Each room numbers its messages from 1 without
--- holes; what is beyond the bounds is forgotten, the oldest first. A program may
--- bring its own: an object with these methods. Each may wait, and answers
--- nil, token, detail where the world has gone wrong.
---@class chat.history
---@field id string        another one when the numbers begin anew
---@field durable boolean  does it survive the end of the process?
---
--- Keeps a message under the room's next number.
---@field append fun(self, room: string, sender: string, id: string, encode: chat.encode): chat.stored?
---
--- The first and the last number that is kept; of none, the last is the first - 1.
---@field range fun(self, room: string): integer, integer
---
--- At most `limit` messages behind that number, in order, without those of the sender `but`.
---@field after fun(self, room: string, seq: integer, limit: integer, but: string?): chat.stored[]
---
--- At most `limit` messages before that number, in order.
---@field before fun(self, room: string, seq: integer, limit: integer): chat.stored[]
---
--- The number of a sender's message; nil: it is not there.
---@field where fun(self, room: string, sender: string, id: string): integer?
---
--- Notes that a user has received or read all up to that number; false: that was known.
---@field mark fun(self, room: string, uid: string, kind: "received"|"read", seq: integer): boolean
---
--- By user, how far they are.
---@field marks fun(self, room: string): table<string, chat.marks>
---
--- How many messages of others a user has not read.
---@field unread fun(self, room: string, uid: string): integer
---
--- Lets go of what it holds.
---@field close fun(self)
local Memory = {}
Memory.__index = Memory

--- The frame of a message with that number, and its kind.
---@alias chat.encode fun(seq: integer): string, "text"|"binary"

--- A message that is kept.
---@class chat.stored
---@field seq integer            its number in the room
---@field sender string          who wrote it
---@field id string              its id
---@field data string            its frame
---@field kind "text"|"binary"   of the frame

--- How far somebody has received and read.
---@class chat.marks
---@field received integer       the number up to which
---@field read integer           likewise

-- A batch of messages has at most so many bytes, and one message more.
local BATCH = 1024 * 1024

-- unread() counts no further.
local COUNTED = 1000

local function room_of (self, name)
  local room = self.rooms[name]
  if not room then
    room = { first = 1, last = 0, bytes = 0, kept = {}, where = {}, marks = {} }
    self.rooms[name] = room
  end
  return room
end

local function forget_oldest (room)
  local entry = room.kept[room.first]
  room.kept[room.first] = nil
  room.where[key_of(entry.sender, entry.id)] = nil
  room.bytes = room.bytes - #entry.data
  room.first = room.first + 1
end

local function trim (self, room)
  while room.last - room.first >= self.messages
    or room.bytes > self.bytes and room.first < room.last do
    forget_oldest(room)
  end
end

-- Keeps a message, unless it has it: then it returns that one, and false.
function Memory:append (name, sender, id, encode)
  local room = room_of(self, name)
  local key = key_of(sender, id)
  local seq = room.where[key]
  if seq then return room.kept[seq], false end
  seq = room.last + 1
  local data, kind = encode(seq)
  local entry = { seq = seq, sender = sender, id = id, data = data, kind = kind }
  room.kept[seq], room.where[key], room.last = entry, seq, seq
  room.bytes = room.bytes + #data
  trim(self, room)
  return entry, true
end

function Memory:range (name)
  local room = room_of(self, name)
  return room.first, room.last
end

-- Those behind `seq`, the oldest first, but those of the sender `but`.
function Memory:after (name, seq, limit, but)
  local room, list, bytes = room_of(self, name), {}, 0
  for at = math.max(seq + 1, room.first), room.last do
    local entry = room.kept[at]
    if #list == limit or bytes > BATCH then break end
    if entry.sender ~= but then
      list[#list + 1], bytes = entry, bytes + #entry.data
    end
  end
  return list
end

-- The last ones before `seq`, the oldest first.
function Memory:before (name, seq, limit)
  local room, list, bytes = room_of(self, name), {}, 0
  local first = math.min(seq, room.last + 1)
  while first > room.first and #list < limit and bytes <= BATCH do
    first = first - 1
    table.insert(list, 1, room.kept[first])
    bytes = bytes + #room.kept[first].data
  end
  return list
end

function Memory:where (name, sender, id)
  return room_of(self, name).where[key_of(sender, id)]
end

local function marks_of (room, uid)
  local marks = room.marks[uid]
  if not marks then
    marks = { received = 0, read = 0 }
    room.marks[uid] = marks
  end
  return marks
end

-- Whether it has moved: a mark never goes back.
function Memory:mark (name, uid, kind, seq)
  local marks = marks_of(room_of(self, name), uid)
  if marks[kind] >= seq then return false end
  marks[kind] = seq
  return true
end

function Memory:marks (name)
  return room_of(self, name).marks
end

-- How many of others `uid` has received and not read, up to 1,000.
function Memory:unread (name, uid)
  local room, count = room_of(self, name), 0
  local marks = room.marks[uid] or { received = 0, read = 0 }
  for at = math.max(marks.read + 1, room.first), marks.received do
    if room.kept[at].sender ~= uid then count = count + 1 end
    if count == COUNTED then break end
  end
  return count
end

function Memory:close ()
  self.rooms = {}
end

--- A history in memory.
---@param given? {messages: integer?, bytes: integer?}  of each room; default: 10,000 and 16 MiB
---@return chat.history history
return function (given)
  arguments.call_at_level(2, history_options.check, given or {}, "memory")
  local options = given or {}
  return setmetatable({
    id = shape.unique(), durable = false, rooms = {},
    messages = options.messages or 10000,
    bytes = options.bytes or 16 * 1024 * 1024,
  }, Memory)
end
