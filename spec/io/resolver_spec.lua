-- Names whose server does not answer, and names that need none: programs of their
-- own, on a getaddrinfo of ours (support/names.c).
-- Runs once: C and its threads, the same under each Lua.

local files = require "support.files"
local peers = require "support.peers"
local programs = require "support.programs"

local preload = assert(files.module("names"))

local START = [[
local w = require "wsmanager"
local core = require "wsmanager.core"
local link = core.link
local processes = require "processes"
local function read (path)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  return text
end
-- How many lookups were begun: of a name, or of all.
local function begun (name)
  local count = 0
  for line in read(os.getenv "LOOKUPS"):gmatch "[^\n]+" do
    if not name or line == name then count = count + 1 end
  end
  return count
end
local function open ()
  io.open(os.getenv "LOOKUPS" .. ".open", "w"):close()
end
local function threads ()
  return tonumber(read("/proc/self/status"):match "Threads:%s*(%d+)")
end
local function till (fn)
  local last = w.now() + 30
  while not fn() do
    assert(w.now() < last, "nothing came in time")
    w.step(0.01)
  end
end
local function to (name, given)
  given = given or {}
  given.url = "ws://" .. name .. ":" .. port .. "/echo"
  given.timeouts = given.timeouts or {open = false}
  return w.new(given)
end
local function opens (name, given)
  local ws = to(name, given)
  assert(ws:opened(30))
  ws:send "x"
  assert(ws:receive(30) == "x")
  return ws
end
]]

describe("the resolver", function()
  local log, hosts, port

  before_each(function()
    log, hosts = os.tmpname(), os.tmpname()
    port = peers.start("python_server").port
  end)

  after_each(function()
    for _, path in ipairs { log, hosts, log .. ".open" } do os.remove(path) end
    peers.stop()
  end)

  local function ends_well(program, entries)
    local file = assert(io.open(hosts, "w"))
    file:write(entries or "")
    file:close()
    local environment = ("LOOKUPS='%s' HOSTS='%s' LD_PRELOAD='%s' ")
      :format(log, hosts, preload)
    assert.equal("status 0\n",
      programs.run("port = " .. port .. "\n" .. START .. program, environment))
  end

  it("needs no thread for addresses, /etc/hosts and localhost", function()
    ends_well([[
      for _, name in ipairs {
        "127.0.0.1", "localhost", "LOCALHOST", "localhost.", "a.b.localhost",
        "in.hosts.hang", "IN.Hosts.hang", "second.hang", "tab.hang", "crlf.hang",
        "last.hang", "far.hang",
      } do opens(name) end
      assert(begun() == 0 and threads() == 1)
      local ws = to("no.address.hang", {reconnect = false})
      till(function () return begun() == 1 end)]],
      "# 127.0.0.1 no.address.hang\n\n127.0.0.1 in.hosts.hang second.hang # x\n"
      .. "127.0.0.1\ttab.hang\n127.0.0.1 crlf.hang\r\n  nonsense no.address.hang\n"
      .. "127.0.0.1" .. (" x"):rep(1500) .. " far.hang" .. (" y"):rep(4000)
      .. "\n127.0.0.1 last.hang")
  end)

  it("tries all addresses of /etc/hosts, IPv6 first", function()
    ends_well([[
      port = 1
      local ws = to("three.hang", {reconnect = false})
      local _, token, why = ws:opened(30)
      assert(token == "refused", why)
      assert(why:find("(::1: connection refused; 127.0.0.1: connection refused; "
                      .. "127.0.0.2: connection refused)", 1, true), why)
      assert(begun() == 0)]],
      "127.0.0.1 three.hang\n::1 other three.hang\n127.0.0.2 three.hang\n"
      .. "127.0.0.1 three.hang\n")
  end)

  it("lets names that hang delay no other, nor the end", function()
    ends_well [[
      local hung = {}
      for i = 1, 20 do hung[i] = to(i % 2 == 0 and "a.hang" or "b.hang") end
      opens "localhost"
      opens "127.0.0.1"
      opens "c.here"
      till(function () return begun "a.hang" == 4 and begun "b.hang" == 4 end)
      assert(threads() <= 10)
      for _, ws in ipairs(hung) do assert(ws.state == "connecting") end]]
  end)

  it("has at most 16 threads, and 4 for one name", function()
    ends_well [[
      local all = {}
      for i = 1, 100 do all[i] = to(i % 20 .. ".hang") end
      till(function () return begun() == 16 end)
      opens "localhost"
      assert(begun() == 16 and threads() == 17)
      for i = 0, 19 do assert(begun(i .. ".hang") <= 4) end
      for _, ws in ipairs(all) do link.drop(ws) end
      w.step(0)
      assert(begun() == 16)]]
  end)

  it("serves names by turns, the case of their letters aside", function()
    ends_well [[
      local all = {}
      for i = 1, 30 do all[i] = to(i % 2 == 0 and "many.late" or "MANY.late") end
      for i = 1, 3 do all[#all + 1] = to("few" .. i .. ".late") end
      till(function () return begun() == 7 end)
      assert(begun "many.late" + begun "MANY.late" == 4)
      open()
      till(function ()
        for _, ws in ipairs(all) do
          if ws.state ~= "open" then return false end
        end
        return true
      end)
      assert(begun() == 33)]]
  end)

  it("forgets a lookup that is abandoned", function()
    ends_well [[
      opens "localhost"
      collectgarbage() collectgarbage()
      w.step(0)
      local before = core.memory().blocks
      local all = {}
      for i = 1, 10 do all[i] = to "x.late" end
      till(function () return begun() == 4 end)
      for _, ws in ipairs(all) do link.drop(ws) end
      all = nil
      collectgarbage() collectgarbage()
      open()
      till(function () return threads() == 1 end)
      till(function () return core.memory().blocks <= before end)
      assert(begun() == 4)]]
  end)

  it("answers no loop that was closed, nor the next on its reactor", function()
    ends_well [[
      for i = 1, 3 do
        local loop = assert(core.loop())
        local ws = core.connection(loop, {url = "ws://x.late:" .. port})
        link.start(ws)
        till(function () return begun() == i end)
        loop:close()
      end
      open()
      opens "y.here"
      till(function () return threads() == 1 end)]]
  end)

  it("looks a name up again for each attempt", function()
    ends_well [[
      port = 1
      local ws = to("again.here", {
        reconnect = {delay = 0.001, max_delay = 0.001, limit = 4},
      })
      assert(select(2, ws:closed(30)) == "exhausted")
      assert(begun() == 5, begun())]]
  end)

  it("gives a lookup its time to open, and the next attempt another", function()
    ends_well [[
      local ws = to("x.hang", {
        timeouts = {open = 0.05}, reconnect = {delay = 0.001, max_delay = 0.001,
                                               limit = 5},
      })
      assert(select(2, ws:closed(30)) == "exhausted")
      assert(begun() == 4, begun())]]
  end)

  it("works in a forked child, and goes on in its parent", function()
    ends_well [[
      local hung, late = {}, to "x.late"
      for i = 1, 30 do hung[i] = to(i .. ".hang") end
      till(function () return begun() == 16 end)
      local child = processes.fork()
      if child == 0 then
        assert(select(2, late:receive()) == "closed")
        require "states".run(1, "local w = require 'wsmanager' local ws = w.new "
          .. "{url = 'ws://z.here:" .. port .. "/echo'} assert(ws:opened(30))")
        processes.exit(0)
      end
      assert(processes.wait(child) == 0)
      assert(begun "z.here" == 1)
      open()
      assert(late:opened(30))]]
  end)

  it("finds a server's own name in /etc/hosts", function()
    ends_well([[
      local server = assert(w.serve {host = "me.hang", port = 0, handler = print})
      port = server.port
      local other = assert(w.serve {host = "localhost", port = 0, handler = print})
      assert(begun() == 0)
      server:stop() other:stop()]], "127.0.0.1 me.hang\n")
  end)
end)
