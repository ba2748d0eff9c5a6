-- One connection of a user at a server: what it was sent and has not confirmed, and
-- what waits for room in its output.
-- Depends on message.lua and shape.lua. Never reads from the connection.

local each = require "wsmanager.base.each"
local message = require "wsmanager.chat.message"
local shape = require "wsmanager.chat.shape"

local key_of = shape.key

---@class chat.member
---@field uid string
---@field ws wsmanager.Connection
---@field unconfirmed integer   messages sent to it and not confirmed
---@field history chat.guarded_history
---@field receipts table<string, table>  room -> what it has received and is not noted yet
---@field is_stalled? boolean    the history did not give what it is to be sent
local Member = {}
Member.__index = Member

-- Messages on their way to a connection: whoever confirms none gets no more.
local WINDOW = 256

-- Notices that wait for room; beyond, the connection is closed: it comes back and
-- is told how things are then.
local NOTICES = 1024

-- Messages asked of the history at once.
local BATCH = 32

-- Notices of typing in a second; more are left out.
local TYPING = 10

---@param uid string
---@param ws wsmanager.Connection
---@param history chat.guarded_history
---@param failed fun(member: chat.member, token: any, detail: any)  the history failed
local function new (uid, ws, history, failed)
  return setmetatable({
    uid = uid, ws = ws, history = history, failed = failed, rooms = {}, receipts = {},
    unconfirmed = 0, notices = {}, notice_count = 0, order = {},
    typing_since = 0, typing_count = 0,
  }, Member)
end

-- ## Notices

local function close_slow (self)
  self.ws:close(1013, "it takes no notices")
end

local function flush_notices (self)
  for at, key in ipairs(self.order) do
    local frame = self.notices[key]
    if frame and not self.ws:send(message.encode(frame), "text", 0) then
      local rest = {}
      for i = at, #self.order do rest[#rest + 1] = self.order[i] end
      self.order = rest
      return false
    end
    self.notices[key] = nil
  end
  self.order, self.notice_count = {}, 0
  return true
end

--- Sends a frame that the reader may take later; one of the same key replaces it
--- while it waits.
---@param key string
---@param frame table
function Member:notify (key, frame)
  if self.notices[key] then
    self.notices[key] = frame
    return
  end
  if self.notice_count == 0
    and self.ws:send(message.encode(frame), "text", 0) then
    return
  end
  if self.notice_count >= NOTICES then return close_slow(self) end
  self.notice_count = self.notice_count + 1
  self.notices[key] = frame
  self.order[#self.order + 1] = key
end

--- Sends a notice that is not worth waiting for: left out where there is no room.
function Member:hint (frame)
  if self.notice_count > 0 then return end
  self.ws:send(message.encode(frame), "text", 0)
end

--- May it send one more notice of typing?
function Member:may_type (now)
  if now - self.typing_since >= 1 then
    self.typing_since, self.typing_count = now, 0
  end
  self.typing_count = self.typing_count + 1
  return self.typing_count <= TYPING
end

-- ## Messages

--- Begins with a room, behind what the user has received.
---@param name string
---@param seq integer
function Member:enter (name, seq)
  self.rooms[name] = { sent = seq, first = 1, last = 0, seqs = {} }
end

-- Forgets the oldest message of a room that is not confirmed.
local function forget (self, room)
  local key = room[room.first]
  room[room.first], room.seqs[key] = nil, nil
  room.first = room.first + 1
  self.unconfirmed = self.unconfirmed - 1
end

function Member:leave (name)
  local room = self.rooms[name]
  if not room then return end
  while room.first <= room.last do forget(self, room) end
  self.rooms[name] = nil
end

-- Sends one message; false: there is no room now.
local function send (self, name, entry)
  local room = self.rooms[name]
  if not self.ws:send(entry.data, entry.kind, 0) then return false end
  room.sent = entry.seq
  local key = key_of(entry.sender, entry.id)
  room.last = room.last + 1
  room[room.last], room.seqs[key] = key, entry.seq
  self.unconfirmed = self.unconfirmed + 1
  return true
end

-- Sends what a room has for it; false: it has to wait.
local function send_room (self, name)
  local room = self.rooms[name]
  local list, token, why
  repeat
    list, token, why = self.history:after(name, room.sent, BATCH, self.uid)
    if not list then
      self.is_stalled = true
      self:failed(token, why)
      return true    -- other rooms may go on
    end
    for _, entry in ipairs(list) do
      -- the history may have waited
      if self.rooms[name] ~= room or self.unconfirmed >= WINDOW then
        return false
      end
      if entry.seq > room.sent and not send(self, name, entry) then
        return false
      end
    end
  until #list == 0
  return true
end

local function send_rooms (self)
  local names = {}
  for name in each(self.rooms) do names[#names + 1] = name end
  for _, name in ipairs(names) do
    if self.rooms[name] and not send_room(self, name) then return end
  end
end

--- Sends all that there is room for.
function Member:pump ()
  self.again = true
  if self.is_pumping then return end
  self.is_pumping = true
  while self.again and flush_notices(self) do
    self.again, self.is_stalled = false, nil
    send_rooms(self)
  end
  self.is_pumping = false
end

--- A message has come into a room.
---@param name string
---@param entry chat.stored
function Member:offer (name, entry)
  local room = self.rooms[name]
  if not room then return end
  if room.sent == entry.seq - 1 and entry.sender == self.uid then
    room.sent = entry.seq
  elseif room.sent == entry.seq - 1 and self.unconfirmed < WINDOW then
    send(self, name, entry)
  elseif entry.sender ~= self.uid then
    self:pump()
  end
end

--- It has received a message, and with it all before it in that room.
---@param name string
---@return integer|nil seq   nil: it was not sent that message
function Member:confirm (name, sender, id)
  local room = self.rooms[name]
  local seq = room and room.seqs[key_of(sender, id)]
  if not seq then return nil end
  while room.first <= room.last and room.seqs[room[room.first]] <= seq do
    forget(self, room)
  end
  return seq
end

return { new = new }
