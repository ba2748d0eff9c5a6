-- restart.lua URL N: N managed connections whose server goes away and comes
-- back, twice: prints "ready" before each time, and at the end one line of JSON.
-- The server counts the attempts.
-- Depends on wsmanager, lap.lua and crowd.lua.
-- Never makes garbage of its own while it waits: it would be measured too.

local crowd = require "crowd"
local lap = require "lap"
local wsmanager = require "wsmanager"

lap.now = wsmanager.now

local url, n = arg[1], tonumber(arg[2])

-- All have noticed that the server went before any is asked.
local function await_return (all)
  wsmanager.sleep(0.1)
  for _, ws in ipairs(all) do
    while ws.state ~= "open" do wsmanager.sleep(0.05) end
  end
end

local function sum (all, what)
  local all_of_them = 0
  for _, ws in ipairs(all) do
    all_of_them = all_of_them + ws:stats()[what]
  end
  return all_of_them
end

-- What the server's absence cost, and what is held after it.
local function survive (all)
  print "ready"
  io.stdout:flush()
  while all[1].state == "open" do wsmanager.sleep(0.01) end
  local from = lap.moment()
  await_return(all)
  local to = lap.moment()
  wsmanager.sleep(0.5)
  return to.wall - from.wall, to.cpu - from.cpu, crowd.memory()
end

local function measure ()
  local empty = crowd.memory()
  local all = crowd.open(url, n)
  local before = crowd.memory()
  local seconds, cpu, after = survive(all)
  local _, _, again = survive(all)
  local out = {
    connections = n, seconds = seconds, cpu = cpu,
    dials = (sum(all, "dials") - n) / 2,
    open_at_end = crowd.count(all, "open"),
  }
  assert(sum(all, "opens") == 3 * n, "a connection did not open three times")
  for name, memory in pairs { before = before, after = after, again = again } do
    for _, what in ipairs { "resident", "lua", "blocks" } do
      out[what .. "_" .. name] = (memory[what] - empty[what]) / n
    end
  end
  return out
end

crowd.print(wsmanager.run(measure))
os.exit(0)
