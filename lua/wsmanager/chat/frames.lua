-- What a chat does with each frame that it receives.
-- Depends on the files of this folder. Never waits.

local core = require "wsmanager.core"
local each = require "wsmanager.base.each"
local message = require "wsmanager.chat.message"
local shape = require "wsmanager.chat.shape"

local action = message.action

local frames = {}

-- The key of a frame, in the ledger and among the known ids.
local function key_of (kind, frame)
  return kind .. shape.key(frame.senderId or "", frame.id)
end

frames.key_of = key_of

-- A receipt for a frame.
function frames.receipt (self, kind, frame)
  return {
    action = kind, id = frame.id, senderId = self.uid,
    receiverId = frame.senderId, room = frame.room,
  }
end

local function acknowledge (self, frame)
  self:enqueue(key_of("received", frame),
    frames.receipt(self, action.received, frame), true)
end

local function notify (self, frame)
  if self.onreceipt then self.onreceipt(frame) end
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
  local ok, token, why = self.ws:send(message.encode(frame), "text", 0)
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
    local data, kind, why = ws:receive()
    if not data then return nil, why end
    local frame = message.decode(data, kind)
    if not frame or not of_login[frame.action] then
      ws:giveback(data, kind)
    elseif frame.action == action.welcome then
      return true
    else
      frames.handle(self, frame, #data)
    end
  end
end

-- ## Frames

local on = {}

on[action.send] = function (self, frame, size)
  if frame.history then return take_page(self, frame) end
  acknowledge(self, frame)
  if not self.known_ids:add(key_of("send", frame)) then return nil end
  if frame.senderId ~= self.uid then
    self.contacts_known:heard(frame, size, self.uid)
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
  if self.known_ids:add(key_of("read", frame)) then notify(self, frame) end
end

on[action.received] = function (self, frame)
  if is_numbered(self, frame) then return end
  if self.ledger:confirm(frame.id) then return notify(self, frame) end
  self.ledger:confirm(key_of("read", frame))
end

on[action.stored] = function (self, frame)
  if frame.of == action.read then
    self.ledger:confirm(key_of("read", frame))
  elseif self.ledger:confirm(frame.id) then
    self.contacts_known:stored(frame, self.uid)
  end
end

on[action.refused] = function (self, frame)
  if frame.of == action.history then return finish(self, frame.id, frame.why) end
  local key = frame.of == action.read and key_of("read", frame) or frame.id
  if self.ledger:confirm(key) then notify(self, frame) end
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

--- Handles a frame; only a message that is new is returned.
---@param frame chat.frame
---@param size integer   of the frame as it came
---@return Message|nil
function frames.handle (self, frame, size)
  return on[frame.action](self, frame, size)
end

return frames
