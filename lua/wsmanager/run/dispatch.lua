-- Dispatch: what has happened to a connection goes to the coroutines that wait for
-- it and to its listeners.
-- Depends on the core's link, scheduler.lua, listeners.lua, login.lua, receivers.lua,
-- retry.lua, target.lua.
-- Never makes a table or a closure for a message that somebody waits for.

local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local heartbeats = require "wsmanager.run.heartbeats"
local listeners = require "wsmanager.run.listeners"
local login = require "wsmanager.run.login"
local opening = require "wsmanager.run.opening"
local receivers = require "wsmanager.run.receivers"
local retry = require "wsmanager.run.retry"
local scheduler = require "wsmanager.run.scheduler"
local target = require "wsmanager.run.target"
local url = require "wsmanager.base.url"

local link = core.link
local fields = link.fields
local link_event = link.event
local fire, has_listener = listeners.fire, listeners.has
local wait, has_waiting = scheduler.wait, coroutines.has_waiting
local wake, wake_all = coroutines.wake, coroutines.wake_all
local codecs, deliver = receivers.codecs, receivers.deliver
local retained, set_retained = scheduler.retained, scheduler.retain

local MESSAGES_PER_ROUND = 1024  -- of one connection
local EVENTS_AT_ONCE = 16        -- of one connection
local RECORD = {}                -- the key of the record among a connection's fields
local NO_OPTIONS = {}            -- of a reconnect()
local NOT_ENDED = {}             -- the ending of one that has not ended since it opened

---@class wsmanager.Record  what this layer keeps of a connection
---@field id integer
---@field event_target wsmanager.Connection|wsmanager.WebSocket  `target` of its events
---@field codec? wsmanager.Codec     one that asks heartbeat.ack, where that is given
---@field heartbeat? wsmanager.HeartbeatFunctions  of functions or a message
---@field heartbeat_options? table  the option heartbeat, for `register`
---@field ending wsmanager.Last     how it failed or ended last; empty once it opens
---@field opens? integer            how many times it has opened
---@field over? true                closed, locked or exhausted, and everybody was notified
---@field closing? true             close() was called
---@field was_closed? true          close() was called, and since then no reconnect() has connected
---@field restarts? integer         how many times reconnect() has connected it after close()
---@field reconnect_later? true|table   reconnect() was called meanwhile; with these options
---@field must_notify? true         its waiters are notified in the next round, whatever happens
---@field receivers? table          queue of coroutines that wait for a message
---@field senders? table            queue of coroutines that wait for room
---@field watching? table           its codec where somebody looks at each message: watch.lua
---@field identify? fun(data: any, kind: string): any  option identify
---@field outbox_waits? true        option outbox.full = "wait"
---@field full_for? "new"|"same"    a sender has found no room, since this was reset
---@field watchers? table           queue of coroutines that wait for another state
---@field pings? table<integer, thread>  number of a ping that is awaited -> who does
---@field inbox_empty? boolean      the last receive found no message
---@field asked? {n: integer}       how many requests it has asked
---@field distributing? wsmanager.Distributing  options dispatch and correlate
---@field distribution? wsmanager.Distribution  where there are handlers of messages
---@field takers? table             queue of coroutines that wait in `receive` there
---@field readers? table            option stream: queue of those that wait for a part
---@field budget? integer           messages that may still be delivered in this round
---@field listeners? table<string, wsmanager.Listener[]>  event -> its listeners
---@field only_listener? wsmanager.Listener  of `message`, when there is one
---@field waiting_listeners? integer  listeners of `message` that wait: no message is delivered
---@field target_options? table     url, protocols, headers, tls: values or functions, for each attempt
---@field next_url? string         of the next attempt alone: reconnect {url}
---@field tls_given? table          what the function `tls` returned last
---@field tls_context? userdata     of that
---@field when? fun(info: wsmanager.Ending): boolean|number|nil  option reconnect.when
---@field delay? wsmanager.Delay    option reconnect.delay, where it is a function
---@field pending_call? table       identifies the call of such a function that is awaited
---@field origin? string            of a W3C WebSocket's messages
---@field discards? true            a W3C WebSocket: a message that nobody listens to is dropped
---@field held_event? table           a W3C WebSocket: an event that waits for a listener of `message`
---@field muted? true               a W3C WebSocket after close(): every message is dropped
---@field server? wsmanager.Server  whose connection it is
---@field exchange? table           the request that a server accepted
---@field accepted? true            by the server
---@field login? fun(ws: wsmanager.Login, info: table): any  option login
---@field login_failed? fun(mine: table, why: any, thread: thread?)  reports an error of it
---@field logging_in? table         the login of the connection under way
---@field next_event? fun(ws, record): string?, any, any, any  instead of link.event
---@field begin_login? fun(ws, record, attempt: integer, epoch: integer)
---@field renew? fun(ws, record)    option reconnect.after
---@field migrating? wsmanager.Connection    the one that is to take its place
---@field migrator? thread          who waits for that
---@field predecessor? wsmanager.Connection  the one whose place it took, while that closes
---@field user_ids? wsmanager.UserIds  of a server's connection whose user is known
---@field on_open? fun(ws, record)
---@field on_over? fun()

-- Endings are never changed and those alike are shared: when a server goes away,
-- thousands of connections end in the same way.
local last_ending = {error = NOT_ENDED, close = NOT_ENDED}

-- In these states nothing happens until somebody calls reconnect().
local is_over = {closed = true, locked = true, exhausted = true}

local websocket_event

-- A connection's fields keep its record: this table keeps neither.
local records = setmetatable({}, {__mode = "kv"})

local dispatch = {
  codecs = codecs,     -- connection -> codec
  records = records,   -- connection -> record, faster than dispatch.record
  is_over = is_over,
}

-- One that a finalizer has is no longer in the table.
local function to_record (ws)
  return records[ws] or fields(ws)[RECORD]
end

dispatch.record = to_record

-- A WebSocket is not collected while its output holds messages, or while it closes
-- (WebSockets 7).
local function has_something_to_write (ws, record)
  return not record.over and (record.muted or ws.bufferedAmount > 0)
end

-- Does it have listeners, or handlers of its messages?
function dispatch.is_listened (record)
  local distribution = record.distribution
  return record.listeners ~= nil or distribution ~= nil and distribution.users > 0
end

-- Keeps the connection from being collected while somebody waits for it or
-- listens to it.
local function retain (ws, record)
  local needed = has_waiting(record.receivers) or has_waiting(record.senders)
                 or has_waiting(record.watchers)
                 or record.listeners ~= nil and not record.over
                 or record.discards and has_something_to_write(ws, record)
                 or record.distribution ~= nil and record.distribution.is_needed(record)
  set_retained(record.id, needed and ws or nil)
end

dispatch.retain = retain

-- Registers a new connection with its record, which may have event_target,
-- codec, heartbeat_options, target_options, when, origin, discards, server and
-- on_request set.
function dispatch.register (ws, record)
  record.id = link.id(ws)
  record.event_target = record.event_target or ws
  record.ending = NOT_ENDED
  if record.discards then record.next_event = websocket_event end
  fields(ws)[RECORD], records[ws] = record, record
  heartbeats.apply(ws, record, record.heartbeat_options)
  record.heartbeat_options = nil
  scheduler.connections[record.id] = ws
  return ws
end

-- ## Events of the core

local on_event = {}

local function set_ending (record, kind, token, detail, code, reason, clean)
  local ending = last_ending[kind]
  if ending.token ~= token or ending.detail ~= detail or ending.code ~= code
     or ending.reason ~= reason or ending.clean ~= clean
  then
    ending = {
      token = token, detail = detail,
      code = code, reason = reason, clean = clean,
    }
    last_ending[kind] = ending
  end
  record.ending = ending
end

local function set_error (record, token, detail)
  local ending = record.ending
  set_ending(record, "error", token, detail,
             ending.code, ending.reason, ending.clean)
end

-- Wakes those who wait for room one by one, until one finds none and waits again:
-- as the first, if it is for the same message.
local function wake_senders (record)
  local queue = record.senders
  while has_waiting(queue) do
    record.full_for = nil
    wake(queue)
    if record.full_for == "same" then coroutines.move_last_first(queue) end
    if record.full_for then return end
  end
end

function on_event.target (ws, record, attempt, moves, number)
  target.find(ws, record, attempt, moves, number)
end

function on_event.verdict (ws, record)
  retry.decide(ws, record)
end

function on_event.login (ws, record, attempt, epoch)
  record.begin_login(ws, record, attempt, epoch)
end

function on_event.room (_, record)
  login.note_room(record)
end

-- The login took too long: next_event has ended it.
function on_event.cut () end

local function release (ws, record)
  link.release(ws)
  wake_senders(record)
  if record.on_open then record.on_open(ws, record) end
end

-- What the listeners send until they first wait goes before the outbox, and that
-- before what others send.
function on_event.open (ws, record)
  record.ending, record.inbox_empty = NOT_ENDED, false
  record.opens = (record.opens or 0) + 1
  if not has_listener(record, "open") then return release(ws, record) end
  opening.fire(ws, record, {
    type = "open", epoch = link.stats(ws).epoch, gap = record.opens > 1,
  }, release)
end

function dispatch.tell_error (record, token, detail)
  fire(record, {type = "error", token = token, message = detail})
end

-- Another connection has taken the place of the one that was open.
function dispatch.migrated (ws, record, gap)
  record.ending, record.inbox_empty = NOT_ENDED, false
  record.opens = record.opens + 1
  fire(record, {
    type = "open", epoch = link.stats(ws).epoch, gap = gap, migrated = true,
  })
  wake_senders(record)
  dispatch.schedule(record)
  retain(ws, record)
end

-- A WebSocket whose peer does not finish the close has not failed (WebSockets 4).
local function is_late_close (record, token)
  return record.muted and record.opens and token == "timeout"
end

function on_event.error (_, record, token, detail)
  set_error(record, token, detail)
  if is_late_close(record, token) then return end
  if not has_listener(record, "error") then return end
  fire(record, {type = "error", token = token, message = detail})
end

-- A WebSocket's close code is the peer's, never our own (RFC 6455 7.1.5).
local function has_own_code (record)
  local token = record.ending.token
  return record.discards and (token == "protocol" or token == "toobig")
end

function on_event.close (ws, record, code, reason, clean)
  local ending = record.ending
  if has_own_code(record) then code, reason = 1006, "" end
  set_ending(record, "close", ending.token, ending.detail, code, reason, clean)
  if record.distribution then record.distribution.lose(ws, record) end
  if not has_listener(record, "close") then return end
  fire(record, {
    type = "close", code = code, reason = reason, wasClean = clean,
  })
end

function on_event.reconnecting (_, record, attempt, delay)
  if not has_listener(record, "reconnecting") then return end
  fire(record, {type = "reconnecting", attempt = attempt, delay = delay})
end

function on_event.locked (_, record, why)
  set_error(record, "locked", why)
  fire(record, {type = "locked", message = why})
end

function on_event.exhausted (_, record, why)
  set_error(record, "exhausted", why)
  fire(record, {type = "exhausted", message = why})
end

function on_event.drain (_, record)
  wake_senders(record)
  fire(record, {type = "drain"})
end

-- received = true: nobody took it.
function dispatch.tell_dropped (record, count, bytes, token, received)
  fire(record, {type = "dropped", count = count, bytes = bytes, token = token,
                received = received})
end

function on_event.dropped (_, record, ...) dispatch.tell_dropped(record, ...) end
function on_event.untaken (_, record, a, b, c) dispatch.tell_dropped(record, a, b, c, true) end

function on_event.uncertain (_, record, messages, bytes)
  fire(record, {type = "uncertain", messages = messages, bytes = bytes})
end

function on_event.renew (ws, record) record.renew(ws, record) end

-- `drain()` and `ping()` wait among those who are notified of the state after any event.
function on_event.flushed () end
function on_event.pong () end

function on_event.heartbeat (ws, record)
  heartbeats.ask(ws, record)
end

-- What somebody looks at: notes.lua.
function on_event.notes (ws, record) record.observe(ws, record) end

-- A server's.
function on_event.request (ws, record)
  record.on_request(ws, record)
end

-- The messages that came before these events are delivered before them.
local is_after_messages = {
  error = true, close = true, reconnecting = true, locked = true,
  exhausted = true,
}

-- ## A connection's turn

-- Connects. After close() this is a restart: those who have waited since before it
-- are notified that it has ended.
function dispatch.start (ws, record, options)
  if record.was_closed then
    record.was_closed, record.restarts = nil, (record.restarts or 0) + 1
  end
  options = type(options) == "table" and options or NO_OPTIONS
  if options.url then target.set_next(ws, record, options.url) end
  link.start(ws, options.code, options.reason, options.url ~= nil)
end

-- A reconnect() that came while close() was under way waits until everybody has
-- been notified of the end.
local function start_again (ws, record)
  record.closing = nil
  local options = record.reconnect_later
  if not options then return end
  record.reconnect_later = nil
  dispatch.start(ws, record, options)
  dispatch.schedule(record)
end

local function notify_state (ws, record)
  local over = is_over[ws.state] or nil
  record.over = over
  if over and record.senders then wake_all(record.senders) end
  if record.watchers then wake_all(record.watchers) end
  if over and record.distribution then record.distribution.lose(ws, record) end
  if over and record.on_over then record.on_over() end
  if over and record.migrating then
    dispatch.abort(record.migrating)
    record.migrating = nil
  end
  if over and record.closing then start_again(ws, record) end
end

-- A WebSocket's events are tasks: those of its end wait while a listener of a message
-- before them does (WebSockets 4).
local function must_wait (record)
  return record.discards and record.waiting_listeners
end

function websocket_event (ws, record)
  local held = record.held_event
  if must_wait(record) then return nil end
  if not held then return link_event(ws) end
  record.held_event = nil
  return held[1], held[2], held[3], held[4]
end

-- While a login lasts its messages come before the events.
local function following_event (ws, record)
  if record.logging_in then return record.next_event(ws, record) end
  return link_event(ws)
end

-- Returns whether these were all. A listener may cause another event with each,
-- as one that reconnects what is locked: the others have their turn between them.
local function handle_events (ws, record, kind, a, b, c)
  local left = EVENTS_AT_ONCE
  while kind do
    if is_after_messages[kind] then
      deliver(ws, record, math.huge)
      if must_wait(record) then
        record.held_event = {kind, a, b, c}
        return true
      end
    end
    on_event[kind](ws, record, a, b, c)
    left = left - 1
    if left == 0 then return false end
    kind, a, b, c = following_event(ws, record)
  end
  return true
end

local function dispatch_connection (ws)
  local record = records[ws] or to_record(ws)
  local kind, a, b, c = (record.next_event or link_event)(ws, record)
  if kind or record.must_notify then
    record.must_notify = nil
    if not handle_events(ws, record, kind, a, b, c) then
      return dispatch.schedule(record)
    end
    deliver(ws, record, MESSAGES_PER_ROUND)
    notify_state(ws, record)
  else
    deliver(ws, record, MESSAGES_PER_ROUND)
    local queue = record.receivers
    if record.inbox_empty and queue and queue.first <= queue.last then return end
  end
  retain(ws, record)
end

scheduler.set_handlers {connection = dispatch_connection}

-- "onmessage of ws://localhost/": the listener that was called with an event, or
-- deliver_to_only_listener with its connection.
local function describe_call (argument)
  local is_event = type(argument) == "table" and argument.target ~= nil
  if not is_event and type(argument) ~= "userdata" then return "a coroutine" end
  local address = (is_event and argument.target or argument).url
  local name = address ~= "" and url.redacted(address) or "a server's connection"
  return "on" .. (is_event and argument.type or "message") .. " of " .. name
end

coroutines.set_describe(describe_call)

-- ## For the connection's methods

-- Has everybody notified of the connection's state in the next round, whether or not
-- an event comes.
function dispatch.schedule (record)
  record.must_notify = true
  record.over = nil
  scheduler.schedule(record.id)
end

-- Waits once in the record's queue of that name, with the results of
-- scheduler.wait. Who is woken with a message retains the connection itself.
function dispatch.wait (ws, record, name, deadline)
  local queue = record[name]
  if not queue then
    queue = coroutines.new_queue(record.id)
    record[name] = queue
  end
  if not retained[record.id] then set_retained(record.id, ws) end
  local in_time, data, kind, detail = wait(queue, deadline)
  if not data then retain(ws, record) end
  return in_time, data, kind, detail
end

-- Called before a wait for another state: in a forked child, where no event
-- comes, the connection of the parent is over. Returns why, if it is one.
function dispatch.check_fork (ws, record)
  local why = link.forked(ws)
  if not why or record.over then return why end
  record.over, record.reconnect_later = true, nil
  set_ending(record, "error", "closed", why)
  return why
end

-- Ends the connection without a closing handshake; those who wait are notified in
-- the next round.
function dispatch.abort (ws)
  local record = to_record(ws)
  record.pending_call, record.reconnect_later, record.next_url = nil, nil, nil
  record.was_closed = true
  if ws.state == "closed" then return end
  link.abort(ws, "the connection was dropped")
  if ws.state ~= "closed" then     -- no connection or attempt was under way
    link.close(ws)
    set_error(record, "closed", "the connection was dropped")
  end
  dispatch.schedule(record)
end

-- The same, and notifies them at once. Not for the connection's own listeners.
function dispatch.drop (ws)
  dispatch.abort(ws)
  dispatch_connection(ws)
end

return dispatch
