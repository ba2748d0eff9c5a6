-- The listeners of a connection's event `open`: what they send until they first wait
-- goes before the outbox, and that before what others send.
-- Depends on the core's link, coroutines.lua and listeners.lua.

local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local listeners = require "wsmanager.run.listeners"

local link = core.link

local opening = {}

local function begin (ws) link.hold(ws, false) end

local function finish (ws, on)
  if link.stats(ws).epoch == on.event.epoch then on.release(ws, on.record) end
end

-- Calls them, and then release(ws, record). Threads of a host begin later, one after the
-- other: what others send meanwhile is for the outbox.
function opening.fire (ws, record, event, release)
  if not coroutines.has_threads() then
    listeners.fire(record, event)
    release(ws, record)
    return
  end
  link.hold(ws, true)
  coroutines.call(begin, ws)
  listeners.fire(record, event)
  coroutines.call(finish, ws, {event = event, record = record, release = release})
end

return opening
