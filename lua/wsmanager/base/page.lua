-- The response to a plain HTTP request: a file, or what a function returns.
-- Depends on nothing.
-- Never serves a file that is not named: a path is a key, not a file name.

local page = {}

local types = {
  html = "text/html; charset=utf-8", htm = "text/html; charset=utf-8",
  js = "text/javascript; charset=utf-8", mjs = "text/javascript; charset=utf-8",
  css = "text/css; charset=utf-8", json = "application/json",
  txt = "text/plain; charset=utf-8", md = "text/plain; charset=utf-8",
  png = "image/png", jpg = "image/jpeg", jpeg = "image/jpeg",
  gif = "image/gif", svg = "image/svg+xml", webp = "image/webp",
  ico = "image/x-icon", wasm = "application/wasm",
}

local PLAIN = types.txt

local function plain (status, text, headers)
  headers = headers or {}
  headers["Content-Type"] = PLAIN
  return status, text .. "\n", headers
end

local function has_type (headers)
  for name, value in pairs(headers) do
    local line = type(name) == "number" and tostring(value) or tostring(name)
    if line:lower():find("^content%-type") then return true end
  end
  return false
end

local function file (name)
  local handle = io.open(name, "rb")
  local body = handle and handle:read("*a")
  if handle then handle:close() end
  if not body then return plain(404, "Not Found") end
  local extension = name:match("%.(%w+)$") or ""
  return 200, body, {
    ["Content-Type"] = types[extension:lower()] or "application/octet-stream",
  }
end

local function call (fn, request)
  local status, body, headers = fn(request)
  if status == nil then return plain(404, "Not Found") end
  if type(status) == "string" then status, body, headers = 200, status, body end
  headers = headers or {}
  if not has_type(headers) then
    local copy = {["Content-Type"] = PLAIN}
    for name, value in pairs(headers) do copy[name] = value end
    headers = copy
  end
  return status, body or "", headers
end

-- Status, body and headers for a request that is no opening handshake. `given`
-- is a file's name (served at "/"), a table path -> file name or function, or a
-- function(request) that returns status, body, headers (or only a body).
function page.respond (given, request)
  local entry = given
  if type(given) == "string" then
    entry = request.path == "/" and given or nil
  elseif type(given) == "table" then
    entry = given[request.path]
  end
  if entry == nil then return plain(404, "Not Found") end
  if type(entry) ~= "string" then return call(entry, request) end
  if request.method ~= "GET" and request.method ~= "HEAD" then
    return plain(405, "Method Not Allowed", {Allow = "GET, HEAD"})
  end
  return file(entry)
end

local function check_file (name)
  if type(name) ~= "string" then return end
  local handle, why = io.open(name, "rb")
  if not handle then error("bad option 'page' (" .. why .. ")", 0) end
  handle:close()
end

-- Raises, without a position, for a file of `given` that cannot be opened.
function page.check (given)
  if type(given) ~= "table" then return check_file(given) end
  for _, entry in pairs(given) do check_file(entry) end
end

return page
