-- The options of wsmanager.new that the words of a command line ask for, and the connection.
-- Depends on the public module.
-- Never raises: what is wrong is a sentence.

local wsmanager = require "wsmanager"

local connect = {}

local DEAD = 10 / 3        -- heartbeat.timeout: so many intervals

-- "localhost:8080/echo", ":8080" and "https://..." as URLs of a WebSocket.
---@param text string
---@return string
function connect.url (text)
  if text:find "^%a[%w+.-]*://" then return text end
  if text:find "^:%d" then text = "localhost" .. text end
  return "ws://" .. text
end

-- The lines of a file; nil, why.
local function lines_of (path)
  local file, why = io.open(path, "rb")
  if not file then return nil, "cannot open " .. why end
  local text = file:read "*a"
  file:close()
  if not text then return nil, "cannot read " .. path end
  local lines = {}
  for line in text:gmatch "[^\r\n]+" do lines[#lines + 1] = line end
  return lines
end

-- What was given as words and, after them, as a file; nil: none; false, why.
local function gather (words, path)
  local all = {}
  for _, word in ipairs(words or {}) do all[#all + 1] = word end
  if path then
    local lines, why = lines_of(path)
    if not lines then return false, why end
    for _, line in ipairs(lines) do all[#all + 1] = line end
  end
  return all[1] and all or nil
end

-- RFC 4648 4, in Lua: no header is long.
local function base64 (text)
  local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
  return (text:gsub("..?.?", function (bytes)
    local a, b, c = bytes:byte(1, 3)
    local n = a * 65536 + (b or 0) * 256 + (c or 0)
    local out = ""
    for shift = 3, 0, -1 do
      local index = math.floor(n / 64 ^ shift) % 64 + 1
      out = out .. digits:sub(index, index)
    end
    return out:sub(1, #bytes + 1) .. ("="):rep(3 - #bytes)
  end))
end

local function headers_of (values)
  local headers, why = gather(values.header, values.header_file)
  if headers == false then return false, why end
  headers = headers or {}
  for _, line in ipairs(headers) do
    if not line:find ":" then
      return false, "a header is 'NAME: VALUE', not '" .. line:sub(1, 20) .. "'"
    end
  end
  if values.origin then headers[#headers + 1] = "Origin: " .. values.origin end
  if values.user then headers[#headers + 1] = "Authorization: Basic " .. base64(values.user) end
  return headers[1] and headers
end

local function tls_of (values)
  local tls = {
    ca = values.ca, cert = values.cert, key = values.key, pin = values.pin,
    hostname = values.servername, keylog = values.keylog,
  }
  if values.insecure then tls.verify = false end
  return next(tls) and tls
end

local function heartbeat_of (seconds)
  if not seconds then return seconds end
  return {interval = seconds, timeout = seconds * DEAD}
end

-- Sends the lines on each connection.
local function login_of (values)
  local lines, why = gather(values.login, values.login_file)
  if not lines then return lines, why end
  return function (ws)
    for _, line in ipairs(lines) do
      local sent, token, detail = ws:send(line)
      if not sent then return sent, token .. ": " .. detail end
    end
    return true
  end
end

-- nil, why: what is wrong.
---@param values table  of parse.words
---@return table? options
---@return string? why
function connect.options (values)
  local headers, why = headers_of(values)
  if headers == false then return nil, why end
  local login
  login, why = login_of(values)
  if login == false then return nil, why end
  local url = connect.url(values[1])
  return {
    url = url, headers = headers or nil, login = login,
    protocols = values.subprotocol, tls = tls_of(values) or nil,
    proxy = values.proxy, redirects = values.redirects,
    compress = values.compress, heartbeat = heartbeat_of(values.heartbeat),
    timeouts = values.timeout and {open = values.timeout},
    limits = values.max_message and {message = values.max_message},
    log = values.log,
  }
end

-- The connection; nil, token, detail: a certificate that cannot be read, or "usage": an
-- option that is wrong.
---@param options table
---@return wsmanager.Connection?
---@return string? token
---@return string? detail
function connect.open (options)
  local ok, ws, token, detail = pcall(wsmanager.new, options)
  if ok then return ws, token, detail end
  return nil, "usage", (tostring(ws):gsub("^%S-:%d+: ", ""))
end

return connect
