-- idle.lua URL N WINDOW: N managed connections that send nothing, with heartbeats
-- each 30 s: what they take to open, in memory, in CPU, and what an echo on one
-- of them costs beside an echo alone. Prints one line of JSON.
-- Depends on wsmanager, lap.lua and crowd.lua.
-- Never counts what the kernel holds.

local crowd = require "crowd"
local lap = require "lap"
local wsmanager = require "wsmanager"

lap.now = wsmanager.now

local url, n, window = arg[1], tonumber(arg[2]), tonumber(arg[3])
local ECHOES, BATCHES = 3000, 9

local function some_echoes (ws, data)
  local before = os.clock()
  for _ = 1, ECHOES do
    ws:send(data)
    assert(ws:receive())
  end
  return (os.clock() - before) / ECHOES
end

-- CPU seconds of an echo with one in flight: the median of some batches.
local function echo (ws)
  local data, all = ("x"):rep(32), {}
  some_echoes(ws, data)
  for i = 1, BATCHES do all[i] = some_echoes(ws, data) end
  table.sort(all)
  return all[(BATCHES + 1) / 2]
end

-- Some seconds more than the window, so that in 30 each has sent a heartbeat,
-- whenever it opened.
local function rest (seconds)
  local before = os.clock()
  wsmanager.sleep(seconds + 3)
  return (os.clock() - before) / seconds
end

local function measure ()
  local out = { connections = n, window = window }
  local first = crowd.open(url, 1)[1]
  out.echo_alone = echo(first)
  local before = crowd.memory()
  local from = lap.moment()
  local all = crowd.open(url, n - 1)
  local opened = lap.moment()
  local after = crowd.memory()
  out.open_seconds = opened.wall - from.wall
  out.open_cpu = opened.cpu - from.cpu
  out.bytes = (after.resident - before.resident) / (n - 1)
  out.lua_bytes = (after.lua - before.lua) / (n - 1)
  out.echo_among = echo(first)
  out.idle_cpu = rest(window)
  out.open_at_end = crowd.count(all, "open") + 1
  return out
end

crowd.print(wsmanager.run(measure))
os.exit(0)
