-- restart.lua URL N: N managed connections whose server goes away and comes
-- back, twice: prints "ready" before each time, and at the end one line of JSON.
-- The server counts the dials.
-- Stands on wsmanager, lap.lua and crowd.lua.
-- Never asks a connection again for what it has already answered.

local crowd = require "crowd"
local lap = require "lap"
local wsmanager = require "wsmanager"

lap.now = wsmanager.now

local url, n = arg[1], tonumber(arg[2])

-- Each connection is passed once, when it has opened so many times.
local function await_return (all, opens)
  for _, ws in ipairs(all) do
    while ws:stats().opens < opens do wsmanager.sleep(0.05) end
  end
end

local function dials (all)
  local sum = 0
  for _, ws in ipairs(all) do sum = sum + ws:stats().dials end
  return sum
end

-- What the server's absence cost, and what is resident after it.
local function survive (all, opens)
  local before = dials(all)
  print "ready"
  io.stdout:flush()
  while all[1].state == "open" do wsmanager.sleep(0.01) end
  local from = lap.moment()
  await_return(all, opens)
  local to = lap.moment()
  wsmanager.sleep(0.5)
  return to.wall - from.wall, to.cpu - from.cpu, dials(all) - before,
         crowd.memory()
end

local function measure ()
  local empty = crowd.memory()
  local all = crowd.open(url, n)
  local before = crowd.memory()
  local seconds, cpu, dialled, after = survive(all, 2)
  local _, _, _, again = survive(all, 3)
  local function each (memory, what) return (memory[what] - empty[what]) / n end
  return {
    connections = n, seconds = seconds, cpu = cpu, dials = dialled,
    open_at_end = crowd.count(all, "open"),
    bytes_before = each(before, "resident"), lua_before = each(before, "lua"),
    bytes_after = each(after, "resident"), lua_after = each(after, "lua"),
    bytes_again = each(again, "resident"), lua_again = each(again, "lua"),
  }
end

crowd.print(wsmanager.run(measure))
os.exit(0)
