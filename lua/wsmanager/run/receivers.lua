-- Who gets the next message of a connection: the coroutine that has waited longest
-- in `receive`, or else the listeners of `message`. One that takes messages without
-- waiting does so only while no other waits.
-- Depends on the core's link, codec.lua, coroutines.lua and listeners.lua.
-- Never makes a table or a closure for a message that somebody waits for.

local core = require "wsmanager.core"
local codec = require "wsmanager.base.codec"
local coroutines = require "wsmanager.run.coroutines"
local ffi = require "wsmanager.base.ffi"
local listeners = require "wsmanager.run.listeners"
local scheduler = require "wsmanager.run.scheduler"
local threads = require "wsmanager.run.threads"

local link = core.link
local receive_alone, take_shared = ffi.receive, link.take
local fire, has_listener = listeners.fire, listeners.has
local hold_messages, call = listeners.hold_messages, coroutines.call
local has_waiting = coroutines.has_waiting
local wake, wake_all = coroutines.wake, coroutines.wake_all
local decode, SKIPPED = codec.decode, codec.SKIPPED
local is_pending = link.ispending
local status = require "wsmanager.base.raw".status

local codecs = setmetatable({}, {__mode = "k"})

local receivers = {
  codecs = codecs,     -- connection -> codec
}

-- Has its messages decoded by the record's codec, if any: by the one that shows them
-- to watch.lua, if there is that.
function receivers.set_codec (ws, record)
  local watching = record.watching
  local with = watching or record.codec
  if watching then watching.encode = record.codec and watching.encode_as_own end
  codecs[ws] = with
  link.codec(ws, with ~= nil)
end

-- ## Taking turns

-- To be called by one that begins to wait where somebody may wait already. While two or more have waited,
-- `record.shared` is set and `receive` finds no message by itself.
function receivers.note_waiting (ws, record)
  if not has_waiting(record.receivers) then return end
  record.shared = true
  link.share(ws, true)
end

-- What a call of `receive` gets at once on a connection that is shared: as link.take,
-- and nothing where it has to wait behind others.
function receivers.take_in_turn (ws, record, timeout)
  if not has_waiting(record.receivers) then
    record.shared = nil
    link.share(ws, false)
  elseif timeout ~= 0 and coroutines.can_yield() then
    scheduler.schedule(record.id)
    return
  end
  return take_shared(ws)
end

local function take (ws, record)
  if record.shared then return take_shared(ws) end
  return receive_alone(ws)
end

receivers.take = take

-- ## Delivering

-- The decoded value, or nil: nobody gets it, or after an event `error` for data that
-- does not decode.
local function decode_or_fire (record, with, data, kind)
  local value, token, why, raw = decode(with, data, kind)
  if value == SKIPPED then return nil end
  if value == nil then
    fire(record, {type = "error", token = token, message = why, raw = raw})
  end
  return value
end

local function wants_messages (record)
  return record.discards or has_listener(record, "message")
end

local function deliver_to_listeners (ws, record)
  local data, kind = take(ws, record)
  record.inbox_empty = not data
  if not data then return end
  local with = codecs[ws]
  if with then data = decode_or_fire(record, with, data, kind) end
  if data == nil or record.muted then return end
  fire(record, {
    type = "message", data = data, kind = kind, origin = record.origin,
  })
end

-- Runs in one coroutine for all messages: a change of coroutines costs more than
-- the listener's call. If the listener fails, record.budget says what is left.
local function deliver_to_only_listener (ws, record)
  local entry, origin = record.only_listener, record.origin
  local event_target = record.event_target
  local receive = record.shared and take_shared or receive_alone
  for left = record.budget - 1, 0, -1 do
    if record.only_listener ~= entry then return end
    if record.receivers and has_waiting(record.receivers) then return end
    local data, kind, coded = receive(ws)
    record.budget = left
    if not data then
      record.inbox_empty = true
      return
    end
    if coded then data = decode_or_fire(record, codecs[ws], data, kind) end
    if data ~= nil then
      local event = {
        type = "message", data = data, kind = kind, target = event_target,
      }
      if origin then event.origin = origin end
      entry.listener(event)
    end
  end
end

-- Has a thread of a host take the next message. One that is woken and does not come
-- leaves it to the next one.
local function offer (ws, record, queue)
  local is_message = is_pending(ws)
  if is_message then
    wake(queue)
    threads.look_again(record.id, scheduler.schedule)
  elseif is_message == false then
    wake_all(queue)
  end
end

-- To be called by one that has waited and took a message itself: is one there for the
-- next thread of a host?
function receivers.pass (ws, record)
  local queue = record.receivers
  if queue and queue.condition and has_waiting(queue) then offer(ws, record, queue) end
end

-- Delivers up to `budget` messages: to those who wait for one, else to the
-- listeners.
function receivers.deliver (ws, record, budget)
  record.inbox_empty = false
  repeat
    local queue = record.receivers
    local first = queue and queue[queue.first]
    if not first and queue and queue.condition and has_waiting(queue) then
      return offer(ws, record, queue)
    end
    -- has_waiting(queue), mostly without the call
    if first and status(first) == "suspended" or has_waiting(queue) then
      local data, kind, detail = (record.shared and take_shared or receive_alone)(ws)
      budget = budget - 1
      -- A receiver that waits again sets it by itself and retains the connection.
      record.inbox_empty = not data
      if data then
        wake(queue, data, kind)
      elseif kind then
        wake_all(queue, nil, kind, detail)
      end
    elseif record.only_listener and not record.waiting_listeners then
      record.budget = budget
      local thread = call(deliver_to_only_listener, ws, record)
      budget = record.budget
      if thread then hold_messages(record, thread) end
    elseif record.distribution then
      return record.distribution.deliver(ws, record, budget)
    elseif record.waiting_listeners or not wants_messages(record) then
      return
    else
      budget = budget - 1
      deliver_to_listeners(ws, record)
    end
    if record.inbox_empty then return end
  until budget <= 0
  scheduler.schedule(record.id)
end

return receivers
