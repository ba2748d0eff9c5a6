-- The content of a location of nginx: /?who=nginx&url=URL&what=WHAT answers the figures of
-- one load (loads.lua), of this module or of lua-resty-websocket (who=resty).

local wsmanager = require "wsmanager"
local loads = require "bench.hosts.loads"

local ngx = rawget(_G, "ngx")
local asked = ngx.req.get_uri_args()

local function connect_resty (url)
  local client = require "resty.websocket.client":new {max_payload_len = 2 ^ 21}
  assert(client:connect(url))
  client:set_timeout(60000)
  return {
    send = function (_, text) return client:send_text(text) end,
    receive = function () return (client:recv_frame()) end,
  }
end

local function connect (url)
  local ws = assert(wsmanager.new {url = url, reconnect = false})
  assert(ws:opened(60))
  return ws
end

local is_resty = asked.who == "resty"
local ws = (is_resty and connect_resty or connect)(asked.url)
ngx.say(table.concat({loads[asked.what](ws, is_resty)}, " "))
if not is_resty then ws:close() end
