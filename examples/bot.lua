-- A bot in a few lines: lua5.4 bot.lua ws://host:port/path [CA file]
local wsmanager = require "wsmanager"
local url, ca = arg[1], arg[2]
if not url then
  io.stderr:write("usage: lua5.4 bot.lua ws://host:port/path [CA file]\n")
  os.exit(1)
end
io.stdout:setvbuf "line"

local function tell (event) io.stderr:write(event.message, "\n") end

wsmanager.run(function ()
  local ws, _, why = wsmanager.new {
    url = url, tls = ca and { ca = ca } or nil, onerror = tell,
  }
  if not ws then tell { message = why } end
  if not ws or not ws:opened(10) then os.exit(1) end
  while true do
    local message, kind = ws:receive()
    if not message then break end
    print(message)
    ws:send("you said: " .. message, kind)
    if message == "bye" then ws:close() end
  end
end)
