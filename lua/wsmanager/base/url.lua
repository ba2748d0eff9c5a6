-- URLs of ws and wss: parsed, serialized, and shown without secrets.
-- Depends on the core's parser (RFC 3986).

local core = require "wsmanager.core"

local url = {}

---@class wsmanager.Url
---@field secure boolean  wss
---@field host string     without the brackets of an IPv6 address
---@field ipv6 boolean
---@field port integer
---@field target string   path and query
---@field user string     userinfo, or ""

-- Its parts; raises, without a position, for a bad one.
---@return wsmanager.Url
function url.parse (given)
  if type(given) ~= "string" then
    error("bad URL (string expected, got " .. type(given) .. ")", 0)
  end
  local parts, why = core.url(given)
  if not parts then error(why, 0) end
  return parts
end

-- The URL as the standard serializes it, without default port, and its origin
-- (WHATWG URL 4.5, HTML 7.1.1); raises for a bad one.
function url.serialize (given)
  local parts = url.parse(given)
  local host = parts.host:lower()
  if parts.ipv6 then host = "[" .. host .. "]" end
  local default_port = parts.secure and 443 or 80
  if parts.port ~= default_port then host = host .. ":" .. parts.port end
  local scheme = parts.secure and "wss://" or "ws://"
  local path = parts.target
  if path:sub(1, 1) ~= "/" then path = "/" .. path end
  local user = parts.user ~= "" and parts.user .. "@" or ""
  return scheme .. user .. host .. path, scheme .. host
end

-- Without what may be secret: userinfo, query, fragment.
function url.redacted (given)
  return (given:gsub("[?#].*", ""):gsub("//[^/]*@", "//"))
end

-- The same of one that could not be parsed: what precedes its last '@' may be a password.
function url.masked (given)
  return url.redacted((given:gsub("//.*@", "//")))
end

return url
