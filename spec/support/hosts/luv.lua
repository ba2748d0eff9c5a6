-- luv: uv.run() returns when the program is done.

local uv = require "luv"
local contract = require "support.hosts.contract"
local wsmanager = require "wsmanager"

contract.watched(require "wsmanager.host.luv")
wsmanager.use "luv"

contract.kill = coroutine.close

function contract.start (fn) coroutine.wrap(fn)() end

contract.rounds(function ()
  local done
  wsmanager.spawn(function ()
    contract.run()
    done = true
  end)
  uv.run()
  if not done then print "FAILED uv.run() has returned before the program was done" end
end)

local handles = 0
uv.walk(function () handles = handles + 1 end)
print(handles == 0 and "ok leaves no handle" or "FAILED leaves no handle: " .. handles)

-- A connection that nobody waits for does not keep uv.run(), and goes on while it runs.
local events = {}
local server = wsmanager.serve {host = "127.0.0.1", port = 0, handler = function (ws)
  events[#events + 1] = ws:receive(30)
end}
local ws = wsmanager.new {url = "ws://127.0.0.1:" .. server.port}
ws:send "hello"
local timer = uv.new_timer()
timer:start(1, 1, function ()
  if events[1] ~= "hello" then return end
  timer:close()
  wsmanager.spawn(function () server:stop(5) end)
end)
uv.run()
print(events[1] == "hello" and "ok serves what nobody waits for"
      or "FAILED serves what nobody waits for")

-- A callback may send, and may not wait.
local ok, why
timer = uv.new_timer()
timer:start(0, 0, function ()
  ok, why = pcall(ws.receive, ws, 1)
  timer:close()
end)
uv.run()
print(not ok and why:find("nobody can wait here, where luv has called", 1, true)
      and why:find "luv.lua:%d+:" and "ok refuses a wait in a callback"
      or "FAILED refuses a wait in a callback: " .. tostring(why))
ok, why = pcall(wsmanager.run, print)
print(not ok and why:find("luv does; call wsmanager.spawn", 1, true) and "ok refuses run"
      or "FAILED refuses run: " .. tostring(why))
