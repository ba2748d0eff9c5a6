-- The options of a connection and of a server: checked, and told in the core's
-- words.
-- Stands on the core's checks of names and header lines, and distance.lua.
-- Never raises with a position: its callers add their own caller's.

local core = require "wsmanager.core"
local distance = require "wsmanager.base.suggest"
local events = require "wsmanager.base.events"

local options = {}

local function fail (...)
  error(table.concat({...}), 0)
end

local function is (wanted)
  return function (value) return type(value) == wanted end
end

local function is_number (least, most)
  return function (value)
    return type(value) == "number" and value >= least
           and value <= (most or math.huge)
  end
end

local function is_integer (least, most)
  local within = is_number(least, most or 2^53)
  return function (value) return within(value) and value % 1 == 0 end
end

-- Can an HTTP answer have that status?
options.is_status = is_integer(200, 599)

local function is_positive (value)
  return type(value) == "number" and value > 0
end

local function any (...)
  local tests = {...}
  return function (value)
    for _, test in ipairs(tests) do
      if test(value) then return true end
    end
    return false
  end
end

local function is_false (value) return value == false end

local function is_codec (value)
  return value == "json" or type(value) == "table"
         and type(value.encode) == "function"
         and type(value.decode) == "function"
end

-- What a value may be: a test, and its name in the error.
local function kind (test, expected)
  return {test = test, expected = expected}
end

-- A table of further options; may_be_off: false stands for it; may_be_on: so
-- does true.
local function group (fields, may_be_off, may_be_on)
  return {fields = fields, may_be_off = may_be_off, may_be_on = may_be_on}
end

local positive = kind(is_positive, "positive number")
local positive_or_false = kind(any(is_false, is_positive),
                               "positive number or false")
local seconds = kind(is_number(0), "number of seconds, 0 or more,")
local size = kind(is_integer(1), "positive integer")
local text = kind(is "string", "string")
local callback = kind(is "function", "function")
local flag = kind(is "boolean", "boolean")
local list = kind(any(is "string", is "table"), "string or list of strings")
local codec = kind(is_codec, "'json' or a table with encode and decode")

local heartbeat = group({
  interval = positive_or_false,
  message = text,
  timeout = positive_or_false,
}, true)

local timeouts = group {open = positive_or_false, close = positive_or_false}

local limits = group {
  message = size, frame = size, fragments = size, header = size,
  handshake = positive_or_false,
}

local window = kind(is_integer(9, 15), "integer from 9 to 15")

local compress = group({
  level = kind(is_integer(0, 9), "integer from 0 to 9"),
  window = window,
  peer_window = window,
  takeover = flag,
  peer_takeover = flag,
  threshold = kind(is_integer(0), "integer, 0 or more,"),
}, true, true)

local tls = group {
  ca = text, cert = text, key = text, hostname = text, verify = flag,
  min = text, ask = flag, keylog = text, pin = list,
}

local client = {
  url = kind(any(is "string", is "function"), "string or function"),
  protocols = kind(any(is "string", is "table", is "function"),
                   "string, list of strings or function"),
  headers = kind(any(is "table", is "function"), "table or function"),
  heartbeat = heartbeat,
  reconnect = group({
    delay = positive,
    max_delay = positive,
    factor = kind(is_number(1), "number, 1 or more,"),
    jitter = kind(is_number(0, 1), "number from 0 to 1"),
    pause = seconds,
    limit = kind(any(is_false, is_integer(0)), "integer or false"),
    stable = seconds,
    when = callback,
  }, true),
  timeouts = timeouts,
  outbox = group({messages = size, bytes = size}, true),
  inbox = size,
  buffer = size,
  limits = limits,
  compress = compress,
  tls = tls,
  proxy = kind(any(is_false, is "string"), "string or false"),
  proxy_tls = tls,
  redirects = kind(any(is_false, is_integer(0)), "integer, 0 or more, or false"),
  decode = codec,
}

for name in pairs(events.properties) do client[name] = callback end

local server = {
  host = text,
  port = kind(is_integer(0, 65535), "integer from 0 to 65535"),
  path = text,
  backlog = size,
  connections = size,
  protocols = list,
  tls = tls,
  authorize = callback,
  handler = callback,
  page = kind(any(is "string", is "table", is "function"),
              "file name, table of file names or function"),
  heartbeat = heartbeat,
  timeouts = timeouts,
  limits = limits,
  compress = compress,
  inbox = size,
  buffer = size,
  decode = codec,
  onerror = callback,
}

local function got (value, rule)
  if type(value) == "number" and rule.expected:find("number", 1, true)
     or type(value) == "number" and rule.expected:find("integer", 1, true)
     or type(value) == "string" and rule == codec
  then
    return tostring(value)
  end
  return type(value)
end

local check

local function instead_of_table (rule)
  if rule.may_be_on then return " or boolean" end
  return rule.may_be_off and " or false" or ""
end

local function check_group (given, rule, name)
  if given == false and rule.may_be_off then return end
  if given == true and rule.may_be_on then return end
  if type(given) ~= "table" then
    fail("bad option '", name, "' (table", instead_of_table(rule),
         " expected, got ", type(given), ")")
  end
  check(given, rule.fields, name .. ".")
end

-- What another library calls it, or where it is not looked for.
local aliases = {
  codec = "decode", json = "decode", ssl = "tls", timeout = "timeouts",
  subprotocols = "protocols", cafile = "tls.ca", insecure = "tls.verify",
}

-- " (did you mean 'tls.verify'?)": an option of that name in a group, else the
-- nearest.
local function hint (name, rules, prefix)
  if type(name) ~= "string" then return "" end
  local meant
  if prefix == "" then
    local alias = aliases[name]
    if alias and rules[alias:match("^%w+")] then meant = alias end
    for group_name, rule in pairs(meant and {} or rules) do
      local path = group_name .. "." .. name
      if rule.fields and rule.fields[name]
         and (not meant or #path < #meant
              or #path == #meant and path < meant)
      then
        meant = path
      end
    end
  end
  return meant and " (did you mean '" .. meant .. "'?)"
         or distance.hint(name, rules)
end

function check (given, rules, prefix)
  for name, value in pairs(given) do
    local rule = rules[name]
    local path = prefix .. tostring(name)
    if not rule then
      fail("unknown option '", path, "'", hint(name, rules, prefix))
    elseif rule.fields then
      check_group(value, rule, path)
    elseif not rule.test(value) then
      fail("bad option '", path, "' (", rule.expected, " expected, got ",
           got(value, rule), ")")
    end
  end
end

-- Raises for the first option that is unknown or of a wrong type.
function options.check_client (given)
  check(given, client, "")
  if given.url == nil then
    fail("bad option 'url' (string or function expected, got nil)")
  end
end

function options.check_server (given)
  check(given, server, "")
  if given.path and (given.host or given.port) then
    fail("bad option 'path' (a server listens on a path or on host and port)")
  end
  if not given.handler and not given.page then
    fail("bad option 'handler' (function expected, got nil; a server needs ",
         "'handler' or 'page')")
  end
end

-- The parts of a URL; raises for a bad one.
function options.url (given)
  local parts, why = core.url(given)
  if not parts then fail(why) end
  return parts
end

-- Subprotocols as the header has them: "chat, superchat" (RFC 6455 4.1: tokens,
-- each once).
function options.protocols (given)
  if given == nil then return nil end
  local names, seen = {}, {}
  if type(given) == "string" then given = {given} end
  if type(given) ~= "table" then
    fail("bad option 'protocols' (string or list of strings expected, got ",
         type(given), ")")
  end
  for _, each in ipairs(given) do
    if type(each) ~= "string" or each == "" then
      fail("bad option 'protocols' (names expected, got ",
           each == "" and "an empty string" or type(each), ")")
    end
    for name in each:gmatch("[^,]*") do
      name = name:match("^%s*(.-)%s*$")
      if name ~= "" then
        if not core.istoken(name) then
          fail("bad option 'protocols' ('", name, "' is not a token)")
        elseif seen[name] then
          fail("bad option 'protocols' ('", name, "' is there twice)")
        end
        seen[name] = true
        names[#names + 1] = name
      end
    end
  end
  return names[1] and table.concat(names, ", ") or nil
end

-- They are the handshake's own (RFC 6455 4.1, 4.2.2).
local ours = {
  connection = true, upgrade = true, ["content-length"] = true,
  ["transfer-encoding"] = true, ["sec-websocket-key"] = true,
  ["sec-websocket-version"] = true, ["sec-websocket-accept"] = true,
  ["sec-websocket-protocol"] = true, ["sec-websocket-extensions"] = true,
}

local function add_header (lines, name, value)
  if type(name) ~= "string" or not core.istoken(name) then
    fail("bad option 'headers' ('", tostring(name):gsub("%c", "?"),
         "' is not a header name)")
  elseif ours[name:lower()] then
    fail("bad option 'headers' ('", name, "' belongs to the handshake)")
  elseif type(value) ~= "string" and type(value) ~= "number" then
    fail("bad option 'headers' (the value of '", name,
         "' is a ", type(value), ")")
  elseif tostring(value):find("[%z\1-\8\10-\31\127]") then
    fail("bad option 'headers' (the value of '", name,
         "' has a control character)")
  end
  lines[#lines + 1] = name .. ": " .. value .. "\r\n"
end

local function add_line (lines, line)
  local name, value
  if type(line) == "string" then
    name, value = line:match("^([^:]*):[ \t]*(.-)[ \t]*$")
  end
  if not name then
    fail("bad option 'headers' ('Name: value' expected, got ",
         tostring(line):gsub("%c", "?"), ")")
  end
  add_header(lines, name, value)
end

-- Header lines "Name: value\r\n" of a table {Name = value}, of a list of
-- "Name: value", or of both; a value may be a list of values.
function options.headers (given)
  if given == nil then return nil end
  if type(given) ~= "table" then
    fail("bad option 'headers' (table expected, got ", type(given), ")")
  end
  local lines, names = {}, {}
  for _, line in ipairs(given) do add_line(lines, line) end
  for name in pairs(given) do
    if type(name) ~= "number" then names[#names + 1] = name end
  end
  table.sort(names, function (a, b) return tostring(a) < tostring(b) end)
  for _, name in ipairs(names) do
    local values = given[name]
    if type(values) ~= "table" then values = {values} end
    for _, value in ipairs(values) do add_header(lines, name, value) end
  end
  return lines[1] and table.concat(lines) or nil
end

local shared = {"heartbeat", "timeouts", "inbox", "buffer", "limits",
                "compress"}

-- What client and server say alike, in the core's words.
function options.policy (given)
  local config = {}
  for _, name in ipairs(shared) do config[name] = given[name] end
  return config
end

-- Calls fn(...) and raises its error as the fault of the caller `level` up.
function options.blame (level, fn, ...)
  local ok, a, b, c = pcall(fn, ...)
  if ok then return a, b, c end
  error(a, level + 1)
end

return options
