-- The seed's class wsManager, with its names, on a managed connection.
-- Depends on client.lua, url.lua, message.lua, schema.lua and suggest.lua.
--
-- Its numbers are in milliseconds, as in the seed, and are read by init(). The
-- delays are the seed's: factor 1, no jitter, 3 s more after a closing handshake;
-- `factor` and `jitter` are fields of our own.
-- The three timer fields stay 0: the core has deadlines, not timers.

local arguments = require "wsmanager.base.arguments"
local chat_url = require "wsmanager.chat.url"
local client = require "wsmanager.client"
local message = require "wsmanager.chat.message"
local schema = require "wsmanager.base.schema"
local suggest = require "wsmanager.base.suggest"

local check_object = arguments.check_object

--- The first document's `class wsManager`, under its own names and with its own delays.
---@class chat.wsManager
---@field lockReconnect boolean   true: never connects; init() sets it without userId and token
---@field heartMsg string         what a heartbeat sends
---@field timeHeart number        ms without a byte received before a heartbeat
---@field overTime number         ms without a byte received, then the peer is dead
---@field reconectTime number     ms before an attempt
---@field reconnectNum integer    attempts left; all of them again after 5 s open
---@field factor number           by which each delay is longer than the one before; 1
---@field jitter number           0 to 1: that part of each delay is drawn at random; 0
---@field settimeHeart integer    0: there is no timer to hold
---@field reconectTimeTO integer  0
---@field setoverTime integer     0
---@field socketServer string     host or host:port
---@field protocols "ws"|"wss"     the scheme
---@field userId? string          who talks
---@field chatType chatTypes      which side it is
---@field token? string           what the server checks
---@field websock? wsmanager.Connection  set by `init`; its events are free to use
local Manager = {}
Manager.__index = Manager

local fields = {
  lockReconnect = false,
  heartMsg = message.encode { action = message.chatAction.heart },
  timeHeart = 30000, overTime = 100000, reconectTime = 2000, reconnectNum = 10,
  factor = 1, jitter = 0,
  settimeHeart = 0, reconectTimeTO = 0, setoverTime = 0,
  socketServer = "localhost", protocols = "wss",
  chatType = message.chatTypes.doctor,
}

-- ## Checks
--
-- The fields are free to be assigned: init() looks at them all.

local function is_host (value)
  return type(value) == "string" and not value:find "[/?#%s]"
end

local function is_protocol (value) return value == "ws" or value == "wss" end

local function is_type (value)
  return value == message.chatTypes.doctor or value == message.chatTypes.customer
end

local is_name = schema.any(schema.is "string", schema.is "number")
local any_number = { schema.is_number(0), "number, 0 or more," }
local milliseconds = { schema.is_positive, "number of milliseconds" }

-- What each field may be; the seed reads userId and token from the page's sessionStorage.
local rules = {
  lockReconnect = { schema.is "boolean", "boolean" },
  heartMsg = { schema.is "string", "string" },
  timeHeart = milliseconds, overTime = milliseconds, reconectTime = milliseconds,
  reconnectNum = { schema.is_integer(0), "integer, 0 or more," },
  factor = { schema.is_number(1), "number, 1 or more," },
  jitter = { schema.is_number(0, 1), "number from 0 to 1" },
  settimeHeart = any_number, reconectTimeTO = any_number, setoverTime = any_number,
  socketServer = { is_host, "host or host:port" },
  protocols = { is_protocol, "'ws' or 'wss'" },
  chatType = { is_type, "1 or 2 of chatTypes" },
  userId = { is_name, "string or number" }, token = { is_name, "string or number" },
}

-- Raises, without a position, for a field of a wrong type, and where the peer would be
-- dead before a heartbeat.
local function check (self)
  for name, rule in pairs(rules) do
    local value = self[name]
    if not rule[1](value) and (fields[name] ~= nil or value) then
      error(("bad field '%s' (%s expected, got %s)"):format(name, rule[2],
        type(value) == "number" and tostring(value) or type(value)), 0)
    end
  end
  if self.overTime > self.timeHeart then return end
  error(("bad field 'overTime' (%g, with 'timeHeart' %g: it must be longer)")
        :format(self.overTime, self.timeHeart), 0)
end

local function check_names (settings)
  if type(settings) ~= "table" then
    error("bad argument #2 to 'wsManager' (table expected, got " .. type(settings)
      .. ")", 0)
  end
  for name in pairs(settings) do
    if not rules[name] then
      error(("unknown field '%s'%s"):format(tostring(name),
        type(name) == "string" and suggest.hint(name, rules) or ""), 0)
    end
  end
end

--- The class of the first document: it connects at once, or is locked.
---@param type? chatTypes  default: `chatTypes.doctor`
---@param settings? table  any of the fields
---@return chat.wsManager manager
local function new (type, settings)
  local self = setmetatable({}, Manager)
  for name, value in pairs(fields) do self[name] = value end
  if settings ~= nil then
    arguments.call_at_level(2, check_names, settings)
    for name, value in pairs(settings) do self[name] = value end
  end
  self.chatType = type or self.chatType
  arguments.call_at_level(2, self.init, self)
  return self
end

--- The URL of its fields, as `chat.getUrl`.
---@return string url
function Manager:getUrl ()
  check_object(self, Manager, "manager:getUrl")
  local address = arguments.call_at_level(2, chat_url.getUrl, self)
  return address
end

-- Seconds, where delays grow.
local LONGEST_DELAY = 60

-- The seed's numbers as options of wsmanager.new.
local function options (self)
  return {
    url = function ()
      if self.lockReconnect then return nil, "lockReconnect is set" end
      return self:getUrl()
    end,
    heartbeat = {
      interval = self.timeHeart / 1000, message = self.heartMsg,
      timeout = self.overTime / 1000, mode = "received",
    },
    reconnect = {
      delay = self.reconectTime / 1000,
      max_delay = math.max(self.factor > 1 and LONGEST_DELAY or 0,
        self.reconectTime / 1000),
      factor = self.factor, jitter = self.jitter, pause = 3,
      limit = self.reconnectNum,
      when = function () if self.lockReconnect then return false end end,
    },
    outbox = false,
  }
end

--- Connects; without userId and token it only locks.
function Manager:init ()
  check_object(self, Manager, "manager:init")
  arguments.call_at_level(2, check, self)
  if not self.token or not self.userId then
    self.lockReconnect = true
    return
  end
  if self.websock then self.websock:close() end
  local budget = self.reconnectNum
  self.websock = client.new(options(self))
  self.websock:addEventListener("reconnecting", function (event)
    self.reconnectNum = budget - event.attempt
  end)
end

--- Sends when open; otherwise the data is dropped, as in the seed.
---@param data string  UTF-8
function Manager:wsSend (data)
  check_object(self, Manager, "manager:wsSend")
  if type(data) ~= "string" then
    arguments.fail(1, "#1 to 'wsSend' (string", data)
  end
  if self.websock and self.websock.readyState == message.wsState.OPEN then
    self.websock:send(data)
  end
end

--- Closes for good: it never reconnects.
function Manager:wsClose ()
  check_object(self, Manager, "manager:wsClose")
  if self.websock then self.websock:close() end
end

--- Reconnects at once, unless locked or without attempts left.
function Manager:wsReconnect ()
  check_object(self, Manager, "manager:wsReconnect")
  if self.lockReconnect or self.reconnectNum <= 0 then return end
  if self.websock then self.websock:reconnect() end
end

--- Sends a heartbeat now. Those at timeHeart need no call.
function Manager:wsHeartbeat ()
  check_object(self, Manager, "manager:wsHeartbeat")
  self:wsSend(self.heartMsg)
end

--- Does nothing: each byte received postpones the next heartbeat.
function Manager:wsReset () -- luacheck: no self
end

--- Does nothing: the core drops the connection after overTime.
function Manager:wsHeartOverTime () -- luacheck: no self
end

return new
