-- What a chat's server does with each frame of a user: keeps it, hands it over,
-- answers.
-- Depends on message.lua, shape.lua, guarded_history.lua and protected.lua, and on core.now.
-- Never trusts a name in a frame: the user is the one who was authenticated. Never lets
-- an error in a function of the program end a connection, whose user would come back
-- and repeat what has caused it; nor anything end it because of a message that is kept.

local core = require "wsmanager.core"
local codec = require "wsmanager.base.codec"
local each = require "wsmanager.base.each"
local guarded_history = require "wsmanager.chat.guarded_history"
local message = require "wsmanager.chat.message"
local protected = require "wsmanager.run.protected"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"
local shape = require "wsmanager.chat.shape"

local action = message.action
local now = core.now

local relay = {}

-- Messages of one answer to a question about the history, at most.
local PAGE = 100

-- Waits for room: who does not read our answers is not read.
local function answer (member, frame)
  return member.ws:send(message.encode(frame))
end

local function refuse (member, frame, why)
  return answer(member, {
    action = action.refused, of = frame.action, id = frame.id,
    why = shape.is_utf8(why) and why or "it is not allowed",
    senderId = frame.receiverId, room = frame.room,
  })
end

-- Tells the option onerror, which may wait; false: there is none.
local function tell_error (self, ws, why, text)
  if not self.onerror then return false end
  scheduler.spawn(self.onerror, why, ws, text)
  return true
end

-- A function of the program has failed; `text` has the traceback.
local function report_failure (self, ws, what, why, text)
  if tell_error(self, ws, why, text) then return end
  report.tell("a chat server's " .. what, why, text)
end

-- The history has answered nil, token, detail. An error that it raised is told already.
local function report_trouble (self, ws, token, why)
  if token == "raised" then return end
  why = report.text(why == nil and token or why)
  if not tell_error(self, ws, why, why) then report.warn("chat.serve: " .. why) end
end

-- The history cannot take or give it now: the client comes back and repeats.
local function try_later (self, member, token, why)
  report_trouble(self, member.ws, token, why)
  member.ws:close(1013, "try again later")
end

relay.try_later = try_later

local function each_connection (self, uid, call)
  for _, member in ipairs(self.members[uid] or {}) do call(member) end
end

-- All members of a room but one.
local function each_other (self, room, uid, call)
  for _, other in ipairs(room.members) do
    if other ~= uid then each_connection(self, other, call) end
  end
end

-- ## Confirming to the author

local function stored (room, id, seq)
  return {
    action = action.stored, of = action.send, id = id, seq = seq,
    room = room.name,
  }
end

-- The last number that all but the author have received.
local function received_by_all (room, author, marks)
  local least
  for _, uid in ipairs(room.members) do
    local seq = marks[uid] and marks[uid].received or 0
    if uid ~= author and (not least or seq < least) then least = seq end
  end
  return least or 0
end

-- Tells an author which of his messages all others have received.
local function confirm_author (self, room, author, queue, marks)
  local upto = received_by_all(room, author, marks)
  while queue.first <= queue.last and queue[queue.first].seq <= upto do
    local entry = queue[queue.first]
    queue[queue.first] = nil
    queue.first = queue.first + 1
    local frame = stored(room, entry.id, entry.seq)
    each_connection(self, author, function (member)
      member:notify("s" .. room.name .. "\0" .. entry.id, frame)
    end)
  end
end

local function confirm_authors (self, room, marks)
  local queues = self.unacknowledged[room.name]
  if not queues then return end
  for author, queue in each(queues) do
    confirm_author(self, room, author, queue, marks)
    if queue.first > queue.last then queues[author] = nil end
  end
  if not next(queues) then self.unacknowledged[room.name] = nil end
end

-- Notes that a message is to be confirmed once all others have it.
local function confirm_later (self, room, entry, first)
  local queues = self.unacknowledged[room.name] or {}
  local queue = queues[entry.sender] or { first = 1, last = 0 }
  self.unacknowledged[room.name], queues[entry.sender] = queues, queue
  while queue.first <= queue.last and queue[queue.first].seq < first do
    queue[queue.first] = nil      -- the history has forgotten it
    queue.first = queue.first + 1
  end
  local newest = queue[queue.last]
  if newest and newest.seq >= entry.seq then return end
  queue.last = queue.last + 1
  queue[queue.last] = { seq = entry.seq, id = entry.id }
end

-- The same where it is not known whether they have it, so that it may be an old one.
local function confirm_in_order (self, room, entry)
  confirm_later(self, room, entry, 0)
  local queue = self.unacknowledged[room.name][entry.sender]
  local at = queue.last
  while at >= queue.first and queue[at].seq > entry.seq do at = at - 1 end
  if at >= queue.first and queue[at].seq == entry.seq then return end
  for behind = queue.last, at + 1, -1 do queue[behind + 1] = queue[behind] end
  queue[at + 1], queue.last = { seq = entry.seq, id = entry.id }, queue.last + 1
end

-- Confirms what all others of the room have received; false: the history cannot tell.
local function try_to_confirm (self, member, room)
  if not self.unacknowledged[room.name] then return true end
  local marks, token, why = member.history:marks(room.name)
  if marks then
    confirm_authors(self, room, marks)
    return true
  end
  report_trouble(self, member.ws, token, why)
  return false
end

local function confirm_again (self, member, room)
  self.pauses:retry("c" .. room.name, function ()
    local current = self.rooms.all[room.name]
    return not current or try_to_confirm(self, member, current)
  end)
end

local function confirm_received (self, member, room)
  if not try_to_confirm(self, member, room) then confirm_again(self, member, room) end
end

local function confirm (self, member, room, entry)
  if self.acknowledge == "stored" then
    return answer(member, stored(room, entry.id, entry.seq))
  end
  local marks, token, why = member.history:marks(room.name)
  local first
  if marks then first, token, why = member.history:range(room.name) end
  if not first then
    report_trouble(self, member.ws, token, why)
    confirm_in_order(self, room, entry)
    confirm_again(self, member, room)
  elseif received_by_all(room, entry.sender, marks) >= entry.seq then
    return answer(member, stored(room, entry.id, entry.seq))
  else
    confirm_later(self, room, entry, first)
  end
end

-- ## Receipts of messages that the history has not

-- So many are kept for an author who is not there.
local ORPHANS = 256

-- Hands over a receipt of a message that is not in the history, as after the end of
-- a server that kept it in memory.
function relay.orphan (self, author, receipt)
  local key = "o" .. receipt.senderId .. "\0" .. receipt.id
  if self.members[author] then
    return each_connection(self, author, function (one)
      one:notify(key, receipt)
    end)
  end
  local list = self.orphans[author] or {}
  self.orphans[author] = list
  if #list < ORPHANS then list[#list + 1] = receipt end
end

--- Gives an author who has come the receipts that were kept for him.
function relay.give_orphans (self, author)
  local list = self.orphans[author]
  self.orphans[author] = nil
  for _, receipt in ipairs(list or {}) do relay.orphan(self, author, receipt) end
end

-- ## Frames

local on = {}

local FAILED = "the server failed at it"

-- The fields of a message that `accept` may not change.
local own_fields = { "action", "id", "senderId", "receiverId" }

local function is_accepted (self, member, frame)
  if not self.accept then return true end
  local before = {}
  for _, name in ipairs(own_fields) do before[name] = frame[name] end
  local called, ok, why = protected.call(self.accept, frame, member.uid)
  for _, name in ipairs(own_fields) do frame[name] = before[name] end
  if not called then
    report_failure(self, member.ws, "accept", ok, why)
    return false, FAILED
  elseif ok then
    return true
  end
  return false, why and report.text(why) or "it is not allowed"
end

-- The history has not kept it, or does not give it. Its own error, or what cannot be
-- encoded, would be the same again.
local function refuse_or_try_later (self, member, frame, token, why)
  if token == "codec" then return refuse(member, frame, why) end
  if token == "raised" then return refuse(member, frame, FAILED) end
  try_later(self, member, token, why)
end

on[action.send] = function (self, member, frame)
  local uid = member.uid
  if frame.senderId ~= uid then
    return member.ws:close(1008, "field 'senderId' names somebody else")
  end
  local room, why = self.rooms:target(uid, frame)
  if not room then return refuse(member, frame, why) end
  local is_allowed
  is_allowed, why = is_accepted(self, member, frame)
  if not is_allowed then return refuse(member, frame, why) end
  frame.room, frame.history = room.name, nil
  local entry, is_new, detail = member.history:append(room.name, uid, frame.id,
    function (seq)
      frame.seq = seq
      return message.encode(frame)
    end)
  if not entry then return refuse_or_try_later(self, member, frame, is_new, detail) end
  if is_new then
    for _, other in ipairs(room.members) do
      each_connection(self, other, function (one)
        one:offer(room.name, entry)
      end)
    end
  end
  confirm(self, member, room, entry)
end

-- What a receipt is about: its room and its author.
local function target (self, member, frame)
  local room = frame.receiverId and self.rooms:target(member.uid, frame)
  return room, frame.receiverId
end

-- Notes what a member has received in a room and tells the authors; false: the history
-- does not note it now.
local function note_received (self, member, name)
  local received, room = member.receipts[name], self.rooms:of(member.uid)[name]
  member.receipts[name] = nil
  if not room then return true end
  local moved, token, why =
    member.history:mark(name, member.uid, "received", received.seq)
  if moved == nil then
    member.receipts[name] = member.receipts[name] or received
    member:failed(token, why)
    return false
  elseif moved then
    local key = "r" .. name .. "\0" .. member.uid
    for author, receipt in each(received.of) do
      each_connection(self, author, function (one) one:notify(key, receipt) end)
    end
    confirm_received(self, member, room)
  end
  return true
end

-- Does again what the history has failed at; returns whether nothing is left.
local function catch_up (self, member)
  if member.ws.state ~= "open" then return true end
  local names = {}
  for name in each(member.receipts) do names[#names + 1] = name end
  for _, name in ipairs(names) do
    if member.receipts[name] then note_received(self, member, name) end
  end
  member:pump()
  return not next(member.receipts) and not member.is_stalled
end

--- The history does not note or give what a member has received or is to receive.
function relay.catch_up_later (self, member, token, why)
  report_trouble(self, member.ws, token, why)
  self.pauses:retry(member, function () return catch_up(self, member) end)
end

on[action.received] = function (self, member, frame)
  local room, author = target(self, member, frame)
  local seq = room and member:confirm(room.name, author, frame.id)
  if not seq then return end
  local received = member.receipts[room.name] or { seq = seq, of = {} }
  member.receipts[room.name] = received
  received.seq = math.max(received.seq, seq)
  received.of[author] = {
    action = action.received, id = frame.id, seq = seq, room = room.name,
    senderId = member.uid, receiverId = author,
  }
  note_received(self, member, room.name)
  member:pump()
end

-- Notes what a member has read and tells the others; nil, token, why.
local function note_read (self, member, room, frame)
  local uid, author = member.uid, frame.receiverId
  local seq, token, why = member.history:where(room.name, author, frame.id)
  if seq == nil and token ~= nil then return nil, token, why end
  if seq == nil then
    relay.orphan(self, author, {
      action = action.read, id = frame.id, room = room.name, senderId = uid,
      receiverId = author,
    })
    return true
  end
  local moved
  moved, token, why = member.history:mark(room.name, uid, "read", seq)
  if moved == nil then return nil, token, why end
  if not moved then return true end
  local receipt = {
    action = action.read, id = frame.id, seq = seq, room = room.name,
    senderId = uid, receiverId = author,
  }
  local key = "R" .. room.name .. "\0" .. uid
  each_other(self, room, uid, function (one) one:notify(key, receipt) end)
  return true
end

on[action.read] = function (self, member, frame)
  local room, author = target(self, member, frame)
  if not room then
    return refuse(member, frame, "there is no such message for you")
  end
  local noted, token, why = note_read(self, member, room, frame)
  if not noted then return refuse_or_try_later(self, member, frame, token, why) end
  answer(member, {
    action = action.stored, of = action.read, id = frame.id,
    senderId = author, room = room.name,
  })
end

on[action.heart] = function (_, member)
  answer(member, { action = action.heart })
end

on[action.typing] = function (self, member, frame)
  local room = self.rooms:target(member.uid, frame)
  if not room or not member:may_type(now()) then return end
  local notice = {
    action = action.typing, room = room.name, senderId = member.uid,
    typing = frame.typing,
  }
  each_other(self, room, member.uid, function (one) one:hint(notice) end)
end

-- The asked messages, each marked with the question's id.
local function send_page (member, frame, list)
  for _, entry in ipairs(list) do
    local copy = message.decode(entry.data, entry.kind)
    if copy then
      copy.history = frame.id
      local ok = member.ws:send(message.encode(copy))
      if not ok then return false end
    end
  end
  return true
end

on[action.history] = function (self, member, frame)
  local room, why = self.rooms:target(member.uid, frame)
  if not room then return refuse(member, frame, why) end
  local limit = math.min(frame.limit or PAGE, PAGE)
  local first, last, detail = member.history:range(room.name)
  if not first then return refuse_or_try_later(self, member, frame, last, detail) end
  local list, token
  if frame.after then
    list, token, detail = member.history:after(room.name, frame.after, limit)
  else
    list, token, detail =
      member.history:before(room.name, frame.before or last + 1, limit)
  end
  if not list then return refuse_or_try_later(self, member, frame, token, detail) end
  if not send_page(member, frame, list) then return end
  answer(member, {
    action = action.history, id = frame.id, room = room.name, first = first,
    last = last, count = #list,
  })
end

local function show_frame (self, member, frame)
  local called, why, text = protected.call(self.onframe, member.uid, frame)
  if not called then report_failure(self, member.ws, "onframe", why, text) end
end

--- The history as one connection asks it.
---@return chat.guarded_history
function relay.history_for (self, ws)
  return guarded_history(self.history, function (why, text)
    report_failure(self, ws, "history", why, text)
  end)
end

--- Handles one frame; closes with 1008 for what is none of a client's.
---@param self chat.Server
---@param member chat.member
function relay.handle (self, member, data, kind)
  local frame, why = message.decode(data, kind)
  if not frame then return member.ws:close(1008, why:sub(1, 120)) end
  if self.onframe then show_frame(self, member, frame) end
  local handle = on[frame.action]
  if not handle then
    return member.ws:close(1008, "field 'action' is not a client's")
  end
  handle(self, member, frame)
end

-- What a member is told of a room when he comes; nil, token, detail.
function relay.describe (self, room, member)
  local history, uid = member.history, member.uid
  local marks, token, detail = history:marks(room.name)
  if not marks then return nil, token, detail end
  local first, last, why = history:range(room.name)
  if not first then return nil, last, why end
  local unread
  unread, token, detail = history:unread(room.name, uid)
  if not unread then return nil, token, detail end
  local own = marks[uid] or { received = 0, read = 0 }
  local frame = {
    action = action.room, room = room.name, first = first, last = last,
    received = own.received, read = own.read,
    unread = unread, store = self.history.id,
    members = codec.array {}, online = codec.array {}, marks = codec.array {},
  }
  for i, other in ipairs(room.members) do
    frame.members[i] = other
    if self.shown[other] then frame.online[#frame.online + 1] = other end
    if other ~= uid and marks[other] then
      frame.marks[#frame.marks + 1] = {
        uid = other, received = marks[other].received, read = marks[other].read,
      }
    end
  end
  return frame
end

return relay
