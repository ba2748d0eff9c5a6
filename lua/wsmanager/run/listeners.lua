-- The listeners of a connection's events: the DOM's EventTarget (WHATWG DOM 2.7)
-- with on* properties (HTML 8.1.8.1).
-- Depends on arguments.lua and coroutines.lua, which calls each listener in a coroutine: a listener
-- may wait, and an error in it is reported and ends only it.
-- Never moves an entry of a list while it is walked: one that is removed is marked,
-- and a list of which half is marked is replaced.

local arguments = require "wsmanager.base.arguments"
local coroutines = require "wsmanager.run.coroutines"
local events = require "wsmanager.base.events"
local scheduler = require "wsmanager.run.scheduler"
local suggest = require "wsmanager.base.suggest"

local call, is_callable = coroutines.call, arguments.is_callable

local SCANNED = 8    -- a list with more entries has an index

local listeners = {}

---@class wsmanager.Listener
---@field listener fun(event: wsmanager.Event)
---@field once? boolean      removed before its first call
---@field property? boolean  set as an on* property
---@field removed? boolean   no longer called

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

local function find_property (list)
  for i = 1, list and #list or 0 do
    if list[i].property and not list[i].removed then return list[i] end
  end
end

-- The entry with that listener.
local function find (list, listener)
  if list and list.index then return list.index[listener] end
  for i = 1, list and #list or 0 do
    local entry = list[i]
    if not entry.property and not entry.removed
       and rawequal(entry.listener, listener)
    then
      return entry
    end
  end
end

local function add_to_index (list, entry)
  if not entry.property then list.index[entry.listener] = entry end
end

local function append (list, entry)
  list[#list + 1] = entry
  if list.index then
    add_to_index(list, entry)
  elseif #list > SCANNED then
    list.index = {}
    for _, each in ipairs(list) do add_to_index(list, each) end
  end
end

-- A list of those that are not removed, or nil.
local function copy_rest (list)
  local copy = {}
  for _, entry in ipairs(list) do
    if not entry.removed then append(copy, entry) end
  end
  return copy[1] and copy or nil
end

-- The entry of a list that has only one, unless it is removed after a call.
local function only_entry (list)
  local entry = list and list[1]
  if entry and not list[2] and not entry.once then return entry end
end

local function set_list (record, name, list)
  record.listeners = record.listeners or {}
  record.listeners[name] = list
  record.only_listener = not record.muted and not record.distribution
                         and only_entry(record.listeners.message) or nil
  if next(record.listeners) == nil then record.listeners = nil end
end

local function add (record, name, entry)
  local list = record.listeners and record.listeners[name] or {}
  append(list, entry)
  set_list(record, name, list)
end

local function remove (record, name, entry)
  local list = record.listeners[name]
  entry.removed = true
  list.removed = (list.removed or 0) + 1
  if list.index and not entry.property then list.index[entry.listener] = nil end
  if 2 * list.removed >= #list then set_list(record, name, copy_rest(list)) end
end

-- Does the event have a listener?
function listeners.has (record, name)
  return record.listeners ~= nil and record.listeners[name] ~= nil
end

-- Sets an on* property: one listener, whose position stays when it is replaced.
function listeners.set_property (record, name, listener)
  local entry = find_property(record.listeners and record.listeners[name])
  if entry and listener then
    entry.listener = listener
  elseif entry then
    remove(record, name, entry)
  elseif listener then
    add(record, name, {listener = listener, property = true})
  end
end

-- addEventListener; options is a table with `once`, or the DOM's boolean
-- `capture`, which means nothing here.
function listeners.add (record, name, listener, options)
  check(name, listener, "addEventListener")
  if find(record.listeners and record.listeners[name], listener) then return end
  local once = type(options) == "table" and options.once or nil
  add(record, name, {listener = listener, once = once})
end

-- removeEventListener; one that is not there is no error (DOM 2.7).
function listeners.remove (record, name, listener)
  check(name, listener, "removeEventListener")
  local entry = find(record.listeners and record.listeners[name], listener)
  if entry then remove(record, name, entry) end
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
        remove(record, name, entry)
      end
      local thread = call(entry.listener, event)
      if thread and name == "message" then
        hold_messages(record, thread)
      end
    end
  end
end

return listeners
