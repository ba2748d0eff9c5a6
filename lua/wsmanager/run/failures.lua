-- What a wait that failed returns: `nil, token, detail`.
-- Depends on cancellation.lua, and on dispatch.lua, which knows how a connection failed
-- last.
-- Never waits.

local core = require "wsmanager.core"
local cancellation = require "wsmanager.run.cancellation"
local coroutines = require "wsmanager.run.coroutines"
local dispatch = require "wsmanager.run.dispatch"
local url = require "wsmanager.base.url"

local link = core.link
local to_record = dispatch.record

--- What went wrong: the second result of what returns nil. The third is a sentence.
---@alias wsmanager.Token
---| "timeout"    # not in time; nothing else is harmed
---| "closed"     # closed for good, by either side
---| "full"       # the outbox, the output or the inbox has no room
---| "refused"    # it could not connect, or listen: the peer or its address
---| "resolve"    # the name has no address
---| "tls"        # a certificate, a key, or TLS itself
---| "proxy"      # the proxy refused, or could not be reached
---| "handshake"  # the HTTP response is none that opens a WebSocket
---| "protocol"   # the peer broke a rule of RFC 6455
---| "toobig"     # a message over a limit, received or sent
---| "codec"      # a message does not decode, or a value does not encode
---| "login"      # the `login` function refused, or failed
---| "locked"     # the `url` function had no URL, or a refusal of the login was final
---| "exhausted"  # `reconnect.limit` attempts to reconnect failed in a row
---| "cancelled"  # the wait was ended by `task:cancel()`

local failures = {}

-- Raises at `level` where a `for` cannot wait.
function failures.check_iterator (level)
  if coroutines.iterators_yield or not coroutines.can_yield() then return end
  error("a coroutine of Lua 5.1 cannot wait in 'for': call 'receive' in a 'while'",
        level + 2)
end

-- "open wss://example.org/chat", "open, from 127.0.0.1".
function failures.describe (ws)
  local record = to_record(ws)
  local state = ws.state
  if record and record.server then
    return state .. " on the server's side"
  end
  return state .. " " .. url.redacted(ws.url or "")
end

-- "; last: " and why the attempt or connection before failed, or "".
local function last_failure (ws, record)
  local ending = record.ending
  local why = ending.detail or ending.code and link.why(ws)
  return why and "; last: " .. why or ""
end

-- "no message within 5 s: ..."; or its task was cancelled. `why` is the cause, where it
-- is known.
function failures.timed_out (ws, what, timeout, why)
  local where = ": " .. failures.describe(ws) .. (why and ": " .. why or "")
                .. last_failure(ws, to_record(ws))
  return cancellation.failure(what, timeout, where)
end

-- Why a connection that is over is so. Where reconnect.when has ended it, its last
-- failure says more than the core.
function failures.why_over (ws, record)
  return record.ending.detail or link.why(ws)
end

-- The detail of a failure. Where reconnect.when has ended the connection, its last
-- failure says more than the core.
function failures.detail_of (ws, token, detail)
  return token == "closed" and to_record(ws).ending.detail or detail
end

return failures
