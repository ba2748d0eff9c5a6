-- restart.lua URL N: N managed connections whose server goes away and comes
-- back: prints "ready" when all are open, then, when all are open again, one
-- line of JSON. The server counts the dials.
-- Stands on wsmanager, lap.lua and crowd.lua.
-- Never asks a connection more than once for what it has already answered.

local crowd = require "crowd"
local lap = require "lap"
local wsmanager = require "wsmanager"

local url, n = arg[1], tonumber(arg[2])

-- Each connection is passed once, when it has opened a second time.
local function await_return (all)
  for _, ws in ipairs(all) do
    while ws:stats().opens < 2 do wsmanager.sleep(0.05) end
  end
end

local function dials (all)
  local sum = 0
  for _, ws in ipairs(all) do sum = sum + ws:stats().dials end
  return sum
end

local function measure ()
  local empty = crowd.memory()
  local all = crowd.open(url, n)
  local before = crowd.memory()
  print "ready"
  io.stdout:flush()
  while crowd.count({ all[1] }, "open") == 1 do wsmanager.sleep(0.01) end
  local from = lap.moment()
  await_return(all)
  local to = lap.moment()
  wsmanager.sleep(0.5)
  local after = crowd.memory()
  return {
    connections = n, seconds = to.wall - from.wall, cpu = to.cpu - from.cpu,
    dials = dials(all) - n, open_at_end = crowd.count(all, "open"),
    bytes_before = (before.resident - empty.resident) / n,
    bytes_after = (after.resident - empty.resident) / n,
    lua_before = (before.lua - empty.lua) / n,
    lua_after = (after.lua - empty.lua) / n,
  }
end

crowd.print(wsmanager.run(measure))
os.exit(0)
