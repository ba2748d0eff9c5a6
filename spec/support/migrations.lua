-- What the specs of migrations share: servers that tell their names, and open connections.

local assert = require "luassert"
local wsmanager = require "wsmanager"
local ours = require "support.ours"

local migrations = {}

-- A handler that keeps what it receives in a list and answers with its name before it.
function migrations.named (name, heard)
  return function (ws)
    while true do
      local data = ws:receive()
      if not data then break end
      heard[#heard + 1] = name .. " " .. data
      ws:send(name .. " " .. data)
    end
    heard[#heard + 1] = name .. " closed " .. tostring((ws:closed(ours.LONG)))
  end
end

-- Keeps the names of the connection's events in a list.
function migrations.listen (ws, to)
  for _, name in ipairs {"open", "close", "error", "reconnecting", "dropped"} do
    ws:addEventListener(name, function (event)
      to[#to + 1] = name .. (event.migrated and " migrated" or "")
    end)
  end
end

-- A connection with these options that is open.
function migrations.open (options)
  local ws = wsmanager.new(options)
  assert(ws:opened(ours.LONG))
  return ws
end

return migrations
