-- Attention to a connection: what has happened to it reaches those who wait for
-- it and those who listen to it.
-- Stands on the core's link, scheduler.lua, events.lua, codec.lua, answers.lua.
-- Never makes a table or a closure for a message that somebody waits for.

local core = require "wsmanager.core"
local answers = require "wsmanager.run.target"
local codec = require "wsmanager.base.codec"
local direct = require "wsmanager.base.ffi"
local events = require "wsmanager.base.events"
local scheduler = require "wsmanager.run.scheduler"

local link = core.link
local fields = link.fields
local link_event, link_receive = link.event, direct.receive
local fire, wanted = events.fire, events.wanted
local hold_back, call = events.hold_back, scheduler.call
local wait, waits = scheduler.wait, scheduler.waits
local wake, wake_all = scheduler.wake, scheduler.wake_all
local held = scheduler.held
local decode = codec.decode

local ROUND = 1024     -- messages that listeners hear in one round at most
local RECORD = {}      -- what we know of a connection, in its own table
local NONE = {}        -- the ending of one that has not ended since it opened
local latest = {error = NONE, close = NONE}   -- the endings noted last

local codecs = setmetatable({}, {__mode = "k"})

-- They end every wait: nothing comes until somebody calls reconnect().
local is_over = {closed = true, locked = true, exhausted = true}

local attention = {
  codecs = codecs,     -- connection -> codec
  is_over = is_over,
}

local function to_record (ws)
  return fields(ws)[RECORD]
end

attention.record = to_record

-- A connection lives while somebody waits for it or listens to it.
local function hold (ws, record)
  local needed = waits(record.receivers) or waits(record.senders)
                 or waits(record.watchers)
                 or record.listeners ~= nil and not record.over
  held[record.id] = needed and ws or nil
end

attention.hold = hold

-- Makes the userdata one of ours. `record` may hold url, protocols, headers
-- (functions or values, of `dial`), when, target, server, codec.
function attention.adopt (ws, record)
  record.id = link.id(ws)
  record.target = record.target or ws
  record.ending = NONE
  fields(ws)[RECORD] = record
  codecs[ws] = record.codec
  link.codec(ws, record.codec ~= nil)
  scheduler.connections[record.id] = ws
  return ws
end

-- What the message means; nil: it does not decode, which `error` tells.
local function understand (record, with, data, kind)
  local value, token, why, raw = decode(with, data, kind)
  if value == nil then
    fire(record, {type = "error", token = token, message = why, raw = raw})
  end
  return value
end

local function hear (record, with, data, kind)
  if with then data = understand(record, with, data, kind) end
  if data == nil then return end
  fire(record, {
    type = "message", data = data, kind = kind, origin = record.origin,
  })
end

-- A browser's WebSocket discards what nobody listens to.
local function listens (record)
  return record.discards or wanted(record, "message")
end

-- The next message goes to whoever waits first. One that waits again has found
-- nothing more, says so in `drained`, and holds the connection.
local function hand_over (ws, record)
  local data, kind, detail = link_receive(ws)
  record.drained = not data
  if data then
    wake(record.receivers, data, kind)
  elseif kind then
    wake_all(record.receivers, nil, kind, detail)
  end
end

-- The next message goes to all who listen.
local function hear_one (ws, record)
  local data, kind = link_receive(ws)
  record.drained = not data
  if data then hear(record, codecs[ws], data, kind) end
end

-- An only listener hears its messages in one coroutine: to change coroutines
-- costs more than to call it. Should it fail, record.most says what is left.
local function hear_all (ws, record)
  local entry, origin, target = record.sole, record.origin, record.target
  for left = record.most - 1, 0, -1 do
    if record.sole ~= entry then return end
    if record.receivers and waits(record.receivers) then return end
    local data, kind, coded = link_receive(ws)
    record.most = left
    if not data then
      record.drained = true
      return
    end
    if coded then data = understand(record, codecs[ws], data, kind) end
    if data ~= nil then
      local event = {
        type = "message", data = data, kind = kind, target = target,
      }
      if origin then event.origin = origin end
      entry.listener(event)
    end
  end
end

-- Gives what has come to those who wait for it, else to those who listen.
local function deliver (ws, record, most)
  record.most, record.drained = most, false
  repeat
    if waits(record.receivers) then
      record.most = record.most - 1
      hand_over(ws, record)
    elseif record.busy or not listens(record) then
      return
    elseif record.sole then
      local thread = call(hear_all, ws, record)
      if thread then hold_back(record, thread) end
    else
      record.most = record.most - 1
      hear_one(ws, record)
    end
    if record.drained then return end
  until record.most <= 0
  scheduler.touch(record.id)
end

local react = {}

-- How it ended; never changed, for those that end alike share it: when a server
-- goes they are thousands, and the memory of it would stay.
local function note (record, kind, token, detail, code, reason, clean)
  local ending = latest[kind]
  if ending.token ~= token or ending.detail ~= detail or ending.code ~= code
     or ending.reason ~= reason or ending.clean ~= clean
  then
    ending = {
      token = token, detail = detail,
      code = code, reason = reason, clean = clean,
    }
    latest[kind] = ending
  end
  record.ending = ending
end

local function note_error (record, token, detail)
  local ending = record.ending
  note(record, "error", token, detail,
       ending.code, ending.reason, ending.clean)
end

function react.target (ws, record, attempt)
  answers.target(ws, record, attempt)
end

function react.verdict (ws, record, token, code, final)
  answers.verdict(ws, record, token, code, final)
end

function react.open (_, record)
  record.ending = NONE
  record.opens = (record.opens or 0) + 1
  if record.senders then wake_all(record.senders) end
  if wanted(record, "open") then fire(record, {type = "open"}) end
end

function react.error (_, record, token, detail)
  note_error(record, token, detail)
  if not wanted(record, "error") then return end
  fire(record, {type = "error", token = token, message = detail})
end

function react.close (_, record, code, reason, clean)
  local ending = record.ending
  note(record, "close", ending.token, ending.detail, code, reason, clean)
  if not wanted(record, "close") then return end
  fire(record, {
    type = "close", code = code, reason = reason, wasClean = clean,
  })
end

function react.reconnecting (_, record, attempt, delay)
  if not wanted(record, "reconnecting") then return end
  fire(record, {type = "reconnecting", attempt = attempt, delay = delay})
end

function react.locked (_, record, why)
  note_error(record, "locked", why)
  fire(record, {type = "locked", message = why})
end

function react.exhausted (_, record)
  note_error(record, "exhausted", record.ending.detail)
  fire(record, {type = "exhausted", message = record.ending.detail})
end

function react.drain (_, record)
  if record.senders then wake_all(record.senders) end
  fire(record, {type = "drain"})
end

function react.request ()
end

-- What came before them must be heard before them.
local is_after_messages = {
  error = true, close = true, reconnecting = true, locked = true,
  exhausted = true,
}

-- A reconnect() that came while close() was under way: all have heard of it.
local function start_again (ws, record)
  record.closing = nil
  if not record.again then return end
  record.again = nil
  link.start(ws)
  attention.touch(record)
end

local function settle (ws, record)
  local over = is_over[ws.state] or nil
  record.over = over
  if over and record.senders then wake_all(record.senders) end
  if record.watchers then wake_all(record.watchers) end
  if over and record.ended then record.ended(ws) end
  if over and record.closing then start_again(ws, record) end
end

local function tell_events (ws, record, kind, a, b, c)
  while kind do
    if is_after_messages[kind] then deliver(ws, record, math.huge) end
    react[kind](ws, record, a, b, c)
    kind, a, b, c = link_event(ws)
  end
end

-- Tells everybody what has happened to it.
local function attend (ws)
  local record = fields(ws)[RECORD]   -- to_record, without the call
  local kind, a, b, c = link_event(ws)
  if kind or record.touched then
    record.touched = nil
    tell_events(ws, record, kind, a, b, c)
    deliver(ws, record, ROUND)
    settle(ws, record)
  else
    deliver(ws, record, ROUND)
    local queue = record.receivers
    if record.drained and queue and queue.first <= queue.last then return end
  end
  hold(ws, record)
end

scheduler.attend = attend

-- Has it attended to in the next round, whether or not something happens.
function attention.touch (record)
  record.touched = true
  record.over = nil
  scheduler.touch(record.id)
end

-- Waits once in the record's queue of that name. Who hands over a message looks
-- after the connection's life itself.
function attention.wait (ws, record, name, deadline)
  local queue = record[name]
  if not queue then
    queue = scheduler.queue()
    record[name] = queue
  end
  held[record.id] = ws
  local in_time, data, kind, detail = wait(queue, deadline)
  if not data then hold(ws, record) end
  return in_time, data, kind, detail
end

-- Hangs up without a word; whoever waits hears in the next round that it is
-- closed.
function attention.abort (ws)
  local record = to_record(ws)
  record.asking, record.again = nil, nil
  if ws.state == "closed" then return end
  link.abort(ws, "the connection was dropped")
  if ws.state ~= "closed" then     -- it was waiting: no session
    link.close(ws)
    note_error(record, "closed", "the connection was dropped")
  end
  attention.touch(record)
end

-- The same at once: outside of the connection's own listeners.
function attention.drop (ws)
  attention.abort(ws)
  attend(ws)
end

return attention
