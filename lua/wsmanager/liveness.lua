-- Whether the peer is there: pings, and heartbeats that are changed on a living
-- connection.
-- Depends on the core's link, dispatch.lua, failures.lua, heartbeats.lua and scheduler.lua.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local dispatch = require "wsmanager.run.dispatch"
local failures = require "wsmanager.run.failures"
local heartbeats = require "wsmanager.run.heartbeats"
local readers = require "wsmanager.run.readers"
local scheduler = require "wsmanager.run.scheduler"
local raw = require "wsmanager.base.raw"

local link, now = core.link, core.now
local check_self = arguments.check_self
local timed_out = failures.timed_out

---@class wsmanager.Connection
local methods = core.methods

--- Changes the option `heartbeat` from now on, for later connections, too: to what a service
--- tells in its first message. What is not given stays as it is. The rhythm begins anew: the
--- next heartbeat comes an interval from now, or up to `heartbeat.jitter` of that sooner. Options
--- that contradict each other, or those that hold already, raise.
---@param given wsmanager.Heartbeat|false  false: no heartbeats, and no peer is dead
function methods.heartbeat (ws, given)
  check_self(ws, "heartbeat")
  local record = dispatch.record(ws)
  if type(given) == "table" and given.ack then
    readers.check_whole(1, record, "'heartbeat.ack'")
  end
  heartbeats.change(1, ws, record, given)
end

-- The latency, once it is known; else nil, token, detail, or false: it is awaited.
local function look (ws, record, number, timeout)
  local latency = link.pong(ws, number, timeout ~= nil)
  if latency then return latency end
  if latency == false and not timeout then return false end
  if latency == false then return timed_out(ws, "no pong", timeout) end
  local ending = record.ending
  return nil, ending.token or "closed",
         ending.detail or ending.code and "the connection was closed (" .. ending.code .. ")"
         or "the connection ended before the pong came"
end

-- Waits for the pong of the ping of that number. Our clock is finer than the core's,
-- and counts how long the program took to ask: the core's bounds it.
local function await_pong (ws, record, number, timeout)
  local sent, in_time = now(), true
  local latency, token, detail
  repeat
    latency, token, detail = look(ws, record, number, not in_time and timeout or nil)
    if latency then return math.min(now() - sent, latency + 0.001) end
    if token then return nil, token, detail end
    in_time = dispatch.wait(ws, record, "watchers", sent + timeout)
  until false
end

-- Forgets the pings of coroutines that were closed while they waited.
local function forget_closed (ws, record)
  for number, thread in pairs(record.pings or {}) do
    if raw.status(thread) == "dead" then
      link.pong(ws, number, true)
      record.pings[number] = nil
    end
  end
end

-- Lua 5.1 has no thread for the main one, which is never closed.
local function remember (record, number)
  local thread = coroutine.running()
  record.pings = record.pings or {}
  record.pings[number] = thread
end

local function wait_for_pong (ws, number, timeout)
  local record = dispatch.record(ws)
  remember(record, number)
  local latency, token, detail = await_pong(ws, record, number, timeout)
  record.pings[number] = nil
  return latency, token, detail
end

--- Sends a ping. With a timeout it waits for the pong, as `ws:receive` waits. Up to 64 are
--- awaited at once, each for its own pong; a peer may answer several pings with the last one's
--- pong, which is the answer to those before it.
--- Source: RFC 6455 5.5.2, 5.5.3.
---@param payload? string  at most 125 bytes; awaited without one it gets one of its own
---@param timeout? number  seconds to wait for the pong; nil or 0: it is only sent
---@return number|true|nil latency  seconds until the pong came; true: sent
---@return wsmanager.Token? token  "timeout", "cancelled"; "full": 64 are awaited; "closed" ...: why it ended
---@return string? detail  why
function methods.ping (ws, payload, timeout)
  check_self(ws, "ping")
  timeout = arguments.timeout(1, "#2 to 'ping'", timeout)
  if payload ~= nil and type(payload) ~= "string" then
    arguments.fail(1, "#1 to 'ping' (string", payload)
  end
  local awaited = timeout ~= nil and timeout > 0
  if awaited then scheduler.check_wait() end
  -- no tail call: it raises at our caller's line
  local number, token, detail = link.ping(ws, payload, awaited)
  if token == "full" then
    forget_closed(ws, dispatch.record(ws))
    number, token, detail = link.ping(ws, payload, awaited)
  end
  if not awaited or not number then return number, token, detail end
  return wait_for_pong(ws, number, timeout)
end
