-- ours.lua URL SIZE INFLIGHT WARM SECONDS [CA]: the client of this module, from
-- a coroutine. SIZE "json" sends chat messages as tables. The variable
-- BENCH_STYLE "callback" receives messages by onmessage instead of receive, and
-- "timed" reads a clock around each call of lua-cjson. BENCH_COMPRESS asks for
-- permessage-deflate.
-- Depends on wsmanager, lap.lua and, for "timed", lua-cjson.
-- Never asks for the time more often than every 1,024 messages.

local lap = require "lap"
local wsmanager = require "wsmanager"

lap.now = wsmanager.now

local url, size = arg[1], arg[2]
local inflight, warm, seconds = tonumber(arg[3]), tonumber(arg[4]), tonumber(arg[5])
local compress = os.getenv "BENCH_COMPRESS" and { threshold = 0 } or nil
local style = os.getenv "BENCH_STYLE"

local function payload ()
  if size == "json" then return lap.chat() end
  return ("x"):rep(tonumber(size))
end

-- lua-cjson as the module calls it, and the seconds that pass in it.
local function timed_json ()
  local cjson, now = require "cjson".new(), wsmanager.now
  local gap, inside, calls = lap.gap(), 0, 0
  local function timed (fn)
    return function (value)
      local from = now()
      local result = fn(value)
      inside = inside + (now() - from - gap)
      calls = calls + 1
      return result
    end
  end
  lap.inside = function () return inside, 2 * gap * calls end
  return { encode = timed(cjson.encode), decode = timed(cjson.decode) }
end

local function to_codec ()
  if size ~= "json" then return nil end
  return style == "timed" and timed_json() or "json"
end

local function fail (...)
  io.stderr:write(table.concat({ "ours:", tostring((select(2, ...))),
                                 tostring((select(3, ...))) }, " "), "\n")
  os.exit(1)
end

local function connect ()
  local ws = assert(wsmanager.new {
    url = url,
    reconnect = false,
    decode = to_codec(),
    compress = compress,
    tls = arg[6] and { ca = arg[6] } or nil,
  })
  if not ws:opened(10) then fail(ws:opened()) end
  if compress and ws.extensions == "" then
    fail(nil, "protocol", "no compression was agreed on")
  end
  return ws
end

local function begin (ws, data)
  for _ = 1, inflight do
    if not ws:send(data) then fail(ws:send(data)) end
  end
end

local function by_receive (ws, data)
  local receive, send = ws.receive, ws.send
  local watch = lap.new(inflight, warm, seconds)
  begin(ws, data)
  repeat
    for _ = 1, watch.stride do
      if not receive(ws) then fail(receive(ws)) end
      send(ws, data)
    end
  until watch:passed()
end

local function by_callback (ws, data)
  local send, done = ws.send, false
  local watch = lap.new(inflight, warm, seconds)
  local left = watch.stride
  ws.onmessage = function ()
    send(ws, data)
    left = left - 1
    if left > 0 then return end
    left = watch.stride
    done = done or watch:passed()
  end
  begin(ws, data)
  while not done do wsmanager.sleep(0.05) end
end

wsmanager.run(function ()
  local go = style == "callback" and by_callback or by_receive
  go(connect(), payload())
end)
os.exit(0)
