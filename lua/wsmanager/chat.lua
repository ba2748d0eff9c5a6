-- The seed's chat on a managed connection: messages, pictures and receipts.
-- Depends on client.lua, connection.lua and the files in chat/.
--
-- Nothing is lost, doubled or out of order: each message and each receipt `read` has an
-- id, by which the connection sends it again, in its place, until the other side
-- confirms it (`identify`, `acknowledge`), and knows what came before (`dedupe`). There
-- is no queue here beside the connection's own.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local assignment = require "wsmanager.base.assignment"
local chat_url = require "wsmanager.chat.url"
local checks = require "wsmanager.chat.checks"
local client = require "wsmanager.client"
local connection = require "wsmanager.connection"
local contact_methods = require "wsmanager.chat.contact_methods"
local contacts = require "wsmanager.chat.contacts"
local frames = require "wsmanager.chat.frames"
local message = require "wsmanager.chat.message"
local chat_options = require "wsmanager.chat.options"
local pictures = require "wsmanager.chat.pictures"
local receiving = require "wsmanager.chat.receiving"
local scheduler = require "wsmanager.run.scheduler"
local shape = require "wsmanager.chat.shape"
local suggest = require "wsmanager.base.suggest"

local bad_argument = arguments.fail
local call_at_level = arguments.call_at_level
local check_handler = assignment.check_handler
local now = core.now
local to_deadline, receive_frame = receiving.to_deadline, receiving.receive_frame
local action, messageType = message.action, message.messageType

--- A chat, which `chat.new` returns. A message is kept until the other side has received it and
--- is sent again, in order, after each reconnect; the other side drops an id that it has received
--- before.
---@class chat
---@field ws wsmanager.Connection   the connection: its state, its events, its statistics
---@field uid string|nil            of the credentials in use
---@field onmessage? fun(message: Message)      set: messages come here, and not to `receive`
---@field onreceipt? fun(receipt: chat.frame)   `action` is received or read; or refused, with `why`
---@field oncontact? fun(contact: chat.contact, change: chat.change)  something has changed at a contact
local Chat = {}

local defaults = {
  outbox = { messages = 1024, bytes = 16 * 1024 * 1024 },
  inbox = 4 * 1024 * 1024,
  contacts = 1024,
  history = { messages = 1000, bytes = 4 * 1024 * 1024 },
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

-- The URL, or nil and why the connection is locked.
local function to_url (self, session)
  for _, name in ipairs { "uid", "token", "server" } do
    if not session[name] then return nil, "the session has no " .. name end
  end
  local mode = session.mode or message.chatTypes.doctor
  if not chat_options.is_mode(mode) then
    return nil, ("the session's mode is %s, not 1 or 2"):format(tostring(mode))
  end
  local wrong = shape.name_fault(tostring(session.uid))
  if wrong then return nil, "the session's uid: " .. wrong end
  self.uid = tostring(session.uid)
  return chat_url.getUrl {
    protocols = session.secure == false and "ws" or "wss",
    socketServer = session.server, userId = session.uid, token = session.token,
    chatType = mode,
  }
end

-- The connection's url function: asks for new credentials before each attempt.
local function url_function (self, options)
  return function ()
    if not options.session then return to_url(self, options) end
    local session, why = options.session()
    if not session then return nil, why or "there is no session" end
    return to_url(self, merged(session, options))
  end
end

local function after_own (self, ws, count, ok, ...)
  if count > 0 and not ok then return ok, ... end
  return frames.login(self, ws)
end

local function counted (...) return select("#", ...), ... end

-- The program's own login comes first.
local function login_function (self, own)
  return function (ws, info)
    if not own then return frames.login(self, ws) end
    return after_own(self, ws, counted(own(ws, info)))
  end
end

local function connection_options (self, options)
  local for_client = chat_options.for_client(options)
  for_client.url = url_function(self, options)
  for_client.heartbeat = merged(options.heartbeat, defaults.heartbeat)
  for_client.outbox = merged(options.outbox, defaults.outbox)
  for_client.buffer = options.buffer or for_client.outbox.bytes
  for_client.decode = frames.codec
  for_client.identify = function () return self.next_id end
  for_client.acknowledge = function (frame) return frames.confirms(self, frame) end
  for_client.dedupe = frames.id_of
  for_client.login = login_function(self, options.login)
  return for_client
end

-- Sends a frame that is sent again until the other side confirms `id`: identify()
-- gives that to the connection.
local function send_confirmed (self, id, frame)
  local data, kind = message.encode(frame)
  self.next_id = id
  local ok, token, detail = self.ws:send(data, kind, 0)
  self.next_id = nil
  if not ok then return nil, token, detail end
  self.unconfirmed[id] = true
  self.unconfirmed_count = self.unconfirmed_count + 1
  return true
end

local function add_listeners (self)
  self.ws:addEventListener("open", function ()
    self.online, self.is_closed = true, false
    frames.fill_gaps(self)
  end)
  self.ws:addEventListener("close", function ()
    self.online = false
    frames.give_up(self)
  end)
  self.ws:addEventListener("drain", function () frames.pay(self, 0) end)
  self.ws:addEventListener("duplicate", function (event)
    frames.repeated(self, event.data)
  end)
end

-- Messages of ours whose receipts are awaited.
local OWN = 4096

-- Knows the contacts, and calls the program's functions for what it finds.
local function make_contacts (self, options)
  local kept = merged(options.history, defaults.history)
  return contacts.new({
    contacts = options.contacts or defaults.contacts, own = OWN,
    messages = kept.messages, bytes = kept.bytes,
  }, function (receipt)
    if self.receipt_handler then self.receipt_handler(receipt) end
  end, function (contact, change)
    if self.contact_handler then self.contact_handler(contact, change) end
  end)
end

local function make (options)
  local self = {
    online = false, uid = options.uid and tostring(options.uid) or nil,
    peer = options.peer and tostring(options.peer),
    receipt_handler = options.onreceipt, contact_handler = options.oncontact,
    unconfirmed = {}, unconfirmed_count = 0, reads = {}, read_count = 0,
    owed = {}, asked = 0, questions = {}, question_count = 0, gaps = {},
    inbox = {}, inbox_bytes = 0, inbox_limit = options.inbox or defaults.inbox,
    prefix = shape.unique(), sent_count = 0,
    epoch = os.time() - now(), typed = {},
  }
  self.contacts_known = make_contacts(self, options)
  return setmetatable(self, Chat)
end

--- A chat. It connects at once, and raises for a wrong option.
---@param options chat.options  at least `server`, `uid` and `token`, or `session`
---@return chat? talk
---@return wsmanager.Token? token  "tls": a certificate or key that cannot be read; "closed": the host ends
---@return string? detail  why
local function new (options)
  if type(options) ~= "table" then
    bad_argument(1, "#1 to 'new' (table", options)
  end
  call_at_level(2, chat_options.check, options)
  local self = make(options)
  local ws, token, detail =
    call_at_level(2, client.new, connection_options(self, options))
  if not ws then return nil, token, detail end
  self.ws = ws
  add_listeners(self)
  self.onmessage = options.onmessage
  return self
end

-- ## Sending

-- A longer one has no place in an id.
local LONG_UID = 60

local function send (self, method, frame, extra)
  if self.ws.state == "closed" then return nil, "closed", "close() was called" end
  if not self.uid then return nil, "locked", "no session has named a uid" end
  for name, value in pairs(extra or {}) do
    if frame[name] == nil then frame[name] = value end
  end
  self.sent_count = self.sent_count + 1
  frame.action, frame.senderId = action.send, self.uid
  frame.id = ("%s-%s-%d"):format(#self.uid <= LONG_UID and self.uid or "",
    self.prefix, self.sent_count)
  frame.sendTime = math.floor((self.epoch + now()) * 1000)
  frame.receiverId = frame.receiverId or self.peer
  checks.message(method, frame)
  local ok, token, detail = send_confirmed(self, frame.id, frame)
  if not ok then return nil, token, detail end
  return frame
end

-- Seconds between two looks whether a closing handshake is over, and for all of them.
local LOOK_AGAIN, CLOSING = 0.005, 5

-- Was it refused because the other side closes this connection? Then waits until there
-- is the next one, or none is to come. Not within send: Lua 5.1 cannot wait in a pcall.
-- Returns whether to send again, and if not the token and the detail.
local function is_to_repeat (self, token, detail)
  if token ~= "closed" or self.is_closed or self.ws.state ~= "closing" then
    return false, token, detail
  end
  local deadline = now() + CLOSING
  repeat
    local ok, why, sentence = scheduler.sleep(LOOK_AGAIN)
    if not ok then return false, why, sentence end
  until self.ws.state ~= "closing" or now() > deadline
  local again = self.ws.state ~= "closing" and self.ws.state ~= "closed"
  return again, token, detail
end

--- Sends a text. It is kept until the other side has received it.
---@param content string  UTF-8
---@param extra? table    more fields of the message
---@return Message? message  as it is sent
---@return wsmanager.Token? token  "full", "closed", "locked"
---@return string? detail  why
function Chat:text (content, extra)
  checks.self(self, "text")
  if type(content) ~= "string" then
    bad_argument(1, "#1 to 'text' (string", content)
  end
  checks.extra("text", extra)
  local frame = { type = messageType.text, content = content }
  local sent, token, detail, again
  repeat
    sent, token, detail = call_at_level(2, send, self, "text", frame, extra)
    again, token, detail = is_to_repeat(self, token, detail)
  until not again
  return sent, token, detail    -- no tail call: call_at_level counts callers
end

--- Sends a picture: a URL, or the bytes of a PNG, JPEG, GIF or WebP file.
---@param source string  a URL, or the bytes
---@param extra? table   more fields; `name` is the `content` of a picture's bytes
---@return Message? message  as it is sent
---@return wsmanager.Token? token  "full", "closed", "locked"
---@return string? detail  why
function Chat:image (source, extra)
  checks.self(self, "image")
  if type(source) ~= "string" then
    bad_argument(1, "#1 to 'image' (string", source)
  end
  checks.extra("image", extra)
  local kind = pictures.kind(source)
  if not kind and not source:find "^%a[%w+.-]*:%S+$" then
    error("bad argument #1 to 'image' (neither a URL nor a picture)", 2)
  end
  local frame = { type = messageType.img, content = source }
  if kind then
    frame.bytes = source
    frame.content = extra and extra.name or "picture." .. kind
  end
  local sent, token, detail, again
  repeat
    sent, token, detail = call_at_level(2, send, self, "image", frame, extra)
    again, token, detail = is_to_repeat(self, token, detail)
  until not again
  return sent, token, detail
end

--- Sends the receipt that a message was read.
---@param received Message  which `receive` returned
---@return true|nil sent
---@return wsmanager.Token? token  "full", "closed"
---@return string? detail  why
function Chat:read (received)
  checks.self(self, "read")
  local wrong = message.fault(received)
  if wrong then error("bad argument #1 to 'read' (" .. wrong .. ")", 2) end
  local key = frames.key_of(received)
  if self.reads[key] then return true end
  self.read_count = self.read_count + 1
  local id = "r" .. self.read_count
  local receipt = frames.receipt(self, action.read, received)
  local ok, token, detail, again
  repeat
    ok, token, detail = call_at_level(2, send_confirmed, self, id, receipt)
    again, token, detail = is_to_repeat(self, token, detail)
  until not again
  if ok then
    self.reads[key] = id self.contacts_known:was_read(received, self.uid) end
  return ok, token, detail
end

-- ## Receiving

-- `detail` is the connection's, which waited for the rest of the timeout only.
local function timed_out (what, timeout, detail, left)
  local state = detail:gsub("^.- within %S+ s: ", "")
  return nil, "timeout",
    ("%s within %.14g s: %s%s"):format(what, timeout, left or "", state)
end

--- The next message, which is confirmed with `received`. Receipts that come before it are
--- handled, and given to `onreceipt`.
---@param timeout? number  seconds
---@return Message? message
---@return wsmanager.Token? token  as of `ws:receive`
---@return string? detail  why
---@return string? raw     with "codec": the message as it came
function Chat:receive (timeout)
  checks.self(self, "receive")
  timeout = checks.timeout(1, "receive", timeout)
  local deadline = to_deadline(timeout)
  local kept = receiving.take_kept(self)
  while not kept do
    local received, token, detail, raw = receive_frame(self, deadline)
    if received then return received end
    if token == "timeout" then
      return timed_out("no message", timeout, detail)
    end
    if received == nil then return nil, token, detail, raw end
  end
  return kept
end

--- Each message, across reconnects, until the connection is closed for good; what
--- comes when it was connected again after close() is for a new messages().
--- Raises where the connection's own messages() does: in a coroutine of Lua 5.1.
---@return fun(): Message? next
function Chat:messages ()
  checks.self(self, "messages")
  call_at_level(2, self.ws.messages, self.ws)
  local restarts = connection.restarts(self.ws)
  return function ()
    local received, token
    repeat
      if connection.restarts(self.ws) ~= restarts then return nil end
      received, token = self:receive()
    until received or token ~= "codec"
    return received
  end
end

--- Waits until the other side has received all that was sent here. Messages
--- that come meanwhile are kept for receive(), as many as the option `inbox` has
--- room for: then it returns "full", and goes on after some receive().
---@param timeout? number  seconds
---@return true|nil settled
---@return wsmanager.Token? token  "timeout", "full", or why it ended
---@return string? detail  why
function Chat:settled (timeout)
  checks.self(self, "settled")
  timeout = checks.timeout(1, "settled", timeout)
  local ok, token, detail = receiving.keep_until(self, to_deadline(timeout),
    function () return self.unconfirmed_count == 0 end)
  if ok then return true end
  local left = self.unconfirmed_count .. " not received by the other side"
  if token == "timeout" then
    return timed_out("not settled", timeout, detail, left .. "; ")
  end
  return nil, token, token == "full" and detail .. "; " .. left or detail
end

local function listen (self, handler)
  self.handler = handler
  self.ws.onmessage = handler and function (event)
    local received = frames.handle(self, event.data)
    if received then self.handler(received) end
  end or nil
end

--- Closes the connection for good.
---@param code? integer   as of `ws:close`
---@param reason? string  at most 123 bytes of UTF-8
---@return integer dropped  as of `ws:close`
function Chat:close (code, reason)
  checks.self(self, "close")
  local dropped = call_at_level(2, self.ws.close, self.ws, code, reason)
  self.is_closed = true
  return dropped
end

for name, method in pairs(contact_methods) do Chat[name] = method end

-- What programs assign, and where it is kept.
local handlers = {
  onmessage = "handler", onreceipt = "receipt_handler", oncontact = "contact_handler",
}

function Chat.__index (self, key)
  local place = handlers[key]
  if place then return rawget(self, place) end
  return Chat[key]
end

function Chat.__newindex (self, key, value)
  local place = handlers[key]
  if place then
    check_handler(key, value)
  elseif type(key) == "string" and key:find "^on" and suggest.nearest(key, handlers) then
    error(("unknown event property '%s'%s"):format(key, suggest.hint(key, handlers)), 2)
  end
  if key == "onmessage" then return listen(self, value) end
  rawset(self, place or key, value)
end

-- ## The frames of a chat

--- A frame as it is sent. It raises for what JSON cannot hold.
---@param frame table  a `Message` with its action, a receipt, a heartbeat
---@return string data, "text"|"binary" kind
local function encode (frame)
  if type(frame) ~= "table" then
    bad_argument(1, "#1 to 'encode' (table", frame)
  elseif frame.bytes ~= nil and type(frame.bytes) ~= "string" then
    bad_argument(1, "#1 to 'encode' (field 'bytes': string", frame.bytes)
  end
  local data, kind = call_at_level(2, message.encode, frame)
  return data, kind    -- no tail call: call_at_level counts callers
end

--- A frame as it came.
---@param data string  of one message
---@param kind "text"|"binary"  of the message
---@return chat.frame? frame
---@return string? why  of nil: it is none
local function decode (data, kind)
  if type(data) ~= "string" then bad_argument(1, "#1 to 'decode' (string", data) end
  return message.decode(data, kind)
end

Chat.__close = function (self) self:close() end

--- `wsmanager.chat` has the chat of the document that this project began with, made lossless.
---@class chat.module
---@field chatTypes table    who talks
---@field chatAction table   the actions of the first document
---@field action table       these, and those that a server and its clients tell each other
---@field messageType table  what a message has
---@field wsState table      the states of the first document
---@field doctorImg string   a picture: the bytes of a PNG file
---@field chatImg string     another
---@field history table      what `chat.serve` keeps messages in: `chat.history.memory`, `chat.history.sqlite`
return {
  new = new,
  getUrl = chat_url.getUrl,
  chatTypes = message.chatTypes,
  chatAction = message.chatAction,
  action = message.action,
  messageType = message.messageType,
  wsState = message.wsState,
  Message = message.Message,
  Messages = message.Messages,
  encode = encode,
  decode = decode,
  doctorImg = pictures.doctor,
  chatImg = pictures.chat,
  size = pictures.size,
  wsManager = require "wsmanager.chat.seed",
  serve = require "wsmanager.chat.serve",
  history = {
    memory = require "wsmanager.chat.memory_history",
    sqlite = require "wsmanager.chat.sqlite_history",
  },
}
