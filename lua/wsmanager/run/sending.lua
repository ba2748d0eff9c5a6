-- The method `send` of a connection: its terms, and the wait for room.
-- Depends on the core's link, dispatch.lua and failures.lua.
-- Never makes a table or a closure for a message that is sent at once.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local cancellation = require "wsmanager.run.cancellation"
local codec = require "wsmanager.base.codec"
local coroutines = require "wsmanager.run.coroutines"
local dispatch = require "wsmanager.run.dispatch"
local failures = require "wsmanager.run.failures"
local identity = require "wsmanager.run.identity"
local ffi = require "wsmanager.base.ffi"
local scheduler = require "wsmanager.run.scheduler"
local schema = require "wsmanager.base.schema"
local suggest = require "wsmanager.base.suggest"

local link = core.link
local link_send, send_on_terms = ffi.send, link.send
local now, encode = core.now, codec.encode
local codecs, to_record, is_over = dispatch.codecs, dispatch.record, dispatch.is_over
local wait_in = dispatch.wait
local call_identify, identifies = identity.of_sent, identity.connections
local to_timeout = arguments.timeout

local type, min = type, math.min

-- Levels of the stack between our caller and the Lua of send: 1 where a method in C
-- calls it.
local METHOD_LEVELS = link.methods and 1 or 0

local sending = {}

--- The third argument of `ws:send`, as a table.
---@class wsmanager.SendOptions
---@field timeout? number    seconds to wait for room; 0: never wait
---@field ttl? number        seconds from now on; then it is dropped instead of sent
---@field volatile? boolean  sent now or not at all: it waits for no room and no connection

-- ## The third argument

local terms_of = {
  timeout = {arguments.is_timeout, "number"},
  ttl = {schema.is_positive, "positive number"},
  volatile = {function (value) return type(value) == "boolean" end, "boolean"},
}

-- Raises at `level` for a table of options that is not right.
local function check_options (level, options)
  for name, value in pairs(options) do
    local rule = terms_of[name]
    if not rule then
      local hint = type(name) == "string" and suggest.hint(name, terms_of) or ""
      error("bad argument #3 to 'send' (unknown option '" .. tostring(name) .. "'"
            .. hint .. ")", level + 2)
    elseif not rule[1](value) then
      local got = value ~= value and "nan"
                  or type(value) == "number" and name ~= "volatile"
                     and tostring(value) or type(value)
      error(("bad argument #3 to 'send' (%s for '%s' expected, got %s)"):format(
              rule[2], name, got), level + 2)
    end
  end
end

-- ## The terms of a message
--
-- nil where there are none. `expires`: when its ttl is over.

---@class wsmanager.Terms
---@field expires? number
---@field ttl? number
---@field volatile? boolean
---@field id? string

-- Of the options (nil: none) and the id (nil: none).
local function to_terms (options, id)
  local ttl = options and options.ttl
  return {
    ttl = ttl, expires = ttl and now() + ttl, id = id,
    volatile = options and options.volatile,
  }
end

-- Sends it, with what is left of its ttl.
local function send_once (ws, data, kind, terms)
  if not terms then return send_on_terms(ws, data, kind, false) end
  local left = terms.expires and terms.expires - now()
  if left and left <= 0 then
    return nil, "timeout", "the message's ttl of " .. terms.ttl .. " s is over"
  end
  return send_on_terms(ws, data, kind, left or false, terms.volatile, terms.id)
end

-- ## Where the core did not take it at once

-- Connecting or waiting without an outbox: `full` is reported, not `closed`.
local will_open = {connecting = true, waiting = true}

local function try_send (ws, data, kind, terms)
  local ok, token, detail, why = send_once(ws, data, kind, terms)
  if ok == nil and token == "closed" and will_open[ws.state] then
    return nil, "full", "the connection is " .. ws.state
                        .. " and has no outbox (outbox = false)"
  end
  return ok, token, detail, why
end

-- May it wait for room? Without a timeout only while the connection is open, or
-- with outbox.full = "wait": an outbox that is full may stay so for long.
local function may_wait (ws, record, timeout, terms)
  if timeout == 0 or terms and terms.volatile or not scheduler.may_wait() then
    return false
  end
  return timeout ~= nil or record.outbox_waits or ws.readyState == 1
end

-- Waits for room and sends.
local function wait_for_room (ws, data, kind, timeout, terms)
  local deadline = timeout and now() + timeout
  local expires = terms and terms.expires
  if expires then deadline = min(deadline or expires, expires) end
  local record = to_record(ws)
  local restarts, in_time = record.restarts, nil
  local ok, token, detail, why
  repeat
    record.full_for = in_time and "same" or "new"
    in_time = wait_in(ws, record, "senders", deadline)
    if ws.state == "closed" or record.restarts ~= restarts then
      return nil, "closed", failures.why_over(ws, record)
    end
    ok, token, detail, why = try_send(ws, data, kind, terms)
    if ok or token ~= "full" then return ok, token, detail end
  until not in_time or not may_wait(ws, record, timeout, terms)
  if not in_time and (timeout or cancellation.is_cancelled() or coroutines.leaving) then
    return failures.timed_out(ws, "no room to send", timeout, why)
  end
  return ok, token, detail
end

-- The rest of send where the core did not take the message.
local function send_refused (ws, data, kind, timeout, terms, token, detail)
  local ok
  if token == "closed" then
    ok, token, detail = try_send(ws, data, kind, terms)
    if ok then return true end
  end
  if token ~= "full" then
    return nil, token, failures.detail_of(ws, token, detail)
  end
  if not may_wait(ws, to_record(ws), timeout, terms) then
    return nil, token, detail
  end
  return wait_for_room(ws, data, kind, timeout, terms)
end

-- Sends text on a connection that is open, now: never into the outbox, and no lost
-- connection gives it back. Waits for that and for room until asked.deadline.
function sending.send_open (ws, data, asked)
  local record, in_time = to_record(ws), nil
  local restarts = record.restarts
  repeat
    local ok, token, detail, why = send_on_terms(ws, data, asked.kind, false, true)
    if ok then return true end
    local may_open = token == "closed" and not record.closing and not is_over[ws.state]
    if token ~= "full" and not may_open then
      return nil, token, failures.detail_of(ws, token, detail)
    elseif in_time == false then
      return failures.timed_out(ws, "not sent", asked.timeout,
                                ws.readyState == 1 and why or nil)
    end
    link.awaitroom(ws)
    record.full_for = in_time and "same" or "new"
    in_time = wait_in(ws, record, "senders", asked.deadline)
  until record.restarts ~= restarts
  return nil, "closed", failures.why_over(ws, record)
end

local function check_kind (kind)
  if kind == "text" or kind == "binary" then return end
  error("bad argument #2 to 'send' ('text' or 'binary' expected, got "
        .. tostring(kind) .. ")", 3 + METHOD_LEVELS)
end

-- ## The method

--- Sends a message; while the connection is not open it waits in the outbox and goes out in
--- order when it opens. Where `decode` is set anything but a string is encoded first; a string
--- is sent as it is. When the output of an open connection is full it waits until there is room;
--- while the connection is not open a full outbox answers `full`, unless `outbox.full` says
--- something else. That it was sent says that it is with the kernel or in the outbox, not that
--- it has arrived: see `identify`.
--- Source: RFC 6455 5.6, 6.1.
---@param data any  a string; UTF-8 unless binary
---@param kind? "text"|"binary"  default: "text"
---@param timeout? number|wsmanager.SendOptions  seconds to wait for room; 0: never wait; or a table
---@return true|nil sent
---@return wsmanager.Token? token  "full", "closed", "locked", "exhausted", "toobig", "codec", "timeout", "cancelled"
---@return string? detail  why
function sending.send (ws, data, kind, timeout)
  local options, terms, ok, token, detail
  -- most tables: the core takes none, and no rule has to be looked at
  if type(data) == "table" and timeout == nil and kind == nil then
    local with = codecs[ws]
    if with and with.encode and not identifies[ws] then
      data, token, detail = encode(with, data)
      if data == nil then return nil, token, detail end
      ok, token, detail = link_send(ws, data)
      if ok then return true end
      return send_refused(ws, data, nil, nil, nil, token, detail)
    end
  end
  if type(timeout) == "table" then
    options = timeout
    check_options(1 + METHOD_LEVELS, options)
    timeout = to_timeout(1, "#3 to 'send'", options.timeout)
  elseif timeout ~= nil then
    timeout = to_timeout(1 + METHOD_LEVELS, "#3 to 'send'", timeout)
  end
  if options and type(ws) == "userdata" then ok = false
  else ok, token, detail = link_send(ws, data, kind) end
  if ok == false then
    -- not in a function of its own: after a tail call Lua 5.1 has lost the line
    if kind ~= nil then check_kind(kind) end
    local value = data
    local identify = identifies[ws] and to_record(ws).identify
    if type(data) ~= "string" then
      local with = codecs[ws]
      if not with or not with.encode then
        arguments.fail_message(1 + METHOD_LEVELS, "send", data)
      end
      data, token, detail = encode(with, data, kind)
      if data == nil then return nil, token, detail end
    end
    local id
    if identify and not (options and options.volatile) then
      id, detail = call_identify(1 + METHOD_LEVELS, identify, value, kind)
      if id == false then return nil, "toobig", detail end
    end
    if options or id then terms = to_terms(options, id) end
    -- text that is no UTF-8 raises at our caller's line: not in send_once either
    if terms then
      ok, token, detail = send_on_terms(ws, data, kind, terms.ttl or false,
                                        terms.volatile, id)
    elseif identify then
      ok, token, detail = send_on_terms(ws, data, kind, false)
    else
      ok, token, detail = link_send(ws, data, kind)
    end
  end
  if ok then return true end
  return send_refused(ws, data, kind, timeout, terms, token, detail)
end

return sending
