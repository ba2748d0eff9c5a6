-- The handlers of messages by their name: `ws:on`.
-- Depends on coroutines.lua, which calls each in a coroutine: a handler may wait, and
-- an error in it is reported and ends only that call.
-- Never has two calls of one handler at the same time: while it waits, its messages
-- wait for it, and those of the others do not.

local coroutines = require "wsmanager.run.coroutines"
local fifo = require "wsmanager.base.fifo"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"
local waitless = require "wsmanager.base.waitless"

local call, on_end = coroutines.call, coroutines.on_end
local push, pop, is_empty = fifo.push, fifo.pop, fifo.is_empty

local handlers = {}

---@class wsmanager.Handler
---@field fn fun(message: any, kind: string, ws: wsmanager.Connection)
---@field target wsmanager.Connection  and `type`: whose call it is, for reports
---@field type string
---@field busy? true            it is called, and has not returned
---@field value? any            what it is about to be called with
---@field kind? string
---@field waiting? wsmanager.Fifo  messages that came while it was busy
---@field removed? true

-- What the option `dispatch` says of a message: name_of(message, kind).
function handlers.to_name_of (given)
  if given == nil or type(given) == "function" then
    return waitless.wrap("dispatch", given)
  end
  return function (message)
    if type(message) == "table" then return message[given] end
  end
end

-- ## Calling one

local function run (handler, ws)
  local value = handler.value
  handler.value = nil
  handler.fn(value, handler.kind, ws)
end

-- A call of it has ended, or failed. Its next message is for the next round.
local function note_end (record, handler)
  local waiting = handler.waiting
  if waiting and not is_empty(waiting) then
    push(record.distribution.due, handler)
    scheduler.schedule(record.id)
  else
    handler.busy = nil
  end
end

local function start (ws, record, handler, value, kind)
  handler.busy, handler.value, handler.kind = true, value, kind
  local thread = call(run, handler, ws)
  if not thread then return note_end(record, handler) end
  on_end(thread, function () note_end(record, handler) end)
end

-- Goes on with those that have waited and have more messages.
function handlers.go_on (ws, record, d)
  local handler = pop(d.due)
  while handler do
    local item = pop(handler.waiting)
    if item then
      d.kept = d.kept - item.size
      start(ws, record, handler, item.value, item.kind)
    else
      handler.busy = nil    -- it was removed
    end
    handler = pop(d.due)
  end
end

-- ## Giving messages

local function list_of (record, d, value, kind)
  local ok, name = pcall(record.distributing.name_of, value, kind)
  if not ok then
    report.failure("the option 'dispatch'", name)
    return d.default
  end
  local is = type(name)
  return (is == "string" or is == "number") and d.by_name[name] or d.default
end

local function keep (d, handler, item)
  if not handler.waiting then handler.waiting = fifo.new() end
  push(handler.waiting, item)
  d.kept = d.kept + item.size
end

-- Calls the handlers of the message's name, or else the default ones. Returns whether
-- there are any. A list is never changed: one that is walked stays as it is.
function handlers.give (ws, record, d, value, kind, size)
  local list = list_of(record, d, value, kind)
  local item
  for i = 1, #list do
    local handler = list[i]
    if handler.busy and not handler.removed then
      item = item or {value = value, kind = kind, size = size}
      keep(d, handler, item)
    elseif not handler.removed then    -- by one before it
      start(ws, record, handler, value, kind)
    end
  end
  return list[1] ~= nil
end

-- ## The lists

local function find (list, fn)
  for i = 1, #list do
    if rawequal(list[i].fn, fn) then return i end
  end
end

local function copy_without (list, index)
  local copy = {}
  for i = 1, #list do
    if i ~= index then copy[#copy + 1] = list[i] end
  end
  return copy
end

local function get_list (d, name)
  if name == nil then return d.default end
  return d.by_name[name] or {}
end

local function set_list (d, name, list)
  if name == nil then d.default = list
  else d.by_name[name] = list[1] and list or nil end
end

-- Adds one; name nil: a default one. The same twice is there once.
function handlers.add (ws, d, name, fn)
  local list = get_list(d, name)
  if find(list, fn) then return end
  local copy = copy_without(list)
  copy[#copy + 1] = {
    fn = fn, target = ws, type = "(" .. tostring(name or "function") .. ")",
  }
  set_list(d, name, copy)
  d.handlers, d.users = d.handlers + 1, d.users + 1
end

-- Removes that one, or all; what waits for one that was the last of its list is
-- returned, a list.
function handlers.remove (d, name, fn)
  local list, orphans = get_list(d, name), {}
  for i = #list, 1, -1 do
    local handler = list[i]
    if fn == nil or rawequal(handler.fn, fn) then
      list = copy_without(list, i)
      handler.removed = true
      d.handlers, d.users = d.handlers - 1, d.users - 1
      local item = handler.waiting and pop(handler.waiting)
      while item do
        d.kept = d.kept - item.size
        if not list[1] then orphans[#orphans + 1] = item end
        item = pop(handler.waiting)
      end
    end
  end
  set_list(d, name, list)
  return orphans
end

return handlers
