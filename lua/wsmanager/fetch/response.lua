-- What fetch returns.
-- Depends on codec.lua.

local codec = require "wsmanager.base.codec"
local each = require "wsmanager.base.each"

local response = {}

--- An HTTP response: also one that says that something went wrong.
---@class wsmanager.Response
---@field status integer     of the last response, after redirects
---@field ok boolean         200 to 299
---@field reason string      "OK"; HTTP/2 has none
---
--- By their names in lower case; a name of any case finds one. Headers of one name are joined by
--- ", ", those of `set-cookie` by a line feed.
---@field headers table<string, string>
---
---@field body string        decompressed; "" where there is none
---@field url string         of the last request
---@field version "1.0"|"1.1"|"2"|"3"  of HTTP
local Response = {}
Response.__index = Response

--- The body as JSON decodes; JSON null is wsmanager.null.
---@return any value  or nil
---@return wsmanager.Token? token  "codec": the body is no JSON
---@return string? detail  why
function Response:json ()
  if getmetatable(self) ~= Response then
    error("call it with ':', as in response:json()", 2)
  end
  local value, token, why = codec.decode(codec.json(), self.body, "text")
  if value == nil then return nil, token, why end
  return value
end

function Response:__tostring ()
  return ("response %d of %s (%d bytes)"):format(self.status, self.url, #self.body)
end

-- A name of any case finds what is there in lower case.
local any_case = {
  __index = function (self, name)
    if type(name) ~= "string" then return nil end
    return rawget(self, name:lower())
  end,
}

-- Of the core's { status, reason, headers, body, version }.
function response.new (native, address)
  local self = {url = address, ok = native.status >= 200 and native.status < 300}
  for name, value in each(native) do self[name] = value end
  self.minor = nil
  setmetatable(self.headers, any_case)
  return setmetatable(self, Response)
end

return response
