-- The response to a plain HTTP request: a file, or what a function returns; 304
-- for what the client has already (RFC 9110 13.1.2).
-- Depends on the core's entity tags and arguments.lua.
-- Never serves a file that is not named: a path is a key, not a file name.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local each = require "wsmanager.base.each"
local options = require "wsmanager.base.options"

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

-- The value of a header of that name (in lower case) among those that a function
-- returned, and its key there; nil: there is none.
local function find_header (headers, wanted)
  for key, value in each(headers) do
    local name = tostring(key)
    if type(key) == "number" then
      name, value = tostring(value):match("^([^:]*):[ \t]*(.-)[ \t]*$")
    end
    if name and name:lower() == wanted then return value, key end
  end
end

local function copy (headers)
  local copied = {}
  for name, value in each(headers) do copied[name] = value end
  return copied
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

-- Raises for what a function of the program may not return.
local function check_result (status, body, headers)
  local kind = type(body)
  if not options.is_status(status) then
    error("page must return a status from 200 to 599, or a body alone; it returned "
          .. tostring(status), 0)
  elseif body ~= nil and kind ~= "string" and kind ~= "number" then
    error("page must return a string as the body; it returned a " .. kind, 0)
  elseif headers ~= nil and type(headers) ~= "table" then
    error("page must return a table as the headers; it returned a "
          .. type(headers), 0)
  end
end

local function call (fn, request)
  local status, body, headers = fn(request)
  if status == nil then return plain(404, "Not Found") end
  if type(status) == "string" then status, body, headers = 200, status, body end
  check_result(status, body, headers)
  headers = headers or {}
  if not find_header(headers, "content-type") then
    headers = copy(headers)
    headers["Content-Type"] = PLAIN
  end
  return status, body or "", headers
end

-- What a 304 leaves out: it describes no content (RFC 9110 15.4.5).
local function without_content (headers)
  local rest = copy(headers)
  for _, name in ipairs {"content-type", "content-encoding", "content-language"} do
    local _, key = find_header(rest, name)
    if type(key) == "number" then
      table.remove(rest, key)
    elseif key ~= nil then
      rest[key] = nil
    end
  end
  return rest
end

-- Adds an entity tag to what a client may keep, and answers with 304 where the
-- client has it. A function's response to HEAD may be without the content.
local function tag (request, status, body, headers)
  local is_head = request.method == "HEAD"
  if status ~= 200 or request.method ~= "GET" and not is_head
     or type(body) ~= "string" or type(headers) ~= "table"
  then
    return status, body, headers
  end
  local etag = find_header(headers, "etag")
  if not etag then
    if is_head and body == "" then return status, body, headers end
    etag = core.etag(body)
    headers = copy(headers)
    headers.ETag = etag
  end
  local known = request.headers["if-none-match"]
  if known and core.etagmatches(known, tostring(etag)) then
    return 304, "", without_content(headers)
  end
  return status, body, headers
end

-- Is it a method that reads or changes what is at a path? CONNECT and TRACE are
-- not of a page (RFC 9110 9.3.6, 9.3.8).
local is_unknown = {CONNECT = true, TRACE = true}

-- A table of further entries, rather than a file or what can be called.
local function is_folder (entry)
  return type(entry) == "table" and not arguments.is_callable(entry)
end

-- The entry of a path: its own, or the one of the rest of the path in the table that
-- has the longest beginning of it ("/" has every one). nil: there is none.
local function find (given, path)
  local entry = given[path]
  if entry ~= nil and not is_folder(entry) then return entry end
  local longest, folder = -1, nil
  for key, below in each(given) do
    local base = key:match "^(.-)/?$"
    if #base > longest and is_folder(below)
       and (path .. "/"):sub(1, #base + 1) == base .. "/"
    then
      longest, folder = #base, below
    end
  end
  if folder then return find(folder, path:sub(longest + 1)) end
end

local function choose (given, request)
  if is_unknown[request.method] then return plain(501, "Not Implemented") end
  local entry = given
  if type(given) == "string" then
    entry = request.path == "/" and given or nil
  elseif is_folder(given) then
    entry = find(given, request.path)
  end
  if entry == nil then return plain(404, "Not Found") end
  if type(entry) ~= "string" then return call(entry, request) end
  if request.method ~= "GET" and request.method ~= "HEAD" then
    return plain(405, "Method Not Allowed", {Allow = "GET, HEAD"})
  end
  return file(entry)
end

-- Status, body and headers for a request that is no opening handshake. `given`
-- is a file's name (served at "/"), a table path -> file name, function or table of what
-- is below that path, or a function(request) that returns status, body, headers (or only
-- a body).
function page.respond (given, request)
  return tag(request, choose(given, request))
end

local function check_file (name)
  if type(name) ~= "string" then return end
  local handle, why = io.open(name, "rb")
  if not handle then error("bad option 'page' (" .. why .. ")", 0) end
  handle:close()
end

local DEEPEST = 16    -- tables in tables

local function check_folder (given, above, depth)
  if depth > DEEPEST then
    error("bad option 'page' (tables are nested too deep at '" .. above .. "')", 0)
  end
  for key, entry in pairs(given) do
    if type(key) ~= "string" then
      error("bad option 'page' (a path, as '" .. above .. "/', expected, got "
            .. type(key) .. ")", 0)
    elseif is_folder(entry) then
      check_folder(entry, above .. key, depth + 1)
    elseif type(entry) ~= "string" and not arguments.is_callable(entry) then
      error("bad option 'page' (file name, function or table expected at '" .. above
            .. key .. "', got " .. type(entry) .. ")", 0)
    end
    check_file(entry)
  end
end

-- Raises, without a position, for a file of `given` that cannot be opened, and for an
-- entry that is nothing of a page.
function page.check (given)
  if is_folder(given) then return check_folder(given, "", 1) end
  check_file(given)
end

return page
