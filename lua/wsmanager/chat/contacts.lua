-- What a chat knows of its contacts: who is there, who types, what is unread, what was
-- said, and how far others have received and read what was sent.
-- Depends on shape.lua. Never knows connections: it is told frames and the time.

local each = require "wsmanager.base.each"
local message = require "wsmanager.chat.message"
local shape = require "wsmanager.chat.shape"

local action = message.action
local is_whole = shape.is_whole

--- What has changed at a contact.
---@class chat.change
---@field type "unread"|"presence"|"typing"|"history"|"missed"|"room"|"left"  what
---@field uid? string           presence, typing: whose
---@field online? boolean       presence: is he there?
---@field typing? boolean       typing: does he type?
---@field messages? Message[]   history: which came
---@field count? integer        missed: how many messages the server forgot

--- A room of `chat.serve`; with another server, a user who wrote.
---@class chat.contact
---@field name string                    the room's, or the user's
---@field members string[]               empty where the server tells none
---@field online table<string, true>     who of them is there
---@field typing table<string, number>   who of them types, until when
---@field unread integer                 messages of others that were not given to read()
---@field missed integer                 that the server forgot before they were received
---@field messages Message[]             the last ones, in order, without pictures' bytes
---@field marks table<string, {received: integer, read: integer}>   of others, in numbers `seq`

---@class chat.contacts
local Contacts = {}
Contacts.__index = Contacts

-- Seconds until a notice of typing is forgotten: it is repeated while somebody types.
local TYPES_FOR = 6

-- Members in all contacts together.
local MEMBERS = 100000

---@class chat.contact_limits
---@field contacts integer   contacts; messages of further ones are received all the same
---@field messages integer   kept messages, of all contacts together
---@field bytes integer
---@field own integer        messages sent whose receipts are awaited

---@param limits chat.contact_limits
---@param on_receipt fun(receipt: chat.frame)
---@param on_change fun(contact: chat.contact, change: table)
local function new (limits, on_receipt, on_change)
  return setmetatable({
    limits = limits, on_receipt = on_receipt, on_change = on_change,
    all = {}, peers = {}, count = 0, members = 0,
    kept = {}, kept_first = 1, kept_last = 0, kept_bytes = 0,
    own_count = 0,
  }, Contacts)
end

local function add (self, name)
  if self.count >= self.limits.contacts then return nil end
  local contact = {
    name = name, members = {}, has = {}, online = {}, typing = {}, unread = 0,
    missed = 0, messages = {}, marks = {}, own = { first = 1, last = 0 },
  }
  self.all[name], self.count = contact, self.count + 1
  return contact
end

-- The contact of a name: a room's, or that of the other one in a room of two.
---@param name string
---@return chat.contact|nil
function Contacts:find (name)
  return self.all[name] or self.peers[name]
end

-- The contact of a message: the room it names, else the other user.
function Contacts:of (frame, uid)
  local name = frame.room
  if not name then
    name = frame.senderId
    if name == uid then name = frame.receiverId end
  end
  if not name then return nil end
  return self:find(name) or add(self, name)
end

-- ## Messages that are kept

local function is_before (one, other)
  if one.seq and other.seq then return one.seq < other.seq end
  return false
end

-- Puts a message in its place; false where it is there already.
local function insert (contact, frame)
  local list = contact.messages
  local at = #list + 1
  while at > 1 and is_before(frame, list[at - 1]) do at = at - 1 end
  local before = list[at - 1]
  if before and before.id == frame.id and before.senderId == frame.senderId then
    return false
  end
  table.insert(list, at, frame)
  return true
end

local function remove (list, frame)
  for at, one in ipairs(list) do
    if one == frame then return table.remove(list, at) end
  end
end

local function forget_oldest (self)
  local entry = self.kept[self.kept_first]
  self.kept[self.kept_first] = nil
  self.kept_first = self.kept_first + 1
  self.kept_bytes = self.kept_bytes - entry.size
  remove(entry.contact.messages, entry.frame)
end

-- Keeps a message without a picture's bytes.
local function keep (self, contact, frame, size)
  local copy = {}
  for name, value in each(frame) do
    if name ~= "bytes" and name ~= "history" then copy[name] = value end
  end
  size = size - (frame.bytes and #frame.bytes or 0) + 512
  if not insert(contact, copy) then return end
  self.kept_last = self.kept_last + 1
  self.kept[self.kept_last] = { contact = contact, frame = copy, size = size }
  self.kept_bytes = self.kept_bytes + size
  while self.kept_last - self.kept_first >= self.limits.messages
    or self.kept_bytes > self.limits.bytes do
    forget_oldest(self)
  end
end

-- How many of others are kept behind `seq`.
local function others_behind (contact, seq, uid)
  local count = 0
  for _, frame in ipairs(contact.messages) do
    if frame.senderId ~= uid and frame.seq and frame.seq > seq then
      count = count + 1
    end
  end
  return count
end

local function set_unread (self, contact, unread)
  if contact.unread == unread then return end
  contact.unread = unread
  self.on_change(contact, { type = "unread" })
end

--- A new message of somebody else has come.
---@param frame Message
---@param size integer   of the frame
---@param uid string     who we are
function Contacts:heard (frame, size, uid)
  local contact = self:of(frame, uid)
  if not contact then return end
  contact.typing[frame.senderId] = nil
  if frame.seq and frame.seq > (contact.high or 0) then
    contact.high = frame.seq
  end
  keep(self, contact, frame, size)
  set_unread(self, contact, contact.unread + 1)
end

--- Messages of the history, whether they are known or not.
function Contacts:merge (contact, list)
  for _, frame in ipairs(list) do keep(self, contact, frame, #frame.content) end
  self.on_change(contact, { type = "history", messages = list })
end

-- How many of others stand behind a message that has no number.
local function unread_behind (contact, received, uid)
  local count, found = 0, false
  for _, frame in ipairs(contact.messages) do
    if frame.senderId ~= uid then count = count + 1 end
    if frame.id == received.id and frame.senderId == received.senderId then
      count, found = 0, true
    end
  end
  return found and count or math.max(0, contact.unread - 1)
end

--- A message was read here: and with it those before it.
function Contacts:was_read (received, uid)
  local contact = self:of(received, uid)
  if not contact then return end
  local seq = received.seq
  if not seq then
    return set_unread(self, contact, unread_behind(contact, received, uid))
  end
  if seq > (contact.read or 0) then contact.read = seq end
  set_unread(self, contact,
    math.min(contact.unread, others_behind(contact, seq, uid)))
end

-- ## Receipts of others

local function give_receipts (self, contact, uid, kind, above, upto)
  local own = contact.own
  for at = own.first, own.last do
    local entry = own[at]
    if entry.seq > upto then break end
    if entry.seq > above then
      self.on_receipt {
        action = kind, id = entry.id, senderId = uid, room = contact.name,
        seq = entry.seq,
      }
    end
  end
end

local fields = { [action.received] = "received", [action.read] = "read" }

local function advance (self, contact, uid, kind, seq)
  local marks = contact.marks[uid]
  if not marks then
    marks = { received = 0, read = 0 }
    contact.marks[uid] = marks
  end
  local above = marks[fields[kind]]
  if seq <= above then return end
  marks[fields[kind]] = seq
  give_receipts(self, contact, uid, kind, above, seq)
end

local function forget_own (self, contact)
  local own = contact.own
  own[own.first] = nil
  own.first = own.first + 1
  self.own_count = self.own_count - 1
end

-- Forgets what everybody has read: no receipt is to come.
local function forget_read (self, contact, uid)
  local least = #contact.members > 0 and math.huge or 0
  for _, other in ipairs(contact.members) do
    local marks = contact.marks[other]
    if other ~= uid then least = math.min(least, marks and marks.read or 0) end
  end
  local own = contact.own
  while own.first <= own.last and own[own.first].seq <= least do
    forget_own(self, contact)
  end
end

--- Somebody has received or read all up to frame.seq in frame.room.
---@param frame chat.frame
---@param uid string   who we are
function Contacts:receipt (frame, uid)
  local contact = self.all[frame.room or ""]
  if not contact or not contact.has[frame.senderId] then return end
  advance(self, contact, frame.senderId, action.received, frame.seq)
  if frame.action == action.read then
    advance(self, contact, frame.senderId, action.read, frame.seq)
  end
  forget_read(self, contact, uid)
end

--- The server keeps a message of ours under a number.
function Contacts:stored (frame, uid)
  local contact = self.all[frame.room or ""]
  if not contact or not frame.seq then return end
  local own = contact.own
  if own.last >= own.first and own[own.last].seq >= frame.seq then return end
  own.last = own.last + 1
  own[own.last] = { seq = frame.seq, id = frame.id }
  self.own_count = self.own_count + 1
  for other, marks in each(contact.marks) do
    for kind, field in each(fields) do
      if marks[field] >= frame.seq then
        give_receipts(self, contact, other, kind, frame.seq - 1, frame.seq)
      end
    end
  end
  forget_read(self, contact, uid)
  if self.own_count > self.limits.own and own.first <= own.last then
    forget_own(self, contact)
  end
end

-- ## Rooms, presence, typing

local function begin_anew (self, contact, store)
  contact.store, contact.high, contact.read = store, nil, nil
  contact.marks = {}
  while contact.own.first <= contact.own.last do forget_own(self, contact) end
  for _, frame in ipairs(contact.messages) do frame.seq = nil end
end

local function set_members (self, contact, frame, uid)
  self.members = self.members - #contact.members
  contact.members, contact.has, contact.online = {}, {}, {}
  for _, name in ipairs(frame.members or {}) do
    if self.members >= MEMBERS then break end
    if not contact.has[name] then
      contact.has[name] = true
      contact.members[#contact.members + 1] = name
      self.members = self.members + 1
    end
  end
  for _, name in ipairs(frame.online or {}) do
    if contact.has[name] then contact.online[name] = true end
  end
  if #contact.members ~= 2 or not contact.has[uid] then return end
  local one, other = contact.members[1], contact.members[2]
  self.peers[one == uid and other or one] = contact
end

local function take_marks (self, contact, frame)
  for _, marks in ipairs(frame.marks or {}) do
    if type(marks) == "table" and contact.has[marks.uid]
      and is_whole(marks.received) and is_whole(marks.read) then
      advance(self, contact, marks.uid, action.received, marks.received)
      advance(self, contact, marks.uid, action.read, marks.read)
    end
  end
end

local function take_unread (self, contact, frame, uid)
  local read, received = frame.read or 0, frame.received or 0
  if (contact.read or 0) > read then
    return set_unread(self, contact, others_behind(contact, contact.read, uid))
  end
  set_unread(self, contact,
    (frame.unread or 0) + others_behind(contact, received, uid))
end

local function leave (self, contact)
  for name, one in each(self.peers) do
    if one == contact then self.peers[name] = nil end
  end
  self.members = self.members - #contact.members
  contact.members, contact.has, contact.online = {}, {}, {}
  self.on_change(contact, { type = "left" })
end

--- What the server tells of a room.
---@return integer|nil after, integer|nil upto   a gap: numbers that came to another
---connection of this user
function Contacts:room (frame, uid)
  local contact = self.all[frame.room] or add(self, frame.room)
  if not contact then return end
  if frame.left then return leave(self, contact) end
  local is_new = contact.store == nil
  if contact.store ~= frame.store then begin_anew(self, contact, frame.store) end
  for name, one in each(self.peers) do
    if one == contact then self.peers[name] = nil end
  end
  set_members(self, contact, frame, uid)
  take_marks(self, contact, frame)
  forget_read(self, contact, uid)
  take_unread(self, contact, frame, uid)
  local received, first = frame.received or 0, frame.first or 1
  self.on_change(contact, { type = "room" })
  if first > received + 1 then
    contact.missed = contact.missed + first - received - 1
    self.on_change(contact, { type = "missed", count = first - received - 1 })
  end
  local high = contact.high
  contact.high = math.max(high or 0, received)
  if high and not is_new and received > high then return high, received end
end

function Contacts:presence (frame)
  for _, contact in each(self.all) do
    if contact.has[frame.senderId] then
      contact.online[frame.senderId] = frame.online or nil
      self.on_change(contact, {
        type = "presence", uid = frame.senderId, online = frame.online,
      })
    end
  end
end

function Contacts:types (frame, now)
  local contact = self:find(frame.room or frame.senderId or "")
  local uid = frame.senderId
  if not contact or not uid then return end
  if not contact.has[uid] and uid ~= contact.name then return end
  contact.typing[uid] = frame.typing and now + TYPES_FOR or nil
  self.on_change(contact, { type = "typing", uid = uid, typing = frame.typing })
end

--- Forgets who has typed long ago.
function Contacts.refresh (contact, now)
  for uid, untill in each(contact.typing) do
    if untill <= now then contact.typing[uid] = nil end
  end
  return contact
end

--- All of them, by name.
---@return chat.contact[]
function Contacts:list ()
  local names, list = {}, {}
  for name in each(self.all) do names[#names + 1] = name end
  table.sort(names)
  for at, name in ipairs(names) do list[at] = self.all[name] end
  return list
end

return { new = new, refresh = Contacts.refresh }
