-- wsmanager: managed WebSockets for Lua.
-- Depends on the files beside this one, whose functions it offers.

local core = require "wsmanager.core"
local client = require "wsmanager.client"
local codec = require "wsmanager.base.codec"
local host = require "wsmanager.host"
local hosting = require "wsmanager.run.hosting"
local inherited = require "wsmanager.inherited"
local log = require "wsmanager.log"
local metrics = require "wsmanager.metrics"
local presets = require "wsmanager.presets"
local queue = require "wsmanager.run.queue"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"
local server = require "wsmanager.server"
local signals = require "wsmanager.signals"
local task = require "wsmanager.run.task"
local trace = require "wsmanager.trace"
local try = require "wsmanager.try"
local version = require "wsmanager.base.version"
local websocket = require "wsmanager.websocket"

--- A timeout is a number of seconds, in every function that takes one. 0 does not wait, and
--- less than 0 counts as 0; `math.huge` waits as long as it takes; anything else raises.
--- What waits yields in a coroutine of `wsmanager.run` or `wsmanager.spawn`, and turns the
--- loop elsewhere, so that a script without coroutines works, too.
---@class wsmanager
---
--- The WebSocket of a browser: `wsmanager.WebSocket(url[, protocols])`, without management.
---@field WebSocket wsmanager.WebSocket
---
--- Stands for JSON's null, received and sent.
---@field null userdata
---
--- What some public services ask of their clients, for the option `preset`.
---@field presets wsmanager.Presets
---
--- The chat. It is loaded at its first use.
---@field chat chat.module
---
--- For the tests of programs: a scripted server, a clock that jumps. It is loaded at its first
--- use.
---@field testing wsmanager.Testing
---
--- The parsers and the state machines of the core alone, for specs and other transports. It is
--- no part of what stays the same from version to version.
---@field protocol table
---
--- Where it is set, it is called with the errors of listeners and coroutines that nobody else
--- gets, and their text with the traceback, instead of writing that to stderr.
---@field onerror? fun(why: any, text: string)
---
--- For connections and servers that are made from now on without an option `log` of their own:
--- a function, or a level from which on lines go to stderr.
---@field log? wsmanager.Log|"debug"|"info"|"warn"|"error"
---
---@field CONNECTING 0  of `readyState`
---@field OPEN 1        of `readyState`
---@field CLOSING 2     of `readyState`
---@field CLOSED 3      of `readyState`
local wsmanager = {
  _VERSION = "wsmanager " .. version,
  CONNECTING = 0,
  OPEN = 1,
  CLOSING = 2,
  CLOSED = 3,
  new = client.new,
  presets = presets,
  WebSocket = websocket,
  serve = server.serve,
  listen_fds = inherited.listen_fds,
  run = scheduler.run,
  spawn = task.spawn,
  queue = queue.new,
  sleep = scheduler.sleep,
  step = scheduler.step,
  signal = signals.signal,
  stop = signals.stop,
  stop_on_signals = signals.stop_on_signals,
  now = scheduler.now,
  use = host.use,
  try = try.try,
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

function lazy.testing () return require "wsmanager.testing" end

function lazy.dashboard () return require "wsmanager.dashboard" end

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
