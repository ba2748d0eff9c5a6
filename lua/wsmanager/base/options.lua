-- The options of a client, of a server and of a request: the checks of all of them
-- together, and presets.
-- Depends on the tables client_options.lua, connection_options.lua, fetch_options.lua and
-- server_options.lua, and on option_rules.lua and schema.lua.
-- Never raises with a position: its callers add the line of theirs.

local both = require "wsmanager.base.connection_options"
local client = require "wsmanager.base.client_options"
local fetch = require "wsmanager.base.fetch_options"
local rules = require "wsmanager.base.option_rules"
local schema = require "wsmanager.base.schema"
local server = require "wsmanager.base.server_options"

local policy, shared, tls = both.policy, both.shared, both.tls

local options = {}

-- May an HTTP response have that status?
options.is_status = schema.is_integer(200, 599)

options.is_kind = rules.is_kind

-- Options that one of these functions has are looked for in the others.
local others = {
  client = {{name = "wsmanager.serve", rules = server}},
  server = {{name = "wsmanager.new", rules = client}},
  fetch = {{name = "wsmanager.new", rules = client}},
}

-- The option `correlate` as a table.
local correlation = {
  field = schema.rule(rules.is_field, "name or index of a field"),
  set = rules.callback, get = rules.callback, id = rules.callback,
}

-- The same for what has its own table of options under another name.
local function check_correlation (given)
  if type(given.correlate) == "table" then
    schema.check(given.correlate, correlation, "correlate.")
  end
end

-- For the reference, which shows what is checked.
options.tables = {
  client = client, server = server, fetch = fetch, correlation = correlation,
}

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
