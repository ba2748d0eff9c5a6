-- Events and those who listen to them: the DOM's EventTarget (WHATWG DOM 2.7)
-- with on* properties (HTML 8.1.8.1).
-- Stands on scheduler.lua, which calls each listener in a coroutine of ours: a
-- listener may wait, and an error in it is reported and ends only it.
-- Never keeps a list that is being walked from changing: lists are replaced.

local distance = require "wsmanager.base.suggest"
local scheduler = require "wsmanager.run.scheduler"

local call = scheduler.call

local events = {
  names = {
    open = true, message = true, error = true, close = true,
    reconnecting = true, locked = true, exhausted = true, drain = true,
  },
  properties = {},    -- "onopen" -> "open" ...
}

for name in pairs(events.names) do events.properties["on" .. name] = name end

---@class wsmanager.Event
---@field type string    "open" "message" "error" "close" "reconnecting" "locked" "exhausted" "drain"
---@field target wsmanager.Connection|wsmanager.WebSocket
---@field data any       message: the data, decoded where `decode` is set
---@field kind? string   message: "text" or "binary"
---@field origin? string message, of a WebSocket: scheme, host and port
---@field code? integer  close: RFC 6455 7.4; 1006 without a closing handshake
---@field reason? string close
---@field wasClean? boolean close: the closing handshake was completed
---@field token? string  error: what went wrong, of the closed list of tokens
---@field message? string error, locked: a sentence
---@field raw? string    error "codec": the message that did not decode
---@field attempt? integer reconnecting: 1, 2, ...
---@field delay? number  reconnecting: seconds until it dials

local function callable (value)
  if type(value) == "function" then return true end
  local meta = getmetatable(value)
  return type(meta) == "table" and meta.__call ~= nil
end

local function check (name, listener, method)
  if type(name) ~= "string" then
    error("bad argument #1 to '" .. method .. "' (string expected, got "
          .. type(name) .. ")", 4)
  end
  if not events.names[name] then
    error("unknown event '" .. name .. "'"
          .. distance.hint(name, events.names), 4)
  end
  if not callable(listener) then
    error("bad argument #2 to '" .. method .. "' (function expected, got "
          .. type(listener) .. ")", 4)
  end
end

local function find (list, listener, property)
  for i, entry in ipairs(list or {}) do
    if property and entry.property
       or not property and not entry.property and entry.listener == listener
    then
      return i
    end
  end
end

-- The only entry of a list, if it stays.
local function sole (list)
  local entry = list and list[1]
  if entry and not list[2] and not entry.once then return entry end
end

-- Puts a new list in place of the old one, without entry number `without`.
-- record.sole is the only one who listens to `message`.
local function replace (record, name, without, entry)
  local old = record.listeners and record.listeners[name] or {}
  local list = {}
  for i, each in ipairs(old) do
    if i ~= without then list[#list + 1] = each end
  end
  list[#list + 1] = entry
  if without then old[without].removed = true end
  record.listeners = record.listeners or {}
  record.listeners[name] = list[1] and list or nil
  record.sole = sole(record.listeners.message)
  if next(record.listeners) == nil then record.listeners = nil end
end

-- The on* property that a name is nearly: "onMessage" means "onmessage".
function events.meant (name)
  if type(name) ~= "string" or not name:find("^[oO][nN]") then return nil end
  return distance.nearest(name, events.properties)
end

-- Does anybody listen to it?
function events.wanted (record, name)
  return record.listeners ~= nil and record.listeners[name] ~= nil
end

-- The on* property: one listener, which keeps its place when it is replaced.
function events.set (record, name, listener)
  local list = record.listeners and record.listeners[name]
  local index = find(list, nil, true)
  if index and listener then
    list[index].listener = listener
  elseif index then
    replace(record, name, index)
  elseif listener then
    replace(record, name, nil, {listener = listener, property = true})
  end
end

-- addEventListener; options is a table with `once`, or the DOM's boolean
-- `capture`, which means nothing here.
function events.add (record, name, listener, options)
  check(name, listener, "addEventListener")
  if find(record.listeners and record.listeners[name], listener) then return end
  local once = type(options) == "table" and options.once or nil
  replace(record, name, nil, {listener = listener, once = once})
end

-- removeEventListener; one that is not there is no error (DOM 2.7).
function events.remove (record, name, listener)
  check(name, listener, "removeEventListener")
  local index = find(record.listeners and record.listeners[name], listener)
  if index then replace(record, name, index) end
end

-- The messages of a connection wait until that coroutine has ended.
local function hold_back (record, thread)
  record.busy = (record.busy or 0) + 1
  scheduler.after(thread, function ()
    record.busy = record.busy > 1 and record.busy - 1 or nil
    scheduler.touch(record.id)
  end)
end

events.hold_back = hold_back

-- Calls all who listen. A listener of `message` that waits holds back the
-- messages behind it: record.busy.
function events.fire (record, event)
  local list = record.listeners and record.listeners[event.type]
  if not list then return end
  event.target = record.target
  for i = 1, #list do
    local entry = list[i]
    if not entry.removed then
      if entry.once then
        events.remove(record, event.type, entry.listener)
      end
      local thread = call(entry.listener, event)
      if thread and event.type == "message" then hold_back(record, thread) end
    end
  end
end

return events
