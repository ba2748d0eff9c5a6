-- clients.lua PORT N: so many clients of a server, a line once they are open; then the
-- code with which each of them was closed.

local wsmanager = require "wsmanager"

local port, n = arg[1], tonumber(arg[2])
local all = {}

wsmanager.run(function ()
  for i = 1, n do
    all[i] = assert(wsmanager.new {url = "ws://127.0.0.1:" .. port, reconnect = false})
    assert(all[i]:opened(30))
  end
  print "open"
  io.flush()
  for _, ws in ipairs(all) do print((ws:closed(60))) end
end)
