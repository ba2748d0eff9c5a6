-- idle.lua URL N WINDOW: N managed connections that say nothing, with beats
-- each 30 s: what they take to open, in memory, in CPU, and what an echo on one
-- of them costs beside an echo alone. Prints one line of JSON.
-- Stands on wsmanager, lap.lua and crowd.lua.
-- Never counts what the kernel holds.

local crowd = require "crowd"
local lap = require "lap"
local wsmanager = require "wsmanager"

local url, n, window = arg[1], tonumber(arg[2]), tonumber(arg[3])
local ECHOES = 20000

-- CPU seconds of an echo with one in flight.
local function echo (ws)
  local data = ("x"):rep(32)
  local function some (count)
    for _ = 1, count do
      ws:send(data)
      assert(ws:receive())
    end
  end
  some(ECHOES / 10)
  local before = os.clock()
  some(ECHOES)
  return (os.clock() - before) / ECHOES
end

local function rest (seconds)
  local before = os.clock()
  wsmanager.sleep(seconds)
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
  out.idle_cpu = rest(window)
  out.echo_among = echo(first)
  out.open_at_end = crowd.count(all, "open") + 1
  return out
end

crowd.print(wsmanager.run(measure))
os.exit(0)
