-- What a chat does with each frame that it receives.
-- Depends on the files of this folder. Never waits.

local core = require "wsmanager.core"
local each = require "wsmanager.base.each"
local message = require "wsmanager.chat.message"
local shape = require "wsmanager.chat.shape"

local action = message.action

local frames = {}

-- The key of a message or of what is about it.
local function key_of (frame)
  return shape.key(frame.senderId or "", frame.id)
end

frames.key_of = key_of

-- How the connection decodes; what is sent is encoded before.
frames.codec = {
  encode = function (frame) return (message.encode(frame)) end,
  decode = message.decode,
}

-- A receipt for a frame.
function frames.receipt (self, kind, frame)
  return {
    action = kind, id = frame.id, senderId = self.uid,
    receiverId = frame.senderId, room = frame.room,
  }
end

-- ## Which message is which, for the connection

-- Longer ids are none to it: of those a digest is taken.
local LONGEST = 128

--- The id by which a frame that came before is known; nil: it may come again.
---@param frame chat.frame
---@return string|nil
function frames.id_of (frame)
  local is_message = frame.action == action.send and not frame.history
  if not is_message and (frame.action ~= action.read or frame.seq) then
    return nil
  end
  local key = frame.action .. ":" .. key_of(frame)
  return #key <= LONGEST and key or core.etag(key)
end

--- The id of what we have sent that a frame confirms.
---@param frame chat.frame
---@return string|nil
function frames.confirms (self, frame)
  local kind = frame.action
  if kind == action.received and not frame.seq then
    return self.unconfirmed[frame.id] and frame.id or self.reads[key_of(frame)]
  elseif kind == action.stored or kind == action.refused then
    if frame.of == action.read then return self.reads[key_of(frame)] end
    return self.unconfirmed[frame.id] and frame.id
  end
end

-- Forgets what a frame confirms; whether it was a message, nil where it was nothing.
local function confirm (self, frame)
  local id = frames.confirms(self, frame)
  if not id then return nil end
  local is_message = id == frame.id
  if not is_message then self.reads[key_of(frame)] = nil end
  self.unconfirmed[id] = nil
  self.unconfirmed_count = self.unconfirmed_count - 1
  return is_message
end

-- ## Receipts

-- Not sent again: the other side repeats the message, and gets another one.
local VOLATILE = { volatile = true }

-- Receipts that had no room and are sent before more is received.
local OWED = 64

local function acknowledge (self, frame)
  local data = message.encode(frames.receipt(self, action.received, frame))
  local ok, token = self.ws:send(data, "text", VOLATILE)
  if not ok and token == "full" and #self.owed < OWED then
    self.owed[#self.owed + 1] = data
  end
end

--- Sends the receipts that had no room, and waits for that; false: none in time.
---@param timeout number?   seconds; 0: it does not wait
---@return boolean
---@return string? token    of false: "timeout", "full", "cancelled"
---@return string? detail
function frames.pay (self, timeout)
  while self.owed[1] do
    local data = table.remove(self.owed, 1)
    local ok, token, detail = self.ws:send(data, "text", timeout)
    if not ok and (token == "timeout" or token == "cancelled"
                   or timeout == 0 and token == "full")
    then
      table.insert(self.owed, 1, data)
      return false, token, detail
    end
  end
  return true
end

--- A message or a receipt came again: its sender has not heard that it came.
frames.repeated = acknowledge

local function notify (self, frame)
  if self.receipt_handler then self.receipt_handler(frame) end
end

-- ## Questions about the history

-- Questions that are not answered; more are refused.
local QUESTIONS = 16

-- Messages of one answer, and bytes of their contents.
local PAGE, BYTES = 100, 4 * 1024 * 1024

--- Asks for a page of the history. `done(list, why)` is called with its messages.
---@return true|nil, string? token, string? detail
function frames.ask (self, contact, fields, done)
  if self.question_count >= QUESTIONS then
    return nil, "full", QUESTIONS .. " questions about the history wait"
  end
  self.asked = self.asked + 1
  local id = "h" .. self.asked
  local frame = {
    action = action.history, id = id, room = contact.store and contact.name,
    limit = math.min(fields.limit or PAGE, PAGE), before = fields.before,
    after = fields.after,
  }
  if not contact.store then frame.receiverId = contact.name end
  local ok, token, why = self.ws:send(message.encode(frame), "text", VOLATILE)
  if not ok then return nil, token, why end
  self.question_count = self.question_count + 1
  self.questions[id] = {
    contact = contact, list = {}, bytes = 0, done = done, limit = frame.limit,
  }
  return true
end

local function finish (self, id, why)
  local question = self.questions[id]
  if not question then return end
  self.questions[id] = nil
  self.question_count = self.question_count - 1
  if not why then self.contacts_known:merge(question.contact, question.list) end
  question.done(question.list, why)
end

--- The connection has ended: nothing will be answered.
function frames.give_up (self)
  local ids = {}
  for id in each(self.questions) do ids[#ids + 1] = id end
  for _, id in ipairs(ids) do finish(self, id, "the connection has ended") end
end

local function take_page (self, frame)
  local question = self.questions[frame.history]
  if not question or #question.list >= question.limit
    or question.bytes > BYTES then
    return
  end
  frame.history = nil
  question.bytes = question.bytes + #frame.content + #(frame.bytes or "")
  table.insert(question.list, frame)
end

-- Asks for what came to another connection of this user, page by page.
local function fill_gap (self, contact, after, upto)
  frames.ask(self, contact, { after = after }, function (list, why)
    local last = list[#list]
    if why or not last or not last.seq or last.seq <= after
      or last.seq >= upto then
      return
    end
    fill_gap(self, contact, last.seq, upto)
  end)
end

--- Asks for what came to other connections of this user, once it is open.
function frames.fill_gaps (self)
  local gaps = self.gaps
  self.gaps = {}
  for _, gap in ipairs(gaps) do fill_gap(self, gap[1], gap[2], gap[3]) end
end

-- ## Logging in

-- Frames that the server sends before it welcomes.
local of_login = {
  [action.room] = true, [action.presence] = true, [action.welcome] = true,
}

--- With the server of chat.serve the connection is open once all rooms were told; what
--- else comes before is given back. Its head says which server it is.
---@param ws wsmanager.Login
---@return true|nil, string? why
function frames.login (self, ws)
  if ws.headers["wsmanager-chat"] ~= "1" then return true end
  while true do
    local frame, kind, why, raw = ws:receive()
    if not frame and not raw then return nil, why end
    if not frame then
      ws:giveback(raw, core.utf8(raw) and "text" or "binary")
    elseif not of_login[frame.action] then
      ws:giveback(frame, kind)
    elseif frame.action == action.welcome then
      return true
    else
      frames.handle(self, frame)
    end
  end
end

-- ## Frames

local on = {}

on[action.send] = function (self, frame)
  if frame.history then return take_page(self, frame) end
  acknowledge(self, frame)
  if frame.senderId ~= self.uid then
    self.contacts_known:heard(frame, message.size(frame), self.uid)
  end
  return frame
end

-- A receipt with a number is for all messages up to it.
local function is_numbered (self, frame)
  if not frame.seq or not frame.room then return false end
  self.contacts_known:receipt(frame, self.uid)
  return true
end

on[action.read] = function (self, frame)
  if is_numbered(self, frame) then return end
  acknowledge(self, frame)
  notify(self, frame)
end

on[action.received] = function (self, frame)
  if is_numbered(self, frame) then return end
  if confirm(self, frame) then notify(self, frame) end
end

on[action.stored] = function (self, frame)
  if confirm(self, frame) then self.contacts_known:stored(frame, self.uid) end
end

on[action.refused] = function (self, frame)
  if frame.of == action.history then return finish(self, frame.id, frame.why) end
  if confirm(self, frame) ~= nil then notify(self, frame) end
end

on[action.room] = function (self, frame)
  local after, upto = self.contacts_known:room(frame, self.uid)
  if not after then return end
  self.gaps[#self.gaps + 1] = { self.contacts_known:find(frame.room), after, upto }
  if self.online then frames.fill_gaps(self) end
end

on[action.typing] = function (self, frame)
  self.contacts_known:types(frame, core.now())
end

on[action.presence] = function (self, frame)
  self.contacts_known:presence(frame)
end

on[action.history] = function (self, frame) finish(self, frame.id) end

on[action.heart] = function () end
on[action.welcome] = on[action.heart]

--- Handles a frame; only a message is returned.
---@param frame chat.frame
---@return Message|nil
function frames.handle (self, frame)
  return on[frame.action](self, frame)
end

return frames
