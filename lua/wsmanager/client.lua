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
local hosting = require "wsmanager.run.hosting"
local migration = require "wsmanager.migration"
local log = require "wsmanager.log"
local login = require "wsmanager.run.login"
local options = require "wsmanager.base.options"
local readers = require "wsmanager.run.readers"
local scheduler = require "wsmanager.run.scheduler"
local tls_context = require "wsmanager.base.tls_context"
local url = require "wsmanager.base.url"

local client = {}

--- Returns the data and the kind of a heartbeat; nil for a ping. It may wait.
---@alias wsmanager.HeartbeatMessage fun(ws: wsmanager.Connection): any, string?

--- Is this message, decoded, the answer to the heartbeats sent so far?
---@alias wsmanager.HeartbeatAck fun(message: any, kind: string, ws: wsmanager.Connection): any

---@class wsmanager.Heartbeat
---@field interval? number|false  seconds before a heartbeat, counted as `mode` says; 30
---@field mode? "either"|"received"|"sent"|"always"  what it is counted from; "either"
---@field jitter? number  0 to 1: the first heartbeat comes up to that part of the interval sooner; 0
---@field message? string|false|wsmanager.HeartbeatMessage  instead of a ping (RFC 6455 5.5.2)
---@field ack? false|wsmanager.HeartbeatAck  is a message the answer? any byte is when absent
---@field kind? "text"|"binary"  of the message; UTF-8 text when absent (RFC 6455 5.6)
---@field timeout? number|false  longer than interval: seconds without a byte, then the connection is dropped; 100
---@field silence? number|false  seconds without a message, then it is dropped; false

---@alias wsmanager.Delay fun(attempt: integer, info: wsmanager.Ending): number

---@class wsmanager.Reconnect
---@field delay? number|number[]|wsmanager.Delay  seconds before the first attempt, or before each; 2
---@field max_delay? number  60
---@field factor? number  each delay is so many times the one before; 2
---@field jitter? number  0 none to 1 full, of a number or list; 1
---@field after? number  seconds open, then another connection takes its place (migrate), up to a tenth sooner; never
---@field pause? number  more seconds after a closing handshake; 3
---@field limit? integer|false  failures in a row, then `exhausted`; false
---@field stable? number  seconds open after which failures are forgotten; 5
---@field when? fun(info: wsmanager.Ending): boolean|number|nil  try again? a number: after so many seconds
---@field never? integer[]  close codes and HTTP statuses after which it does not try again
---@field rate? {[1]: integer, per: number}  never more than so many attempts in any so many seconds

--- `{ 120, per = 60, reserve = 5 }`: never more than 120 in any 60 seconds.
---@class wsmanager.Rate
---@field [1] integer       so many, at most 100,000
---@field per number        in so many seconds
---@field reserve? integer  of them for heartbeats and logins; 0

--- The id of a message, decoded where `decode` is set: at most 128 bytes.
---@alias wsmanager.ToId fun(message: any, kind: string): string|number|nil

---@class wsmanager.Outbox
---@field messages? integer  1,024
---@field bytes? integer     1 MiB
---@field age? number|false  seconds, then a message is dropped; none
---@field full? "reject"|"oldest"|"wait"  what `send` does when there is no room: it returns `full`,
---  drops the oldest, or waits; "reject"

---@class wsmanager.Timeouts   in seconds
---@field open? number|false   from resolving the name to the 101; 10
---@field login? number|false  from the 101; 10
---@field close? number|false  of the closing handshake; 5
---@field request? number|false  of a `request` that names no timeout; 30
---@field ask? number|false    of the functions that an attempt asks, together; 30

---@class wsmanager.Limits
---@field message? integer|false  bytes; 16 MiB, then close 1009; with `stream` none, as `false`
---@field frame? integer      bytes
---@field fragments? integer  of one message
---@field header? integer     bytes of the peer's HTTP head; 16 KiB
---@field send? integer       bytes of a message sent; more returns "toobig"; none
---@field body? integer       bytes of a plain request to a server's page; 1 MiB, then 413
---@field handshake? number|false  seconds: `timeouts.open` under its other name

--- permessage-deflate (RFC 7692): what is offered; the peer may agree to less.
---@class wsmanager.Compress
---@field level? integer          of zlib, 0 to 9; 6
---@field window? integer         bits of our LZ77 window, 9 to 15; 15
---@field peer_window? integer    bits of the peer's, 9 to 15; 15
---@field takeover? boolean       context takeover (7.1.1) by us; true
---@field peer_takeover? boolean  by the peer; true
---@field threshold? integer      a message with fewer bytes is not compressed; 1024

---@class wsmanager.Tls
---@field ca? string  a file or PEM text; the system's CAs when absent
---@field cert? string  a file or PEM text
---@field key? string  a file or PEM text
---@field hostname? string  the name that the certificate must have, instead of the URL's
---@field verify? boolean  true
---@field min? "1.2"|"1.3"
---@field ask? boolean  a server: the client must have a certificate of `ca`
---@field keylog? string  a file for the TLS session's keys (SSLKEYLOGFILE)
---@field pin? string|string[]  "sha256//" and base64: the peer's key must be one of them, too (RFC 7469 2.4)

--- Subprotocols (RFC 6455 1.9), the preferred one first. The connection fails with
--- "handshake" when the server chooses none of them, unless that is optional.
---@class wsmanager.Protocols: string[]
---@field optional? boolean  false

--- Logs in on a connection; `receive` and `send` are the handle's. Nothing or a true value:
--- it is open. nil or false, why: it has failed, and another attempt follows; with
--- "final" as the third result none. The fourth is the code of the close frame, 1000
--- when absent.
---@alias wsmanager.LoginFunction fun(ws: wsmanager.Login, info: wsmanager.LoginInfo): any, string?, "final"?, integer?

--- A function as url, protocols, headers or tls is called before each attempt and
--- may wait, all of them together for `timeouts.ask`. `attempt` counts the failures
--- before it, 0 at first; `last` is how the connection before it ended. A url
--- function that returns nil, why locks the connection; an error is a failed attempt.
---@class wsmanager.Options
---@field url string|string[]|fun(attempt: integer, last: wsmanager.Last?): string?, string?  ws or wss; a list in turn
---@field protocols? string|wsmanager.Protocols|fun(attempt: integer, last: wsmanager.Last?): wsmanager.Protocols?
---@field headers? table|fun(attempt: integer, last: wsmanager.Last?): table?  {Name = value} or "Name: value" lines
---@field preset? wsmanager.Preset  what a service asks for, as wsmanager.presets.discord; own options win
---@field heartbeat? wsmanager.Heartbeat|false
---@field reconnect? wsmanager.Reconnect|false
---@field timeouts? wsmanager.Timeouts
---@field login? wsmanager.LoginFunction  called on each connection, before it is open
---@field outbox? wsmanager.Outbox|false  what waits while it is not open
---@field rate? wsmanager.Rate|false  messages sent, heartbeats' included; any number
---@field inbox? integer  bytes received and not taken, then reading is paused; 4 MiB
---@field buffer? integer  bytes not yet written to the socket, then `send` waits
---@field limits? wsmanager.Limits
---@field compress? boolean|wsmanager.Compress  false
---@field stream? boolean  `receive` returns a wsmanager.Reader, which reads the message in parts; false
---@field inflate? "zlib-stream"  binary messages are pieces of one zlib stream a connection, of texts
---@field tls? wsmanager.Tls|fun(attempt: integer, last: wsmanager.Last?): wsmanager.Tls?
---@field proxy? string|false  "http://user:pass@host:port", https, socks5 or socks5h; "env": from the environment
---@field proxy_tls? wsmanager.Tls  with an https proxy
---@field redirects? integer|false  how many are followed; none when absent
---@field log? wsmanager.Log|"debug"|"info"|"warn"|"error"|false  what it does and why; a level: to stderr;
---  wsmanager.log when absent
---@field decode? "json"|wsmanager.Codec
---@field dispatch? string|integer|fun(message: any, kind: string): any  a message's name, for `on`: its field of that
---  name or index, or what the function returns
---@field correlate? string|integer|wsmanager.Correlation  how `request` knows the answer: a field of both with the id
---@field identify? wsmanager.ToId  of a message that is sent: it is sent again until it is acknowledged
---@field acknowledge? wsmanager.ToId  which id a message received confirms
---@field dedupe? wsmanager.ToId  of a message received: a repeated one is dropped
---@field onopen? fun(event: wsmanager.Event)
---@field onmessage? fun(event: wsmanager.Event)
---@field onerror? fun(event: wsmanager.Event)
---@field onclose? fun(event: wsmanager.Event)
---@field onreconnecting? fun(event: wsmanager.Event)
---@field onlocked? fun(event: wsmanager.Event)
---@field onexhausted? fun(event: wsmanager.Event)
---@field ondrain? fun(event: wsmanager.Event)
---@field ondropped? fun(event: wsmanager.Event)
---@field onduplicate? fun(event: wsmanager.Event)
---@field onuncertain? fun(event: wsmanager.Event)

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

--- A managed connection. It connects at once and in the background: `opened`
--- waits for it, what is sent meanwhile waits in the outbox. It closes when
--- nothing refers to it and it has no listeners.
--- An unknown option, one of a wrong type and a bad URL raise.
---@param given wsmanager.Options
---@return wsmanager.Connection?
---@return string? token  "tls": a certificate or key that cannot be read; "closed": the
---  host ends
---@return string? detail
function client.new (given)
  if type(given) ~= "table" then
    arguments.fail(1, "#1 to 'new' (table", given)
  end
  local config, record = arguments.call_at_level(2, read, given)
  if coroutines.leaving then return nil, "closed", hosting.LEAVING end
  local ok, token, detail = tls_context.configure(config, given)
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
