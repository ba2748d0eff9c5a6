-- No coroutine at all: lua5.4 plain.lua ws://host:port/path [CA file]
local wsmanager = require "wsmanager"
local url, ca = arg[1], arg[2]

local ws = wsmanager.new { url = url, tls = ca and { ca = ca } or nil }
ws:send "hello"
print(assert(ws:receive(10)))
ws:close()
assert(ws:closed(5))
