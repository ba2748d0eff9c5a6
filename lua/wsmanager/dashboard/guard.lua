-- Who may see the dashboard, and what may act in it.
-- Depends on the core's random numbers, log.lua and options.lua.
-- Never shows anything where the program has not let the operator in.

local core = require "wsmanager.core"
local log = require "wsmanager.log"
local options = require "wsmanager.base.options"

local guard = {}

local PLAIN = "text/plain; charset=utf-8"

-- Nothing of others, and no script or style but the files beside the page.
local POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; "
               .. "connect-src 'self'; img-src 'self'; base-uri 'none'; "
               .. "form-action 'none'; frame-ancestors 'none'"

local NO_AUTHORIZE =
  "the dashboard shows nothing: give wsmanager.dashboard a function 'authorize' that "
  .. "returns true for a request of an operator"

-- The headers of each response.
function guard.headers (content_type)
  return {
    ["Content-Type"] = content_type or PLAIN,
    ["Content-Security-Policy"] = POLICY,
    ["X-Content-Type-Options"] = "nosniff",
    ["X-Frame-Options"] = "DENY",
    ["Referrer-Policy"] = "no-referrer",
    ["Cross-Origin-Resource-Policy"] = "same-origin",
    ["Cache-Control"] = "no-store",
  }
end

function guard.refuse (status, text, more)
  local headers = guard.headers()
  for name, value in pairs(more or {}) do headers[name] = value end
  return status, text .. "\n", headers
end

-- What `authorize` returned, where it did not let the operator in.
local function refuse_operator (result, status, body, headers)
  if result ~= nil and result ~= false then
    error("authorize must return true or an operator's name, or nil and a status; it "
          .. "returned a " .. type(result), 0)
  elseif status ~= nil and not options.is_status(status) then
    error("authorize must return a status from 200 to 599 after nil; it returned "
          .. tostring(status), 0)
  end
  local refusal, text, all = guard.refuse(status or 403, body or "this dashboard is not for you")
  for name, value in pairs(type(headers) == "table" and headers or {}) do all[name] = value end
  return nil, refusal, text, all
end

local function judge (result, ...)
  if result == true then return "an operator" end
  if type(result) == "string" and result ~= "" then return result end
  return refuse_operator(result, ...)
end

-- The operator's name; or nil and the response that refuses.
function guard.admit (self, request)
  if self.authorize then return judge(self.authorize(request)) end
  if not self.warned then
    self.warned = true
    log.tell_all("warn", NO_AUTHORIZE, {event = "dashboard"})
  end
  return nil, guard.refuse(403, NO_AUTHORIZE)
end

-- ## Requests that change something

-- Compares in a time that does not tell where they differ.
local function is_same (one, other)
  if type(one) ~= "string" or #one ~= #other then return false end
  local different = 0
  for i = 1, #one do
    if one:byte(i) ~= other:byte(i) then different = different + 1 end
  end
  return different == 0
end

-- Is it a request of a page of this origin? A browser says so in Sec-Fetch-Site (Fetch
-- Metadata), or in Origin (RFC 6454 7), which then names the host that was asked.
local function is_same_origin (request)
  local site = request.headers["sec-fetch-site"]
  if site then return site == "same-origin" end
  local origin = request.headers.origin
  local host = origin and origin:lower():match "^https?://([^/]+)$"
  return host ~= nil and (host == request.host or host == request.host .. ":80"
                          or host == request.host .. ":443")
end

-- A secret of the page, without which it changes nothing.
function guard.new_token () return core.secret() end

-- Why a request may change nothing; nil: it may.
function guard.fault (self, request)
  if not is_same_origin(request) then
    return "this is not a request of the dashboard's own page (Sec-Fetch-Site, Origin)"
  elseif not is_same(request.headers["x-dashboard-token"], self.token) then
    return "the page is of an earlier start of the program: load it again"
  end
end

return guard
