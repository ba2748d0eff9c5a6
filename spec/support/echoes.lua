-- Programs that send back every message as it came: a client that visits many
-- addresses, so many at once, and a server. Both have only the public module.

local wsmanager = require "wsmanager"

local echoes = {}

-- No `for`: it could not wait under Lua 5.1.
local function echo (ws)
  local message, kind = ws:receive()
  while message do
    ws:send(message, kind)
    message, kind = ws:receive()
  end
end

local function copy (options)
  local all = { heartbeat = false }
  for name, value in pairs(options or {}) do all[name] = value end
  return all
end

local function visit (url, options)
  local all = copy(options)
  all.url, all.reconnect = url, false
  local ws = wsmanager.new(all)
  echo(ws)
  ws:closed()
end

-- Echoes on each of the addresses until the peer closes.
function echoes.visit (urls, at_once, options)
  local at, live = 0, 0
  local function work ()
    while at < #urls do
      at = at + 1
      visit(urls[at], options)
    end
    live = live - 1
  end
  for _ = 1, math.min(at_once, #urls) do
    live = live + 1
    wsmanager.spawn(work)
  end
  while live > 0 do wsmanager.step(1) end
end

function echoes.serve (options)
  local all = copy(options)
  all.host, all.port, all.handler = "127.0.0.1", 0, echo
  return assert(wsmanager.serve(all))
end

-- Turns the loop until a peer of this process has said its last word.
function echoes.until_said (peer, word)
  local events = peer:events()
  local last = wsmanager.now() + 300
  while not (events[#events] and events[#events].event == word) do
    assert(wsmanager.now() < last, "the peer is not done")
    wsmanager.step(0.05)
    events = peer:events()
  end
  return events
end

return echoes
