-- wsmanager.WebSocket: exactly that of a browser (WHATWG WebSockets Standard 3).
-- Depends on client.lua: a connection without heartbeats, reconnecting and outbox,
-- behind an object that has the standard's names alone.
-- Never offers more: wsmanager.new does.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local client = require "wsmanager.client"
local connection = require "wsmanager.connection"
local events = require "wsmanager.base.events"
local handshake_headers = require "wsmanager.base.handshake_headers"
local url = require "wsmanager.base.url"

local link = core.link

local PRIVATE = {}         -- the key of an object's private fields
local UNLIMITED = 2^50     -- bytes: a browser never refuses to buffer

---@class wsmanager.WebSocket
---@field readyState integer   0 to 3
---@field url string           serialized, without default port
---@field protocol string
---@field extensions string
---@field bufferedAmount integer
---@field binaryType "blob"|"arraybuffer"  both are Lua strings here
---@field CONNECTING 0
---@field OPEN 1
---@field CLOSING 2
---@field CLOSED 3
---@field onopen? fun(event: wsmanager.Event)
---@field onmessage? fun(event: wsmanager.Event)
---@field onerror? fun(event: wsmanager.Event)
---@field onclose? fun(event: wsmanager.Event)
local methods = {CONNECTING = 0, OPEN = 1, CLOSING = 2, CLOSED = 3}

local getters = {}

local function private (self)
  local mine = type(self) == "table" and rawget(self, PRIVATE)
  if not mine then error("TypeError: this is no WebSocket", 3) end
  return mine
end

-- CLOSED not before the events of the end are dispatched (WebSockets 3, "when
-- the WebSocket connection is closed").
function getters.readyState (mine)
  local state = mine.ws.readyState
  if state == 3 and next(mine.record.ending) == nil then return 2 end
  return state
end

function getters.protocol (mine) return mine.ws.protocol end
function getters.extensions (mine) return mine.ws.extensions end
function getters.url (mine) return mine.url end
function getters.binaryType (mine) return mine.binary end

function getters.bufferedAmount (mine)
  return mine.ws.bufferedAmount + mine.discarded
end

--- Sends a message. While connecting it raises InvalidStateError; when closing
--- or closed it only adds to bufferedAmount (WebSockets 3.1, "send()").
---@param data string  UTF-8 unless binary
---@param kind? "text"|"binary"  text when absent
function methods.send (self, data, kind)
  local mine = private(self)
  local ws = mine.ws
  if ws.readyState == 0 then
    error("InvalidStateError: the WebSocket is still connecting", 2)
  end
  if kind ~= nil and kind ~= "text" and kind ~= "binary" then
    error("bad argument #2 to 'send' ('text' or 'binary' expected, got "
          .. tostring(kind) .. ")", 2)
  end
  local sent = link.send(ws, data, kind)
  if sent == false then
    arguments.fail(1, "#1 to 'send' (string", data)
  end
  if not sent then mine.discarded = mine.discarded + #data end
end

--- Closes; another code raises InvalidAccessError, a long reason SyntaxError.
---@param code? integer  1000 or 3000 to 4999
---@param reason? string  at most 123 bytes of UTF-8
function methods.close (self, code, reason)
  local ws = private(self).ws
  arguments.call_at_level(2, ws.close, ws, code, reason)
end

---@param name "open"|"message"|"error"|"close"
---@param listener fun(event: wsmanager.Event)
---@param settings? {once: boolean?}|boolean
function methods.addEventListener (self, name, listener, settings)
  local ws = private(self).ws
  arguments.call_at_level(2, ws.addEventListener, ws, name, listener, settings)
end

---@param name string
---@param listener fun(event: wsmanager.Event)
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

-- The core's config and the connection's record.
local function configure (address, protocols)
  local ok, text, origin = pcall(url.serialize, address)
  if not ok then error("SyntaxError: " .. text, 0) end
  local legal, names = pcall(handshake_headers.protocols, protocols)
  if not legal then error("SyntaxError: " .. names, 0) end
  return {
    url = text, protocols = names, reconnect = false, heartbeat = false,
    outbox = false, buffer = UNLIMITED,
  }, {origin = origin, discards = true}
end

local function construct (_, address, protocols)
  if type(address) ~= "string" then
    arguments.fail(1, "#1 to 'WebSocket' (string", address)
  end
  local config, record =
    arguments.call_at_level(2, configure, address, protocols)
  local mine = {discarded = 0, binary = "blob", url = config.url}
  local self = setmetatable({[PRIVATE] = mine}, meta)
  record.event_target, mine.record = self, record
  mine.ws = client.make(config, record)
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
