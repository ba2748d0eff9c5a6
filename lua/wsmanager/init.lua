-- wsmanager: a WebSocket that looks after itself.
-- Stands on the rooms beside this file; this is their one door.
-- Never does anything itself.

local core = require "wsmanager.core"
local client = require "wsmanager.client"
local codec = require "wsmanager.base.codec"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"
local server = require "wsmanager.server"
local websocket = require "wsmanager.websocket"

--- `onerror` hears of errors in handlers and coroutines instead of stderr, with
--- their tracebacks.
---@class wsmanager
---@field null userdata     what stands for JSON null, in and out
---@field chat table        the chat on top of it: wsmanager/chat.lua
---@field onerror? fun(why: any, text: string)
local wsmanager = {
  _VERSION = "wsmanager scm",
  CONNECTING = 0,
  OPEN = 1,
  CLOSING = 2,
  CLOSED = 3,
  new = client.new,
  WebSocket = websocket,
  serve = server.serve,
  run = scheduler.run,
  spawn = scheduler.spawn,
  sleep = scheduler.sleep,
  step = scheduler.step,
  now = scheduler.now,
  protocol = core.protocol,
}

local lazy = {}

function lazy.chat () return require "wsmanager.chat" end

lazy.null = codec.null

report.home = wsmanager

return setmetatable(wsmanager, {
  __index = function (self, name)
    local load = lazy[name]
    if not load then return nil end
    local value = load()
    rawset(self, name, value)
    return value
  end,
})
