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

--- What a listener gets: one table. Each event has fields of its own beside these two.
---@class wsmanager.Event
---@field type wsmanager.EventName  its name
---@field target wsmanager.Connection|wsmanager.WebSocket  the connection

---@alias wsmanager.EventName
---| "open"          # the connection is open, after its login
---| "message"       # a message has come, and nobody waits in `receive`
---| "error"         # something went wrong; `close` follows where the connection has ended
---| "close"         # a connection, or an attempt at one, has ended
---| "reconnecting"  # it waits, and then attempts to connect again
---| "locked"        # it has ended until `reconnect()`
---| "exhausted"     # `reconnect.limit` attempts have failed in a row
---| "drain"         # there is room to send again, after `send` had none
---| "dropped"       # messages were given up by a rule
---| "duplicate"     # a message came again, and `dedupe` dropped it
---| "uncertain"     # messages may have been lost with a connection

--- `open`: the connection is open. It comes after the login, and before the outbox is sent.
---@class wsmanager.OpenEvent: wsmanager.Event
---@field epoch integer      the number of the connection: 1, 2, ...
---@field gap boolean        something may have been missed since an earlier connection
---@field migrated? boolean  true: by `migrate`, without a gap

--- `message`: a message that no handler, request or waiting `receive` has taken. While a
--- listener waits, the messages behind it wait, too.
---@class wsmanager.MessageEvent: wsmanager.Event
---@field data any              the message, decoded where `decode` is set
---@field kind "text"|"binary"  its kind (RFC 6455 5.6)
---@field origin? string        of a `WebSocket`: scheme, host and port (WHATWG HTML 9.1)

--- `error`: a failure; the connection may go on.
---@class wsmanager.ErrorEvent: wsmanager.Event
---@field token wsmanager.Token  what went wrong
---@field message string         a sentence: what happened, to whom, what to do
---@field raw? string            with `codec`: the message that could not be decoded

--- `close`: a connection has ended, or an attempt has failed, which has the code 1006.
---@class wsmanager.CloseEvent: wsmanager.Event
---@field code integer      1005: the close frames had none; 1006: no closing handshake (RFC 6455 7.1.5)
---@field reason string     the text in the close frame, or ""
---@field wasClean boolean  the closing handshake was completed

--- `reconnecting`: it waits before the next attempt.
---@class wsmanager.ReconnectingEvent: wsmanager.Event
---@field attempt integer  its number: 1, 2, ...; 0 where `reconnect()` waits for `reconnect.rate`
---@field delay number     seconds until it begins

--- `locked`: it has ended, and only `reconnect()` connects again.
---@class wsmanager.LockedEvent: wsmanager.Event
---@field message? string  why: what the `url` function or the login said

--- `exhausted`: `reconnect.limit` attempts have failed in a row.
---@class wsmanager.ExhaustedEvent: wsmanager.Event
---@field message? string  why: the last failure

--- `drain`: there is room to send again.
---@class wsmanager.DrainEvent: wsmanager.Event

--- `dropped`: messages were given up by a rule. They were to be sent, unless `received` is
--- there.
---@class wsmanager.DroppedEvent: wsmanager.Event
---@field count integer    messages
---@field bytes integer    their bytes
---@field token "timeout"|"full"|"closed"|"login"  `timeout`: older than `ttl` or `outbox.age`
---@field received? true   they were received, and nobody took them

--- `duplicate`: a message came whose id `dedupe` knows; nobody else gets it. Its sender may not
--- know that it came: confirm it again.
---@class wsmanager.DuplicateEvent: wsmanager.Event
---@field data any              the message, decoded where `decode` is set
---@field kind "text"|"binary"  its kind
---@field id string             its id

--- `uncertain`: a connection has ended, and what the kernel had taken may have arrived or
--- not. It comes before `close`, and not where the peer's TCP had acknowledged all, or the
--- peer has answered our close frame.
---@class wsmanager.UncertainEvent: wsmanager.Event
---@field messages integer  at most so many may be lost
---@field bytes integer     their bytes on the wire, at most

--- A function for each event: as an option of `wsmanager.new` it listens from before the first
--- attempt on, as a field of a connection from then on; nil ends that. It is one listener
--- beside those of `addEventListener`.
---@class wsmanager.EventProperties
---@field onopen? fun(event: wsmanager.OpenEvent)  listens to `open`
---@field onmessage? fun(event: wsmanager.MessageEvent)  listens to `message`
---@field onerror? fun(event: wsmanager.ErrorEvent)  listens to `error`
---@field onclose? fun(event: wsmanager.CloseEvent)  listens to `close`
---@field onreconnecting? fun(event: wsmanager.ReconnectingEvent)  listens to `reconnecting`
---@field onlocked? fun(event: wsmanager.LockedEvent)  listens to `locked`
---@field onexhausted? fun(event: wsmanager.ExhaustedEvent)  listens to `exhausted`
---@field ondrain? fun(event: wsmanager.DrainEvent)  listens to `drain`
---@field ondropped? fun(event: wsmanager.DroppedEvent)  listens to `dropped`
---@field onduplicate? fun(event: wsmanager.DuplicateEvent)  listens to `duplicate`
---@field onuncertain? fun(event: wsmanager.UncertainEvent)  listens to `uncertain`

-- The on* property nearest to a mistyped one ("onMessage": "onmessage"), or nil.
function events.nearest_property (name)
  if type(name) ~= "string" or not name:find("^[oO][nN]") then return nil end
  return suggest.nearest(name, events.properties)
end

return events
