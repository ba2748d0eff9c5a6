-- The TLS contexts that the options `tls` and `proxy_tls` describe.
-- Depends on the core's tls, arguments.lua, options.lua and report.lua.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local options = require "wsmanager.base.options"
local report = require "wsmanager.base.report"

local tls_context = {}

local function make (given, is_server, name)
  if given.verify == false and not given.pin and not is_server then
    report.warn(name .. ".verify = false: anybody can pose as the "
                .. (name == "tls" and "server" or "proxy"))
  end
  -- no tail call: call_at_level counts callers
  local made, token, detail =
    arguments.call_at_level(4, core.tls, given, is_server or false)
  return made, token, detail
end

-- Sets tls and proxytls of the core's `config`: true, or nil, token, detail for a
-- certificate or key that cannot be read. Raises for bad options at the line that
-- called its caller.
function tls_context.configure (config, given, is_server)
  local token, detail
  if type(given.tls) == "table" then
    config.tls, token, detail = make(given.tls, is_server, "tls")
  end
  if given.proxy_tls and not token then
    config.proxytls, token, detail =
      make(given.proxy_tls, is_server, "proxy_tls")
  end
  if token then return nil, token, detail end
  return true
end

-- The context of a client; raises, without a position, for bad options and for a
-- certificate or key that cannot be read.
function tls_context.of_client (given)
  options.check_tls(given)
  local made, _, detail = core.tls(given, false)
  if not made then error(detail, 0) end
  return made
end

return tls_context
