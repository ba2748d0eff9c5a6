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

-- Talks, and tells how the connection ended: code, reason and clean as `closed`
-- says them, token and detail of the event `error` when there was one.
local function watch (ws, talk)
  local ending = {}
  ws:addEventListener("error", function (event)
    ending.token, ending.detail = event.token, event.message
  end)
  talk(ws)
  ending.code, ending.reason, ending.clean = ws:closed()
  return ending
end

local function copy (options)
  local all = { heartbeat = false }
  for name, value in pairs(options or {}) do all[name] = value end
  return all
end

local function visit (url, options, talk)
  local all = copy(options)
  all.url, all.reconnect = url, false
  return watch(wsmanager.new(all), talk)
end

-- Echoes (or talks) on each of the addresses until the peer closes; how each
-- ended.
function echoes.visit (urls, at_once, options, talk)
  local at, live, endings = 0, 0, {}
  local function work ()
    while at < #urls do
      at = at + 1
      local mine = at
      endings[mine] = visit(urls[mine], options, talk or echo)
    end
    live = live - 1
  end
  for _ = 1, math.min(at_once, #urls) do
    live = live + 1
    wsmanager.spawn(work)
  end
  while live > 0 do wsmanager.step(1) end
  return endings
end

-- A server that echoes (or talks), and how the connection to each path ended.
function echoes.serve (options, talk)
  local all, endings = copy(options), {}
  all.host, all.port = "127.0.0.1", 0
  function all.handler (ws, request)
    endings[request.path] = watch(ws, talk or echo)
  end
  return assert(wsmanager.serve(all)), endings
end

-- Turns the loop until a peer of this process has said its last word.
function echoes.until_said (peer, word)
  local events = peer:events()
  local last = wsmanager.now() + 300
  while not (events[#events] and events[#events].event == word) do
    assert(wsmanager.now() < last, "the peer is not done")
    wsmanager.step(0.01)
    events = peer:events()
  end
  return events
end

return echoes
