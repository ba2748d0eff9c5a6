-- finalizers.lua one SIZE | two | steps: receives while finalizers, which run
-- whenever a collection does, receive too; a program of its own, for in a small heap
-- collections are many. Prints "each came once", or fails.
--   one   messages of SIZE bytes on one connection, by both
--   two   two connections in step; the finalizers take of the second
--   steps  reads all that a connection tells while it reconnects without an end;
--          the finalizers turn the loop
--   parts  reads one message of 8 MiB in parts, by both
--   unsent  takes what was never sent; the finalizers take of it, too
--   stop   accepts connections; a finalizer stops the server

local core = require "wsmanager.core"
local direct = require "wsmanager.base.ffi"
local wsmanager = require "wsmanager"

local receive_now = direct.receive
local new_proxy = rawget(_G, "newproxy")    -- Lua 5.1: no table has a finalizer

-- Garbage that, whenever it is collected, calls f and is there again; until the
-- answer is called.
local function undead (f)
  local alive = true
  local function bear ()
    local function finalizer ()
      if not alive then return end
      f()
      bear()
    end
    if new_proxy then getmetatable(new_proxy(true)).__gc = finalizer
    else setmetatable({}, {__gc = finalizer}) end
  end
  for _ = 1, 100 do bear() end
  return function () alive = false end
end

-- Many collections: the pause in percent of the heap. In LuaJIT a step is to end each: it
-- does one for a string, however long that is.
local function collect_often (pause)
  if _VERSION > "Lua 5.4" then
    collectgarbage("param", "pause", pause)
    collectgarbage("param", "stepmul", 10000)
  else
    collectgarbage("setpause", pause)
    collectgarbage("setstepmul", rawget(_G, "jit") and 1e6 or 10000)
  end
end

-- A connection on which so many come, of that size: tag, filling, number.
local function dial (tag, count, size)
  local head = tag .. ("x"):rep(size - #tag - 9)
  local server = assert(wsmanager.serve {host = "127.0.0.1", handler = function (ws)
    for i = 1, count do ws:send(head .. ("%09d"):format(i)) end
  end})
  return wsmanager.new {url = "ws://127.0.0.1:" .. server.port, reconnect = false}
end

-- Notes the messages of a tag: times[i] is how often number i came.
local function tally (tag)
  local times = {}
  return times, function (data)
    if not data then return false end
    assert(data:sub(1, #tag) == tag, "a message of another connection")
    local i = tonumber(data:sub(-9))
    times[i] = (times[i] or 0) + 1
    return true
  end
end

local function check (times, count)
  for i = 1, count do
    assert(times[i] == 1, "number " .. i .. " came " .. (times[i] or 0) .. " times")
  end
end

local function one (size)
  local count = math.ceil(4e7 / size)
  local ws = dial("one", count, size)
  local times, take = tally "one"
  local taken = 0
  local bury = undead(function ()
    if take(receive_now(ws)) then taken = taken + 1 end
  end)
  while take(ws:receive()) do end
  bury()
  check(times, count)
  return taken
end

local function two ()
  local count = 100000
  local first, second = dial("first", count, 40), dial("second", count, 40)
  local times, take = tally "first"
  local times_there, take_there = tally "second"
  local here, there, taken = 0, 0, 0
  local function go_on (receive)
    if not take_there(receive(second)) then return false end
    there = there + 1
    return true
  end
  local bury = undead(function ()
    if there <= here and go_on(receive_now) then taken = taken + 1 end
  end)
  while here < count do
    take(first:receive())
    here = here + 1
    while there < here and go_on(second.receive) do end
  end
  bury()
  check(times, count)
  check(times_there, count)
  return taken
end

-- The offset of a part in a message that counts, in eight digits each: "0000000000000001".
local function offset_of (part)
  for skip = 0, 7 do
    local first, second = part:match("^(%d%d%d%d%d%d%d%d)(%d%d%d%d%d%d%d%d)", skip + 1)
    if first and tonumber(second) == tonumber(first) + 1 then
      return tonumber(first) * 8 - skip
    end
  end
  error("other bytes came: " .. part:sub(1, 30))
end

local function counting (count)
  local list = {}
  for i = 1, count do list[i] = ("%08d"):format(i - 1) end
  return table.concat(list)
end

local function parts ()
  local count, taken, done = 2 ^ 20, 0, false
  local server = assert(wsmanager.serve {host = "127.0.0.1", handler = function (ws)
    ws:send(counting(count))
    ws:receive()
  end})
  local ws = wsmanager.new {url = "ws://127.0.0.1:" .. server.port, stream = true}
  local lengths = {}    -- by the offset
  local function take ()
    local part, more = core.link.nextpart(ws)
    if part then
      assert(#part > 15 or not more, "a part is short")
      local at = #part > 15 and offset_of(part) or count * 8 - #part
      assert(not lengths[at], "a part came twice")
      lengths[at], done = #part, done or not more
    end
    return part ~= nil
  end
  local reader = ws:receive()    -- kept: without it the rest is discarded
  lengths[0] = #reader:read()
  wsmanager.sleep(0.01)
  collect_often(100)    -- of a heap without what the message was made from
  collectgarbage()
  local bury = undead(function ()
    if take() then taken = taken + 1 end
  end)
  while not done do
    if not take() then wsmanager.step(0.05) end    -- a finalizer may take the last
  end
  bury()
  assert(reader)
  local at = 0
  while at < count * 8 do at = at + assert(lengths[at], "a part is missing") end
  return taken
end

-- A server that refuses everybody, with many headers.
local function refusing ()
  local headers = {}
  for i = 1, 60 do headers["X-" .. i] = ("v"):rep(i) end
  return assert(wsmanager.serve {
    host = "127.0.0.1", handler = function () end,
    authorize = function () return false, 503, "busy", headers end,
  })
end

local function steps ()
  local count = {error = 0, close = 0, reconnecting = 0}
  local ws = wsmanager.new {url = "ws://127.0.0.1:" .. refusing().port,
    reconnect = {delay = 0.001, jitter = 0, factor = 1, limit = false}}
  for name in pairs(count) do
    ws:addEventListener(name, function () count[name] = count[name] + 1 end)
  end
  local turns, inside = 0, false
  local bury = undead(function ()
    if inside then return end
    inside = true
    wsmanager.step(0)
    inside, turns = false, turns + 1
  end)
  local last = wsmanager.now() + 60
  while count.close < 300 do
    assert(wsmanager.now() < last, "the reconnects have ended")
    wsmanager.step(0.002)
    for _ = 1, 5 do
      local answer, closed = ws:answer(), count.close
      assert(not answer or answer.status == 503 and answer.headers["x-60"] == ("v"):rep(60))
      assert(ws:stats().dials >= closed and ws.protocol == "")
    end
  end
  bury()
  assert(count.error == count.close and count.close - count.reconnecting <= 1,
         count.error .. " errors, " .. count.close .. " closes, " .. count.reconnecting)
  ws:close()
  return turns
end

-- Messages of many sizes that were never sent: each is taken once. Where a finalizer
-- runs by luck alone, collections are as many as can be, and the finalizers wait for
-- one of them, another in each round: that comes between two messages. Elsewhere
-- it would take a minute.
local function unsent ()
  local count, taken = 3000, 0
  local many = not rawget(_G, "jit") and _VERSION > "Lua 5.3"
  if many then
    collect_often(0)
  end
  for round = 1, 10 do
    local collections = many and 2 ^ (round - 1) or 1
    local ws = wsmanager.new {url = "ws://127.0.0.1:1", reconnect = false,
                              outbox = {messages = count, bytes = 1e8}}
    for i = 1, count do ws:send(("one%s%09d"):format(("x"):rep(i), i)) end
    ws:close()
    local times, take = tally "one"
    local inside = false
    local function take_all ()
      inside = true
      local messages = ws:unsent()
      inside = false
      for _, message in ipairs(messages) do take(message) end
      return #messages
    end
    local bury = undead(function ()
      if not inside then return end
      collections = collections - 1
      if collections > 0 then return end
      taken = taken + take_all()
      inside = true
    end)
    take_all()
    bury()
    check(times, count)
  end
  return taken
end

-- Servers that are stopped while they accept.
local function stop ()
  local stopped = 0
  for _ = 1, 20 do
    local server = assert(wsmanager.serve {host = "127.0.0.1", handler = function () end})
    local url = "ws://127.0.0.1:" .. server.port
    local clients, over = {}, false
    local bury = undead(function ()
      if over then return end
      over, stopped = true, stopped + 1
      server:stop(0)
    end)
    for i = 1, 20 do clients[i] = wsmanager.new {url = url, reconnect = false} end
    for _, ws in ipairs(clients) do ws:opened(0.05) end
    for _, ws in ipairs(clients) do ws:close() end
    bury()
    server:stop(0)
  end
  return stopped
end

local modes = {one = one, two = two, parts = parts, unsent = unsent, stop = stop}
local taken
if arg[1] == "steps" then taken = steps()
else taken = wsmanager.run(modes[arg[1]], tonumber(arg[2])) end
assert(taken > 0, "no finalizer received")
print "each came once"
os.exit(0)
