-- The header lines and subprotocols that a program adds to an opening handshake,
-- or to a response.
-- Depends on the core's checks: tokens (RFC 9110 5.6.2) and reserved names.
-- Never raises with a position: its callers add the line of theirs.

local core = require "wsmanager.core"
local each = require "wsmanager.base.each"
local secrets = require "wsmanager.base.secrets"

local is_token, quote_begin = core.istoken, secrets.quote_begin

local LONGEST_SHOWN = 32   -- bytes of a subprotocol

local handshake_headers = {}

local function fail (...)
  error(table.concat({...}), 0)
end

-- A subprotocol in an error: one that is longer may be a token.
function handshake_headers.show (name)
  return #name > LONGEST_SHOWN and quote_begin(name) or name
end

local function add_protocols (names, given)
  if type(given) ~= "string" or given == "" then
    fail("bad option 'protocols' (names expected, got ",
         given == "" and "an empty string" or type(given), ")")
  end
  for word in given:gmatch("[^,]*") do
    local name = word:match("^%s*(.-)%s*$")
    if name ~= "" then
      if not is_token(name) then
        fail("bad option 'protocols' ('", quote_begin(name), "' is not a token)")
      elseif names[name] then
        fail("bad option 'protocols' ('", handshake_headers.show(name),
             "' is there twice)")
      end
      names[name] = true
      names[#names + 1] = name
    end
  end
end

-- The only name in a list of subprotocols is `optional`.
local function check_names (given)
  for name in each(given) do
    if type(name) ~= "number" and name ~= "optional" then
      fail("bad option 'protocols' (unknown name '", tostring(name), "')")
    end
  end
  if given.optional ~= nil and type(given.optional) ~= "boolean" then
    fail("bad option 'protocols' (optional is true or false, got ",
         type(given.optional), ")")
  end
end

-- Subprotocols as the header has them: "chat, superchat" (RFC 6455 4.1: tokens,
-- each once), nil for none; and whether the server may choose none of them.
---@param given string|wsmanager.Protocols|nil
---@return string?
---@return boolean? optional
function handshake_headers.protocols (given)
  if given == nil then return nil end
  if type(given) == "string" then given = {given} end
  if type(given) ~= "table" then
    fail("bad option 'protocols' (string or list of strings expected, got ",
         type(given), ")")
  end
  local names = {}
  for _, name in ipairs(given) do add_protocols(names, name) end
  check_names(given)
  return names[1] and table.concat(names, ", ") or nil, given.optional
end

local function add_header (lines, name, value, owner)
  if type(name) ~= "string" or not is_token(name) then
    fail("bad option 'headers' ('", quote_begin(tostring(name)),
         "' is not a header name)")
  elseif name:lower() == "proxy-authorization" then
    fail("bad option 'headers' ('", name, "' is for a proxy, not for the server: ",
         "set the option 'proxy' to http://user:password@host)")
  elseif core.isreserved(name) then
    fail("bad option 'headers' ('", name, "' belongs to ", owner, ")")
  elseif type(value) ~= "string" and type(value) ~= "number" then
    fail("bad option 'headers' (the value of '", name,
         "' is a ", type(value), ")")
  elseif tostring(value):find("[%z\1-\8\10-\31\127]") then
    fail("bad option 'headers' (the value of '", name,
         "' has a control character)")
  end
  lines[#lines + 1] = name .. ": " .. value .. "\r\n"
end

local function add_line (lines, line, owner)
  local name, value
  if type(line) == "string" then
    name, value = line:match("^([^:]*):[ \t]*(.-)[ \t]*$")
  end
  if not name then
    fail("bad option 'headers' ('Name: value' expected, got ",
         type(line) == "string" and "'" .. quote_begin(line) .. "' without a colon"
         or type(line), ")")
  end
  add_header(lines, name, value, owner)
end

-- Header lines "Name: value\r\n" of a table {Name = value}, of a list of
-- "Name: value", or of both; a value may be a list of values. nil for none. `owner`:
-- to whom the reserved ones belong, for the error; absent: the handshake.
---@param given table|nil
---@param owner? string
---@return string?
function handshake_headers.lines (given, owner)
  if given == nil then return nil end
  if type(given) ~= "table" then
    fail("bad option 'headers' (table expected, got ", type(given), ")")
  end
  local lines, names = {}, {}
  owner = owner or "the handshake"
  for _, line in ipairs(given) do add_line(lines, line, owner) end
  for name in each(given) do
    if type(name) ~= "number" then names[#names + 1] = name end
  end
  table.sort(names, function (a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    local values = given[name]
    if type(values) ~= "table" then values = {values} end
    for _, value in ipairs(values) do add_header(lines, name, value, owner) end
  end
  return lines[1] and table.concat(lines) or nil
end

return handshake_headers
