-- load.lua HOST URL WHAT: one load in the loop of a host, and a line with the figures.
-- WHAT is the number of messages in flight, "wake" or "idle".

local host, url, what = arg[1], arg[2], arg[3]
local wsmanager = require "wsmanager"

local TEXT = ("x"):rep(32)

local function echo (ws, in_flight, count)
  for _ = 1, in_flight do assert(ws:send(TEXT)) end
  for i = 1, count do
    assert(ws:receive(60))
    if i <= count - in_flight then assert(ws:send(TEXT)) end
  end
end

-- Messages a second, µs of CPU a message.
local function rate (ws, in_flight)
  local count = in_flight == 1 and 10000 or 300000
  echo(ws, in_flight, math.max(4 * in_flight, 1000))
  local cpu, from = os.clock(), wsmanager.now()
  echo(ws, in_flight, count)
  print(count / (wsmanager.now() - from), (os.clock() - cpu) / count * 1e6)
end

-- From the send to the coroutine that has waited for the answer, in µs: p50, p99.
local function wake (ws)
  local times = {}
  for i = 1, 1000 do
    wsmanager.sleep(0.001)
    local from = wsmanager.now()
    assert(ws:send(TEXT))
    assert(ws:receive(60))
    times[i] = (wsmanager.now() - from) * 1e6
  end
  table.sort(times)
  print(times[500], times[990])
end

-- Percent of a core, with a connection that waits.
local function idle ()
  local cpu, from = os.clock(), wsmanager.now()
  wsmanager.sleep(2)
  print((os.clock() - cpu) / (wsmanager.now() - from) * 100, 0)
end

local function main ()
  local ws = assert(wsmanager.new {url = url})
  assert(ws:opened(60))
  if what == "wake" then wake(ws)
  elseif what == "idle" then idle()
  else rate(ws, tonumber(what)) end
  os.exit(0)
end

local loops = {}

function loops.own () wsmanager.run(main) end

function loops.luv ()
  wsmanager.use "luv"
  wsmanager.spawn(main)
  require "luv".run()
end

function loops.select ()
  wsmanager.use "select"
  wsmanager.spawn(main)
  local select = require "wsmanager.host.select".select
  while true do select(nil, nil, 10) end
end

function loops.cqueues ()
  local controller = require "cqueues".new()
  controller:wrap(main)
  assert(controller:loop())
end

function loops.copas ()
  local copas = require "copas"
  wsmanager.use "copas"
  copas.addthread(main)
  copas.loop()
end

loops[host]()
