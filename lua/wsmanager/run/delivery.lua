-- Acknowledged delivery: the ids that a program reads from its messages, for the core.
-- Depends on the core's link, watch.lua, identity.lua, listeners.lua and users.lua.
-- Never keeps a message or an id: src/manager/delivery.c does, and users.lua.

local core = require "wsmanager.core"
local dispatch = require "wsmanager.run.dispatch"
local identity = require "wsmanager.run.identity"
local listeners = require "wsmanager.run.listeners"
local users = require "wsmanager.run.users"
local waitless = require "wsmanager.base.waitless"
local watch = require "wsmanager.run.watch"

local link = core.link
local id_of, wrap = identity.of_received, waitless.wrap

local delivery = {}

local function watch_acknowledgements (ws, record, acknowledge)
  watch.add(ws, record, "acknowledge", function (target, value, kind)
    local id = id_of("acknowledge", acknowledge(value, kind))
    if id then link.confirm(target, id) end
  end)
end

-- By what its user has sent on all connections, or this one has received.
local function is_repeated (ws, record, id)
  if record.user_ids then return users.is_repeated(record.user_ids, id) end
  return link.isrepeated(ws, id)
end

-- One that was received before goes to the event `duplicate` alone: its sender may not
-- know that it was.
local function watch_duplicates (ws, record, dedupe)
  watch.add(ws, record, "dedupe", function (target, value, kind)
    local id = id_of("dedupe", dedupe(value, kind))
    local known = dispatch.record(target)
    if not id or not is_repeated(target, known, id) then return false end
    listeners.fire(known, {
      type = "duplicate", data = value, kind = kind, id = id,
    })
    return true
  end)
end

-- For a connection that was registered; given: the options.
function delivery.attach (ws, record, given)
  record.identify = wrap("identify", given.identify)
  if given.identify then
    identity.connections[ws] = true
    link.identify(ws, true)
  end
  if given.acknowledge then
    watch_acknowledgements(ws, record, wrap("acknowledge", given.acknowledge))
  end
  if given.dedupe then watch_duplicates(ws, record, wrap("dedupe", given.dedupe)) end
end

return delivery
