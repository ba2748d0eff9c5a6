-- What the userdata `wsmanager` can do: its methods and properties.
-- Stands on the core's link and attention.lua.
-- Never makes a table or a closure for a message that is received or sent.

local core = require "wsmanager.core"
local attention = require "wsmanager.run.dispatch"
local codec = require "wsmanager.base.codec"
local direct = require "wsmanager.base.ffi"
local events = require "wsmanager.base.events"
local scheduler = require "wsmanager.run.scheduler"

local link = core.link
local fields = link.fields
local link_receive, link_send = direct.receive, direct.send
local now = core.now
local decode, encode = codec.decode, codec.encode
local codecs, is_over = attention.codecs, attention.is_over
local to_record, hold = attention.record, attention.hold
local touch, wait_in = attention.touch, attention.wait

local type = type

-- Between our caller and receive or send there may be a method in C.
local BETWEEN = link.methods and 1 or 0

local connection = {}

--- A managed connection: it beats, it reconnects, it keeps what it could not
--- send yet. It is a WebSocket too (W3C WebSockets, the same names) and closes
--- when it is dropped.
---@class wsmanager.Connection: userdata
---@field state "connecting"|"open"|"closing"|"closed"|"waiting"|"locked"|"exhausted"
---@field readyState integer       0 to 3, as the W3C has it
---@field bufferedAmount integer   bytes sent and not yet with the kernel
---@field protocol string          the subprotocol agreed on, or ""
---@field extensions string        the extensions agreed on, or ""
---@field url string
---@field id integer
---@field CONNECTING 0
---@field OPEN 1
---@field CLOSING 2
---@field CLOSED 3
---@field onopen? fun(event: wsmanager.Event)
---@field onmessage? fun(event: wsmanager.Event)
---@field onerror? fun(event: wsmanager.Event)
---@field onclose? fun(event: wsmanager.Event)
---@field onreconnecting? fun(event: wsmanager.Event)
---@field onlocked? fun(event: wsmanager.Event)
---@field onexhausted? fun(event: wsmanager.Event)
---@field ondrain? fun(event: wsmanager.Event)
local methods = core.methods

-- Raises at the line that called a method `level` calls above.
local function bad_argument (level, what, value)
  local got = value ~= value and "nan" or type(value)
  error("bad argument " .. what .. " expected, got " .. got .. ")", level + 2)
end

-- `ws.send("x")` for `ws:send("x")`: raises at the line that called a method.
local function no_colon (name)
  error("call it with ':', as in ws:" .. name .. "(...)", 3)
end

local function check_timeout (level, what, timeout)
  if type(timeout) ~= "number" or timeout ~= timeout then
    bad_argument(level + 1, what .. " (number", timeout)
  end
end

local function to_deadline (level, what, timeout)
  if timeout == nil then return nil end
  check_timeout(level + 1, what, timeout)
  return now() + timeout
end

-- Why the attempt or the connection before failed, after "; last: ".
local function last (record)
  local why, code = record.ending.detail, record.ending.code
  if not why and code then
    why = "the connection was closed (" .. code .. ")"
  end
  return why and "; last: " .. why or ""
end

local function late (ws, what, timeout)
  return nil, "timeout", what .. " within " .. timeout .. " s: "
                         .. connection.describe(ws) .. last(to_record(ws))
end

-- The last failure says more than the core's word for one that reconnect.when
-- has ended.
local function why_closed (ws, token, detail)
  return token == "closed" and to_record(ws).ending.detail or detail
end

local function understand (ws, data, kind)
  return decode(codecs[ws], data, kind)
end

-- The next message when none is there: waits for it, or says why none will come.
local function receive_on (ws, timeout, token, detail)
  if token then return nil, token, why_closed(ws, token, detail) end
  local deadline = timeout and now() + timeout
  local record = to_record(ws)
  local in_time, data, kind, why
  repeat
    record.drained = true
    in_time, data, kind, why = wait_in(ws, record, "receivers", deadline)
    if not data and not kind then data, kind, why = link_receive(ws) end
    if data then
      if record.codec then return decode(record.codec, data, kind) end
      return data, kind
    end
    if kind then return nil, kind, why_closed(ws, kind, why) end
  until not in_time
  return late(ws, "no message", timeout)
end

--- The next message. In a coroutine of `run` it yields, elsewhere it turns the
--- loop until there is one. Several coroutines that wait get one message each,
--- in turn.
---@param timeout? number  seconds; a timeout harms nothing
---@return any data  the message (decoded where `decode` is set), or nil
---@return string kind  "text" or "binary"; of nil a token: "timeout", "closed", "codec" ...
---@return string? detail  why
---@return string? raw  "codec": the message as it came
function methods.receive (ws, timeout)
  if timeout ~= nil then
    check_timeout(1 + BETWEEN, "#1 to 'receive'", timeout)
  end
  local data, kind, coded = link_receive(ws)
  if not data then return receive_on(ws, timeout, kind, coded) end
  if coded then return understand(ws, data, kind) end
  return data, kind
end

local function next_message (ws)
  while true do
    local data, kind, why, raw = methods.receive(ws)
    if data ~= nil then return data, kind end
    if kind ~= "codec" then return nil end
    local event = {type = "error", token = kind, message = why, raw = raw}
    events.fire(to_record(ws), event)
  end
end

--- `for data, kind in ws:messages() do`: every message, across reconnects,
--- until the connection is over (closed for good, locked or exhausted). A
--- message that does not decode goes to the event `error` (token "codec", the
--- message in `raw`) and the next one comes. A coroutine of PUC Lua 5.1 cannot
--- wait in a `for`: there it raises, and `receive` in a `while` does the same.
---@return fun(ws: wsmanager.Connection): any, string
---@return wsmanager.Connection
function methods.messages (ws)
  if type(ws) ~= "userdata" then no_colon "messages" end
  if not scheduler.iterates and scheduler.yields() then
    error("a coroutine of Lua 5.1 cannot wait in 'for': call 'receive' in a "
          .. "'while'", 2)
  end
  return next_message, ws
end

-- One that will open is not closed, though it keeps nothing.
local no_outbox = {connecting = true, waiting = true}

local function try_send (ws, data, kind)
  local ok, token, detail = link_send(ws, data, kind)
  if ok == nil and token == "closed" and no_outbox[ws.state] then
    return nil, "full", "the connection is " .. ws.state
                        .. " and has no outbox (outbox = false)"
  end
  return ok, token, detail
end

-- An open connection drains soon: its sender waits. One that is not open has an
-- outbox: its sender is told, unless it said how long it would wait.
local function await_room (ws, data, kind, timeout)
  local deadline = to_deadline(2, "#3 to 'send'", timeout)
  local record = to_record(ws)
  local in_time, ok, token, detail
  repeat
    in_time = wait_in(ws, record, "senders", deadline)
    if ws.state == "closed" then
      return nil, "closed", record.ending.detail or "the connection is closed"
    end
    ok, token, detail = try_send(ws, data, kind)
    if ok or token ~= "full" then return ok, token, detail end
  until not in_time or not timeout and ws.readyState ~= 1
  if timeout then return late(ws, "no room to send", timeout) end
  return ok, token, detail
end

-- What is left to do when the core said no.
local function send_on (ws, data, kind, timeout, token, detail)
  local ok
  if token == "closed" then
    ok, token, detail = try_send(ws, data, kind)
    if ok then return true end
  end
  if token ~= "full" or timeout == 0 then
    return nil, token, why_closed(ws, token, detail)
  end
  if not timeout and ws.readyState ~= 1 then return nil, token, detail end
  return await_room(ws, data, kind, timeout)
end

local function check_kind (kind)
  if kind == "text" or kind == "binary" then return end
  error("bad argument #2 to 'send' ('text' or 'binary' expected, got "
        .. tostring(kind) .. ")", 3 + BETWEEN)
end

--- Sends a message; while the connection is not open it waits in the outbox and
--- goes out in order when it opens. Where `decode` is set anything but a string
--- is encoded first; a string is sent as it is. When the output of an open
--- connection is full it waits (as `receive` does) until there is room.
---@param data any  a string; UTF-8 unless binary
---@param kind? "text"|"binary"  text when absent
---@param timeout? number  seconds to wait for room; 0: never wait
---@return true|nil sent
---@return string? token  "full", "closed", "codec", "timeout", "exhausted"
---@return string? detail
function methods.send (ws, data, kind, timeout)
  if timeout ~= nil then
    check_timeout(1 + BETWEEN, "#3 to 'send'", timeout)
  end
  local ok, token, detail = link_send(ws, data, kind)
  if ok == false then
    -- here: behind a tail call Lua 5.1 would not know our caller's line
    if kind ~= nil then check_kind(kind) end
    local with = codecs[ws]
    if not with then bad_argument(1 + BETWEEN, "#1 to 'send' (string", data) end
    data, token, detail = encode(with, data, kind)
    if data == nil then return nil, token, detail end
    ok, token, detail = link_send(ws, data, kind)
  end
  if ok then return true end
  return send_on(ws, data, kind, timeout, token, detail)
end

--- Closes for good: it wins over every reconnect; only `reconnect()` brings it
--- back. May be called again.
--- It does not wait; `closed` does. What was sent before goes out first.
--- Another code raises InvalidAccessError, a long reason SyntaxError.
---@param code? integer  1000 or 3000 to 4999 (W3C WebSockets); a server's side also 1001, 1011 ...
---@param reason? string  at most 123 bytes of UTF-8
function methods.close (ws, code, reason)
  if type(ws) ~= "userdata" then no_colon "close" end
  local record = to_record(ws)
  if code ~= nil and (type(code) ~= "number" or code % 1 ~= 0) then
    bad_argument(1, "#1 to 'close' (integer", code)
  elseif reason ~= nil and type(reason) ~= "string" then
    bad_argument(1, "#2 to 'close' (string", reason)
  end
  link.close(ws, code, reason)
  record.asking, record.again = nil, nil
  if record.over and ws.state == "closed" then return end
  record.closing = true
  touch(record)
end

--- Waits until it is open (it may have closed again since).
---@param timeout? number  seconds
---@return true|nil
---@return string? token  why it will not open: "refused", "locked", "closed" ...
---@return string? detail
function methods.opened (ws, timeout)
  if type(ws) ~= "userdata" then no_colon "opened" end
  local deadline = to_deadline(1, "#1 to 'opened'", timeout)
  local record = to_record(ws)
  local opens, in_time = record.opens, true
  repeat
    if ws.state == "open" or record.opens ~= opens then return true end
    if record.over and is_over[ws.state] and not record.again then
      return nil, record.ending.token or "closed",
             record.ending.detail or "the connection is closed"
    end
    if not in_time then return late(ws, "not open", timeout) end
    in_time = wait_in(ws, record, "watchers", deadline)
  until false
end

--- Waits until it is closed for good.
---@param timeout? number  seconds
---@return integer? code  RFC 6455 7.4; nil when locked, exhausted or in time out
---@return string reason  or the token
---@return boolean|string clean  the closing handshake was completed; or the detail
function methods.closed (ws, timeout)
  if type(ws) ~= "userdata" then no_colon "closed" end
  local deadline = to_deadline(1, "#1 to 'closed'", timeout)
  local record = to_record(ws)
  local in_time = true
  repeat
    local state, ending = ws.state, record.ending
    if record.over and state == "closed" then
      return ending.code or 1006, ending.reason or "", ending.clean or false
    elseif record.over and is_over[state] then
      return nil, state, ending.detail
    end
    if not in_time then return late(ws, "not closed", timeout) end
    in_time = wait_in(ws, record, "watchers", deadline)
  until false
end

--- Dials at once with a fresh budget, from whatever state; an open connection
--- hangs up and dials again. What is in the outbox stays. While `close` is under
--- way it dials as soon as that is done and everybody has heard of it.
function methods.reconnect (ws)
  if type(ws) ~= "userdata" then no_colon "reconnect" end
  local record = to_record(ws)
  if record.server then
    error("a server's side of a connection cannot reconnect", 2)
  end
  if record.closing then
    record.again = true
  else
    record.asking = nil
    link.start(ws)
  end
  touch(record)
end

--- Sends a ping (RFC 6455 5.5.2); stats() counts the pongs.
---@param payload? string  at most 125 bytes
---@return true|nil
---@return string? token
---@return string? detail
function methods.ping (ws, payload)
  if type(ws) ~= "userdata" then no_colon "ping" end
  local ok, token, detail = link.ping(ws, payload)
  return ok, token, detail    -- no tail call: it raises at our caller's line
end

--- Hands to the kernel at once what this turn would send at its end.
function methods.flush (ws)
  if type(ws) ~= "userdata" then no_colon "flush" end
  return link.flush(ws)
end

---@class wsmanager.Stats
---@field messages_in integer
---@field messages_out integer
---@field bytes_in integer
---@field bytes_out integer
---@field dials integer
---@field opens integer
---@field resumed integer   of the dials: TLS sessions taken up again
---@field failures integer  in a row, of the budget
---@field outbox integer    messages that wait for a connection
---@field unsent integer    messages that still waited at the end
---@field unread integer    bytes received and not taken
---@field buffered integer  bytes sent and not yet with the kernel
---@field pings integer     received, and answered
---@field pongs integer     received
---@field latency? number   seconds from the heartbeat's last ping to its pong
---@field address string    of the peer
---@field tls? {version: string, cipher: string, resumed: boolean}

---@return wsmanager.Stats
function methods.stats (ws)
  if type(ws) ~= "userdata" then no_colon "stats" end
  return link.stats(ws)
end

--- The messages that were never sent, and their kinds, once the connection is
--- over; takes them out of the outbox. While they may still go out it raises:
--- stats().outbox counts them.
---@return string[] messages
---@return string[] kinds
function methods.unsent (ws)
  if type(ws) ~= "userdata" then no_colon "unsent" end
  if not is_over[ws.state] then
    error("unsent() is for a connection that is over (it is " .. ws.state
          .. "); stats().outbox counts what waits", 2)
  end
  return link.unsent(ws)
end

--- The peer's HTTP answer to the opening handshake.
---@return {status: integer, reason: string, headers: table<string, string>, body: string?}?
function methods.answer (ws)
  if type(ws) ~= "userdata" then no_colon "answer" end
  return link.response(ws)
end

--- Listens to an event (WHATWG DOM 2.7). A listener may wait; while a listener
--- of `message` waits, the messages behind it wait too.
---@param name "open"|"message"|"error"|"close"|"reconnecting"|"locked"|"exhausted"|"drain"
---@param listener fun(event: wsmanager.Event)
---@param options? {once: boolean?}|boolean
function methods.addEventListener (ws, name, listener, options)
  if type(ws) ~= "userdata" then no_colon "addEventListener" end
  local record = to_record(ws)
  events.add(record, name, listener, options)
  touch(record)
  hold(ws, record)
end

---@param name string
---@param listener fun(event: wsmanager.Event)
function methods.removeEventListener (ws, name, listener)
  if type(ws) ~= "userdata" then no_colon "removeEventListener" end
  local record = to_record(ws)
  events.remove(record, name, listener)
  hold(ws, record)
end

-- Sets an on* property.
function connection.listen (ws, property, listener)
  local record = to_record(ws)
  events.set(record, events.properties[property], listener)
  fields(ws)[property] = listener
  touch(record)
  hold(ws, record)
end

-- A message that is there, or that there is room for, passes no Lua at all where
-- C can go on after it has called what waits.
if link.methods then
  methods.receive, methods.send =
    link.methods(methods.receive, methods.send, understand, receive_on)
end

methods.CONNECTING, methods.OPEN, methods.CLOSING, methods.CLOSED = 0, 1, 2, 3

-- An address without what may be secret: userinfo, query.
function connection.place (url)
  return (url:gsub("[?#].*", ""):gsub("//[^/]*@", "//"))
end

-- The listener that heard this: an event, or messages of a connection.
function scheduler.name (heard)
  local is_event = type(heard) == "table" and heard.target ~= nil
  if not is_event and type(heard) ~= "userdata" then return "a coroutine" end
  local url = (is_event and heard.target or heard).url
  local place = url ~= "" and connection.place(url) or "a server's connection"
  return "on" .. (is_event and heard.type or "message") .. " of " .. place
end

-- "open wss://example.org/chat", "open, from 127.0.0.1".
function connection.describe (ws)
  local record = to_record(ws)
  local state = ws.state
  if record and record.server then
    return state .. " on the server's side"
  end
  return state .. " " .. connection.place(ws.url or "")
end

-- Lua 5.4: `local ws <close>` hangs up where its block ends.
core.metatable.__close = attention.abort

core.metatable.__tostring = function (ws)
  return "wsmanager: " .. connection.describe(ws)
end

local is_readonly = {
  state = true, readyState = true, bufferedAmount = true, protocol = true,
  extensions = true, url = true, id = true,
}

core.metatable.__newindex = function (ws, name, value)
  if events.properties[name] then
    if value ~= nil and type(value) ~= "function" then
      error("bad handler '" .. name .. "' (function or nil expected, got "
            .. type(value) .. ")", 2)
    end
    connection.listen(ws, name, value)
  elseif is_readonly[name] or methods[name] ~= nil then
    error("'" .. name .. "' cannot be assigned", 2)
  elseif events.meant(name) then
    error("unknown event property '" .. name .. "' (did you mean '"
          .. events.meant(name) .. "'?)", 2)
  else
    fields(ws)[name] = value
  end
end

return connection
