-- wsmanager.WebSocket: exactly that of a browser (WHATWG WebSockets Standard 3).
-- Depends on client.lua: a connection without heartbeats and reconnecting,
-- behind an object that has the standard's names alone.
-- Never offers more: wsmanager.new does.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local buffered = require "wsmanager.base.buffered"
local client = require "wsmanager.client"
local connection = require "wsmanager.connection"
local dispatch = require "wsmanager.run.dispatch"
local events = require "wsmanager.base.events"
local handshake_headers = require "wsmanager.base.handshake_headers"
local secrets = require "wsmanager.base.secrets"
local finalizer = require "wsmanager.base.finalizer"
local log = require "wsmanager.log"
local scheduler = require "wsmanager.run.scheduler"
local url = require "wsmanager.base.url"

local link = core.link

local PRIVATE = {}         -- the key of an object's private fields
local UNLIMITED = 2^50     -- bytes: a browser never refuses to buffer

--- The WebSocket of a browser, under its names alone: no heartbeats, no reconnecting, no
--- outbox. `wsmanager.WebSocket(url[, protocols])` connects at once; a bad URL or subprotocol
--- raises SyntaxError.
---@class wsmanager.WebSocket
---@field readyState integer           0 to 3; it changes with the events, not before them
---@field url string                   serialized, without default port (URL Standard 4.5)
---@field protocol string              the subprotocol agreed on; "" until the event `open`
---@field extensions string            the extensions agreed on; "" until the event `open`
---@field bufferedAmount integer       bytes sent and not yet written; what was sent in this turn counts
---@field binaryType "blob"|"arraybuffer"  both are Lua strings here; "blob" at first
---@field CONNECTING 0                 of `readyState`
---@field OPEN 1                       of `readyState`
---@field CLOSING 2                    of `readyState`
---@field CLOSED 3                     of `readyState`
---@field onopen? fun(event: wsmanager.OpenEvent)        listens to `open`
---@field onmessage? fun(event: wsmanager.MessageEvent)  listens to `message`
---@field onerror? fun(event: wsmanager.ErrorEvent)      listens to `error`
---@field onclose? fun(event: wsmanager.CloseEvent)      listens to `close`
local methods = {CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3}

local getters = {}

local function private (self)
  local mine = type(self) == "table" and rawget(self, PRIVATE)
  if not mine then error("TypeError: this is no WebSocket", 3) end
  return mine
end

-- Have the listeners yet to be told of the opening or of messages, or are they being
-- told?
local function has_news (mine)
  return not mine.record.inbox_empty or link.stats(mine.ws).unread > 0
end

-- The state changes with the events, not before them: it is OPEN as long as there
-- are messages of before the peer's close, and CLOSED from the events of the end
-- on (WebSockets 4).
function getters.readyState (mine)
  local record, state = mine.record, mine.ws.readyState
  if state == 3 and next(record.ending) ~= nil then return 3 end
  if record.muted then return 2 end
  if not record.opens then return 0 end
  if state >= 2 then return has_news(mine) and 1 or 2 end
  return state
end

-- Empty until the event `open`.
function getters.protocol (mine)
  return mine.record.opens and mine.ws.protocol or ""
end

function getters.extensions (mine)
  return mine.record.opens and mine.ws.extensions or ""
end

function getters.url (mine) return mine.url end
function getters.binaryType (mine) return mine.binary end

-- Bytes of messages in the output, whose last bytes may be our close frame; at the
-- end those that were never written.
local function pending (mine)
  local ws = mine.ws
  local output = ws.bufferedAmount
  if ws.readyState == 3 then return output end
  return mine.output:pending(math.max(0, output - mine.close_frame))
end

-- What was sent in this turn of the loop counts, even if it has been written.
function getters.bufferedAmount (mine)
  local amount = mine.sent_now and mine.before + mine.sent_now or pending(mine)
  return amount + mine.discarded
end

-- Counts n bytes until the next turn; `before` is what was pending when the first
-- of them were sent.
local function note_sent (mine, before, n)
  if not mine.sent_now then
    mine.before, mine.sent_now = before, 0
    scheduler.spawn(function ()
      mine.sent_now = nil
      dispatch.retain(mine.ws, mine.record)
    end)
  end
  mine.sent_now = mine.sent_now + n
end

--- Sends a message. While connecting it raises InvalidStateError; when closing or closed it only
--- adds to `bufferedAmount`.
--- Source: WebSockets Standard 3.1, "send()".
---@param data string  UTF-8 unless binary
---@param kind? "text"|"binary"  default: "text"
function methods.send (self, data, kind)
  local mine = private(self)
  local ws, state = mine.ws, self.readyState
  if state == 0 then
    error("InvalidStateError: the WebSocket is still connecting", 2)
  end
  if kind ~= nil and kind ~= "text" and kind ~= "binary" then
    error("bad argument #2 to 'send' ('text' or 'binary' expected, got "
          .. tostring(kind) .. ")", 2)
  end
  if type(data) ~= "string" then
    arguments.fail(1, "#1 to 'send' (string", data)
  end
  local output = ws.bufferedAmount
  local before = not mine.sent_now and pending(mine)
  if link.send(ws, data, kind) then
    mine.output:add(#data, output)
    note_sent(mine, before, #data)
  else
    mine.discarded = mine.discarded + #data
  end
end

local function is_sendable (code)
  return code == 1000 or code >= 3000 and code <= 4999 and code % 1 == 0
end

-- RFC 6455 5.2 and 5.5.1, masked.
local function close_frame_size (code, reason)
  local length = #(reason or "")
  return (code or length > 0) and 8 + length or 6
end

--- Closes; another code raises InvalidAccessError, a long reason SyntaxError. No message is
--- received afterwards. While connecting, the events `error` and `close` follow.
--- Source: WebSockets Standard 3.1, "close()".
---@param code? integer  1000 or 3000 to 4999
---@param reason? string  at most 123 bytes of UTF-8; without a code it is sent with 1000
function methods.close (self, code, reason)
  local mine = private(self)
  if type(code) == "number" and not is_sendable(code) then
    error("InvalidAccessError: the close code must be 1000 or 3000 to 4999, not "
          .. tostring(code), 2)
  end
  local is_open = mine.ws.readyState == 1
  arguments.call_at_level(2, mine.ws.close, mine.ws, code, reason)
  mine.record.muted, mine.record.only_listener = true, nil
  dispatch.retain(mine.ws, mine.record)
  if is_open then mine.close_frame = close_frame_size(code, reason) end
end

--- Listens to an event.
--- Source: WHATWG DOM 2.7.
---@param name "open"|"message"|"error"|"close"  its name
---@param listener fun(event: wsmanager.Event)  called with one table
---@param settings? {once: boolean?}|boolean  `once`: it is removed before its first call
function methods.addEventListener (self, name, listener, settings)
  local ws = private(self).ws
  arguments.call_at_level(2, ws.addEventListener, ws, name, listener, settings)
end

--- Removes a listener; one that is not there is no error.
--- Source: WHATWG DOM 2.7.
---@param name "open"|"message"|"error"|"close"  its name
---@param listener fun(event: wsmanager.Event)  the same function
function methods.removeEventListener (self, name, listener)
  local ws = private(self).ws
  arguments.call_at_level(2, ws.removeEventListener, ws, name, listener)
end

local meta = {}

function meta.__index (self, name)
  local method = methods[name]
  if method ~= nil then return method end
  local mine = rawget(self, PRIVATE)
  if getters[name] then return getters[name](mine) end
  if events.properties[name] then return link.fields(mine.ws)[name] end
end

-- HTML 8.1.8.1: a value that cannot be called is null.
function meta.__newindex (self, name, value)
  local mine = private(self)
  if events.properties[name] then
    if type(value) ~= "function" then value = nil end
    connection.listen(mine.ws, name, value)
  elseif name == "binaryType" then
    if value == "blob" or value == "arraybuffer" then mine.binary = value end
  elseif getters[name] or methods[name] ~= nil then
    error("'" .. name .. "' cannot be assigned", 2)
  elseif events.nearest_property(name) then
    error("unknown event property '" .. name .. "' (did you mean '"
          .. events.nearest_property(name) .. "'?)", 2)
  else
    rawset(self, name, value)
  end
end

function meta.__tostring (self)
  return "WebSocket: " .. connection.describe(rawget(self, PRIVATE).ws)
end

-- The names as the header has them; raises for what is no list of tokens, each once
-- (WebSockets 3.1, the constructor).
local function join_protocols (given)
  if given == nil then return nil end
  if type(given) == "string" then given = {given} end
  if type(given) ~= "table" then
    error("SyntaxError: subprotocols are a string or a list of strings", 0)
  end
  local seen = {}
  for _, name in ipairs(given) do
    if type(name) ~= "string" or not core.istoken(name) then
      error("SyntaxError: the subprotocol '" .. secrets.quote_begin(tostring(name))
            .. "' is not a token", 0)
    elseif seen[name] then
      error("SyntaxError: the subprotocol '" .. handshake_headers.show(name)
            .. "' is there twice", 0)
    end
    seen[name] = true
  end
  return given[1] and table.concat(given, ", ") or nil
end

-- The core's config and the connection's record.
local function configure (address, protocols)
  local ok, text, origin = pcall(url.serialize, address)
  if not ok then error("SyntaxError: " .. text, 0) end
  return {
    url = text, protocols = join_protocols(protocols), reconnect = false,
    heartbeat = false, buffer = UNLIMITED,
  }, {origin = origin, discards = true, log = log.of(nil)}
end

-- One that is collected while it is open closes with a frame (WebSockets 7). Made
-- after the connection, it is collected before it.
local function make_finalizer (ws)
  return finalizer.new(function ()
    if ws.readyState ~= 1 then return end
    link.close(ws)
    link.flush(ws)
  end)
end

local function construct (_, address, protocols)
  if type(address) ~= "string" then
    arguments.fail(1, "#1 to 'WebSocket' (string", address)
  end
  local config, record =
    arguments.call_at_level(2, configure, address, protocols)
  local mine = {
    url = config.url, binary = "blob", discarded = 0, close_frame = 0,
    output = buffered.new(),
  }
  local self = setmetatable({[PRIVATE] = mine}, meta)
  record.event_target, mine.record = self, record
  mine.ws = client.make(config, record)
  mine.finalizer = make_finalizer(mine.ws)
  link.start(mine.ws)
  return self
end

--- `wsmanager.WebSocket(url[, protocols])` connects; the constants are on it
--- and on each object. A bad URL or subprotocol raises SyntaxError.
---@overload fun(url: string, protocols?: string|string[]): wsmanager.WebSocket
local WebSocket = setmetatable(
  {CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3},
  {__call = construct})

return WebSocket
