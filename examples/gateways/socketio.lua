-- A chat bot on Socket.IO 4: lua5.4 socketio.lua ws://host:port [TEXT]
-- Its token is in $SOCKETIO_TOKEN. It prints what others say; with a TEXT it says that,
-- and ends when the server has it.
-- Socket.IO, "The Engine.IO protocol" (4) and "The Socket.IO protocol" (5). Binary events
-- are left out.
local wsmanager = require "wsmanager"
local json = require "cjson"
local url, text = arg[1], arg[2]
local session, offset      -- to be given what was missed: connection state recovery
io.stdout:setvbuf "line"

-- Packets {type, id, data}: type "0", "2" and "3" are Engine.IO's open, ping and pong,
-- "40" to "44" Socket.IO's connect, disconnect, event, ack and connect error.
local codec = {}

function codec.encode (packet)
  return packet.type .. (packet.id or "") .. (packet.data and json.encode(packet.data) or "")
end

function codec.decode (data)
  local kind, id, rest = data:match "^(4?%d)(%d*)(.*)$"
  return {type = assert(kind, "no packet"), id = tonumber(id),
          data = rest ~= "" and json.decode(rest) or nil}
end

-- In a login: waits for a packet of that type, or the server's refusal.
local function expect (ws, kind)
  while true do
    local packet, _, why = ws:receive(10)
    if not packet then return nil, why end
    if packet.type == kind then return packet.data end
    if packet.type == "44" then return nil, packet.data.message, "final" end
    if packet.type == "2" then ws:send {type = "3"} end
    if packet.type == "42" then ws:giveback(packet) end      -- missed, of its session
  end
end

local function login (ws)
  local hello, why = expect(ws, "0")
  if not hello then return nil, why end
  ws:heartbeat {silence = (hello.pingInterval + hello.pingTimeout) / 1000}
  ws:send {type = "40", data = {token = os.getenv "SOCKETIO_TOKEN", pid = session, offset = offset}}
  local connected, refused, final = expect(ws, "40")
  if not connected then return nil, refused, final end
  if connected.pid ~= session then session, offset = connected.pid, nil end
end

local function tell (event) io.stderr:write(event.message, "\n") end

wsmanager.run(function ()
  local ws = wsmanager.new {
    url = url .. "/socket.io/?EIO=4&transport=websocket", login = login, decode = codec,
    heartbeat = {interval = false, timeout = false}, onerror = tell, dispatch = "type",
    correlate = {
      set = function (packet, id) packet.id = id return packet end,
      get = function (packet) return packet.type == "43" and packet.id end,
    },
    onopen = function () if not text then print "listening" end end,
  }

  ws:on("2", function () ws:send({type = "3"}, "text", {volatile = true}) end)

  ws:on("42", function (event)
    local last = event.data[#event.data]
    if session and type(last) == "string" then offset = last end
    if event.data[1] == "said" then print(event.data[2]) end
  end)

  ws:on("41", function () ws:reconnect() end)      -- the server has ended the session

  if text then
    local said = {type = "42", data = {"say", text}}
    local _, _, why = ws:request(said, {timeout = 60, retry = true})
    if why then tell {message = why} end
    ws:close()
  end
  local code, _, why = ws:closed()
  if not code then tell {message = why} os.exit(1) end
end)
