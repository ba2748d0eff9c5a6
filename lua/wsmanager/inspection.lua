-- What a connection tells of itself: statistics, the peer's response, and what was
-- never sent.
-- Depends on the core's link and dispatch.lua.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local dispatch = require "wsmanager.run.dispatch"
local hosting = require "wsmanager.run.hosting"

local link = core.link
local is_over = dispatch.is_over
local check_self = arguments.check_self

---@class wsmanager.Connection
local methods = core.methods

--- What was counted; over all successive connections of one `ws`, where nothing else is
--- said.
---@class wsmanager.Stats
---@field messages_in integer   messages taken by the program
---@field messages_out integer  messages framed, without those given back to the outbox
---@field bytes_in integer  read, opening handshakes included; above TLS, before they are inflated
---@field bytes_out integer  written, likewise
---@field dials integer     attempts to connect
---@field opens integer     connections that were open
---@field epoch integer     connections that reached the 101: the number of the last one
---@field resumed integer   of the attempts: with a resumed TLS session
---@field failures integer  in a row, of the budget
---@field outbox integer    messages that wait for a connection, now
---@field unacknowledged integer  messages with an id that were not confirmed, also those in the output
---@field unsent integer    messages that still waited at the end
---@field dropped integer   messages that were given up: too old, the oldest, or without an outbox
---@field untaken integer   messages received and dropped, which no handler was for and nobody received in time
---@field requests integer  that were sent and wait for their answer, now
---@field late_answers integer  dropped: their request had timed out, or was lost with an earlier connection
---@field uncertain integer messages that may have been lost, since somebody listens to that event
---@field unread integer    bytes received and not taken, now
---@field unread_dropped integer  bytes received, or left in the kernel, and given up: nobody took what was before them
---@field buffered integer  bytes sent and not yet written to the socket, now
---@field pings integer     received and answered, on the connection under way
---@field pongs integer     received, on the connection under way
---@field heartbeats integer  sent: pings, or the messages instead of them
---@field timeouts integer  connections that were dropped as dead or silent
---@field pauses integer    how often the inbox was full, and reading stopped
---@field latency? number   seconds from the heartbeat's last ping to its pong
---@field latency_smoothed? number  of these and the pings awaited: each new one counts an eighth (RFC 6298 2)
---@field latency_p99? number  of the last 100 of them 99 were not longer
---@field address string    of the peer and its port; "" without a connection
---@field loop string      whose event loop it lives in: "own", or the host's name and how it watches
---@field tls? {version: string, cipher: string, resumed: boolean}

--- What it has counted, and how it stands.
---@return wsmanager.Stats
function methods.stats (ws)
  check_self(ws, "stats")
  local stats, d = link.stats(ws), dispatch.record(ws).distribution
  local requests = d and d.requests
  stats.loop = hosting.describe()
  stats.untaken = d and d.lost or 0
  stats.requests = requests and requests.count or 0
  stats.late_answers = requests and requests.late or 0
  return stats
end

--- The messages that were never sent, and their kinds, once the connection is
--- over; removes them from the outbox. While they may still be sent it raises:
--- stats().outbox counts them.
---@return string[] messages
---@return string[] kinds
function methods.unsent (ws)
  check_self(ws, "unsent")
  if not is_over[ws.state] then
    error("unsent() is for a connection that is over (it is " .. ws.state
          .. "); stats().outbox counts what waits", 2)
  end
  return link.unsent(ws)
end

--- The messages that were sent and not confirmed (options `identify` and
--- `acknowledge`), and their kinds, once the connection is over; forgets them.
---@return string[] messages
---@return string[] kinds
function methods.unacknowledged (ws)
  check_self(ws, "unacknowledged")
  if not is_over[ws.state] then
    error("unacknowledged() is for a connection that is over (it is " .. ws.state
          .. "); stats().unacknowledged counts them", 2)
  end
  return link.unacknowledged(ws)
end

--- The peer's HTTP response to the opening handshake (RFC 6455 4.2.2).
---@return {status: integer, reason: string, headers: table<string, string>, body: string?}?
function methods.answer (ws)
  check_self(ws, "answer")
  return link.response(ws)
end
