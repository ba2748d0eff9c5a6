-- wsmanager.testing: a scripted server and a clock, for the tests of programs.
-- Depends on server.lua, the scheduler and testing/; the clock on the core's loop.
-- Never looks into the program under test: it is a peer, over a socket.

local hosting = require "wsmanager.run.hosting"
local peers = require "wsmanager.testing.peer"
local rounds = require "wsmanager.run.rounds"
local scheduler = require "wsmanager.run.scheduler"
local scripted = require "wsmanager.testing.scripted"

--- What `wsmanager.testing` has.
---@class wsmanager.Testing
local Testing = {}

--- The clock of a test, which stands still and jumps.
---@class wsmanager.TestClock
local Clock = {}
Clock.__index = Clock

local function check (self, method)
  if getmetatable(self) == Clock then return end
  error("call it with ':', as in clock:" .. method .. "(...)", 3)
end

--- Has the clock of this Lua state stand still. Sleeps, timeouts, heartbeats and the waits
--- before a reconnect end without being waited for: as soon as nothing has come for some
--- milliseconds, the clock jumps to the next of them. For a test whose peers are all in
--- this process; in the event loop of a host it raises.
---@return wsmanager.TestClock clock
function Testing.clock ()
  scheduler.prepare()
  if hosting.is_watched() then
    error("a host's loop turns this one, on its own clock: test without it", 2)
  end
  rounds.loop():freeze(true)
  peers.set_patience(3600)
  return setmetatable({}, Clock)
end

--- The time, as `wsmanager.now`.
---@return number seconds
function Clock:now ()
  check(self, "now")
  return scheduler.now()
end

--- Lets so many seconds pass, and all that is due in them happen in its order.
---@param seconds number  of the clock
function Clock:advance (seconds)
  check(self, "advance")
  scheduler.sleep(seconds)
end

--- The clock runs again, on from where it stands.
function Clock:stop ()
  check(self, "stop")
  rounds.loop():freeze(false)
  peers.set_patience(nil)
end

--- A server that does with its clients what scripts say: with the first connection the first
--- one, and so on; a single function with each. A script that does not get what it expects is
--- a failure, as is a connection too many; `server:finish` raises the first.
---@param scripts (fun(peer: wsmanager.TestPeer)|table)|(fun(peer: wsmanager.TestPeer)|table)[]
---@param options? wsmanager.ServerOptions  further ones of `serve`: tls, protocols, decode …
---@return wsmanager.TestServer server
function Testing.server (scripts, options)
  return scripted.new(scripts, options)
end

--- In place of a script: the opening handshake is refused.
---@param status integer  of HTTP, 503 or any other from 200 on
---@param headers? table<string, string>  by name
---@param body? string     plain text
---@return table script
function Testing.refuse (status, headers, body)
  return {status = status, headers = headers, body = body}
end

return Testing
