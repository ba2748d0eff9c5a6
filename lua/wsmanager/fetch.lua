-- HTTP requests beside the connections: libcurl inside our loop.
-- Depends on the files in fetch/, and on wsmanager.fetch.core where it is called.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local cancellation = require "wsmanager.run.cancellation"
local redirects = require "wsmanager.fetch.redirects"
local request = require "wsmanager.fetch.request"
local response = require "wsmanager.fetch.response"
local scheduler = require "wsmanager.run.scheduler"
local tls_context = require "wsmanager.base.tls_context"
local transfers = require "wsmanager.fetch.transfers"
local url = require "wsmanager.base.url"

local now = core.now

-- The wait ended first; `bytes` of the body had come, or nil: not even the head.
local function cut_short (one, bytes)
  local what = bytes and "no whole response" or "no response"
  local how_far = bytes and (", %d bytes of the body had come"):format(bytes) or ""
  return cancellation.failure(what, one.timeout,
                              ": " .. request.describe(one) .. how_far)
end

-- Without redirects: the core's response, or nil, token, detail.
local function perform (one, deadline)
  local left = deadline and deadline - now()
  if left and left <= 0 then return cut_short(one) end
  local native, token, detail = request.to_native(one, left)
  if not native then return nil, token, request.describe(one) .. ": " .. detail end
  native, token, detail = transfers.perform(native, deadline)
  if native then return native end
  if native == false then return cut_short(one, token) end
  return nil, token, request.describe(one) .. ": " .. detail
end

local function too_many (first, one)
  local detail = ("%s: more than %d redirects; the last one leads on from %s"):format(
    request.describe(first), first.redirects, url.redacted(one.url))
  return nil, "handshake", detail
end

local function follow (first)
  local deadline = first.timeout and now() + first.timeout or nil
  local one = first
  for count = 0, first.redirects do
    local native, token, detail = perform(one, deadline)
    if not native then return nil, token, detail end
    if first.redirects == 0 or not redirects.is_one(native) then
      return response.new(native, one.url)
    end
    if count == first.redirects then return too_many(first, one) end
    local following
    following, token, detail = redirects.follow(one, native)
    if not following then return nil, token, request.describe(one) .. ": " .. detail end
    one = following
  end
end

--- Makes an HTTP request and waits for the response, as `ws:receive` waits: everything else goes
--- on. Any status is a response. Up to 64 connections are open at once, 16 with one host; others
--- wait for one; idle ones are kept and used again. HTTP/2 is used where the server has it. No
--- cookies are kept, nothing is cached. Wrong arguments raise, as does a missing libcurl.
--- Failures: `timeout`, `resolve`, `refused`, `tls`, `proxy`, `handshake` (a redirect that is not
--- followed), `protocol`, `toobig`, `closed`, `full`, `cancelled`, and `codec` for `json`.
---@param address string  http:// or https://
---@param options? wsmanager.FetchOptions  what is sent, and what may come
---@return wsmanager.Response? response
---@return wsmanager.Token? token  what went wrong
---@return string? detail  why
return function (address, options)
  if type(address) ~= "string" then arguments.fail(1, "#1 to 'fetch' (string", address) end
  if options == nil then options = {} end
  if type(options) ~= "table" then arguments.fail(1, "#2 to 'fetch' (table", options) end
  local one, token, detail =
    arguments.call_at_level(2, request.read, address, options)
  if not one then return nil, token, detail end
  arguments.call_at_level(2, transfers.check)
  local ok
  ok, token, detail = tls_context.configure({}, options)
  if not ok then return nil, token, detail end
  request.set_tls(one)
  scheduler.check_wait()
  return follow(one)
end
