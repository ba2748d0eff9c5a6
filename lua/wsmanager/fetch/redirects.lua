-- Redirects: the request that follows one (RFC 9110 15.4).
-- Depends on the core's protocol and url.lua.
-- Never sends credentials on to another origin, and never leads from https to http.

local core = require "wsmanager.core"
local each = require "wsmanager.base.each"
local url = require "wsmanager.base.url"

local protocol = core.protocol

local redirects = {}

-- Does the response lead elsewhere?
function redirects.is_one (response)
  return protocol.isredirect(response.status) and response.headers.location ~= nil
end

-- Is it asked for by GET from now on? 303 says so; 301 and 302 mean it for POST.
local function becomes_get (status, method)
  if method == "GET" or method == "HEAD" then return false end
  return status == 303 or status < 303 and method == "POST"
end

local function without_body (lines)
  return (("\n" .. lines):gsub("\n[Cc][Oo][Nn][Tt][Ee][Nn][Tt]%-[^\n]*", ""):sub(2))
end

-- Credentials stay with their origin; the name of tls.hostname stays with its host.
local function leave_origin (next, request, parts)
  next.lines = protocol.withoutcredentials(next.lines)
  if next.tls then
    local tls = {}
    for name, value in each(next.tls) do tls[name] = value end
    tls.cert, tls.key = nil, nil
    next.tls = tls
  end
  if parts.host:lower() ~= request.parts.host:lower() then next.hostname = nil end
end

-- The request after this response; or nil, token, detail.
function redirects.follow (request, response)
  local address, token, detail =
    protocol.redirect(request.url, response.headers.location, true)
  if not address then return nil, token, detail end
  local changed = token
  local next = {}
  for name, value in each(request) do next[name] = value end
  next.url, next.parts = address, url.parse(address)
  if becomes_get(response.status, request.method) then
    next.method, next.body = "GET", nil
    next.lines = without_body(next.lines)
  end
  if changed then leave_origin(next, request, next.parts) end
  return next
end

return redirects
