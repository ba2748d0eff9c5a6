-- The chat, shown: lua5.4 demo.lua
-- Starts the server, the doctor and the customer, kills the server while both
-- write, starts it again, tells the conversation and checks it.
-- Ends with 0 when every message arrived exactly once, in order, and was read.

local here = arg[0]:match "^.*/" or "./"
package.path = here .. "?.lua;" .. package.path

local wsmanager = require "wsmanager"
local processes = require "processes"
local story = require "story"

local LIMIT = 60      -- seconds for all of it
local BEFORE = 4      -- lines of each side before the server is killed
local WHILE = 2       -- and while it is away

local function now () return wsmanager.now() end

-- Follows the transcript until `is_over(story)` or the deadline.
local function follow (tale, deadline, is_over)
  repeat
    tale:read()
    if is_over(tale) then return true end
    wsmanager.sleep(0.02)
  until now() > deadline
  return false
end

local function both_said (count)
  return function (tale)
    return #tale.said.doctor >= count.doctor
      and #tale.said.customer >= count.customer
  end
end

local function start_server (tale, port, deadline)
  tale.server = nil
  local server = processes.start(here .. "server.lua", port, processes.file())
  follow(tale, deadline, function () return tale.server end)
  return server
end

-- A port below those the kernel gives to clients, so that a client that connects
-- while the server is away does not meet itself.
local function find_port (tale, deadline)
  math.randomseed(os.time() + (tonumber(tostring({}):match "0x(%x+)", 16) or 0)
    % 65536)
  for _ = 1, 20 do
    local port = math.random(20000, 30000)
    local server = start_server(tale, port, deadline)
    if tale.server == "listening" then return port, server end
  end
  error "no port to listen on"
end

local function outage (tale, server, port, deadline)
  follow(tale, deadline, both_said { doctor = BEFORE, customer = BEFORE })
  processes.kill(server)
  tale:remark "the server is killed"
  follow(tale, deadline, both_said {
    doctor = #tale.said.doctor + WHILE,
    customer = #tale.said.customer + WHILE,
  })
  start_server(tale, port, deadline)
  tale:remark(("the server is started again: %d messages in its history (%s)")
    :format(tale.kept_messages, tale.kept))
end

local function play (tale)
  local deadline = now() + LIMIT
  local port, server = find_port(tale, deadline)
  tale:remark("the server listens on 127.0.0.1:" .. port)
  local address = "127.0.0.1:" .. port
  processes.start(here .. "doctor.lua", address)
  processes.start(here .. "customer.lua", address)
  outage(tale, server, port, deadline)
  follow(tale, deadline, function () return tale:is_complete() end)
  tale:finish()
end

local tale = story.new(processes.transcript(), print)
local ok, why = pcall(wsmanager.run, play, tale)
local said_on_stderr = processes.stop()
local faults = ok and tale:faults() or { tostring(why) }
io.stderr:write(said_on_stderr)
for _, fault in ipairs(faults) do print("FAULT: " .. fault) end
if #faults > 0 then os.exit(1) end
print(tale:summary())
