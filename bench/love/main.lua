-- What wsmanager.step(0) costs a frame in LÖVE: main.lua ws://... [nojit]
-- The server sends each line back (examples/love/server.lua). A frame in which LuaJIT
-- compiled a part of it is counted by itself.
local wsmanager = require "wsmanager"
local ffi = require "ffi"

local FRAMES, FIRST = 3000, 30

ffi.cdef [[
  struct bench_time { long seconds, nanoseconds; };
  int clock_gettime (int clock, struct bench_time *time);
]]
local time = ffi.new "struct bench_time"

-- love.timer's own clock has a resolution of a microsecond.
local function now ()
  ffi.C.clock_gettime(1, time)
  return tonumber(time.seconds) * 1e6 + tonumber(time.nanoseconds) / 1e3
end

local ws
local phase, frame, received = "idle", 0, 0
local measured = { idle = {}, message = {} }
local compiled, within = { idle = {}, message = {} }, false
local seen = false          -- LuaJIT has begun to compile in this frame

function love.load (arguments)
  if arguments[2] == "nojit" then jit.off() end
  jit.attach(function () seen = seen or within end, "trace")
  ws = wsmanager.new { url = arguments[1] .. "/?name=bench" }
  ws.onmessage = function () received = received + 1 end
end

local function quantile (list, q)
  return list[math.max(1, math.ceil(#list * q))] or 0
end

local function report (name)
  local list, slow = measured[name], compiled[name]
  table.sort(list)
  table.sort(slow)
  print(("%-8s %5d frames: p50 %5.1f us, p99 %5.1f us, longest %6.1f us;"
    .. " and %d in which LuaJIT compiled: longest %6.1f us"):format(name, #list,
    quantile(list, 0.5), quantile(list, 0.99), quantile(list, 1), #slow, quantile(slow, 1)))
end

local function go_on ()
  if phase == "idle" then
    phase, frame = "message", 0
    return
  end
  report "idle"
  report "message"
  print(("%d messages came back; LuaJIT's compiler is %s"):format(received,
    jit.status() and "on" or "off"))
  ws:close()
  love.event.quit()
end

function love.update ()
  if phase == "message" then ws:send("say " .. frame) end
  seen, within = false, true
  local before = now()
  wsmanager.step(0)
  local taken = now() - before
  within = false
  if ws.state ~= "open" then return end
  frame = frame + 1
  if frame > FIRST or seen then
    local list = (seen and compiled or measured)[phase]
    list[#list + 1] = taken
  end
  if frame == FRAMES then go_on() end
end

function love.draw ()
  love.graphics.clear(0.1, 0.12, 0.15)
  love.graphics.print(phase .. " " .. frame, 20, 20)
end
