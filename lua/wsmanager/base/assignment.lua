-- What a program may assign to a connection: on* properties and fields of its own.
-- Depends on events.lua and options.lua.
-- Never assigns: it raises for what may not be, at the line that called its caller.

local events = require "wsmanager.base.events"
local options = require "wsmanager.base.options"

local assignment = {}

local is_readonly = {
  state = true, readyState = true, bufferedAmount = true, protocol = true,
  extensions = true, url = true, id = true,
}

-- For the value of an on* property.
function assignment.check_handler (name, value)
  if value == nil or type(value) == "function" then return end
  error("bad handler '" .. name .. "' (function or nil expected, got "
        .. type(value) .. ")", 3)
end

-- An option is given once, when the connection is made: as a field it would be
-- without effect. One may be a method, too.
local function is_option (name, is_server)
  if is_server then return options.is_shared_option(name) end
  return options.is_client_option(name)
end

-- For any other name; `methods` has those of a connection.
function assignment.check_field (name, methods, is_server)
  if is_readonly[name] then
    error("'" .. name .. "' cannot be assigned", 3)
  elseif events.nearest_property(name) then
    error("unknown event property '" .. name .. "' (did you mean '"
          .. events.nearest_property(name) .. "'?)", 3)
  elseif is_option(name, is_server) then
    error("'" .. name .. "' is an option (give it to "
          .. (is_server and "serve" or "new") .. ")", 3)
  elseif methods[name] ~= nil then
    error("'" .. name .. "' cannot be assigned", 3)
  end
end

return assignment
