-- The seed's chat on a managed connection: messages, pictures and receipts.
--
-- What makes it lossless: a message is kept until its `received` came and is
-- said again, in order, on every new connection; who hears it drops an id that
-- was heard before. A `read` is kept and confirmed the same way, so that it
-- survives a lost connection too. One queue says all of it, which is why the
-- connection below has no outbox of its own.

local core = require "wsmanager.core"
local connection = require "wsmanager.base.options"
local message = require "wsmanager.chat.message"
local options_of = require "wsmanager.chat.options"
local ledger = require "wsmanager.chat.ledger"
local seen = require "wsmanager.chat.dedupe"
local pictures = require "wsmanager.chat.pictures"

local blame = connection.blame
local action, messageType = message.chatAction, message.messageType

---@class chat
---@field ws wsmanager.Connection   the connection: its state, its events, its stats
---@field uid string|nil    of the session in use
---@field onmessage fun(message: Message)|nil   set: messages come here
---@field onreceipt fun(receipt: chat.frame)|nil   action received or read
local Chat = {}

---@class chat.session
---@field uid string
---@field token string
---@field mode chatTypes?      default chatTypes.doctor
---@field server string?       host or host:port
---@field secure boolean?      default true: wss

---@class chat.options : chat.session   what is not named here goes to wsmanager.new
---@field session (fun(): chat.session|nil, string?)|nil   asked before each dial
---@field peer string?         receiverId of what is said
---@field memory integer?      ids remembered to drop repetitions (4096)
---@field outbox {messages: integer?, bytes: integer?}?   kept at once (1024, 16 MiB)
---@field heartbeat table|false|nil   as wsmanager.new; {"action":4} after 30 s
---@field onmessage fun(message: Message)?
---@field onreceipt fun(receipt: chat.frame)?

local defaults = {
  memory = 4096,
  outbox = { messages = 1024, bytes = 16 * 1024 * 1024 },
  heartbeat = {
    interval = 30, timeout = 100,
    message = message.encode { action = action.heart },
  },
}

local function merged (given, default)
  if given == false then return false end
  local all = {}
  for name, value in pairs(default) do all[name] = value end
  for name, value in pairs(given or {}) do all[name] = value end
  return all
end

local function escape (text)
  return (tostring(text):gsub("[^%w%-._~]", function (byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

--- The seed's getUrl: where a session talks.
---@param session {protocols: string, socketServer: string, userId: string, chatType: chatTypes, token: string}
---@return string url   uid and token percent-encoded (RFC 3986 2.1)
local function getUrl (session)
  return ("%s://%s/ws/%s?mode=%d&token=%s"):format(session.protocols,
    session.socketServer, escape(session.userId), session.chatType,
    escape(session.token))
end

-- url | nil, why it is locked
local function locate (self, session)
  for _, name in ipairs { "uid", "token", "server" } do
    if not session[name] then return nil, "the session has no " .. name end
  end
  local mode = session.mode or message.chatTypes.doctor
  if not options_of.is_mode(mode) then
    return nil, ("the session's mode is %s, not 1 or 2"):format(tostring(mode))
  end
  self.uid = tostring(session.uid)
  return getUrl {
    protocols = session.secure == false and "ws" or "wss",
    socketServer = session.server, userId = session.uid, token = session.token,
    chatType = mode,
  }
end

-- The url function of the connection: a fresh session for each dial.
local function locator (self, options)
  return function ()
    if not options.session then return locate(self, options) end
    local session, why = options.session()
    if not session then return nil, why or "there is no session" end
    return locate(self, merged(session, options))
  end
end

local function connection_options (self, options)
  local theirs = options_of.theirs(options)
  theirs.url = locator(self, options)
  theirs.heartbeat = merged(options.heartbeat, defaults.heartbeat)
  theirs.outbox = false
  return theirs
end

-- Says what is unsent, as far as the connection takes it.
local function flush (self)
  if self.online then self.ledger:flush(self.push) end
end

local function follow (self)
  self.ws:addEventListener("open", function ()
    self.online = true
    self.ledger:rewind()
    flush(self)
  end)
  self.ws:addEventListener("close", function () self.online = false end)
  self.ws:addEventListener("drain", function () flush(self) end)
end

-- Unlike those of any other run or process of the same user.
local function id_prefix ()
  local address = tostring({}):match "0x0*(%x+)" or tostring({})
  return ("%x-%s-%x"):format(os.time(), address, math.random(0, 0xffffff))
end

local function make (options, wsmanager)
  return setmetatable({
    online = false, uid = options.uid and tostring(options.uid) or nil,
    peer = options.peer, onreceipt = options.onreceipt,
    ledger = ledger.new(merged(options.outbox, defaults.outbox)),
    seen = seen.new(options.memory or defaults.memory),
    inbox = {}, prefix = id_prefix(), said = 0,
    epoch = os.time() - wsmanager.now(), wsmanager = wsmanager,
  }, Chat)
end

local function bad_argument (where, expected, value)
  error(("bad argument #1 to '%s' (%s expected, got %s)")
    :format(where, expected, type(value)), 3)
end

--- It dials at once; raises for a wrong option.
---@param options chat.options
---@return chat|nil
---@return "tls"|nil token   a certificate or key that cannot be read
---@return string? detail
local function new (options)
  if type(options) ~= "table" then bad_argument("new", "table", options) end
  blame(2, options_of.check, options)
  local wsmanager = require "wsmanager"
  local self = make(options, wsmanager)
  local ws, token, detail =
    blame(2, wsmanager.new, connection_options(self, options))
  if not ws then return nil, token, detail end
  self.ws = ws
  self.push = function (data, kind)
    return self.ws:send(data, kind, 0)
  end
  follow(self)
  self.onmessage = options.onmessage
  return self
end

-- --- saying ---

local function keep (self, key, frame, brief)
  local data, kind = message.encode(frame)
  if kind == "text" and not core.utf8(data) then
    error("a message is text in UTF-8", 0)
  end
  local ok, token, detail = self.ledger:add {
    key = key, data = data, kind = kind, brief = brief,
  }
  if ok then flush(self) end
  return ok, token, detail
end

local function say (self, frame, extra)
  if self.ws.state == "closed" then return nil, "closed", "close() was called" end
  if not self.uid then return nil, "locked", "no session has named a uid" end
  for name, value in pairs(extra or {}) do
    if frame[name] == nil then frame[name] = value end
  end
  self.said = self.said + 1
  frame.action, frame.senderId = action.send, self.uid
  frame.id = ("%s-%s-%d"):format(self.uid, self.prefix, self.said)
  frame.sendTime = math.floor((self.epoch + self.wsmanager.now()) * 1000)
  frame.receiverId = frame.receiverId or self.peer
  local ok, token, detail = keep(self, frame.id, frame)
  if not ok then return nil, token, detail end
  return frame
end

--- Says a text. It is kept until the other side has received it.
---@param content string
---@param extra table?     more fields of the message
---@return Message|nil, "full"|"closed"|"locked"|nil token, string? detail
function Chat:text (content, extra)
  if type(content) ~= "string" then bad_argument("text", "string", content) end
  local frame = { type = messageType.text, content = content }
  local said, token, detail = blame(2, say, self, frame, extra)
  return said, token, detail    -- no tail call: blame counts callers
end

--- Says a picture: a URL, or the bytes of a PNG, JPEG, GIF or WebP file.
---@param source string
---@param extra table?     more fields; `name` is the content of a picture's bytes
---@return Message|nil, "full"|"closed"|"locked"|nil token, string? detail
function Chat:image (source, extra)
  if type(source) ~= "string" then bad_argument("image", "string", source) end
  local kind = pictures.kind(source)
  if not kind and not source:find "^%a[%w+.-]*:%S+$" then
    error("bad argument #1 to 'image' (neither a URL nor a picture)", 2)
  end
  local frame = { type = messageType.img, content = source }
  if kind then
    frame.bytes = source
    frame.content = extra and extra.name or "picture." .. kind
  end
  local said, token, detail = blame(2, say, self, frame, extra)
  return said, token, detail
end

local function receipt (self, kind, frame)
  return {
    action = kind, id = frame.id, senderId = self.uid,
    receiverId = frame.senderId,
  }
end

local function name_of (kind, frame)
  return kind .. " " .. tostring(frame.senderId) .. " " .. frame.id
end

--- Says that a message was read.
---@param heard Message
---@return true|nil, "full"|nil token, string? detail
function Chat:read (heard)
  local wrong = message.fault(heard)
  if wrong then error("bad argument #1 to 'read' (" .. wrong .. ")", 2) end
  local ok, token, detail = blame(2, keep, self, name_of("read", heard),
    receipt(self, action.read, heard))
  return ok, token, detail
end

-- --- hearing ---

local function acknowledge (self, frame)
  keep(self, name_of("received", frame),
    receipt(self, action.received, frame), true)
end

local function notify (self, frame)
  if self.onreceipt then self.onreceipt(frame) end
end

local take = {
  [action.send] = function (self, frame)
    acknowledge(self, frame)
    return self.seen:add(name_of("send", frame)) and frame or nil
  end,
  [action.read] = function (self, frame)
    acknowledge(self, frame)
    if self.seen:add(name_of("read", frame)) then notify(self, frame) end
  end,
  [action.received] = function (self, frame)
    if self.ledger:confirm(frame.id) then return notify(self, frame) end
    self.ledger:confirm(name_of("read", frame))
  end,
  [action.heart] = function () end,
}

-- A message | false: something else came | nil, token, detail, raw
local function pull (self, deadline)
  local left = deadline and math.max(0, deadline - self.wsmanager.now())
  local data, kind, detail = self.ws:receive(left)
  if not data then return nil, kind, detail end
  local frame, why = message.decode(data, kind)
  if not frame then return nil, "codec", why, data end
  return take[frame.action](self, frame) or false
end

local function is_timeout (value)
  return value == nil or type(value) == "number"
end

local function deadline_of (self, timeout)
  return timeout and self.wsmanager.now() + timeout
end

-- The connection waited for what was left of it: the whole timeout is named.
local function late (what, timeout, detail, left)
  local state = detail:gsub("^.- within %S+ s: ", "")
  return nil, "timeout",
    ("%s within %.14g s: %s%s"):format(what, timeout, left or "", state)
end

--- The next message. Receipts on the way are settled and given to onreceipt.
---@param timeout number?   seconds
---@return Message|nil, string? token, string? detail, string? raw
function Chat:receive (timeout)
  if not is_timeout(timeout) then bad_argument("receive", "number", timeout) end
  local deadline = deadline_of(self, timeout)
  while #self.inbox == 0 do
    local heard, token, detail, raw = pull(self, deadline)
    if heard then return heard end
    if token == "timeout" then
      return late("no message", timeout, detail)
    end
    if heard == nil then return nil, token, detail, raw end
  end
  return table.remove(self.inbox, 1)
end

--- Each message, across reconnects, until the connection is closed for good.
--- Raises where the connection's own messages() does: in a coroutine of Lua 5.1.
---@return fun(): Message|nil
function Chat:messages ()
  blame(2, self.ws.messages, self.ws)
  return function ()
    local heard, token
    repeat
      heard, token = self:receive()
    until heard or token ~= "codec"
    return heard
  end
end

--- Waits until the other side has received all that was said here. Messages
--- that come meanwhile are kept for receive().
---@param timeout number?   seconds
---@return true|nil, string? token, string? detail
function Chat:settled (timeout)
  if not is_timeout(timeout) then bad_argument("settled", "number", timeout) end
  local deadline = deadline_of(self, timeout)
  while self.ledger.count > 0 do
    local heard, token, detail = pull(self, deadline)
    if heard then
      table.insert(self.inbox, heard)
    elseif token == "timeout" then
      return late("not settled", timeout, detail,
        self.ledger.count .. " not received by the other side; ")
    elseif heard == nil and token ~= "codec" then
      return nil, token, detail
    end
  end
  return true
end

local function listen (self, handler)
  self.handler = handler
  self.ws.onmessage = handler and function (event)
    local frame = message.decode(event.data, event.kind)
    local heard = frame and take[frame.action](self, frame)
    if heard then self.handler(heard) end
  end or nil
end

--- Ends it; never dials again.
---@param code integer?
---@param reason string?
function Chat:close (code, reason)
  return self.ws:close(code, reason)
end

function Chat.__index (self, key)
  if key == "onmessage" then return rawget(self, "handler") end
  return Chat[key]
end

function Chat.__newindex (self, key, value)
  if key == "onmessage" then return listen(self, value) end
  rawset(self, key, value)
end

Chat.__close = function (self) self:close() end

return {
  new = new,
  getUrl = getUrl,
  chatTypes = message.chatTypes,
  chatAction = message.chatAction,
  messageType = message.messageType,
  wsState = message.wsState,
  Message = message.Message,
  Messages = message.Messages,
  encode = message.encode,
  decode = message.decode,
  ledger = ledger.new,
  doctorImg = pictures.doctor,
  chatImg = pictures.chat,
  size = pictures.size,
  wsManager = require "wsmanager.chat.seed",
}
