-- What the dashboard costs: processor time of a second's sample and of an answer, with so
-- many connections: lua5.4 bench/dashboard.lua [connections ...] (1000 10000)
--
-- Clients are in the same process, so there are as many connections again.

local wsmanager = require "wsmanager"
local history = require "wsmanager.dashboard.history"

local function open (server, count)
  local all = {}
  for i = 1, count do
    all[i] = assert(wsmanager.new {
      url = "ws://127.0.0.1:" .. server.port .. "/room/" .. i, reconnect = false,
      heartbeat = false, headers = {["User-Agent"] = "bench " .. i},
    })
    if i % 100 == 0 then
      for j = i - 99, i do assert(all[j]:opened(60)) end
    end
  end
  return all
end

-- Processor time in milliseconds of fn(), the median of some runs.
local function time (fn)
  local times = {}
  for i = 1, 21 do
    local start = os.clock()
    fn()
    times[i] = (os.clock() - start) * 1000
  end
  table.sort(times)
  return times[11]
end

local function measure (count)
  local page = wsmanager.dashboard {authorize = function () return true end}
  local server = assert(wsmanager.serve {
    host = "127.0.0.1", heartbeat = false, page = {["/status"] = page},
    handler = function (ws) ws:receive() end,
  })
  local all = open(server, count)
  local function look (query)
    query.since = tostring(history.since(2^40))
    local status, text = page["/look"] {method = "GET", headers = {}, query = query}
    assert(status == 200)
    return #text
  end
  local size = look {order = "bytes_out"}
  local sample = time(history.sample)
  local answer = time(function () look {order = "bytes_out"} end)
  local search = time(function () look {word = "bench 77"} end)
  print(("%6d connections: sample %.2f ms, answer %.2f ms (%d bytes), search %.1f ms; "
         .. "%.2f %% of a core once a second"):format(
    count, sample, answer, size, search, (sample + answer) / 10))
  for _, ws in ipairs(all) do ws:close() end
  server:stop(0)
end

wsmanager.run(function ()
  local counts = #arg > 0 and arg or {1000, 10000}
  for _, count in ipairs(counts) do measure(tonumber(count)) end
end)
os.exit(0)
