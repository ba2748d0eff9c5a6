-- Servers that want a login, and logins.

local ours = require "support.ours"

local LONG = ours.LONG
local logins = {QUICK = {delay = 0.01, pause = 0, jitter = 0}}

-- A server that plays script(ws, n) for connection n; and its URL.
function logins.scripted (script, more)
  local options, n = more or {}, 0
  options.handler = function (ws)
    n = n + 1
    script(ws, n)
  end
  local _, url = ours.serve(options)
  return url
end

-- Says HELLO, takes the login, says READY; then it records what comes, in `heard`.
function logins.recorder (heard, behind)
  return logins.scripted(function (ws)
    ws:send "HELLO"
    heard[#heard + 1] = ws:receive(LONG)
    ws:send "READY"
    for _, text in ipairs(behind or {}) do ws:send(text) end
    repeat
      local data = ws:receive()
      heard[#heard + 1] = data
    until not data
  end)
end

function logins.identify (ws)
  assert(ws:receive(LONG) == "HELLO")
  assert(ws:send "IDENTIFY")
  assert(ws:receive(LONG) == "READY")
end

-- Records the events of a connection, as { type, token or code, message or reason }.
function logins.watch (given)
  local seen = {}
  for _, name in ipairs {"open", "error", "close", "reconnecting", "locked", "exhausted"} do
    given["on" .. name] = function (event)
      seen[#seen + 1] = {name, event.token or event.code, event.message or event.reason}
    end
  end
  return seen
end

function logins.first (seen, name)
  for _, event in ipairs(seen) do
    if event[1] == name then return event end
  end
end

return logins
