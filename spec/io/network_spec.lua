-- A machine whose network comes back: programs in a network namespace of their own.
-- Runs once: C and the kernel, the same under each Lua.

local files = require "support.files"
local programs = require "support.programs"

local START = [[
local w = require "wsmanager"
local function shown (what)
  local pipe = io.popen("ip " .. what .. " 2>&1")
  local answer = pipe:read "*a"
  pipe:close()
  return answer
end
local function ip (what)
  local answer = shown(what)
  assert(answer == "", what .. ": " .. answer)
end
local function read (path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end
-- How many sockets of rtnetlink this namespace has, but for the kernel's own and the
-- one that some versions of libwebsockets open with the loop.
local others = 0
local function watches ()
  local count = -others
  for line in read("/proc/self/net/netlink"):gmatch "[^\n]+" do
    local protocol, id = line:match "^%x+%s+(%d+)%s+(%d+)"
    if protocol == "0" and id ~= "0" then count = count + 1 end
  end
  return count
end
local function till (fn)
  local last = w.now() + 45
  while not fn() do
    assert(w.now() < last, "nothing came in time")
    w.step(0.01)
  end
end
local FOREVER = {delay = 86400, max_delay = 86400, jitter = 0}
ip "link set lo up"
ip "link add name there type veth peer name beyond"
ip "link set beyond up"
local server = assert(w.serve {port = 0, handler = function (ws)
  local data = ws:receive()
  while data do ws:send(data) data = ws:receive() end
end})
others = watches()
-- A client to an address that no interface has yet, waiting to reconnect.
local function waiting ()
  local ws = w.new {url = "ws://192.0.2.7:" .. server.port, reconnect = FOREVER}
  till(function () return ws.state == "waiting" end)
  w.step(0)
  return ws
end
]]

local function can_unshare()
  local pipe = io.popen "unshare -n ip link 2>&1; echo status $?"
  local text = pipe:read "*a"
  pipe:close()
  return text:find "status 0\n" ~= nil
end

local function ends_well(program, prefix)
  assert.equal("status 0\n", programs.run(START .. program,
                                          (prefix or "") .. "unshare -n "))
end

describe("the network's coming back", function()
  if not can_unshare() then
    pending "needs root and iproute2 for a network namespace"
    return
  end

  it("ends a wait to reconnect: an address and a link", function()
    ends_well [[
      local ws = waiting()
      assert(watches() == 1, watches())
      ip "addr add 192.0.2.7/24 dev there"
      ip "link set there up"
      assert(ws:opened(45))
      ws:send "x"
      assert(ws:receive(45) == "x")
      assert(watches() == 0, watches())
    ]]
  end)

  it("ends it each time", function()
    ends_well [[
      ip "addr add 192.0.2.7/24 dev there"
      ip "link set there up"
      local ws = w.new {
        url = "ws://192.0.2.7:" .. server.port, reconnect = FOREVER,
        heartbeat = {interval = 0.2, timeout = 1},
      }
      assert(ws:opened(45))
      for _ = 1, 2 do
        ip "addr del 192.0.2.7/24 dev there"
        till(function () return ws.state == "waiting" end)
        ip "addr add 192.0.2.7/24 dev there"
        assert(ws:opened(45))
      end
    ]]
  end)

  it("is a new route as well", function()
    ends_well [[
      ip "addr add 192.0.2.7/32 dev lo"
      ip "route add unreachable 198.51.100.0/24"
      ip "link set there up"
      local ws = w.new {
        url = function (attempt)
          return "ws://" .. (attempt == 0 and "198.51.100.1" or "192.0.2.7") .. ":"
                 .. server.port
        end,
        reconnect = FOREVER,
      }
      till(function () return ws.state == "waiting" end)
      w.step(0)
      ip "route add 203.0.113.0/24 dev there"
      assert(ws:opened(45))
    ]]
  end)

  it("is no link that goes down, and no route to nowhere", function()
    ends_well [[
      ip "link set there up"
      till(function () return shown "link show there":find "state UP" end)
      local ws = waiting()
      local attempts = ws:stats().dials
      ip "link set there down"
      ip "route add unreachable 198.51.100.0/24"
      local last = w.now() + 1.5
      while w.now() < last do w.step(last - w.now()) end
      assert(ws.state == "waiting" and ws:stats().dials == attempts)
    ]]
  end)

  it("is watched by one socket, for as long as somebody waits", function()
    ends_well [[
      local all = {}
      for i = 1, 20 do all[i] = waiting() end
      assert(watches() == 1, watches())
      for i = 1, 20 do all[i]:close() end
      w.step(0)
      assert(watches() == 0, watches())
      all[1] = waiting()
      all[1] = nil
      collectgarbage() collectgarbage()
      w.step(0)
      assert(watches() == 0, watches())
    ]]
  end)

  it("is nothing to a forked child, and the parent goes on watching", function()
    ends_well [[
      local processes = require "processes"
      local ws = waiting()
      local child = processes.fork()
      if child == 0 then
        assert(ws:send "x" == nil)
        local links = io.popen "ls -l /proc/$PPID/fd | grep -c socket:"
        assert(links:read "*n" == others)
        ws, server = nil, nil
        collectgarbage() collectgarbage()
        os.exit(0, true)
      end
      assert(processes.wait(child) == 0)
      ip "addr add 192.0.2.7/24 dev there"
      ip "link set there up"
      assert(ws:opened(45))
    ]]
  end)
end)

describe("a machine that wakes up", function()
  it("reconnects at once", function()
    ends_well([[
      local suspends = require "suspends"
      local ws = waiting()
      ip "addr add 192.0.2.7/24 dev lo"
      for _ = 1, 3 do w.step(0) end
      local function awake ()
        return tonumber(read("/proc/uptime"):match "%S+")
      end
      local before = awake()
      suspends.next_wait(3600)
      assert(ws:opened(50000))
      assert(awake() - before < 45)
    ]], "LD_PRELOAD='" .. assert(files.module("suspends")) .. "' ")
  end)
end)
