-- http.lua URL SIZE INFLIGHT WARM SECONDS [CA]: the client of lua-http on
-- cqueues.
-- Depends on http.websocket, http.tls, cqueues and lap.lua.
-- Never asks for more than the module documents.

local cqueues = require "cqueues"
local lap = require "lap"
local websocket = require "http.websocket"

lap.now = cqueues.monotime

local inflight = tonumber(arg[3])
local data = ("x"):rep(tonumber(arg[2]))

local function measure (ws)
  local watch = lap.new(inflight, tonumber(arg[4]), tonumber(arg[5]))
  for _ = 1, inflight do assert(ws:send(data, "text")) end
  repeat
    for _ = 1, watch.stride do
      assert(ws:receive())
      assert(ws:send(data, "text"))
    end
  until watch:passed()
end

local function trust (ws, path)
  local context = require "http.tls".new_client_context()
  local store = require "openssl.x509.store".new()
  store:add(path)
  context:setStore(store)
  ws.request.ctx = context
end

local loop = cqueues.new()
loop:wrap(function ()
  local ws = websocket.new_from_uri(arg[1])
  if arg[6] then trust(ws, arg[6]) end
  assert(ws:connect(10))
  measure(ws)
  os.exit(0)
end)
assert(loop:loop())
