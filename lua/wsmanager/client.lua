-- wsmanager.new: a managed connection from its options.
-- Depends on the core, options.lua, connection.lua and dispatch.lua.
-- Never connects before its listeners are set.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local codec = require "wsmanager.base.codec"
local conflicts = require "wsmanager.base.conflicts"
local connection = require "wsmanager.connection"
local coroutines = require "wsmanager.run.coroutines"
local delivery = require "wsmanager.run.delivery"
local dispatch = require "wsmanager.run.dispatch"
local distribution = require "wsmanager.run.distribution"
local events = require "wsmanager.base.events"
local handshake_headers = require "wsmanager.base.handshake_headers"
local migration = require "wsmanager.migration"
local log = require "wsmanager.log"
local login = require "wsmanager.run.login"
local options = require "wsmanager.base.options"
local readers = require "wsmanager.run.readers"
local scheduler = require "wsmanager.run.scheduler"
local tls_context = require "wsmanager.base.tls_context"
local url = require "wsmanager.base.url"

local client = {}

--- Logs in on a connection, with the handle of that connection, and what is known of the
--- connection before. It may wait, for `timeouts.login`. What it returns decides:
---
--- * nothing, or a true value: the connection is open, and what the login did not take follows;
--- * nil or `false`, and why: the event `error` with the token `login`, closed with 1000, one
---   failure more, and another attempt after the usual delay;
--- * nil, why, `"final"`: the same, but there is no other attempt, and the state is `locked`;
--- * nil, why, nil or `"final"`, a code: closed with that code, 3000 to 4999;
--- * an error is as nil and its text, and is reported.
---
--- The results of a `receive` that failed may be returned as they are: `return ws:receive(5)`
--- is a login that succeeds with the first message, and fails with the timeout's sentence. It is
--- cut short by the end of its connection, by `close()` and `reconnect()`: then what it returns
--- is ignored.
---@alias wsmanager.LoginFunction fun(ws: wsmanager.Login, info: wsmanager.LoginInfo): any, string?, "final"?, integer?

local function is_function (value) return type(value) == "function" end

-- Is the target known only before each attempt?
local function has_changing_target (given)
  return type(given.url) ~= "string" or is_function(given.protocols)
         or is_function(given.headers) or is_function(given.tls)
end

-- Sets what is decided in Lua: `when` and a `delay` that is a function.
local function set_reconnect (config, record, given)
  if not given then
    config.reconnect = given
    return
  end
  local copy = {}
  for name, value in pairs(given) do copy[name] = value end
  record.when, copy.when = given.when, nil
  record.renew = given.after and migration.renew
  if type(given.delay) ~= "number" then copy.delay = nil end
  if is_function(given.delay) then record.delay = given.delay end
  if type(given.delay) == "table" then copy.delays = given.delay end
  config.reconnect = copy
  config.verdict = (record.when or record.delay) ~= nil
end

local function set_fixed_target (config, given)
  config.url = given.url
  config.protocols, config.protocol_optional =
    handshake_headers.protocols(given.protocols)
  config.headers = handshake_headers.lines(given.headers)
end

local function set_target (config, record, given)
  if not has_changing_target(given) then
    set_fixed_target(config, given)
    return
  end
  config.target = true
  config.renews = is_function(given.url) or is_function(given.headers)
  record.target_options = {
    url = given.url, protocols = given.protocols, headers = given.headers,
    tls = given.tls,
  }
end

-- The core's outbox, and whether `send` waits for it: the core knows "oldest".
local function outbox (given)
  if not given then return given end
  local config = {}
  for name, value in pairs(given) do config[name] = value end
  config.full = nil
  config.oldest = given.full == "oldest"
  return config, given.full == "wait" or nil
end

local function rate (given)
  if not given then return given end
  return {limit = given[1], per = given.per, reserve = given.reserve}
end

-- Raises, without a position, for a bad one.
local function check_urls (given)
  if is_function(given) then return end
  local list = type(given) == "table" and given or {given}
  for _, each in ipairs(list) do url.parse(each) end
end

-- The core's config and the connection's record; raises, without a position, for
-- bad options.
local function read (given)
  options.check_client(given)
  given = options.over_preset(given)
  conflicts.check_client(given)
  check_urls(given.url)
  local config, record = options.policy(given), {}
  set_reconnect(config, record, given.reconnect)
  config.outbox, record.outbox_waits = outbox(given.outbox)
  config.rate = rate(given.rate)
  config.proxy = given.proxy or nil
  config.redirects = given.redirects or nil
  set_target(config, record, given)
  config.release = true
  if given.login then
    config.login, record.login = true, given.login
    record.begin_login, record.login_failed = login.begin, login.report
  end
  record.codec = codec.of(given.decode)
  record.heartbeat_options = given.heartbeat or nil
  record.distributing = distribution.options_of(given)
  record.log = log.of(given.log)
  return config, record
end

-- A connection that has not started; raises at the line that called its caller.
function client.make (config, record)
  local ws = arguments.call_at_level(3, core.connection, scheduler.loop(),
                                     config)
  dispatch.register(ws, record)
  log.attach(ws, record, record.log)
  return ws
end

--- A managed connection. It connects at once and in the background: `ws:opened` waits for it,
--- what is sent meanwhile waits in the outbox. It closes when nothing refers to it and it has no
--- listeners. An unknown option, one of a wrong type, a bad URL, and options that contradict
--- each other raise.
--- Source: RFC 6455 4.1.
---@param given wsmanager.Options  at least `url`
---@return wsmanager.Connection? ws
---@return wsmanager.Token? token  "tls": a file that cannot be read; "closed": the host ends; "refused": no loop
---@return string? detail  why
function client.new (given)
  if type(given) == "string" then
    error("bad argument #1 to 'new' (table expected, got string; as in wsmanager.new {url = "
          .. "\"" .. given .. "\"})", 2)
  elseif type(given) ~= "table" then
    arguments.fail(1, "#1 to 'new' (table", given)
  end
  local config, record = arguments.call_at_level(2, read, given)
  if coroutines.leaving then return nil, "closed", coroutines.leaving end
  local ok, token, detail = tls_context.configure(config, given)
  if ok then ok, token, detail = scheduler.make() end
  if not ok then return nil, token, detail end
  local ws = client.make(config, record)
  delivery.attach(ws, record, given)
  if given.stream then readers.attach(ws, record) end
  for property in pairs(events.properties) do
    if given[property] then connection.listen(ws, property, given[property]) end
  end
  core.link.start(ws)
  return ws
end

return client
