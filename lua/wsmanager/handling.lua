-- The methods of a connection that give its messages to whom they are for: on and off,
-- by their name; request, an answer; subscribe, all of them.
-- Depends on distribution.lua.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local dispatch = require "wsmanager.run.dispatch"
local distribution = require "wsmanager.run.distribution"
local readers = require "wsmanager.run.readers"
local suggest = require "wsmanager.base.suggest"

local check_self, is_callable = arguments.check_self, arguments.is_callable

---@class wsmanager.Connection
local methods = core.methods

--- Gets a message, decoded where `decode` is set. It may wait.
---@alias wsmanager.MessageHandler fun(message: any, kind: string, ws: wsmanager.Connection)

local function is_name (value)
  local is = type(value)
  return is == "string" or is == "number" and value == value
end

-- The name, or nil, and the handler of on(name, fn) or on(fn); raises at the line that
-- called its caller.
local function read (method, name, fn)
  if not is_name(name) and is_callable(name) and fn == nil then return nil, name end
  if not is_name(name) then
    arguments.fail(2, "#1 to '" .. method .. "' (string, number or function", name)
  end
  return name, fn
end

--- Has `fn(message, kind, ws)` called for each message of that name: what the option `dispatch`
--- finds in it, a string or a number. `ws:on(fn)`: for each message whose name has no handler,
--- or that has none. A message without any handler is for `ws:receive` and the listeners of
--- `message`, as ever. Each call is in a coroutine and may wait: meanwhile other messages of the
--- same handler wait for it, in order, and those of other handlers do not. An error in one is
--- reported, and ends nothing else. Several handlers of one name are called in the order in
--- which they were added; the same twice is called once. Handlers keep a connection from being
--- collected. Without `dispatch` it raises.
---@param name string|number|wsmanager.MessageHandler  the name, or the handler of all others
---@param fn? wsmanager.MessageHandler  the handler
---@overload fun(ws: wsmanager.Connection, fn: wsmanager.MessageHandler)
function methods.on (ws, name, fn)
  check_self(ws, "on")
  local record = dispatch.record(ws)
  if not record.distributing or not record.distributing.name_of then
    error("'on' needs to know the names of messages: give the option 'dispatch', "
          .. "a field of them or a function, to " .. (record.server and "serve" or "new"), 2)
  end
  name, fn = read("on", name, fn)
  if not is_callable(fn) then
    arguments.fail(1, "#2 to 'on' (function", fn)
  end
  distribution.add_handler(ws, record, name, fn)
end

--- Removes that handler of the name, or all of the name; or that one of `ws:on(fn)`. It is not
--- called any more; the messages that wait for it go to the others, as if they had just come.
--- One that is not there is no error.
---@param name string|number|wsmanager.MessageHandler  the name, or the handler
---@param fn? wsmanager.MessageHandler  that one alone
function methods.off (ws, name, fn)
  check_self(ws, "off")
  name, fn = read("off", name, fn)
  if fn ~= nil and not is_callable(fn) then
    arguments.fail(1, "#2 to 'off' (function", fn)
  end
  distribution.remove_handler(ws, dispatch.record(ws), name, fn)
end

--- The second argument of `ws:request`, as a table.
---@class wsmanager.RequestOptions
---@field timeout? number  seconds; default: `timeouts.request`
---@field retry? boolean   asked again on the next connection, by another id; default: false
---@field kind? "text"|"binary"  of the message that is sent; default: "text"

local rules = {
  timeout = {arguments.is_timeout, "number"},
  retry = {function (value) return type(value) == "boolean" end, "boolean"},
  kind = {function (value) return value == "text" or value == "binary" end,
          "'text' or 'binary'"},
}

-- Raises, at the line that called its caller (or `more` levels up), for a table of
-- options, the method's n-th argument, that is not right.
local function check_rules (method, n, allowed, given, more)
  local level = 2 + (more or 0)
  for name, value in pairs(given) do
    local rule = allowed[name]
    if not rule then
      error("bad argument #" .. n .. " to '" .. method .. "' (unknown option '"
            .. tostring(name) .. "'" .. suggest.hint(tostring(name), allowed) .. ")",
            level + 1)
    elseif not rule[1](value) then
      arguments.fail(level, "#" .. n .. " to '" .. method .. "' (" .. rule[2] .. " for '"
                     .. name .. "'", value)
    end
  end
end

local NONE = {}

-- The options of a request, of its second argument; raises at the line that called its
-- caller.
local function read_options (given)
  if given == nil then return NONE end
  if type(given) ~= "table" then
    return {timeout = arguments.timeout(2, "#2 to 'request'", given)}
  end
  check_rules("request", 2, rules, given, 1)
  return given
end

--- Sends a message with an id of its own and waits for the answer: the next message with that
--- id (the option `correlate`), which nobody else gets. It is sent on a connection that is open,
--- and waits for one, for what is in the outbox, for room and for the `rate`; it is never in the
--- outbox. Many can be under way at once. Where its connection is lost, nobody knows whether the
--- peer did what it asked for; `retry = true` asks again. An answer that comes after the timeout
--- is dropped and counted in `stats().late_answers`. Without `correlate` it raises.
---@param message any  what `correlate` gives the id to: a table without that field. It stays as it is
---@param timeout? number|wsmanager.RequestOptions  seconds until the answer; default: `timeouts.request`
---@return any answer  decoded where `decode` is set; or nil
---@return "text"|"binary"|wsmanager.Token kind  of nil: "timeout"; "closed": it ended before; as `ws:send`
---@return string? detail  why
function methods.request (ws, message, timeout)
  check_self(ws, "request")
  local record = dispatch.record(ws)
  local given = record.distributing
  if not given or not given.correlation then
    error("'request' needs to know the answers: give the option 'correlate', the field "
          .. "of their id or functions, to " .. (record.server and "serve" or "new"), 2)
  end
  if message == nil then arguments.fail(1, "#1 to 'request' (message", message) end
  local options = read_options(timeout)
  local seconds = arguments.timeout(1, "#2 to 'request'", options.timeout) or given.timeout
  local answer, kind, why = distribution.request(1, ws, record, {
    message = message, kind = options.kind, retry = options.retry, timeout = seconds,
    deadline = seconds and core.now() + seconds,
  })
  return answer, kind, why    -- no tail call: it raises at our caller's line
end

--- The argument of `ws:subscribe`, as a table.
---@class wsmanager.SubscribeOptions
---@field limit? integer  messages that it may have not taken; default: 1024
---@field full? "wait"|"oldest"  then: all wait for it, or its oldest message is dropped; default: "wait"

local subscribe_rules = {
  limit = {function (value)
    return type(value) == "number" and value >= 1 and value % 1 == 0
  end, "positive integer"},
  full = {function (value) return value == "wait" or value == "oldest" end,
          "'wait' or 'oldest'"},
}

--- A reader of its own, which gets every message that is taken from now on, whoever else gets
--- it, too. When it has not taken `limit` messages the connection's others wait for it, and the
--- socket is not read, as with a full inbox; or with `full = "oldest"` it loses the oldest, is
--- told how many with the next one, and the event `dropped` tells all. One that is not needed is
--- to be closed: `subscription:close`. It keeps the connection from being collected.
---@param limit? integer|wsmanager.SubscribeOptions  messages that it may have not taken, 1024; or a table
---@return wsmanager.Subscription subscription
function methods.subscribe (ws, limit)
  check_self(ws, "subscribe")
  local options = limit
  if type(limit) ~= "table" then options = {limit = limit} end
  check_rules("subscribe", 1, subscribe_rules, options)
  readers.check_whole(1, dispatch.record(ws), "'subscribe'")
  return distribution.subscribe(ws, dispatch.record(ws), options)
end
