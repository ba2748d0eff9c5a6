-- The loads of bench/hosts, in whichever host this runs: each returns its figures.
-- `ws` has send and receive, as a connection of wsmanager.

local wsmanager = require "wsmanager"

local TEXT = ("x"):rep(32)
local LARGE = ("x"):rep(2^20)

local loads = {}

local function echo (ws, in_flight, count, text)
  for _ = 1, in_flight do assert(ws:send(text)) end
  for i = 1, count do
    assert(ws:receive(60))
    if i <= count - in_flight then assert(ws:send(text)) end
  end
end

-- Messages a second, µs of CPU a message; after so many that do not count.
local function rate (ws, in_flight, before, count, text)
  echo(ws, in_flight, before, text)
  local cpu, from = os.clock(), wsmanager.now()
  echo(ws, in_flight, count, text)
  return count / (wsmanager.now() - from), (os.clock() - cpu) / count * 1e6
end

loads["1"] = function (ws) return rate(ws, 1, 1000, 10000, TEXT) end
loads["256"] = function (ws, slow) return rate(ws, 256, 1024, slow and 30000 or 300000, TEXT) end
loads["1M"] = function (ws, slow) return rate(ws, 1, 10, slow and 30 or 300, LARGE) end

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
