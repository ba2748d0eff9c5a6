-- Whether the peer is there: pings, and heartbeats that are changed on a living
-- connection.
-- Depends on the core's link, dispatch.lua and heartbeats.lua.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local dispatch = require "wsmanager.run.dispatch"
local heartbeats = require "wsmanager.run.heartbeats"

local link = core.link
local check_self = arguments.check_self

---@class wsmanager.Connection
local methods = core.methods

--- Changes the option `heartbeat` from now on, for later connections, too: to what a
--- service tells in its first message. What is not given stays as it is. The rhythm
--- begins anew: the next heartbeat comes an interval from now, or up to `jitter` of
--- that sooner. Options that contradict each other, or those that hold already, raise.
---@param given wsmanager.Heartbeat|false  false: no heartbeats, and no peer is dead
function methods.heartbeat (ws, given)
  check_self(ws, "heartbeat")
  heartbeats.change(1, ws, dispatch.record(ws), given)
end

--- Sends a ping (RFC 6455 5.5.2); stats() counts the pongs.
---@param payload? string  at most 125 bytes
---@return true|nil
---@return string? token  "full", "closed"
---@return string? detail
function methods.ping (ws, payload)
  check_self(ws, "ping")
  local ok, token, detail = link.ping(ws, payload)
  return ok, token, detail    -- no tail call: it raises at our caller's line
end
