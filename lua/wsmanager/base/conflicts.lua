-- Options that contradict each other. Those of the core's policy that do, with
-- its defaults, are found by the core (src/manager/policy.c).
-- Depends on the core's URL parser and url.lua. Options of right types are given.
-- Never raises with a position: its callers add the line of theirs.

local core = require "wsmanager.core"
local url = require "wsmanager.base.url"

local conflicts = {}

local function fail (name, other, why)
  error("bad option '" .. name .. "' (with " .. other .. ": " .. why .. ")", 0)
end

local function field (group, name)
  return type(group) == "table" and group[name] or nil
end

local function check_handshake (given)
  local handshake = given.limits and given.limits.handshake
  local open = given.timeouts and given.timeouts.open
  if handshake == nil or open == nil or handshake == open then return end
  fail("limits.handshake", "'timeouts.open' = " .. tostring(open),
       "these are two names of one option")
end

-- The same for the group `heartbeat` of a connection.
function conflicts.check_heartbeat (heartbeat)
  for _, name in ipairs {"mode", "jitter"} do
    if field(heartbeat, name) and heartbeat.interval == false then
      fail("heartbeat." .. name, "'heartbeat.interval' = false",
           "there are no heartbeats")
    end
  end
  if field(heartbeat, "kind") and not heartbeat.message then
    fail("heartbeat.kind", "no 'heartbeat.message'", "it is of the message")
  end
  if field(heartbeat, "ack") and not heartbeat.message then
    fail("heartbeat.ack", "no 'heartbeat.message'",
         "a ping is answered by a pong, which is no message")
  end
end

-- A sliding window has two numbers.
local function check_rate (rate, name)
  if not rate or rate[1] and rate.per then return end
  error("bad option '" .. name .. "' (it needs a number and 'per', as in "
        .. "{ 120, per = 60 })", 0)
end

-- Nobody is checked, and somebody is to be checked by these.
local function check_verify (given, name)
  local tls = given[name]
  if type(tls) ~= "table" or tls.verify ~= false then return end
  for _, check in ipairs {"ca", "hostname", "ask"} do
    if tls[check] then
      fail(name .. "." .. check, "'" .. name .. ".verify' = false",
           "no certificate is checked")
    end
  end
end

-- A redirect may lead from ws to wss.
local function check_url (given)
  if not given.tls or given.redirects or type(given.url) ~= "string" then
    return
  end
  local parts = core.url(given.url)
  if parts and not parts.secure then
    fail("tls", "'url' = " .. url.redacted(given.url),
         "ws is without TLS, wss is with it")
  end
end

-- Where the delays are given one by one, none grows.
local function check_delay (given)
  local delay = field(given.reconnect, "delay")
  if type(delay) ~= "table" and type(delay) ~= "function" then return end
  for _, name in ipairs {"factor", "max_delay"} do
    if given.reconnect[name] then
      fail("reconnect." .. name, "'reconnect.delay' as a " ..
           (type(delay) == "table" and "list" or "function"),
           "it names each delay itself")
    end
  end
end

local function check_proxy (given)
  local proxy = given.proxy or ""
  if not given.proxy_tls or proxy == "env" or proxy:lower():find("^https:") then
    return
  end
  fail("proxy_tls", proxy == "" and "no 'proxy'"
                    or "'proxy' = " .. url.masked(proxy),
       "it is for an https proxy")
end

-- A client may get a login later, from migrate().
local function check_login (given)
  if field(given.timeouts, "login") and not given.login then
    fail("timeouts.login", "no 'login'", "it is of the login")
  end
end

-- What is never confirmed would be kept for ever.
local function check_delivery (given)
  if given.identify and not given.acknowledge then
    fail("identify", "no 'acknowledge'", "nothing would confirm what is kept")
  elseif given.acknowledge and not given.identify then
    fail("acknowledge", "no 'identify'", "there is nothing to confirm")
  end
end

-- A message that is not decoded has no fields.
local function check_dispatch (given)
  if given.dispatch and type(given.dispatch) ~= "function" and not given.decode then
    fail("dispatch", "no 'decode'", "a field is of a decoded message; give "
         .. "decode = \"json\", or a function as 'dispatch'")
  end
end

local function check_correlation (given)
  local own = given.correlate
  local is_table = type(own) == "table"
  local has_field = own ~= nil and (not is_table or own.field ~= nil)
  if field(given.timeouts, "request") and own == nil then
    fail("timeouts.request", "no 'correlate'", "nothing is asked")
  elseif own == nil then
    return
  elseif has_field and not given.decode then
    fail("correlate", "no 'decode'", "a field is of a decoded message; give "
         .. "decode = \"json\", or functions as 'correlate.set' and 'correlate.get'")
  elseif has_field and is_table and own.set and own.get then
    fail("correlate.field", "'correlate.set' and 'correlate.get'", "it is in their place")
  elseif not has_field and not (own.set and own.get) then
    fail("correlate", "no 'correlate." .. (own.set and "get" or "set") .. "'",
         "it needs a 'field', or functions 'set' and 'get'")
  end
end

-- What needs whole messages.
local function check_stream (given)
  if given.limits and given.limits.message == false and not given.stream then
    fail("limits.message", "no 'stream'", "a message that is held as a whole has to end "
         .. "somewhere: false is for messages that are read in parts")
  end
  if not given.stream then return end
  for _, name in ipairs {"decode", "inflate", "dispatch", "correlate", "identify",
                         "acknowledge", "dedupe", "onmessage"} do
    if given[name] then
      fail("stream", "'" .. name .. "'", "that needs whole messages, and these are read in "
           .. "parts")
    end
  end
  if field(given.heartbeat, "ack") then
    fail("stream", "'heartbeat.ack'", "that needs whole messages, and these are read in "
         .. "parts")
  end
end

local function check_both (given)
  check_stream(given)
  check_correlation(given)
  check_dispatch(given)
  check_delivery(given)
  check_handshake(given)
  conflicts.check_heartbeat(given.heartbeat)
  check_verify(given, "tls")
end

-- Raises for the first two options of a client that contradict each other.
function conflicts.check_client (given)
  check_both(given)
  check_verify(given, "proxy_tls")
  check_rate(given.rate, "rate")
  check_url(given)
  check_delay(given)
  check_proxy(given)
end

-- A request has one body.
local function check_body (given)
  local first
  for _, name in ipairs {"body", "form", "json"} do
    if given[name] ~= nil then
      if first then fail(name, "'" .. first .. "'", "a request has one body") end
      first = name
    end
  end
end

-- The same for a request of fetch.
function conflicts.check_fetch (given)
  check_body(given)
  check_verify(given, "tls")
  check_verify(given, "proxy_tls")
  check_proxy(given)
end

-- The same for a server.
function conflicts.check_server (given)
  check_both(given)
  check_login(given)
  for _, name in ipairs {"host", "port", "path", "backlog"} do
    if given.fd and given[name] ~= nil then
      fail("fd", "'" .. name .. "'", "the descriptor listens already, and says where")
    end
  end
  if given.user and not given.dedupe then
    fail("user", "no 'dedupe'", "it says whose ids are known again")
  end
end

return conflicts
