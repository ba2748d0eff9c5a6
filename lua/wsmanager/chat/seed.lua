-- The seed's class wsManager, with its names, on a managed connection.
-- Depends on client.lua, url.lua and message.lua.
--
-- Its numbers are in milliseconds, as in the seed, and are read by init(). The
-- delays are the seed's: factor 1, no jitter, 3 s more after a closing handshake.
-- The three timer fields stay 0: the core has deadlines, not timers.

local arguments = require "wsmanager.base.arguments"
local chat_url = require "wsmanager.chat.url"
local client = require "wsmanager.client"
local message = require "wsmanager.chat.message"

---@class chat.wsManager
---@field lockReconnect boolean   true: never connects; init() sets it without userId and token
---@field heartMsg string
---@field timeHeart number        ms without a byte received before a heartbeat
---@field overTime number         ms without a byte received, then the peer is dead
---@field reconectTime number     ms before an attempt
---@field reconnectNum integer    attempts left; all of them again after 5 s open
---@field settimeHeart integer    0
---@field reconectTimeTO integer  0
---@field setoverTime integer     0
---@field socketServer string     host or host:port
---@field protocols "ws"|"wss"
---@field userId string|nil
---@field chatType chatTypes
---@field token string|nil
---@field websock wsmanager|nil   set by init(); its events are free to use
local Manager = {}
Manager.__index = Manager

local fields = {
  lockReconnect = false,
  heartMsg = message.encode { action = message.chatAction.heart },
  timeHeart = 30000, overTime = 100000, reconectTime = 2000, reconnectNum = 10,
  settimeHeart = 0, reconectTimeTO = 0, setoverTime = 0,
  socketServer = "localhost", protocols = "wss",
  chatType = message.chatTypes.doctor,
}

-- The seed reads these from the page and its sessionStorage.
local credentials = { userId = true, token = true }

---@param type chatTypes?    default chatTypes.doctor
---@param settings table?    any of the fields
---@return chat.wsManager    it connects at once, or is locked
local function new (type, settings)
  local self = setmetatable({}, Manager)
  for name, value in pairs(fields) do self[name] = value end
  for name, value in pairs(settings or {}) do
    if fields[name] == nil and not credentials[name] then
      error(("unknown field '%s'"):format(tostring(name)), 2)
    end
    self[name] = value
  end
  self.chatType = type or self.chatType
  arguments.call_at_level(2, self.init, self)
  return self
end

---@return string url
function Manager:getUrl ()
  return chat_url.getUrl(self)
end

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
      delay = self.reconectTime / 1000, max_delay = self.reconectTime / 1000,
      factor = 1, jitter = 0, pause = 3,
      limit = self.reconnectNum,
      when = function () if self.lockReconnect then return false end end,
    },
    outbox = false,
  }
end

-- Raises, without a position, where the peer would be dead before a heartbeat.
local function check (self)
  if self.overTime > self.timeHeart then return end
  error(("bad field 'overTime' (%g, with 'timeHeart' %g: it must be longer)")
        :format(self.overTime, self.timeHeart), 0)
end

--- Connects; without userId and token it only locks.
function Manager:init ()
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
---@param data string
function Manager:wsSend (data)
  if self.websock and self.websock.readyState == message.wsState.OPEN then
    self.websock:send(data)
  end
end

function Manager:wsClose ()
  if self.websock then self.websock:close() end
end

--- Reconnects at once, unless locked or without attempts left.
function Manager:wsReconnect ()
  if self.lockReconnect or self.reconnectNum <= 0 then return end
  if self.websock then self.websock:reconnect() end
end

--- Sends a heartbeat now. Those at timeHeart need no call.
function Manager:wsHeartbeat ()
  self:wsSend(self.heartMsg)
end

--- Does nothing: each byte received postpones the next heartbeat.
function Manager:wsReset () -- luacheck: no self
end

--- Does nothing: the core drops the connection after overTime.
function Manager:wsHeartOverTime () -- luacheck: no self
end

return new
