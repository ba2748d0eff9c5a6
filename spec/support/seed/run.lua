-- run.lua MS [answer] [MS:EVENT ...]: chat.wsManager as run.js runs the seed's class, in
-- a process whose time passes only while it waits (support/lapses.c). The server of the
-- script is in it, too. Prints what chat.wsManager did, as the server sees it.

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local coroutines = require "wsmanager.run.coroutines"
local dispatch = require "wsmanager.run.dispatch"
local scheduler = require "wsmanager.run.scheduler"

local till, answers = tonumber(arg[1]), arg[2] == "answer"
local begun = wsmanager.now()
local server, handshake, current, hung

local function note (what)
  print(("%.0f %s"):format((wsmanager.now() - begun) * 1000, what))
end

-- The opening handshake is answered when the script says so.
local function authorize ()
  note "connect"
  handshake = coroutines.new_queue()
  scheduler.wait(handshake)
  return true
end

local function handle (ws)
  current = ws
  local data = ws:receive()
  while data do
    note("send " .. data)
    if answers then ws:send "hi" end
    if hung then scheduler.wait(hung) end
    data = ws:receive()
  end
end

local events = {}

-- Its client may be on the way.
function events.open ()
  while not handshake do wsmanager.sleep(0) end
  coroutines.wake(handshake)
  handshake = nil
end

function events.message () current:send "hi" end
function events.close () current:close(1000) end

-- It takes one message more, and reads nothing behind the next one.
function events.hang () hung = coroutines.new_queue() end

function events.error ()
  handshake = nil
  for _, ws in pairs(server.members) do
    if ws.state == "connecting" or ws == current then return dispatch.drop(ws) end
  end
end

-- A clock in whole milliseconds: what is due a little earlier is due then.
local function sleep_until (ms)
  wsmanager.sleep(begun + (ms - 0.5) / 1000 - wsmanager.now())
end

wsmanager.run(function ()
  server = assert(wsmanager.serve {
    host = "127.0.0.1", port = 0, heartbeat = false, timeouts = { open = false },
    inbox = 1,
    authorize = authorize, handler = handle,
  })
  local manager = chat.wsManager(nil, {
    socketServer = "127.0.0.1:" .. server.port, protocols = "ws", userId = "42",
    token = "t", factor = 1, jitter = 0,
  })
  for at = answers and 3 or 2, #arg do
    local ms, name = arg[at]:match "^(%d+):(%a+)$"
    sleep_until(tonumber(ms))
    events[name]()
  end
  sleep_until(till)
  manager:wsClose()
end)
os.exit(0, true)
