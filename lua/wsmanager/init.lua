-- wsmanager: managed WebSockets for Lua.
-- Depends on the files beside this one, whose functions it offers.

local core = require "wsmanager.core"
local client = require "wsmanager.client"
local codec = require "wsmanager.base.codec"
local host = require "wsmanager.host"
local hosting = require "wsmanager.run.hosting"
local log = require "wsmanager.log"
local metrics = require "wsmanager.metrics"
local presets = require "wsmanager.presets"
local queue = require "wsmanager.run.queue"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"
local server = require "wsmanager.server"
local task = require "wsmanager.run.task"
local trace = require "wsmanager.trace"
local websocket = require "wsmanager.websocket"

--- `onerror`, where it is set, is called with the errors of listeners and
--- coroutines and their tracebacks, instead of writing to stderr.
---@class wsmanager
---@field null userdata     stands for JSON null, received and sent
---@field chat table        wsmanager/chat.lua
---@field fetch fun(url: string, options?: wsmanager.FetchOptions): wsmanager.Response?, string?, string?
---@field onerror? fun(why: any, text: string)
---@field log? wsmanager.Log|"debug"|"info"|"warn"|"error"  for connections and servers made from now on
---  without an option `log`; a level: to stderr
local wsmanager = {
  _VERSION = "wsmanager scm",
  CONNECTING = 0,
  OPEN = 1,
  CLOSING = 2,
  CLOSED = 3,
  new = client.new,
  presets = presets,
  WebSocket = websocket,
  serve = server.serve,
  run = scheduler.run,
  spawn = task.spawn,
  queue = queue.new,
  sleep = scheduler.sleep,
  step = scheduler.step,
  now = scheduler.now,
  use = host.use,
  fd = hosting.fd,
  timeout = hosting.timeout,
  array = codec.array,
  protocol = core.protocol,
  metrics = metrics,
  trace = trace,
  logger = log.logger,
}

-- Loaded at their first use: they are large, or libcurl is not there.
local lazy = {}

function lazy.chat () return require "wsmanager.chat" end

function lazy.fetch () return require "wsmanager.fetch" end

lazy.null = codec.null

report.set_hooks(wsmanager)
log.set_hooks(wsmanager)

return setmetatable(wsmanager, {
  __index = function (self, name)
    local load = lazy[name]
    if not load then return nil end
    local value = load()
    rawset(self, name, value)
    return value
  end,
})
