-- What a chat's server does with each frame of a user: keeps it, hands it over,
-- answers.
-- Depends on message.lua, shape.lua and protected.lua, and on core.now.
-- Never trusts a name in a frame: the user is the one who was authenticated. Never lets
-- an error in a function of the program end a connection, whose user would come back
-- and repeat what has caused it.

local core = require "wsmanager.core"
local codec = require "wsmanager.base.codec"
local each = require "wsmanager.base.each"
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
local function tell_error (self, member, why)
  if not self.onerror then return false end
  scheduler.spawn(self.onerror, why, member.ws)
  return true
end

-- A function of the program has failed.
local function report_failure (self, member, what, why)
  if tell_error(self, member, why) then return end
  report.failure("a chat server's " .. what, why)
end

-- The history cannot take or give it now: the client comes back and repeats.
local function try_later (self, member, why)
  if not tell_error(self, member, why) then
    report.warn("chat.serve: " .. report.text(why))
  end
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

local function confirm (self, member, room, entry)
  if self.acknowledge == "stored" then
    return answer(member, stored(room, entry.id, entry.seq))
  end
  local marks = self.history:marks(room.name)
  local first = self.history:range(room.name)
  if not marks or not first then return try_later(self, member, "no history") end
  if received_by_all(room, entry.sender, marks) >= entry.seq then
    return answer(member, stored(room, entry.id, entry.seq))
  end
  confirm_later(self, room, entry, first)
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

-- Keys of a frame that no peer can send: it is in the history; why it cannot be encoded.
local KEPT, FAULT = {}, {}

local function is_accepted (self, member, frame)
  if not self.accept then return true end
  local called, ok, why = protected.call(self.accept, frame, member.uid)
  if not called then
    report_failure(self, member, "accept", ok)
    return false, FAILED
  elseif ok then
    return true
  end
  return false, why and report.text(why) or "it is not allowed"
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
  local entry, is_new, detail = self.history:append(room.name, uid, frame.id,
    function (seq)
      frame.seq = seq
      local ok, data, kind = pcall(message.encode, frame)
      if ok then return data, kind end
      frame[FAULT] = data
      error(data, 0)
    end)
  if not entry then return try_later(self, member, detail) end
  frame[KEPT] = true
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

on[action.received] = function (self, member, frame)
  local room, author = target(self, member, frame)
  local seq = room and member:confirm(room.name, author, frame.id)
  if not seq then return end
  if self.history:mark(room.name, member.uid, "received", seq) then
    local receipt = {
      action = action.received, id = frame.id, seq = seq, room = room.name,
      senderId = member.uid, receiverId = author,
    }
    local key = "r" .. room.name .. "\0" .. member.uid
    each_connection(self, author, function (one) one:notify(key, receipt) end)
    confirm_authors(self, room, self.history:marks(room.name) or {})
  end
  member:pump()
end

on[action.read] = function (self, member, frame)
  local room, author = target(self, member, frame)
  if not room then
    return refuse(member, frame, "there is no such message for you")
  end
  local history, uid = self.history, member.uid
  local seq = history:where(room.name, author, frame.id)
  if seq and history:mark(room.name, uid, "read", seq) then
    local receipt = {
      action = action.read, id = frame.id, seq = seq, room = room.name,
      senderId = uid, receiverId = author,
    }
    local key = "R" .. room.name .. "\0" .. uid
    each_other(self, room, uid, function (one) one:notify(key, receipt) end)
  elseif not seq then
    relay.orphan(self, author, {
      action = action.read, id = frame.id, room = room.name, senderId = uid,
      receiverId = author,
    })
  end
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
  local first, last, detail = self.history:range(room.name)
  if not first then return try_later(self, member, detail) end
  local list, _
  if frame.after then
    list, _, detail = self.history:after(room.name, frame.after, limit)
  else
    list, _, detail =
      self.history:before(room.name, frame.before or last + 1, limit)
  end
  if not list then return try_later(self, member, detail) end
  if not send_page(member, frame, list) then return end
  answer(member, {
    action = action.history, id = frame.id, room = room.name, first = first,
    last = last, count = #list,
  })
end

local function show_frame (self, member, frame)
  local called, why = protected.call(self.onframe, member.uid, frame)
  if not called then report_failure(self, member, "onframe", why) end
end

-- An error in the history, or a message that JSON cannot encode: the client that sent the
-- frame gets the reason, and does not send it again.
local function answer_failure (self, member, frame, why)
  local fault = frame[FAULT]
  if not fault then report_failure(self, member, "history", why) end
  if frame[KEPT] then
    member.ws:close(1011, "internal error")
  elseif frame.id and frame.action ~= action.received then
    refuse(member, frame, fault or FAILED)
  end
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
  local called, failure = protected.call(handle, self, member, frame)
  if not called then answer_failure(self, member, frame, failure) end
end

-- What a member is told of a room when he comes; nil, token, detail.
function relay.describe (self, room, uid)
  local history = self.history
  local marks, token, detail = history:marks(room.name)
  if not marks then return nil, token, detail end
  local first, last, why = history:range(room.name)
  if not first then return nil, last, why end
  local own = marks[uid] or { received = 0, read = 0 }
  local frame = {
    action = action.room, room = room.name, first = first, last = last,
    received = own.received, read = own.read,
    unread = history:unread(room.name, uid), store = history.id,
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
