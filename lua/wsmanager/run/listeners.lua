-- The listeners of a connection's events: the DOM's EventTarget (WHATWG DOM 2.7)
-- with on* properties (HTML 8.1.8.1).
-- Depends on coroutines.lua, which calls each listener in a coroutine: a listener
-- may wait, and an error in it is reported and ends only it.
-- Never changes a list while it is walked: lists are replaced.

local coroutines = require "wsmanager.run.coroutines"
local events = require "wsmanager.base.events"
local scheduler = require "wsmanager.run.scheduler"
local suggest = require "wsmanager.base.suggest"

local call = coroutines.call

local listeners = {}

---@class wsmanager.Listener
---@field listener fun(event: wsmanager.Event)
---@field once? boolean      removed before its first call
---@field property? boolean  set as an on* property
---@field removed? boolean   removed while its list is walked

local function is_callable (value)
  if type(value) == "function" then return true end
  local meta = debug.getmetatable(value)
  return meta ~= nil and rawget(meta, "__call") ~= nil
end

local function check (name, listener, method)
  if type(name) ~= "string" then
    error("bad argument #1 to '" .. method .. "' (string expected, got "
          .. type(name) .. ")", 4)
  end
  if not events.names[name] then
    error("unknown event '" .. name .. "'"
          .. suggest.hint(name, events.names), 4)
  end
  if not is_callable(listener) then
    error("bad argument #2 to '" .. method .. "' (function expected, got "
          .. type(listener) .. ")", 4)
  end
end

-- The index of the entry with that listener, or of the property's.
local function find (list, listener, property)
  for i, entry in ipairs(list or {}) do
    if property and entry.property
       or not property and not entry.property
          and rawequal(entry.listener, listener)
    then
      return i
    end
  end
end

-- The entry of a list that has only one, unless it is removed after a call.
local function only_entry (list)
  local entry = list and list[1]
  if entry and not list[2] and not entry.once then return entry end
end

-- Replaces a list by one without entry number `without` and with `entry`.
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
  record.only_listener = only_entry(record.listeners.message)
  if next(record.listeners) == nil then record.listeners = nil end
end

-- Does the event have a listener?
function listeners.has (record, name)
  return record.listeners ~= nil and record.listeners[name] ~= nil
end

-- Sets an on* property: one listener, whose position stays when it is replaced.
function listeners.set_property (record, name, listener)
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
function listeners.add (record, name, listener, options)
  check(name, listener, "addEventListener")
  if find(record.listeners and record.listeners[name], listener) then return end
  local once = type(options) == "table" and options.once or nil
  replace(record, name, nil, {listener = listener, once = once})
end

local function remove (record, name, listener)
  local index = find(record.listeners and record.listeners[name], listener)
  if index then replace(record, name, index) end
end

-- removeEventListener; one that is not there is no error (DOM 2.7).
function listeners.remove (record, name, listener)
  check(name, listener, "removeEventListener")
  remove(record, name, listener)
end

-- Delivers no message to the listeners until the coroutine has ended.
local function hold_messages (record, thread)
  record.waiting_listeners = (record.waiting_listeners or 0) + 1
  coroutines.on_end(thread, function ()
    local left = record.waiting_listeners - 1
    record.waiting_listeners = left > 0 and left or nil
    scheduler.schedule(record.id)
  end)
end

listeners.hold_messages = hold_messages

-- Calls the event's listeners (DOM 2.9). While a listener of `message` waits,
-- the messages behind it wait too.
function listeners.fire (record, event)
  local name = event.type
  local list = record.listeners and record.listeners[name]
  if not list then return end
  event.target = record.event_target
  for i = 1, #list do
    local entry = list[i]
    if not entry.removed then
      if entry.once then
        remove(record, name, entry.listener)
      end
      local thread = call(entry.listener, event)
      if thread and name == "message" then
        hold_messages(record, thread)
      end
    end
  end
end

return listeners
