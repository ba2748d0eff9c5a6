-- The methods of a connection that handle its messages by name: on and off.
-- Depends on distribution.lua.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local dispatch = require "wsmanager.run.dispatch"
local distribution = require "wsmanager.run.distribution"

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

--- Has fn(message, kind, ws) called for each message of that name: what the option
--- `dispatch` finds in it, a string or a number. Without a name: for each message whose
--- name has no handler, or that has none. A message without any handler is for
--- `receive` and the listeners of `message`, as ever.
--- Each call is in a coroutine and may wait: meanwhile other messages of the same
--- handler wait for it, in order, and those of other handlers do not. An error in one is
--- reported, and ends nothing else. Several handlers of one name are called in the order
--- in which they were added; the same twice is called once.
---@param name string|number|wsmanager.MessageHandler
---@param fn? wsmanager.MessageHandler
---@overload fun(ws: wsmanager.Connection, fn: wsmanager.MessageHandler)
function methods.on (ws, name, fn)
  check_self(ws, "on")
  local record = dispatch.record(ws)
  if not record.name_of then
    error("'on' needs to know the names of messages: give the option 'dispatch', "
          .. "a field of them or a function, to " .. (record.server and "serve" or "new"), 2)
  end
  name, fn = read("on", name, fn)
  if not is_callable(fn) then
    arguments.fail(1, "#2 to 'on' (function", fn)
  end
  distribution.add_handler(ws, record, name, fn)
end

--- Removes that handler of the name, or all of the name; or that one of `on(fn)`. It is
--- not called any more; the messages that wait for it go to the others, as if they had
--- just come. One that is not there is no error.
---@param name string|number|wsmanager.MessageHandler
---@param fn? wsmanager.MessageHandler
function methods.off (ws, name, fn)
  check_self(ws, "off")
  name, fn = read("off", name, fn)
  if fn ~= nil and not is_callable(fn) then
    arguments.fail(1, "#2 to 'off' (function", fn)
  end
  distribution.remove_handler(ws, dispatch.record(ws), name, fn)
end
