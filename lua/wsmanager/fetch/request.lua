-- A request: its options read, and what the core gets of it.
-- Depends on the core's parsers, conflicts.lua, handshake_headers.lua and options.lua.
-- Never raises with a position: its callers add the line of theirs.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local codec = require "wsmanager.base.codec"
local conflicts = require "wsmanager.base.conflicts"
local each = require "wsmanager.base.each"
local handshake_headers = require "wsmanager.base.handshake_headers"
local options = require "wsmanager.base.options"
local secrets = require "wsmanager.base.secrets"
local url = require "wsmanager.base.url"

local protocol = core.protocol

local TIMEOUT = 30             -- seconds, of all
local CONNECT = 10             -- of them until a connection is there
local REDIRECTS = 10
local BODY_LIMIT = 16 * 2^20   -- bytes
local HEADER_LIMIT = 16 * 2^10
local FORM = "application/x-www-form-urlencoded"

local request = {}

---@class wsmanager.fetch.Request
---@field url string         as the standard serializes it
---@field parts wsmanager.Url
---@field method string
---@field lines string       the headers: "Name: value\r\n"
---@field body? string
---@field limits {body: integer, header: integer}
---@field timeout number|false
---@field redirects integer
---@field proxy? string      an URL, or "env"
---@field tls? table         of the core's shape
---@field proxy_tls? table
---@field hostname? string   of tls.hostname

-- ## The URL

local function encode (text)
  return (tostring(text):gsub("[^%w%-._~]", function (c)
    return ("%%%02X"):format(c:byte())
  end))
end

-- "a=1&b=2", sorted by name; a value may be a list. `what` names the option.
local function to_pairs (given, what)
  local names, parts = {}, {}
  for name in each(given) do
    if type(name) ~= "string" then
      error("bad option '" .. what .. "' (names expected, got " .. type(name) .. ")", 0)
    end
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local values = given[name]
    if type(values) ~= "table" then values = {values} end
    for _, value in ipairs(values) do
      local kind = type(value)
      if kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
        error("bad option '" .. what .. "' (the value of '" .. name .. "' is a "
              .. kind .. ")", 0)
      end
      parts[#parts + 1] = encode(name) .. "=" .. encode(value)
    end
  end
  return table.concat(parts, "&")
end

local function check_scheme (given)
  local scheme = given:match "^(%a[%w+.-]*):"
  local lower = scheme and scheme:lower()
  if lower == "http" or lower == "https" then return end
  local is_websocket = lower == "ws" or lower == "wss"
  error("bad URL \"" .. url.masked(given):gsub("%c", "?")
        .. "\": fetch takes http and https"
        .. (is_websocket and "; wsmanager.new takes ws and wss" or ""), 0)
end

-- The URL of its parts, as the standard serializes it; bytes that are not ASCII are
-- percent-encoded.
local function serialize (parts)
  local host = parts.host:lower()
  if parts.ipv6 then host = "[" .. host .. "]" end
  if parts.port ~= (parts.secure and 443 or 80) then host = host .. ":" .. parts.port end
  local target = parts.target
  if target:sub(1, 1) ~= "/" then target = "/" .. target end
  target = target:gsub("[\128-\255]", encode)
  local user = parts.user ~= "" and parts.user .. "@" or ""
  return (parts.secure and "https://" or "http://") .. user .. host .. target
end

local function set_url (self, given, query)
  check_scheme(given)
  given = given:gsub("#.*", "")
  if query then
    local added = to_pairs(query, "query")
    local mark = given:find("?", 1, true) and "&" or "?"
    if added ~= "" then given = given .. mark .. added end
  end
  self.parts = url.parse(given)
  self.url = serialize(self.parts)
end

-- ## The method, the headers and the body

local refused = {
  CONNECT = "a proxy's tunnel is the option 'proxy'",
  TRACE = "it would show the request's credentials",
}

local function set_method (self, given)
  local method = given.method and given.method:upper()
  if method and not core.istoken(method) then
    error("bad option 'method' ('" .. secrets.quote_begin(method) .. "' is not a token)", 0)
  elseif refused[method] then
    error("bad option 'method' (" .. method .. ": " .. refused[method] .. ")", 0)
  end
  self.method = method or self.body and "POST" or "GET"
end

-- Has it a header of that name?
local function has_header (lines, name)
  return ("\n" .. lines):lower():find("\n" .. name:lower() .. ":", 1, true) ~= nil
end

local function add_header (self, name, value)
  if has_header(self.lines, name) then return end
  self.lines = self.lines .. name .. ": " .. value .. "\r\n"
end

-- nil, "codec", why for a value that does not encode.
local function set_body (self, given)
  if given.json ~= nil then
    local text, token, why = codec.encode(codec.json(), given.json, "text")
    if not text then return nil, token, why end
    self.body = text
    add_header(self, "Content-Type", "application/json")
  elseif given.form then
    self.body = to_pairs(given.form, "form")
    add_header(self, "Content-Type", FORM)
  else
    self.body = given.body
  end
  return true
end

-- ## The way there

local function check_proxy (given)
  if not given or given == "env" then return end
  local parts, _, detail = protocol.proxy(given)
  if not parts then error(detail, 0) end
end

-- The proxy as libcurl takes it; nil: none; false, token, detail for a bad one.
local function to_proxy (text)
  if not text then return nil end
  local parts, token, detail = protocol.proxy(text)
  if not parts then return false, token, detail end
  local host = parts.ipv6 and "[" .. parts.host .. "]" or parts.host
  local user = parts.user ~= "" and parts.user .. "@" or ""
  return parts.kind .. "://" .. user .. host .. ":" .. parts.port
end

local variables = {
  "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy",
  "NO_PROXY",
}

-- As the environment says for that URL, by the rules of wsmanager.new.
local function of_environment (address)
  local values = {}
  for _, name in ipairs(variables) do values[name] = os.getenv(name) end
  return protocol.environment(values, address)
end

-- ## TLS

local function is_pem (text) return text:find("-----BEGIN ", 1, true) ~= nil end

-- PEM text, or what is in that file; nil for a folder.
local function to_pem (given)
  if is_pem(given) then return given end
  local file, why = io.open(given, "rb")
  if not file then error(why, 0) end
  local text = file:read "*a"
  file:close()
  return text
end

-- The system's CAs, where variables that OpenSSL reads name others.
local function default_ca ()
  local file, folder = os.getenv "SSL_CERT_FILE", os.getenv "SSL_CERT_DIR"
  if not file and not folder then return nil end
  return {ca_file = file, ca_folder = folder}
end

-- Of the option `tls`, whose files can be read.
local function to_tls (given)
  if not given then return default_ca() end
  local tls = {unverified = given.verify == false, tls13 = given.min == "1.3"}
  if given.ca then
    tls.ca = to_pem(given.ca)
    if not tls.ca then tls.ca_folder = given.ca end
  else
    for name, value in each(default_ca() or {}) do tls[name] = value end
  end
  if given.cert then tls.cert, tls.key = to_pem(given.cert), to_pem(given.key) end
  if given.pin then
    tls.pin = type(given.pin) == "table" and table.concat(given.pin, ";") or given.pin
  end
  return tls
end

-- ## All of it

-- Seconds, or false: without end.
local function to_timeout (given)
  if given == nil then return TIMEOUT end
  if given == math.huge then return false end
  return given and arguments.timeout(1, "'timeout'", given)
end

-- The request that the arguments describe; raises for bad ones. nil, "codec", why: the
-- value of `json` does not encode.
---@return wsmanager.fetch.Request?
---@return string?
---@return string?
function request.read (address, given)
  options.check_fetch(given)
  conflicts.check_fetch(given)
  local limits = given.limits or {}
  local self = {
    lines = handshake_headers.lines(given.headers, "libcurl") or "",
    timeout = to_timeout(given.timeout),
    redirects = given.redirects == nil and REDIRECTS or given.redirects or 0,
    limits = {
      body = limits.body or BODY_LIMIT, header = limits.header or HEADER_LIMIT,
    },
    proxy = given.proxy or nil,
    hostname = given.tls and given.tls.hostname,
  }
  check_proxy(self.proxy)
  set_url(self, address, given.query)
  local ok, token, why = set_body(self, given)
  if not ok then return nil, token, why end
  set_method(self, given)
  self.given_tls, self.given_proxy_tls = given.tls, given.proxy_tls
  add_header(self, "User-Agent", "wsmanager")
  return self
end

-- Reads the certificates and keys, which have been checked.
function request.set_tls (self)
  self.tls, self.proxy_tls = to_tls(self.given_tls), to_tls(self.given_proxy_tls)
end

-- libcurl's lists of headers: one without a value ends in a semicolon, and one that it
-- is not to add itself in a colon.
local function to_list (self)
  local list = {}
  for name, value in self.lines:gmatch "([^:\r\n]+): ?([^\r\n]*)\r\n" do
    list[#list + 1] = value == "" and name .. ";" or name .. ": " .. value
  end
  for _, name in ipairs {"Content-Type", "Expect"} do
    if not has_header(self.lines, name) then list[#list + 1] = name .. ":" end
  end
  return list
end

-- With tls.hostname the URL has that name, and the connection goes to the URL's host.
local function set_hostname (self, native)
  if not self.hostname or not self.parts.secure then return end
  local parts, named = self.parts, {}
  for name, value in each(parts) do named[name] = value end
  named.host, named.ipv6 = self.hostname, self.hostname:find(":", 1, true) ~= nil
  local host = parts.ipv6 and "[" .. parts.host .. "]" or parts.host
  native.url = serialize(named)
  native.connect_to = "::" .. host .. ":" .. parts.port
  if has_header(self.lines, "Host") then return end
  local port = parts.port ~= 443 and ":" .. parts.port or ""
  native.headers[#native.headers + 1] = "Host: " .. host .. port
end

local has_length = {POST = true, PUT = true, PATCH = true}

-- What the core gets, with `left` seconds for it (false: no end); or nil, token, detail.
function request.to_native (self, left)
  local given = self.proxy
  if given == "env" then given = of_environment(self.url) end
  local proxy, token, detail = to_proxy(given)
  if token then return nil, token, detail end
  local native = {
    url = self.url, method = self.method, headers = to_list(self),
    body = self.body or has_length[self.method] and "" or nil,
    decode = not has_header(self.lines, "Accept-Encoding"),
    header = self.limits.header, limit = self.limits.body,
    connect = CONNECT, timeout = left and left + 1 or nil,   -- ours comes first
    proxy = proxy, tls = self.tls, proxy_tls = self.proxy_tls,
  }
  set_hostname(self, native)
  return native
end

-- "GET https://example.com/path", without what may be secret.
function request.describe (self)
  return self.method .. " " .. url.redacted(self.url)
end

return request
