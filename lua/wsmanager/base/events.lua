-- The names of a connection's events, and what an event holds.
-- Depends on suggest.lua.
-- Never calls a listener: run/listeners.lua does.

local suggest = require "wsmanager.base.suggest"

local events = {
  names = {
    open = true, message = true, error = true, close = true,
    reconnecting = true, locked = true, exhausted = true, drain = true,
    dropped = true, duplicate = true, uncertain = true,
  },
  properties = {},    -- "onopen" -> "open" ...
}

for name in pairs(events.names) do events.properties["on" .. name] = name end

---@class wsmanager.Event
---@field type string    "open" "message" "error" "close" "reconnecting" "locked" "exhausted" "drain"
---  "dropped" "duplicate" "uncertain"
---@field target wsmanager.Connection|wsmanager.WebSocket
---@field epoch? integer open: the number of the connection: 1, 2, ...
---@field gap? boolean   open: something may have been missed since an earlier connection
---@field migrated? boolean  open: by migrate(), without a gap
---@field data any       message: the data, decoded where `decode` is set
---@field kind? string   message: "text" or "binary"
---@field origin? string message, of a WebSocket: scheme, host and port
---@field code? integer  close: RFC 6455 7.4; 1006 without a closing handshake
---@field reason? string close
---@field wasClean? boolean close: the closing handshake was completed
---@field token? string  error: what went wrong, of the closed list of tokens; dropped: "timeout" (too
---  old), "full" (the oldest), "closed" (not sent when the connection was lost)
---@field received? true dropped: messages that came and that nobody took, of a connection with handlers
---@field count? integer dropped: messages
---@field bytes? integer dropped, uncertain: their bytes
---@field messages? integer uncertain: at most so many may be lost
---@field id? string     duplicate: of the message, which is in data
---@field message? string error, locked: a sentence
---@field raw? string    error "codec": the message that could not be decoded
---@field attempt? integer reconnecting: 1, 2, ...
---@field delay? number  reconnecting: seconds until the attempt

-- The on* property nearest to a mistyped one ("onMessage": "onmessage"), or nil.
function events.nearest_property (name)
  if type(name) ~= "string" or not name:find("^[oO][nN]") then return nil end
  return suggest.nearest(name, events.properties)
end

return events
