-- A bot in ten lines: lua5.4 bot.lua ws://host:port/path [CA file]
local wsmanager = require "wsmanager"
local url, ca = arg[1], arg[2]
io.stdout:setvbuf "line"

wsmanager.run(function ()
  local ws = wsmanager.new { url = url, tls = ca and { ca = ca } or nil }
  for message, kind in ws:messages() do
    print(message)
    ws:send("you said: " .. message, kind)
    if message == "bye" then ws:close() end
  end
end)
