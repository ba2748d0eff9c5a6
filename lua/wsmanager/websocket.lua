-- wsmanager.WebSocket: the browser's, exactly (WHATWG WebSockets Standard 3).
-- Stands on client.lua: a connection that neither beats nor reconnects nor
-- keeps what it cannot send, behind an object with the W3C's names alone.
-- Never offers more: wsmanager.new does.

local core = require "wsmanager.core"
local client = require "wsmanager.client"
local connection = require "wsmanager.connection"
local events = require "wsmanager.base.events"
local options = require "wsmanager.base.options"

local link = core.link

local OURS = {}            -- the key of what an object keeps for itself
local ENDLESS = 2^50       -- bytes: a browser never refuses to buffer

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

local function ours (self)
  local mine = type(self) == "table" and rawget(self, OURS)
  if not mine then error("TypeError: this is no WebSocket", 3) end
  return mine
end

-- It is CLOSED when the events say so, not before (WebSockets 3, "when the
-- WebSocket connection is closed").
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
  return mine.ws.bufferedAmount + mine.lost
end

--- Sends a message. While connecting it raises InvalidStateError; when closing
--- or closed it only adds to bufferedAmount, as the W3C has it.
---@param data string  UTF-8 unless binary
---@param kind? "text"|"binary"  a Lua string does not say which it is
function methods.send (self, data, kind)
  local mine = ours(self)
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
    error("bad argument #1 to 'send' (string expected, got " .. type(data)
          .. ")", 2)
  end
  if not sent then mine.lost = mine.lost + #data end
end

--- Closes; another code raises InvalidAccessError, a long reason SyntaxError.
---@param code? integer  1000 or 3000 to 4999
---@param reason? string  at most 123 bytes of UTF-8
function methods.close (self, code, reason)
  local ws = ours(self).ws
  options.blame(2, ws.close, ws, code, reason)
end

---@param name "open"|"message"|"error"|"close"
---@param listener fun(event: wsmanager.Event)
---@param settings? {once: boolean?}|boolean
function methods.addEventListener (self, name, listener, settings)
  local ws = ours(self).ws
  options.blame(2, ws.addEventListener, ws, name, listener, settings)
end

---@param name string
---@param listener fun(event: wsmanager.Event)
function methods.removeEventListener (self, name, listener)
  local ws = ours(self).ws
  options.blame(2, ws.removeEventListener, ws, name, listener)
end

local meta = {}

function meta.__index (self, name)
  local method = methods[name]
  if method ~= nil then return method end
  local mine = rawget(self, OURS)
  if getters[name] then return getters[name](mine) end
  if events.properties[name] then return link.fields(mine.ws)[name] end
end

-- HTML 8.1.8.1: what cannot be called is null.
function meta.__newindex (self, name, value)
  local mine = ours(self)
  if events.properties[name] then
    if type(value) ~= "function" then value = nil end
    connection.listen(mine.ws, name, value)
  elseif name == "binaryType" then
    if value == "blob" or value == "arraybuffer" then mine.binary = value end
  elseif getters[name] or methods[name] ~= nil then
    error("'" .. name .. "' cannot be assigned", 2)
  elseif events.meant(name) then
    error("unknown event property '" .. name .. "' (did you mean '"
          .. events.meant(name) .. "'?)", 2)
  else
    rawset(self, name, value)
  end
end

function meta.__tostring (self)
  return "WebSocket: " .. connection.describe(rawget(self, OURS).ws)
end

-- What the standard calls the URL, serialized, and its origin.
local function serialize (url)
  local parts = options.url(url)
  local host = parts.host:lower()
  if parts.ipv6 then host = "[" .. host .. "]" end
  local usual = parts.secure and 443 or 80
  if parts.port ~= usual then host = host .. ":" .. parts.port end
  local origin = (parts.secure and "wss://" or "ws://") .. host
  local path = parts.target
  if path:sub(1, 1) ~= "/" then path = "/" .. path end
  local user = parts.user ~= "" and parts.user .. "@" or ""
  return origin:gsub("://", "://" .. user:gsub("%%", "%%%%")) .. path, origin
end

local function configure (url, protocols)
  local ok, text, origin = pcall(serialize, url)
  if not ok then error("SyntaxError: " .. text, 0) end
  local legal, names = pcall(options.protocols, protocols)
  if not legal then error("SyntaxError: " .. names, 0) end
  return {
    url = text, protocols = names, reconnect = false, heartbeat = false,
    outbox = false, buffer = ENDLESS,
  }, {origin = origin, discards = true}
end

local function construct (_, url, protocols)
  if type(url) ~= "string" then
    error("bad argument #1 to 'WebSocket' (string expected, got "
          .. type(url) .. ")", 2)
  end
  local config, record = options.blame(2, configure, url, protocols)
  local mine = {lost = 0, binary = "blob", url = config.url}
  local self = setmetatable({[OURS] = mine}, meta)
  record.target, mine.record = self, record
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
