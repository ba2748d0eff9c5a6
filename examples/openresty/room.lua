-- A chat room in nginx's worker. It listens on a socket of its own, for a connection that
-- nginx has accepted stays nginx's; nginx passes on what comes to /room/ (nginx.conf), with
-- TLS and the port that clients know.

local wsmanager = require "wsmanager"
local ngx = rawget(_G, "ngx")

local RETRY = 0.05        -- seconds

local room = {}

-- A name is the last part of the path: ws://127.0.0.1:8080/room/ann
local function serve (port)
  local server, token, detail
  server, token, detail = wsmanager.serve {
    host = "127.0.0.1", port = port,
    handler = function (ws, request)
      local name = request.path:match "[^/]+$" or "somebody"
      server:broadcast(name .. " has come", "text", ws)
      for message in ws:messages() do server:broadcast(name .. ": " .. message) end
      server:broadcast(name .. " has left")
    end,
  }
  return server, token, detail
end

-- After a reload the port is for a moment still that of the worker before.
local function open (port)
  local server, token, detail = serve(port)
  while not server and token == "refused" do
    wsmanager.sleep(RETRY)
    server, token, detail = serve(port)
  end
  if server then room.port = server.port
  elseif token ~= "closed" then error(detail) end
end

-- For init_worker_by_lua. One worker has the room: another one would have another room.
function room.open (port)
  if ngx.worker.id() == 0 then wsmanager.spawn(open, port) end
end

return room
