-- The server of examples/love and examples/embed: lua server.lua [host [port]]
-- A player's name is in the URL. What it sends, "at X Y" and "say TEXT", goes to all
-- with the name before it; "NAME gone" tells that one has left.
local wsmanager = require "wsmanager"

local players = {}   -- name -> {ws, at}: its connection, and the last "NAME at X Y"

local function is_name (name)
  return type(name) == "string" and name:find "^%w+$" ~= nil and #name <= 16
end

-- A player who comes back before the server has missed it takes its own place.
local function enter (name, ws)
  local before = players[name]
  if before then before.ws:close(1008, "somebody else has this name") end
  for _, player in pairs(players) do
    if player ~= before and player.at then ws:send(player.at) end
  end
  players[name] = { ws = ws }
  return players[name]
end

local server
server = wsmanager.try(wsmanager.serve {
  host = arg[1] or "127.0.0.1", port = tonumber(arg[2]) or 0,
  limits = { message = 1024 },
  heartbeat = { interval = 5, timeout = 10 },
  authorize = function (request)
    if is_name(request.query.name) then return true end
    return nil, 400, "a name has 1 to 16 letters and digits\n"
  end,
  handler = function (ws, request)
    local name = request.query.name
    local player = enter(name, ws)
    local text = ws:receive()
    while text do
      local line = name .. " " .. text
      if text:find "^at %-?%d+ %-?%d+$" then
        player.at = line
        server:broadcast(line, "text", ws)
      elseif text:find "^say [^%c]+$" then
        server:broadcast(line)
      end
      text = ws:receive()
    end
    if players[name] == player then
      players[name] = nil
      server:broadcast(name .. " gone")
    end
  end,
})
print(("ws://127.0.0.1:%d"):format(server.port))
io.stdout:flush()
wsmanager.run()
