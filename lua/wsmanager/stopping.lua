-- How a server stops: it accepts no more and closes its connections with 1001 (RFC 6455
-- 7.4.1); also when the host of the program ends.
-- Depends on the core's link, dispatch.lua and leaving.lua.
-- Never waits: the server's `stop` does.

local core = require "wsmanager.core"
local dispatch = require "wsmanager.run.dispatch"
local each = require "wsmanager.base.each"
local leaving = require "wsmanager.run.leaving"
local scheduler = require "wsmanager.run.scheduler"

local link = core.link

local stopping = {}

local function start_closing (ws, record)
  if ws.state == "closed" then return end
  if record.accepted then
    link.close(ws, 1001, "the server stops")
  else
    link.refuse(ws, 503, nil, "Service Unavailable\n")
    link.stop(ws)
  end
  dispatch.schedule(record)
end

-- Calls fn(ws, record) for each connection that there is now.
function stopping.each_member (server, fn)
  local members = {}
  for _, ws in each(server.members) do members[#members + 1] = ws end
  for _, ws in ipairs(members) do fn(ws, dispatch.record(ws)) end
end

function stopping.begin (server)
  server.stopped = true
  server.core:stop()
  stopping.each_member(server, start_closing)
end

leaving.set_handlers {servers = function ()
  for _, server in each(scheduler.servers) do stopping.begin(server) end
end}

return stopping
