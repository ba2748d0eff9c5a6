-- The methods and properties of a connection, the userdata `wsmanager`; those that
-- only look at it are in inspection.lua, pings and heartbeats in liveness.lua.
-- Depends on the core's link, dispatch.lua and receivers.lua.
-- Never makes a table or a closure for a message that is received or sent.

local close_arguments = require "wsmanager.base.close_arguments"
local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local assignment = require "wsmanager.base.assignment"
local codec = require "wsmanager.base.codec"
local dispatch = require "wsmanager.run.dispatch"
local events = require "wsmanager.base.events"
local failures = require "wsmanager.run.failures"
local ffi = require "wsmanager.base.ffi"
local leaving = require "wsmanager.run.leaving"
local listeners = require "wsmanager.run.listeners"
local readers = require "wsmanager.run.readers"
local receivers = require "wsmanager.run.receivers"
local scheduler = require "wsmanager.run.scheduler"
local sending = require "wsmanager.run.sending"

require "wsmanager.inspection"
require "wsmanager.liveness"
require "wsmanager.handling"

local link = core.link
local fields = link.fields
local link_receive = ffi.receive
local now = core.now
local decode, SKIPPED = codec.decode, codec.SKIPPED
local codecs, is_over = dispatch.codecs, dispatch.is_over
local to_record, retain = dispatch.record, dispatch.retain
local schedule, wait_in = dispatch.schedule, dispatch.wait
local records, retained, wait = dispatch.records, scheduler.retained, scheduler.wait
local check_self = arguments.check_self
local to_timeout = arguments.timeout
local take = receivers.take
local detail_of, timed_out = failures.detail_of, failures.timed_out

-- Levels of the stack between our caller and the Lua of receive or send: 1 where
-- a method in C calls it.
local METHOD_LEVELS = link.methods and 1 or 0

local connection = {}

--- How a connection stands: `ws.state`.
---@alias wsmanager.State
---| "connecting"  # an attempt is under way, up to the end of the login
---| "open"        # messages go both ways
---| "closing"     # the closing handshake has begun, or the peer has ended it
---| "closed"      # closed for good: by `close()`, or by an end after which it does not reconnect
---| "waiting"     # for the next attempt
---| "locked"      # ended until `reconnect()`: the `url` function had no URL, or the login said so
---| "exhausted"   # ended until `reconnect()`: `reconnect.limit` attempts have failed in a row

--- A managed connection: it sends heartbeats, reconnects, and keeps in its outbox
--- what it could not send yet. It has the names of the W3C's WebSocket, too, and
--- closes, with 1001, when it is collected or its Lua state is closed.
---@class wsmanager.Connection: userdata, wsmanager.EventProperties
---@field state wsmanager.State     how it stands
---@field readyState integer        0 to 3: `CONNECTING`, `OPEN`, `CLOSING`, `CLOSED` (WebSockets Standard 3.1)
---@field bufferedAmount integer    bytes sent and not yet written to the socket (WebSockets Standard 3.1)
---@field protocol string           the subprotocol agreed on, or "" (RFC 6455 1.9)
---@field extensions string         the extensions agreed on, or "" (RFC 6455 9)
---@field url string                where it is, or was last, connected to
---@field id integer                a number of its own; later ones are higher, with gaps
---@field CONNECTING 0              of `readyState`
---@field OPEN 1                    of `readyState`
---@field CLOSING 2                 of `readyState`
---@field CLOSED 3                  of `readyState`
local methods = core.methods

local receive

-- The message as the program gets it; the next one, if it is dropped. C calls it
-- where there is no timeout, with true.
local function decode_message (ws, data, kind, timeout)
  local value, is, why, raw = decode(codecs[ws], data, kind)
  if value == SKIPPED then
    return receive(ws, timeout ~= true and timeout or nil)
  end
  return value, is, why, raw
end

-- The rest of receive where no message was taken: waits for one, or returns why
-- none will come.
local function wait_for_message (ws, timeout, token, detail)
  if token then return nil, token, detail_of(ws, token, detail) end
  local deadline = timeout and now() + timeout
  local record = records[ws] or to_record(ws)
  local queue, shared = record.receivers, record.shared
  if shared then
    if record.distribution then
      return record.distribution.receive(ws, record, timeout, deadline)
    end
    local message, is, coded = receivers.take_in_turn(ws, record, timeout)
    if message and coded then
      return decode_message(ws, message, is, timeout)
    end
    if message then return message, is end
    if is then return nil, is, detail_of(ws, is, coded) end
  end
  local restarts = record.restarts
  local in_time, data, kind, why
  if not shared and queue and queue.first <= queue.last then
    receivers.note_waiting(ws, record)
  end
  repeat
    record.inbox_empty = not shared
    if queue and retained[record.id] then    -- wait_in, without the call
      in_time, data, kind, why = wait(queue, deadline)
      if not data then retain(ws, record) end
    else
      in_time, data, kind, why = wait_in(ws, record, "receivers", deadline)
    end
    -- on the main thread nobody was notified of the end
    if not kind and record.restarts ~= restarts then
      return nil, "closed", "the connection was closed"
    end
    if not data and not kind then
      if record.distribution then    -- since it began to wait
        return record.distribution.receive(ws, record, timeout, deadline)
      end
      data, kind, why = take(ws, record)
      if data then receivers.pass(ws, record) end
    end
    if data then
      if not codecs[ws] then return data, kind end
      local left = deadline and math.max(0, deadline - now())
      return decode_message(ws, data, kind, left)
    end
    if kind then return nil, kind, detail_of(ws, kind, why) end
  until not in_time
  return timed_out(ws, "no message", timeout)
end

--- The next message, across reconnects. Several coroutines that wait get one message each, in
--- turn. With the option `stream` it returns a `wsmanager.Reader` as soon as some of the message
--- is there, and drops what is left of the message before. A coroutine of PUC Lua 5.1 cannot
--- wait in a `for` nor inside a `pcall`: there call it in a `while`.
--- Source: RFC 6455 6.2.
---@param timeout? number  seconds; after a timeout the connection is as it was
---@return any data  the message, decoded where `decode` is set, or nil
---@return "text"|"binary"|wsmanager.Token kind  of nil the token: "timeout", "closed", "codec" ...
---@return string? detail  of nil: why
---@return string? raw  with "codec": the message as it came
function receive (ws, timeout)
  if timeout ~= nil then
    timeout = to_timeout(1 + METHOD_LEVELS, "#1 to 'receive'", timeout)
  end
  local data, kind, coded = link_receive(ws)
  if not data then return wait_for_message(ws, timeout, kind, coded) end
  if coded then return decode_message(ws, data, kind, timeout) end
  return data, kind
end

methods.receive = receive

local function next_message (ws, record, restarts)
  while record.restarts == restarts do
    local data, kind, why, raw = methods.receive(ws)
    if data ~= nil then return data, kind end
    if kind ~= "codec" then return nil end
    local event = {type = "error", token = kind, message = why, raw = raw}
    listeners.fire(record, event)
  end
end

--- Iterates over the messages: `for data, kind in ws:messages() do`. It gives every message, across
--- reconnects, also those by `reconnect()`, until the connection is over (closed for good, locked or exhausted). After
--- `close()` it gives what still comes on that connection, and ends for good: what comes when
--- `reconnect()` has connected again is for a new `messages()`. A message that cannot be decoded
--- goes to the event `error` (token `codec`, the message in `raw`) and the next one comes. A
--- coroutine of PUC Lua 5.1 cannot wait in a `for`: there it raises, and `receive` in a `while`
--- does the same.
---@return fun(ws: wsmanager.Connection): any, string next  returns a message and its kind
---@return wsmanager.Connection ws
function methods.messages (ws)
  check_self(ws, "messages")
  failures.check_iterator(1)
  local record = to_record(ws)
  local restarts = record.restarts
  return function () return next_message(ws, record, restarts) end, ws
end

-- How many times it was connected by reconnect() after close().
function connection.restarts (ws)
  return to_record(ws).restarts
end

methods.send = sending.send

--- Starts the closing handshake, after what was sent before. It ends the connection for good
--- and always wins over a reconnect; only `reconnect()` opens it again. It does not wait:
--- `closed` does. It may be called again. Another code raises InvalidAccessError, a long reason
--- SyntaxError. To lose nothing call `ws:drain` before.
--- Source: RFC 6455 7.1.2; WebSockets Standard 3.1.
---@param code? integer  1000 or 3000 to 4999; a server's side also 1001, 1011 ...
---@param reason? string  at most 123 bytes of UTF-8
---@return integer dropped  messages that were never sent, as it was not open: `ws:unsent` has them
function methods.close (ws, code, reason)
  check_self(ws, "close")
  local record = to_record(ws)
  close_arguments.check_end(1, "#1 to 'close'", code, "#2 to 'close'", reason)
  local over = record.over and ws.state == "closed"
  local again = record.closing or over
  local dropped = link.close(ws, code, reason)
  record.pending_call, record.reconnect_later, record.next_url = nil, nil, nil
  record.was_closed = true
  if over then return 0 end
  record.closing = true
  schedule(record)
  return again and 0 or dropped
end

--- Waits until the kernel has taken everything that was sent: nothing is in the outbox or in the
--- output. It goes on through reconnects, so that `send`, `drain`, `close` loses nothing that
--- the peer takes. That is the kernel's word, not the peer's: see `identify`.
---@param timeout? number  seconds
---@return true|nil drained
---@return wsmanager.Token? token  "timeout", "cancelled", or why it ended: `ws:unsent` has what was never sent
---@return string? detail  why
function methods.drain (ws, timeout)
  check_self(ws, "drain")
  timeout = to_timeout(1, "#1 to 'drain'", timeout)
  local deadline = timeout and now() + timeout
  local record = to_record(ws)
  local forked = dispatch.check_fork(ws, record)
  if forked then return nil, "closed", forked end
  local in_time = true
  repeat
    if link.isflushed(ws) then return true end
    if record.over and is_over[ws.state] and not record.reconnect_later then
      return nil, record.ending.token or "closed",
             failures.why_over(ws, record)
    end
    if not in_time then return timed_out(ws, "not sent", timeout) end
    in_time = wait_in(ws, record, "watchers", deadline)
  until false
end

--- Waits until it is open (it may have closed again since).
---@param timeout? number  seconds
---@return true|nil opened
---@return wsmanager.Token? token  why it will not open: "refused", "locked", "closed" ...; "timeout", "cancelled"
---@return string? detail  why
function methods.opened (ws, timeout)
  check_self(ws, "opened")
  timeout = to_timeout(1, "#1 to 'opened'", timeout)
  local deadline = timeout and now() + timeout
  local record = to_record(ws)
  dispatch.check_fork(ws, record)
  local opens, in_time = record.opens, true
  repeat
    if ws.state == "open" or record.opens ~= opens then return true end
    if record.over and is_over[ws.state] and not record.reconnect_later then
      return nil, record.ending.token or "closed",
             failures.why_over(ws, record)
    end
    if not in_time then return timed_out(ws, "not open", timeout) end
    in_time = wait_in(ws, record, "watchers", deadline)
  until false
end

--- Waits until it is closed for good.
--- Source: RFC 6455 7.1.5, 7.1.6, 7.4.
---@param timeout? number  seconds
---@return integer? code  1005: the close frames had none; 1006: there was no closing handshake; or nil
---@return string reason  of the close frame; of nil the token: "timeout", "locked", "exhausted", "cancelled"
---@return boolean|string clean  the closing handshake was completed; of nil the detail
function methods.closed (ws, timeout)
  check_self(ws, "closed")
  timeout = to_timeout(1, "#1 to 'closed'", timeout)
  local deadline = timeout and now() + timeout
  local record = to_record(ws)
  dispatch.check_fork(ws, record)
  local restarts, in_time = record.restarts, true
  repeat
    local state, ending = ws.state, record.ending
    if record.over and state == "closed" or record.restarts ~= restarts then
      return ending.code or 1006, ending.reason or "", ending.clean or false
    elseif record.over and is_over[state] then
      return nil, state, ending.detail
    end
    if not in_time then return timed_out(ws, "not closed", timeout) end
    in_time = wait_in(ws, record, "watchers", deadline)
  until false
end

--- Connects at once with all its attempts again, from any state; an open connection is ended
--- first. What is in the outbox stays. It does not wait: `opened` does. While a `close` is under
--- way it connects after that, when everybody has been notified of the end. With `code` or
--- `reason` a close frame is given to the kernel before, and the peer's is not awaited. `url` is
--- for the next attempt alone, and an attempt under way is given up for it. On a server's side
--- it raises.
---@param options? {code: integer?, reason: string?, url: string?}
function methods.reconnect (ws, options)
  check_self(ws, "reconnect")
  local record = to_record(ws)
  if record.server then
    error("a server's side of a connection cannot reconnect", 2)
  end
  if options ~= nil then
    close_arguments.check(1, options)
    link.checkend(ws, options.code, options.reason)
  end
  if record.closing then
    record.reconnect_later = options or true
  else
    if ws.state ~= "connecting" or options and options.url then
      record.pending_call = nil
    end
    dispatch.start(ws, record, options)
  end
  schedule(record)
end

--- Writes to the socket now, instead of at the end of the loop's turn. On the main thread each
--- `send` does.
function methods.flush (ws)
  check_self(ws, "flush")
  return link.flush(ws)
end

--- Listens to an event. A listener may wait; while a listener of `message` waits, the messages
--- behind it wait, too.
--- Source: WHATWG DOM 2.7.
---@param name wsmanager.EventName  its name
---@param listener fun(event: wsmanager.Event)  called with one table
---@param options? {once: boolean?}|boolean  `once`: it is removed before its first call
function methods.addEventListener (ws, name, listener, options)
  check_self(ws, "addEventListener")
  local record = to_record(ws)
  if name == "message" then readers.check_whole(1, record, "a listener of 'message'") end
  listeners.add(record, name, listener, options)
  if name == "uncertain" then link.track(ws) end
  schedule(record)
  retain(ws, record)
end

--- Removes a listener; one that is not there is no error.
--- Source: WHATWG DOM 2.7.
---@param name wsmanager.EventName  its name
---@param listener fun(event: wsmanager.Event)  the same function
function methods.removeEventListener (ws, name, listener)
  check_self(ws, "removeEventListener")
  local record = to_record(ws)
  listeners.remove(record, name, listener)
  retain(ws, record)
end

-- Sets an on* property; an error is at the line that called its caller.
function connection.listen (ws, property, listener)
  local record = to_record(ws)
  if property == "onmessage" and listener then
    readers.check_whole(2, record, "'onmessage'")
  end
  listeners.set_property(record, events.properties[property], listener)
  if property == "onuncertain" and listener then link.track(ws) end
  fields(ws)[property] = listener
  schedule(record)
  retain(ws, record)
end

-- Where C can continue after a yield, C alone takes a message that is there, or
-- sends one that there is room for; it calls these functions for the rest.
if link.methods then
  methods.receive, methods.send =
    link.methods(receive, methods.send, decode_message, wait_for_message)
end

-- The host ends, or the program `stops`: `drop` where it waits for nothing any more.
leaving.set_handlers {connection = function (ws, drop, stops)
  if drop then return dispatch.abort(ws) end
  if to_record(ws).server or ws.state == "closed" then return end
  if stops then link.goaway(ws) end
  methods.close(ws)
end}

methods.CONNECTING, methods.OPEN, methods.CLOSING, methods.CLOSED = 0, 1, 2, 3

connection.describe = failures.describe

-- Lua 5.4: `local ws <close>` drops the connection where its block ends.
core.metatable.__close = dispatch.abort

core.metatable.__tostring = function (ws)
  return "wsmanager: " .. connection.describe(ws)
end

core.metatable.__newindex = function (ws, name, value)
  if events.properties[name] then
    assignment.check_handler(name, value)
    connection.listen(ws, name, value)
  else
    assignment.check_field(name, methods, to_record(ws).server ~= nil)
    fields(ws)[name] = value
  end
end

return connection
