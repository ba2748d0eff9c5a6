-- Who gets each message of a connection that has subscriptions, requests or handlers: all
-- subscriptions; then the request that waits for it; or the handlers of its name, or the
-- default ones; or else `receive` and the listeners of `message`.
-- Depends on the core's link, codec.lua, coroutines.lua, dispatch.lua, handlers.lua,
-- listeners.lua, receivers.lua, requests.lua and subscriptions.lua.
-- Never costs anything where none of this is used: such a connection has none.

local core = require "wsmanager.core"
local codec = require "wsmanager.base.codec"
local correlation = require "wsmanager.run.correlation"
local coroutines = require "wsmanager.run.coroutines"
local dispatch = require "wsmanager.run.dispatch"
local failures = require "wsmanager.run.failures"
local fifo = require "wsmanager.base.fifo"
local handlers = require "wsmanager.run.handlers"
local listeners = require "wsmanager.run.listeners"
local receivers = require "wsmanager.run.receivers"
local requests = require "wsmanager.run.requests"
local scheduler = require "wsmanager.run.scheduler"
local subscriptions = require "wsmanager.run.subscriptions"
local threads = require "wsmanager.run.threads"

local link = core.link
local take = link.take
local codecs = receivers.codecs
local decode, SKIPPED = codec.decode, codec.SKIPPED
local has_waiting, wake, wake_all =
  coroutines.has_waiting, coroutines.wake, coroutines.wake_all
local fire, has_listener = listeners.fire, listeners.has
local push, pop, is_empty = fifo.push, fifo.pop, fifo.is_empty
local wait_in = dispatch.wait
local give_to_handlers, give_to_request = handlers.give, requests.give

-- What a message that is kept takes beside its bytes, about.
local OVERHEAD = 64

local distribution = {}

---@class wsmanager.Distribution
---@field unclaimed wsmanager.Fifo  messages for `receive` and the listeners of `message`
---@field kept integer      bytes of these, and of those that wait for a handler
---@field told integer      the same, as the core knows it
---@field lost integer      messages dropped, as nobody took them: of stats()
---@field is_read boolean    somebody has called `receive`
---@field handlers integer  how many there are
---@field users integer     handlers, and requests: while there are any, messages are taken
---@field requests? wsmanager.Requests
---@field subscriptions? wsmanager.Subscriptions
---@field is_needed fun(record: wsmanager.Record): boolean
---@field lose fun(ws: wsmanager.Connection, record: wsmanager.Record, opens?: integer)
---@field by_name table<string|number, wsmanager.Handler[]>
---@field default wsmanager.Handler[]   of messages whose name has no handler
---@field due wsmanager.Fifo  handlers that have waited, and for which messages wait
---@field deliver fun(ws: wsmanager.Connection, record: wsmanager.Record, budget: number)
---@field receive fun(ws: wsmanager.Connection, record: wsmanager.Record, timeout: number?, deadline: number?)
---@field streams? true     messages are read in parts: readers.lua

--- A message, decoded; or one that cannot be: `value` is nil, `kind` is "codec".
---@class wsmanager.Item
---@field is_taken? boolean  by a subscription
---@field value any
---@field kind string
---@field size integer
---@field why? string
---@field raw? string

---@class wsmanager.Distributing  its options
---@field name_of? fun(message: any, kind: string): any   `dispatch`
---@field correlation? wsmanager.Correlation              `correlate`
---@field timeout? number                                 `timeouts.request`

-- Of the options of a client or a server; nil where none of these is given.
function distribution.options_of (given)
  if not given.dispatch and not given.correlate then return nil end
  return {
    name_of = handlers.to_name_of(given.dispatch),
    correlation = correlation.of(given.correlate),
    timeout = requests.to_timeout(given),
  }
end

-- ## What nobody has taken yet

local function note_dropped (record, d, count, bytes)
  d.lost = d.lost + count
  fire(record, {
    type = "dropped", count = count, bytes = bytes, token = "full", received = true,
  })
end

-- Drops the oldest of what `receive` would get, more than is needed: not one for each
-- that comes. It was never called, and what is kept for it would stop the reading for
-- good.
local function drop_unclaimed (record, d)
  local count, bytes, enough = 0, 0, d.kept / 2
  local item = pop(d.unclaimed)
  while item do
    count, bytes = count + 1, bytes + item.size - OVERHEAD
    d.kept = d.kept - item.size
    item = d.kept > enough and pop(d.unclaimed) or nil
  end
  if count > 0 then note_dropped(record, d, count, bytes) end
end

local function tell_dropped (record, d)
  local all = d.subscriptions
  if all.dropped == 0 then return end
  local count, bytes = all.dropped, all.bytes - all.dropped * OVERHEAD
  all.dropped, all.bytes = 0, 0
  note_dropped(record, d, count, bytes)
end

-- Drops of what is kept, more than half of the inbox, about half of what may be dropped.
local function drop_kept (record, d)
  if not d.is_read and not has_listener(record, "message") then
    drop_unclaimed(record, d)
  end
  local all = d.subscriptions
  if all and subscriptions.size(all) > d.kept then subscriptions.shrink(all) end
end

-- Bytes of all that was taken and is kept for somebody.
local function count_kept (d)
  return d.kept + (d.subscriptions and subscriptions.size(d.subscriptions) or 0)
end

-- The core reads only as far as there is room beside what is kept.
local function tell_kept (ws, record, d)
  local kept = count_kept(d)
  if kept ~= d.told then
    local before
    while link.keep(ws, kept) and kept ~= before do
      drop_kept(record, d)
      kept, before = count_kept(d), kept
    end
    d.told = kept
  end
  if d.subscriptions then tell_dropped(record, d) end
end

local function pop_unclaimed (d)
  local item = pop(d.unclaimed)
  if item then d.kept = d.kept - item.size end
  return item
end

local function fire_message (record, item)
  if item.value == nil then
    fire(record, {
      type = "error", token = "codec", message = item.why, raw = item.raw,
    })
  else
    fire(record, {type = "message", data = item.value, kind = item.kind})
  end
end

-- Has a thread of a host take it.
local function offer_unclaimed (record)
  wake(record.takers)
  threads.look_again(record.id, scheduler.schedule)
end

-- Gives it to those who wait in `receive`, or else to the listeners of `message`, while
-- none of them waits.
local function give_unclaimed (record, d)
  while not is_empty(d.unclaimed) do
    if has_waiting(record.takers) then
      if record.takers.condition then return offer_unclaimed(record) end
      wake(record.takers, pop_unclaimed(d))
    elseif has_listener(record, "message") and not record.waiting_listeners then
      fire_message(record, pop_unclaimed(d))
    else
      return
    end
  end
end

-- What does not decode is an event unless somebody reads. What a subscription has got is
-- kept for `receive` only where that was called before.
local function leave (record, d, item)
  if item.value == nil and not has_waiting(record.takers) then
    return fire_message(record, item)
  elseif item.is_taken and not d.is_read and not has_listener(record, "message") then
    return
  end
  push(d.unclaimed, item)
  d.kept = d.kept + item.size
  give_unclaimed(record, d)
end

-- ## Taking

-- A subscription that is full holds up all the others.
local function is_held (d)
  return d.subscriptions ~= nil and subscriptions.are_full(d.subscriptions)
end

local function is_wanted (record, d)
  if is_held(d) then return false end
  return d.users > 0 or has_waiting(record.takers)
         or d.subscriptions ~= nil and subscriptions.are(d.subscriptions)
         or has_listener(record, "message") and not record.waiting_listeners
end

-- Does somebody wait for a message, or may one come for somebody?
local function is_needed (record)
  local d = record.distribution
  return d.users > 0 and not record.over or has_waiting(record.takers)
         or d.subscriptions ~= nil and subscriptions.have_reader(d.subscriptions)
end

-- Gives the message to those that it is for. The item, if there are none.
local function distribute (ws, record, d, data, kind)
  local with, value, size = codecs[ws], data, #data + OVERHEAD
  if with then
    local token, why, raw
    value, token, why, raw = decode(with, data, kind)
    if value == SKIPPED then return nil end
    if value == nil then
      local item = {kind = token, why = why, raw = raw, size = size}
      if d.subscriptions then subscriptions.give(d.subscriptions, item) end
      return item
    end
  end
  local item
  if d.subscriptions then
    item = {value = value, kind = kind, size = size}
    item.is_taken = subscriptions.give(d.subscriptions, item)
  end
  if d.requests and give_to_request(record, d.requests, value, kind) then return nil end
  if d.handlers > 0 and give_to_handlers(ws, record, d, value, kind, size) then
    return nil
  end
  return item or {value = value, kind = kind, size = size}
end

-- Takes up to `budget` messages, while there is somebody who wants them.
local function deliver (ws, record, budget)
  local d = record.distribution
  if not is_empty(d.due) then handlers.go_on(ws, record, d) end
  give_unclaimed(record, d)
  if d.subscriptions then subscriptions.wake(d.subscriptions) end
  while is_wanted(record, d) do
    if budget <= 0 then
      scheduler.schedule(record.id)
      break
    end
    budget = budget - 1
    local data, kind, detail = take(ws)
    if not data then
      record.inbox_empty = true
      if kind and record.takers then wake_all(record.takers, nil, kind, detail) end
      if kind and d.subscriptions then
        subscriptions.finish(d.subscriptions, kind, detail)
      end
      break
    end
    local item = distribute(ws, record, d, data, kind)
    if item then leave(record, d, item) end
    if d.subscriptions then subscriptions.wake(d.subscriptions) end
  end
  tell_kept(ws, record, d)
end

-- The connections up to that number have ended, or all of them: what they received is
-- delivered, and then what was asked on them is lost.
local function lose (ws, record, opens)
  local d = record.distribution
  if not d.requests or d.requests.count == 0 then return end
  if opens then deliver(ws, record, math.huge) end
  requests.lose(d.requests, opens or math.huge, "the connection ended before the answer "
                .. "came: " .. tostring(failures.why_over(ws, record)))
end

-- The next message that is for nobody else; or nil, and nothing, or why none will come.
local function take_unclaimed (ws, record, d)
  local item = pop_unclaimed(d)
  while not item do
    if is_held(d) then return nil end
    local data, token, detail = take(ws)
    if not data then return nil, token, detail end
    item = distribute(ws, record, d, data, token)
    if d.subscriptions then scheduler.schedule(record.id) end
  end
  return item
end

-- ## For the connection's methods

local function to_results (item)
  if item.value ~= nil then return item.value, item.kind end
  return nil, item.kind, item.why, item.raw
end

-- As `receive`, for what nobody else gets.
function distribution.receive (ws, record, timeout, deadline)
  local d, restarts = record.distribution, record.restarts
  d.is_read = true
  local in_time, item, token, detail = true, nil, nil, nil
  local woken = false
  repeat
    -- others that wait come first, unless this one may not wait
    if woken or not has_waiting(record.takers) or timeout == 0
       or not coroutines.can_yield()
    then
      item, token, detail = take_unclaimed(ws, record, d)
      tell_kept(ws, record, d)
    else
      scheduler.schedule(record.id)
    end
    if woken and not is_empty(d.unclaimed) then give_unclaimed(record, d) end
    if item then return to_results(item) end
    if token then return nil, token, failures.detail_of(ws, token, detail) end
    if not in_time then return failures.timed_out(ws, "no message", timeout) end
    woken = coroutines.has_threads()
    in_time, item, token, detail = wait_in(ws, record, "takers", deadline)
    if item then return to_results(item) end
    -- on the main thread nobody was notified of the end
    if not token and record.restarts ~= restarts then
      return nil, "closed", "the connection was closed"
    end
  until token
  return nil, token, failures.detail_of(ws, token, detail)
end

-- The connection's, which has one from then on.
function distribution.of (ws, record)
  local d = record.distribution
  if d then return d end
  d = {
    unclaimed = fifo.new(), kept = 0, told = 0, lost = 0, users = 0, handlers = 0, by_name = {},
    default = {}, due = fifo.new(), deliver = deliver, lose = lose,
    receive = distribution.receive,
    is_needed = is_needed, is_read = record.receivers ~= nil,
  }
  record.distribution, record.shared, record.only_listener = d, true, nil
  link.share(ws, true)
  -- those who wait in `receive` go on in ours
  local waiting = record.receivers
  record.receivers = nil
  if waiting then wake_all(waiting) end
  return d
end

-- As ws:subscribe.
function distribution.subscribe (ws, record, options)
  distribution.of(ws, record)
  return subscriptions.add(ws, record, options)
end

-- As ws:request; raises at `level` for a message that cannot be asked.
function distribution.request (level, ws, record, asked)
  distribution.of(ws, record)
  local value, kind, why = requests.request(level + 1, ws, record, asked)
  return value, kind, why    -- no tail call: it counts levels
end

-- Adds a handler; name nil: for messages whose name has none.
function distribution.add_handler (ws, record, name, fn)
  handlers.add(ws, distribution.of(ws, record), name, fn)
  dispatch.schedule(record)
  dispatch.retain(ws, record)
end

-- Removes that handler of the name, or all. What waits for it goes on to who is left.
function distribution.remove_handler (ws, record, name, fn)
  local d = record.distribution
  if not d then return end
  for _, item in ipairs(handlers.remove(d, name, fn)) do
    if not give_to_handlers(ws, record, d, item.value, item.kind, item.size) then
      leave(record, d, item)
    end
  end
  tell_kept(ws, record, d)
  dispatch.retain(ws, record)
end

return distribution
