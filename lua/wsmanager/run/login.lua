-- The option `login`: a function in a coroutine for each connection, from the 101
-- until it is open, and the handle that it gets.
-- Depends on the core's link, cancellation.lua, codec.lua, correlation.lua,
-- coroutines.lua and scheduler.lua.
-- Never lets the function hold up anything: what it returns after its connection or
-- its time is over is ignored.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local cancellation = require "wsmanager.run.cancellation"
local codec = require "wsmanager.base.codec"
local correlation = require "wsmanager.run.correlation"
local coroutines = require "wsmanager.run.coroutines"
local heartbeats = require "wsmanager.run.heartbeats"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"

local link = core.link
local now, to_timeout = core.now, arguments.timeout
local has_waiting = coroutines.has_waiting
local wake, wake_all = coroutines.wake, coroutines.wake_all

local PRIVATE = {}         -- the key of a handle's private fields
local LONGEST_REASON = 123 -- bytes (RFC 6455 5.5)
local OVER = "the login is over"

local login = {}

--- The second argument of `login`: how the connection before ended, and where this one stands.
---@class wsmanager.LoginInfo: wsmanager.Last
---@field attempt integer   failures before it, 0 at first
---@field epoch integer     the number of the connection: 1, 2, ...
---@field url string        where it is connected to
---@field gap boolean       an earlier one was open, and this is no `migrate`: something may have been missed
---@field opened boolean    an earlier one was open: time to resume a session

--- One connection, while the login lasts: the first argument of `login`. It has the connection
--- for itself: what it sends goes out at once, before the outbox, and it alone receives.
--- Meanwhile the connection's `state` is `connecting`, everybody else's `send` goes to the
--- outbox, and their `receive` and listeners get what earlier connections left, or wait. After
--- the login, or its connection, is over each method returns nil, `closed` and why.
---@class wsmanager.Login
---@field url string           where it is connected to
---@field protocol string      the subprotocol agreed on, or ""
---@field extensions string    the extensions agreed on, or ""
---@field headers table<string, string>  of the peer's part of the opening handshake, names in lower case
---@field epoch integer        the number of the connection: 1, 2, ...
local Handle = {}

Handle.__index = Handle

-- The private fields: ws, record, epoch; receivers, senders: queues; over: why it
-- is over; received, given: how many messages; raw_of, raw: what was decoded.
local function private (handle, method)
  local mine = type(handle) == "table" and rawget(handle, PRIVATE)
  if mine then return mine end
  error("call it with ':', as in ws:" .. method .. "(...)", 3)
end

local function closed (mine)
  return nil, "closed", mine.over or OVER
end

-- ## Receiving

-- The message as the program sees it; what it was decoded from is kept for giveback.
local function decode (mine, data, kind)
  mine.received = mine.received + 1
  local with = mine.record.codec
  if not with then return data, kind end
  local value, is, why, raw = codec.decode(with, data, kind)
  if value == nil then
    mine.value, mine.raw = nil, nil
    return nil, is, why, raw
  end
  mine.value, mine.raw = value, data
  if type(value) == "table" then mine.raw_of[value] = data end
  return value, is
end

-- The next message as it came, with its kind; or nil, token, detail.
local function receive_raw (mine, what, timeout, deadline)
  local in_time, data, kind, woken = true, nil, nil, false
  repeat
    if not data and not mine.over and (woken or not has_waiting(mine.receivers)) then
      data, kind = link.loginreceive(mine.ws, mine.epoch)
    end
    if data then return data, kind end
    if mine.over or kind then return closed(mine) end
    if not in_time then
      return cancellation.failure(what, timeout, ": logging in to " .. mine.ws.url)
    end
    in_time, data, kind = scheduler.wait(mine.receivers, deadline)
    woken = coroutines.has_threads()
  until false
end

--- The next message of this connection.
---@param timeout? number  seconds
---@return any data  the message, decoded where `decode` is set, or nil
---@return "text"|"binary"|wsmanager.Token kind  of nil the token: "timeout", "closed", "codec", "cancelled"
---@return string? detail  of nil: why
---@return string? raw  with "codec": the message as it came
function Handle:receive (timeout)
  local mine = private(self, "receive")
  timeout = to_timeout(1, "#1 to 'receive'", timeout)
  local deadline = timeout and now() + timeout
  local data, kind, detail = receive_raw(mine, "no message", timeout, deadline)
  if data then return decode(mine, data, kind) end
  return nil, kind, detail
end

-- Gives messages to those who wait for one.
local function deliver (mine)
  if coroutines.has_threads() then return wake_all(mine.receivers) end
  while not mine.over and has_waiting(mine.receivers) do
    local data, kind = link.loginreceive(mine.ws, mine.epoch)
    if not data then return end
    wake(mine.receivers, data, kind)
  end
end

-- What a message was decoded from; or what it is encoded to.
local function to_raw (mine, data, kind)
  local raw = type(data) == "table" and mine.raw_of[data]
              or data ~= nil and rawequal(data, mine.value) and mine.raw
  if raw or type(data) == "string" then return raw or data end
  local with = mine.record.codec
  if not with or not with.encode then arguments.fail_message(2, "giveback", data) end
  return codec.encode(with, data, kind)
end

local function check_kind (method, kind)
  if kind == nil or kind == "text" or kind == "binary" then return end
  error("bad argument #2 to '" .. method .. "' ('text' or 'binary' expected, got "
        .. tostring(kind) .. ")", 3)
end

--- Gives back a message that was not the login's own: once it is done, the others get
--- it before what the login did not take. As often as it was called, so often the
--- message is there: no more are given back than were received.
---@param data any  as `receive` returned it
---@param kind? "text"|"binary"  default: "text"
---@return true|nil given
---@return wsmanager.Token? token  "closed"; "full": the inbox has no room
---@return string? detail  why
function Handle:giveback (data, kind)
  local mine = private(self, "giveback")
  check_kind("giveback", kind)
  if mine.over then return closed(mine) end
  if mine.given >= mine.received then
    error("giveback: the " .. mine.received .. " messages received were given back "
          .. "already", 2)
  end
  local raw, token, why = to_raw(mine, data, kind)
  if raw == nil then return nil, token, why end
  local ok
  ok, token, why = link.logingiveback(mine.ws, mine.epoch, raw, kind)
  if ok then mine.given = mine.given + 1 end
  return ok, token, why
end

-- ## Sending

local function to_text (mine, data, kind)
  if type(data) == "string" then return data end
  local with = mine.record.codec
  if not with or not with.encode then arguments.fail_message(2, "send", data) end
  return codec.encode(with, data, kind)
end

--- Sends a message at once, before what others have sent.
---@param data any  a string; where `decode` is set anything else is encoded
---@param kind? "text"|"binary"  default: "text"
---@param timeout? number  seconds to wait for room; 0: never wait
---@return true|nil sent
---@return wsmanager.Token? token  "closed", "full", "timeout", "codec", "cancelled"
---@return string? detail  why
function Handle:send (data, kind, timeout)
  local mine = private(self, "send")
  check_kind("send", kind)
  timeout = to_timeout(1, "#3 to 'send'", timeout)
  local deadline = timeout and now() + timeout
  local text, token, why = to_text(mine, data, kind)
  if text == nil then return nil, token, why end
  local in_time = true
  repeat
    if mine.over then return closed(mine) end
    local ok
    ok, token, why = link.loginsend(mine.ws, mine.epoch, text, kind)
    if ok then return true end
    if token ~= "full" or timeout == 0 then return nil, token, why end
    if not in_time then
      return cancellation.failure("no room to send", timeout)
    end
    in_time = scheduler.wait(mine.senders, deadline)
  until false
end

-- ## Asking

-- The message, if it is the answer with that id.
local function to_answer (mine, data, kind, id)
  local value, with = data, mine.record.codec
  if with then value = codec.decode(with, data, kind) end
  if value ~= nil and correlation.id_of(mine.record, value, kind) == id then
    return value
  end
end

local function await_answer (mine, id, timeout, deadline)
  repeat
    local data, kind, detail = receive_raw(mine, "no answer", timeout, deadline)
    if not data then return nil, kind, detail end
    mine.received = mine.received + 1
    local value = to_answer(mine, data, kind, id)
    if value ~= nil then return value, kind end
    local ok, token, why = link.logingiveback(mine.ws, mine.epoch, data, kind)
    if not ok then return nil, token, why end
    mine.given = mine.given + 1
  until false
end

--- Sends a message with an id of its own and waits for the answer, as the connection's
--- `request` (the option `correlate`). Other messages that come before the answer are
--- given back: the others get them, once the login is done. One at a time.
---@param message any  a table without the field of the id
---@param timeout? number  seconds; nil: as long as the login may take
---@return any answer  decoded where `decode` is set; or nil
---@return "text"|"binary"|wsmanager.Token kind  of nil: "closed", "timeout", "codec", "cancelled", "full"
---@return string? detail  why
function Handle:request (message, timeout)
  local mine = private(self, "request")
  if not correlation.of_record(mine.record) then
    error("'request' needs the option 'correlate'", 2)
  elseif mine.asking then
    error("'request' is under way already: a login asks one at a time", 2)
  end
  timeout = to_timeout(1, "#2 to 'request'", timeout)
  local deadline = timeout and now() + timeout
  if mine.over then return closed(mine) end
  scheduler.check_wait()
  local _, id = correlation.next_id(mine.record)
  local text, token, why =
    correlation.to_text(1, mine.ws, mine.record, {message = message}, id)
  if text == nil then return nil, token, why end
  local answer
  mine.asking = true
  answer, token, why = self:send(text, "text", timeout)
  if answer then
    answer, token, why = await_answer(mine, id, timeout, deadline)
  end
  mine.asking = nil
  return answer, token, why
end

--- Sends a ping.
--- Source: RFC 6455 5.5.2.
---@param payload? string  at most 125 bytes
---@return true|nil sent
---@return wsmanager.Token? token  "closed"
---@return string? detail  why
function Handle:ping (payload)
  local mine = private(self, "ping")
  if mine.over then return closed(mine) end
  local ok, token, why = link.loginping(mine.ws, mine.epoch, payload)
  return ok, token, why    -- no tail call: it raises at our caller's line
end

--- As `ws:heartbeat`: what the service told in its first message.
---@param given wsmanager.Heartbeat|false  false: no heartbeats, and no peer is dead
function Handle:heartbeat (given)
  local mine = private(self, "heartbeat")
  if mine.over then return closed(mine) end
  heartbeats.change(1, mine.ws, mine.record, given)
end

-- ## How it ends

-- Nothing of it has an effect any more. Those who wait are told.
local function finish (mine, why)
  if mine.over then return end
  mine.over = why
  local record = mine.record
  if record.logging_in == mine then
    record.logging_in, record.next_event = nil, nil
  end
  mine.ws, mine.raw_of, mine.value, mine.raw = nil, nil, nil, nil
  wake_all(mine.receivers)
  wake_all(mine.senders)
end

-- The first bytes of a text, at most n, cut between characters; nil if it is no UTF-8.
local function shorten (text, n)
  if not core.utf8(text) then return nil end
  while #text > n or not core.utf8(text) do
    text = text:sub(1, math.min(n, #text - 1))
  end
  return text
end

-- A server tells its client why; a client keeps that to itself.
local function to_reason (mine, why)
  return mine.record.server and shorten(why, LONGEST_REASON) or nil
end

local function is_sendable (mine, code)
  if type(code) ~= "number" or code % 1 ~= 0 then return false end
  return code == 1000 or code >= 3000 and code <= 4999
         or mine.record.server ~= nil and (code == 1001 or code == 1003
            or code == 1008 or code == 1009 or code >= 1011 and code <= 1014)
end

local function fail (mine, failure)
  local ws, epoch = mine.ws, mine.epoch
  finish(mine, OVER)
  link.loginfailed(ws, epoch, failure.why, failure.final or false, failure.code,
                   failure.reason)
end

--- Ends this connection: the login has failed. As after `return nil, reason, nil,
--- code` another attempt follows.
---@param code? integer  1000 or 3000 to 4999; a server's side also 1008 ...
---@param reason? string  at most 123 bytes of UTF-8
function Handle:close (code, reason)
  local mine = private(self, "close")
  if code ~= nil and not is_sendable(mine, code) then
    error("InvalidAccessError: the close code must be 1000 or 3000 to 4999, not "
          .. tostring(code), 2)
  elseif reason ~= nil and type(reason) ~= "string" then
    arguments.fail(1, "#2 to 'close' (string", reason)
  elseif reason and (#reason > LONGEST_REASON or not core.utf8(reason)) then
    error("SyntaxError: the close reason must be UTF-8, at most 123 bytes", 2)
  end
  if mine.over then return end
  fail(mine, {why = reason or "the login closed the connection", code = code,
              reason = reason})
end

local function complain (mine, what, value)
  mine.record.login_failed(mine, "login returned " .. tostring(value) .. " as " .. what)
end

-- What it returned: why, "final", code. Any other text after why tells more of it: the
-- results of a `receive` that failed may be returned as they are.
local function read_failure (mine, why, final, code)
  local text = why == nil and "the login returned nothing but nil" or report.text(why)
  local is_final = final == "final"
  if not is_final and type(final) == "string" then
    text, code = text .. ": " .. final, nil
  elseif not is_final and final ~= nil then
    complain(mine, "its third result ('final' or nothing expected)", final)
  end
  if code ~= nil and not is_sendable(mine, code) then
    complain(mine, "the close code (1000 or 3000 to 4999 expected)", code)
    code = nil
  end
  return {why = text, final = is_final, code = code, reason = to_reason(mine, text)}
end

local function conclude (mine, n, result, ...)
  if mine.over then return end
  if n > 0 and not result then return fail(mine, read_failure(mine, ...)) end
  local ws, epoch = mine.ws, mine.epoch
  finish(mine, OVER)
  link.logindone(ws, epoch)
end

local function count (...)
  return select("#", ...), ...
end

local function run (mine, handle, info)
  conclude(mine, count(mine.record.login(handle, info)))
end

-- ## Beginning

local function new_handle (mine, headers)
  local ws = mine.ws
  return setmetatable({
    [PRIVATE] = mine, url = ws.url, protocol = ws.protocol,
    extensions = ws.extensions, headers = headers or {}, epoch = mine.epoch,
  }, Handle)
end

-- In place of link.event while a login lasts: gives it its messages, and after the last
-- one of a connection that is over ends it, before anybody is told of that.
local function next_event (ws, record)
  local mine = record.logging_in
  deliver(mine)
  if not mine.over and not link.logincurrent(ws, mine.epoch) then
    finish(mine, "the connection of this login is over")
    link.loginover(ws)
  end
  return link.event(ws)
end

-- Begins the login of a connection; `info` and `headers` are for the function.
function login.start (ws, record, epoch, info, headers)
  local before = record.logging_in
  if before then finish(before, "the connection of this login is over") end
  local mine = {
    ws = ws, record = record, epoch = epoch, received = 0, given = 0,
    receivers = coroutines.new_queue(record.id),
    senders = coroutines.new_queue(record.id),
    raw_of = setmetatable({}, {__mode = "k"}),
  }
  record.logging_in, record.next_event = mine, next_event
  coroutines.start(function (ok, why, thread)
    if mine.over then return end
    if not ok then record.login_failed(mine, why, thread) end
    local text = ok and "the coroutine of the login was closed" or report.text(why)
    fail(mine, {why = text, reason = record.server and "internal error" or nil})
  end, run, mine, new_handle(mine, headers), info)
end

-- There is room again for what it sends.
function login.note_room (record)
  local mine = record.logging_in
  if mine then wake_all(mine.senders) end
end

-- ## Of a client

local function is_gap (record)
  local before = record.migrates
  return record.opens ~= nil and not (before and before.state == "open")
end

-- Begins the login that the core's event "login" asks for.
function login.begin (ws, record, attempt, epoch)
  local ending, response = record.ending, link.response(ws)
  login.start(ws, record, epoch, {
    attempt = attempt, epoch = epoch, url = ws.url,
    gap = is_gap(record), opened = record.opens ~= nil,
    token = ending.token, detail = ending.detail,
    code = ending.code, reason = ending.reason, clean = ending.clean,
  }, response and response.headers)
end

-- For a client's record: an error of the function, or a result that is none.
function login.report (_, why, thread)
  report.failure("the option 'login'", why, thread)
end

return login
