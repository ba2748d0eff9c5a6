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

--- The protocol's names of TLS, as OpenSSL has them.
---@class wsmanager.TlsStats
---@field version string   "TLSv1.3"
---@field cipher string    its cipher suite
---@field resumed boolean  a session of an earlier connection was resumed (RFC 8446 2.2)

--- What a connection has counted: over all successive connections of one `ws`, but for what
--- says something else.
---@class wsmanager.Stats
---
--- Messages that the program has taken.
--- Unit: messages.
---@field messages_in integer
---
--- Messages framed for the peer. What a lost connection had not written and gave back to the
--- outbox is subtracted again.
--- Unit: messages.
---@field messages_out integer
---
--- Bytes read, opening handshakes included; above TLS, before they are inflated.
--- Unit: bytes.
---@field bytes_in integer
---
--- Bytes written, opening handshakes included; above TLS, after they were compressed.
--- Unit: bytes.
---@field bytes_out integer
---
--- Attempts to connect, each redirect included.
--- Unit: attempts.
---@field dials integer
---
--- Connections that were open.
--- Unit: connections.
---@field opens integer
---
--- The number of the last connection that reached the 101.
---@field epoch integer
---
--- Attempts that resumed a TLS session.
--- Unit: attempts.
---@field resumed integer
---
--- Attempts that failed in a row, and count against `reconnect.limit`.
--- Unit: attempts.
---@field failures integer
---
--- Messages that wait for a connection, now.
--- Unit: messages.
---@field outbox integer
---
--- Messages with an id that were not confirmed, now, also those in the output.
--- Unit: messages.
---@field unacknowledged integer
---
--- Messages that still waited when it ended for good.
--- Unit: messages.
---@field unsent integer
---
--- Messages to be sent that a rule gave up: too old, the oldest, or without an outbox.
--- Unit: messages.
---@field dropped integer
---
--- Messages received and dropped: no handler was for them and nobody called `receive`, or a
--- subscription with `full = "oldest"` lost them.
--- Unit: messages.
---@field untaken integer
---
--- Requests of `ws:request` that wait for their answer, now.
--- Unit: requests.
---@field requests integer
---
--- Answers that were dropped: their request had timed out, or was lost with an earlier
--- connection.
--- Unit: messages.
---@field late_answers integer
---
--- Messages that may have been lost, since somebody listens to that event.
--- Unit: messages.
---@field uncertain integer
---
--- Bytes received and not taken, now.
--- Unit: bytes.
---@field unread integer
---
--- Bytes received that were given up, because nobody took what was before them.
--- Unit: bytes.
---@field unread_dropped integer
---
--- Bytes framed and not yet written to the socket, and the payload in the outbox, now.
--- Unit: bytes.
---@field buffered integer
---
--- Pings received on the connection under way, and answered (RFC 6455 5.5.2).
--- Unit: pings.
---@field pings integer
---
--- Pongs received on the connection under way (RFC 6455 5.5.3).
--- Unit: pongs.
---@field pongs integer
---
--- Heartbeats sent: pings, or `heartbeat.message` instead.
--- Unit: heartbeats.
---@field heartbeats integer
---
--- Connections that were dropped because the peer was dead or silent.
--- Unit: connections.
---@field timeouts integer
---
--- How often the inbox was full, and reading stopped.
--- Unit: times.
---@field pauses integer
---
--- From the last ping of a heartbeat to its pong, in whole milliseconds; nil before there was
--- one.
--- Unit: seconds.
---@field latency? number
---
--- The same of all pings that were answered: each new one counts an eighth (RFC 6298 2).
--- Unit: seconds.
---@field latency_smoothed? number
---
--- Of the last 100 pings that were answered 99 did not take longer.
--- Unit: seconds.
---@field latency_p99? number
---
--- How long it has been open; nil where it is not.
--- Unit: seconds.
---@field age? number
---
--- The peer's address and port; empty without a connection.
---@field address string
---
--- Whose event loop the module lives in: `own`, or the host's name, as `nginx (epoll)` where
--- nginx's own loop watches, and `nginx (thread)` where a thread beside it has to.
---@field loop string
---
--- TLS of the connection under way; nil without TLS.
---@field tls? wsmanager.TlsStats

--- What it has counted, and how it stands.
---@return wsmanager.Stats stats  a new table, as it is now
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

--- The messages that were never sent, and their kinds, once the connection is over; it
--- empties the outbox. While they may still be sent it raises: `stats().outbox` counts them.
---@return string[] messages  as they go over the wire: with `decode` as they were encoded
---@return string[] kinds     "text" or "binary", each
function methods.unsent (ws)
  check_self(ws, "unsent")
  if not is_over[ws.state] then
    error("unsent() is for a connection that is over (it is " .. ws.state
          .. "); stats().outbox counts what waits", 2)
  end
  return link.unsent(ws)
end

--- The messages that were sent and not confirmed (options `identify` and `acknowledge`), and
--- their kinds, once the connection is over; it forgets them.
---@return string[] messages  as they go over the wire: with `decode` as they were encoded
---@return string[] kinds     "text" or "binary", each
function methods.unacknowledged (ws)
  check_self(ws, "unacknowledged")
  if not is_over[ws.state] then
    error("unacknowledged() is for a connection that is over (it is " .. ws.state
          .. "); stats().unacknowledged counts them", 2)
  end
  return link.unacknowledged(ws)
end

--- The peer's HTTP response to the opening handshake.
---@class wsmanager.Answer
---@field status integer   101, or why it refused
---@field reason string    "Switching Protocols"
---@field minor integer    of the version of HTTP: 0 is 1.0, 1 is 1.1 (RFC 9112 2.3)
---@field headers table<string, string>  names in lower case
---@field body? string     of a response that refused, as far as it came

--- The peer's HTTP response to the opening handshake.
--- Source: RFC 6455 4.2.2.
---@return wsmanager.Answer? answer  nil: none has come yet
function methods.answer (ws)
  check_self(ws, "answer")
  return link.response(ws)
end
