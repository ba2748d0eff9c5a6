-- http.lua URL SIZE INFLIGHT WARM SECONDS: the client of lua-http on cqueues.
-- Stands on http.websocket and cqueues.
-- Never asks for more than the module documents.

local cqueues = require "cqueues"
local websocket = require "http.websocket"

local now = cqueues.monotime
local inflight = tonumber(arg[3])
local data = ("x"):rep(tonumber(arg[2]))
local stride = math.max(1, math.min(1024, inflight))

local function go_on_for (ws, seconds)
  local due, messages = now() + seconds, 0
  while now() < due do
    for _ = 1, stride do
      assert(ws:receive())
      assert(ws:send(data, "text"))
    end
    messages = messages + stride
  end
  return messages
end

local function measure (ws)
  local cpu, wall = os.clock(), now()
  local messages = go_on_for(ws, tonumber(arg[5]))
  print(('{"messages": %d, "seconds": %f, "user": %f, "system": 0}')
        :format(messages, now() - wall, os.clock() - cpu))
end

local loop = cqueues.new()
loop:wrap(function ()
  local ws = websocket.new_from_uri(arg[1])
  assert(ws:connect(10))
  for _ = 1, inflight do assert(ws:send(data, "text")) end
  go_on_for(ws, tonumber(arg[4]))
  measure(ws)
  os.exit(0)
end)
assert(loop:loop())
