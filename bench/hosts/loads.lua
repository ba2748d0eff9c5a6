-- The loads of bench/hosts, in whichever host this runs: each returns its figures.
-- `ws` has send and receive, as a connection of wsmanager.

local wsmanager = require "wsmanager"

local TEXT = ("x"):rep(32)

local loads = {}

local function echo (ws, in_flight, count)
  for _ = 1, in_flight do assert(ws:send(TEXT)) end
  for i = 1, count do
    assert(ws:receive(60))
    if i <= count - in_flight then assert(ws:send(TEXT)) end
  end
end

-- Messages a second, µs of CPU a message.
local function rate (ws, in_flight, count)
  echo(ws, in_flight, math.max(4 * in_flight, 1000))
  local cpu, from = os.clock(), wsmanager.now()
  echo(ws, in_flight, count)
  return count / (wsmanager.now() - from), (os.clock() - cpu) / count * 1e6
end

loads["1"] = function (ws) return rate(ws, 1, 10000) end
loads["256"] = function (ws, slow) return rate(ws, 256, slow and 30000 or 300000) end

-- From the send to who has waited for the answer, in µs: p50, p99.
function loads.wake (ws)
  local times = {}
  for i = 1, 1000 do
    wsmanager.sleep(0.001)
    local from = wsmanager.now()
    assert(ws:send(TEXT))
    assert(ws:receive(60))
    times[i] = (wsmanager.now() - from) * 1e6
  end
  table.sort(times)
  return times[500], times[990]
end

-- Percent of a core, with a connection that waits.
function loads.idle ()
  local cpu, from = os.clock(), wsmanager.now()
  wsmanager.sleep(2)
  return (os.clock() - cpu) / (wsmanager.now() - from) * 100, 0
end

-- A game's step(0), with a connection that waits, in µs: p50, p99.
function loads.frame ()
  local times, step, now = {}, wsmanager.step, wsmanager.now
  for i = 1, 20000 do
    local from = now()
    step(0)
    times[i] = (now() - from) * 1e6
  end
  table.sort(times)
  return times[10000], times[19800]
end

return loads
