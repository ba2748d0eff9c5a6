-- The options of a client and of a server.
-- Depends on arguments.lua, schema.lua and events.lua.
-- Never raises with a position: its callers add the line of theirs.

local arguments = require "wsmanager.base.arguments"
local events = require "wsmanager.base.events"
local schema = require "wsmanager.base.schema"

local rule, group = schema.rule, schema.group
local any, is, is_false = schema.any, schema.is, schema.is_false
local is_integer, is_number = schema.is_integer, schema.is_number
local is_positive = schema.is_positive

local options = {}

-- May an HTTP response have that status?
options.is_status = is_integer(200, 599)

-- Is it the kind of a message?
function options.is_kind (value)
  return value == "text" or value == "binary"
end

local modes = {either = true, received = true, sent = true, always = true}

local function is_heartbeat_mode (value)
  return type(value) == "string" and modes[value] == true
end

local function is_level (value)
  return value == "debug" or value == "info" or value == "warn" or value == "error"
end

local function is_full_rule (value)
  return value == "reject" or value == "oldest" or value == "wait"
end

local function is_inflate (value)
  return value == "zlib-stream"
end

local function is_codec (value)
  return value == "json" or type(value) == "table"
         and type(value.encode) == "function"
         and type(value.decode) == "function"
end

-- How a field of a message is named: by its name, or by its index in a list.
local is_field = any(function (value) return type(value) == "string" and value ~= "" end,
                     is_integer(1))

local is_dispatch = any(is_field, is "function")

local positive = rule(is_positive, "positive number")
local positive_or_false = rule(any(is_false, is_positive),
                               "positive number or false")
local seconds = rule(is_number(0), "number of seconds, 0 or more,")
local size = rule(is_integer(1), "positive integer")
local text = rule(is "string", "string")
local callback = rule(is "function", "function")
local flag = rule(is "boolean", "boolean")
local number_of_a_rate = rule(is_integer(1, 100000), "integer from 1 to 100000")
local list = rule(any(is "string", is "table"), "string or list of strings")
local part = rule(is_number(0, 1), "number from 0 to 1")
local window = rule(is_integer(9, 15), "integer from 9 to 15")

local tls = group {
  ca = text, cert = text, key = text, hostname = text, verify = flag,
  min = text, ask = flag, keylog = text, pin = list,
}

-- What libcurl can of these.
local fetch_tls = group {
  ca = text, cert = text, key = text, hostname = text, verify = flag, min = text,
  pin = list,
}

-- Those of a connection, at either end: the core's policy.
local policy = {
  heartbeat = group({
    interval = positive_or_false,
    mode = rule(is_heartbeat_mode,
                "'either', 'received', 'sent' or 'always'", true),
    jitter = part,
    message = rule(any(is_false, is "string", is "function"),
                   "string, function or false"),
    ack = rule(any(is_false, is "function"), "function or false"),
    kind = rule(options.is_kind, "'text' or 'binary'", true),
    timeout = positive_or_false,
    silence = positive_or_false,
  }, true),
  timeouts = group {
    open = positive_or_false, login = positive_or_false,
    close = positive_or_false, request = positive_or_false,
  },
  inbox = size,
  buffer = size,
  limits = group {
    message = rule(any(is_false, is_integer(1)), "positive integer or false"),
    frame = size, fragments = size, header = size,
    body = size, send = size,
    handshake = positive_or_false,
  },
  compress = group({
    level = rule(is_integer(0, 9), "integer from 0 to 9"),
    window = window,
    peer_window = window,
    takeover = flag,
    peer_takeover = flag,
    threshold = rule(is_integer(0), "integer, 0 or more,"),
  }, true, true),
  stream = flag,
  inflate = rule(is_inflate, "'zlib-stream'", true),
}

-- What a client and a server have in common.
local shared = {
  tls = tls,
  decode = rule(is_codec, "'json' or a table with encode and decode", true),
  log = rule(any(is_false, is "function", is_level), "function, 'debug', 'info', 'warn', "
             .. "'error' or false", true),
  login = callback, identify = callback, acknowledge = callback, dedupe = callback,
  correlate = rule(any(is_field, is "table"), "name or index of a field, or table"),
  dispatch = rule(is_dispatch, "name or index of a field, or function"),
}

for name, each in pairs(policy) do shared[name] = each end

-- A list, from 1 on and not empty, whose elements all pass the test.
local function is_list (test)
  return function (value)
    if type(value) ~= "table" or value[1] == nil then return false end
    local n = 0
    for _, each in ipairs(value) do
      if not test(each) then return false end
      n = n + 1
    end
    for key in pairs(value) do
      if type(key) ~= "number" or key > n then return false end
    end
    return true
  end
end

-- A close code (RFC 6455 7.4), or a status.
local is_number_of_end = any(is_integer(1000, 4999), is_integer(400, 599))

-- At most so many in any so many seconds: {n, per = seconds}.
local function is_rate (value)
  if type(value) ~= "table" then return false end
  for key in pairs(value) do
    if key ~= 1 and key ~= "per" then return false end
  end
  return is_integer(1, 100000)(value[1]) and is_positive(value.per)
         and value.per < 4000000
end

local client = {
  url = rule(any(is "string", is "function", is_list(is "string")),
             "string, list of strings or function"),
  protocols = rule(any(is "string", is "table", is "function"),
                   "string, list of strings or function"),
  headers = rule(any(is "table", is "function"), "table or function"),
  reconnect = group({
    delay = rule(any(is_positive, is "function", is_list(is_number(0))),
                 "positive number, list of numbers or function"),
    max_delay = positive,
    factor = rule(is_number(1), "number, 1 or more,"),
    jitter = part,
    pause = seconds,
    after = positive,
    limit = rule(any(is_false, is_integer(0)), "integer or false"),
    stable = seconds,
    when = callback,
    never = rule(is_list(is_number_of_end),
                 "list of close codes, 1000 to 4999, and HTTP statuses, 400 to "
                 .. "599,"),
    rate = rule(is_rate, "{n, per = seconds} with 1 to 100000 attempts"),
  }, true),
  outbox = group({
    messages = size,
    bytes = size,
    age = positive_or_false,
    full = rule(is_full_rule, "'reject', 'oldest' or 'wait'", true),
  }, true),
  rate = group({
    [1] = number_of_a_rate, per = positive,
    reserve = rule(is_integer(0), "integer, 0 or more,"),
  }, true),
  proxy = rule(any(is_false, is "string"), "string or false"),
  proxy_tls = tls,
  redirects = rule(any(is_false, is_integer(0)), "integer, 0 or more, or false"),
}

local function is_present (value) return value ~= nil end

-- Of a request: wsmanager/fetch.lua.
local fetch = {
  method = text,
  headers = rule(is "table", "table"),
  query = rule(is "table", "table"),
  body = text,
  json = rule(is_present, "value"),
  form = rule(is "table", "table"),
  timeout = rule(any(is_false, arguments.is_timeout), "number or false"),
  redirects = rule(any(is_false, is_integer(0)), "integer, 0 or more, or false"),
  limits = group {body = size, header = size},
  tls = fetch_tls,
  proxy = client.proxy,
  proxy_tls = fetch_tls,
}

-- A preset is no name.
local function preset_hint (given)
  if type(given) ~= "string" or not given:find "^[%a_][%w_]*$" then return "" end
  return " (did you mean wsmanager.presets." .. given .. "?)"
end

-- What a preset may have: wsmanager/presets.lua.
client.preset = group {
  heartbeat = policy.heartbeat, reconnect = client.reconnect, rate = client.rate,
  limits = policy.limits,
}
client.preset.hint = preset_hint

local server = {
  host = text,
  port = rule(is_integer(0, 65535), "integer from 0 to 65535"),
  path = text,
  backlog = size,
  connections = size,
  protocols = list,
  authorize = callback,
  handler = callback,
  user = callback,
  page = rule(any(is "string", is "table", is "function"),
              "file name, table of file names or function"),
  onerror = callback,
}

for name, each in pairs(shared) do client[name], server[name] = each, each end
client.tls = group(tls.fields, false, false, true)
client.timeouts = group {
  open = positive_or_false, login = positive_or_false, close = positive_or_false,
  ask = positive_or_false, request = positive_or_false,
}
for name in pairs(events.properties) do client[name] = callback end

-- Options that one of these functions has are looked for in the others.
local others = {
  client = {{name = "wsmanager.serve", rules = server}},
  server = {{name = "wsmanager.new", rules = client}},
  fetch = {{name = "wsmanager.new", rules = client}},
}

-- The option `correlate` as a table.
local correlation = {
  field = rule(is_field, "name or index of a field"), set = callback, get = callback,
  id = callback,
}

-- The same for what has its own table of options under another name.
local function check_correlation (given)
  if type(given.correlate) == "table" then
    schema.check(given.correlate, correlation, "correlate.")
  end
end

-- Is it the name of a client's option?
function options.is_client_option (name)
  return client[name] ~= nil
end

-- Is it the name of a server's option?
function options.is_server_option (name)
  return server[name] ~= nil
end

-- Is it one that a client and each connection of a server have?
function options.is_shared_option (name)
  return shared[name] ~= nil
end

-- Raises for the first option that is unknown, of a wrong type, or missing.
function options.check_client (given)
  schema.check(given, client, "", others.client)
  check_correlation(given)
  if given.url == nil then
    error("bad option 'url' (string, list of strings or function expected, got "
          .. "nil)", 0)
  end
end

-- What a function as `tls` returned.
function options.check_tls (given)
  if type(given) ~= "table" then
    error("bad option 'tls' (table expected, got " .. type(given) .. ")", 0)
  end
  schema.check(given, tls.fields, "tls.")
end

-- The options of a request.
function options.check_fetch (given)
  schema.check(given, fetch, "", others.fetch)
end

local function copy_over (to, from)
  for name, value in pairs(from) do to[name] = value end
  return to
end

-- What was given over its preset: in a group each field by itself, and anything that
-- is no table instead of a group.
function options.over_preset (given)
  if not given.preset then return given end
  local merged = copy_over(copy_over({}, given.preset), given)
  for name, group_of_preset in pairs(given.preset) do
    local own = given[name]
    if type(own) == "table" and type(group_of_preset) == "table" then
      merged[name] = copy_over(copy_over({}, group_of_preset), own)
    end
  end
  return merged
end

function options.check_server (given)
  schema.check(given, server, "", others.server)
  check_correlation(given)
  if given.path and (given.host or given.port) then
    error("bad option 'path' (a server listens on a path or on host and port)",
          0)
  end
  if not given.handler and not given.page then
    error("bad option 'handler' (function expected, got nil; a server needs "
          .. "'handler' or 'page')", 0)
  end
end

-- The group `heartbeat` alone, as an argument.
function options.check_heartbeat (given)
  schema.check({heartbeat = given}, {heartbeat = policy.heartbeat}, "")
end

-- The options of the core's policy alone.
function options.policy (given)
  local config = {}
  for name in pairs(policy) do config[name] = given[name] end
  if given.limits and given.limits.message == false then
    config.limits = copy_over({}, given.limits)
    config.limits.message = nil
  end
  return config
end

return options
