-- No coroutine at all: lua5.4 plain.lua ws://host:port/path [CA file]
local wsmanager = require "wsmanager"
local url, ca = arg[1], arg[2]
if not url then
  io.stderr:write("usage: lua5.4 plain.lua ws://host:port/path [CA file]\n")
  os.exit(1)
end

local function must (value, token, detail)
  if value then return value, token end
  io.stderr:write(token, ": ", detail, "\n")
  os.exit(1)
end

local ws = must(wsmanager.new {
  url = url, tls = ca and { ca = ca } or nil, reconnect = false,
})
must(ws:opened(10))
ws:send "hello"
print(must(ws:receive(10)))
ws:close()
must(ws:closed(5))
