-- ours.lua [SIZE]: an echo server in Lua; with SIZE, what comes makes it
-- broadcast so many bytes to everybody. Prints its port.
-- Depends on wsmanager.
-- Never ends by itself: it is terminated.

local wsmanager = require "wsmanager"

local news = arg[1] and ("x"):rep(tonumber(arg[1]))
local server

local function echo (ws)
  local receive, send = ws.receive, ws.send
  local data, kind = receive(ws)
  while data do
    send(ws, data, kind)
    data, kind = receive(ws)
  end
end

local function tell (ws)
  while ws:receive() do server:broadcast(news) end
end

server = assert(wsmanager.serve {
  host = "127.0.0.1", port = 0, backlog = 4096,
  compress = os.getenv "BENCH_COMPRESS" and { threshold = 0 } or nil,
  handler = news and tell or echo,
})
print("listening " .. server.port)
io.stdout:flush()
wsmanager.run()
