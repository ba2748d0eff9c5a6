-- wsmanager.new: a managed connection from its options.
-- Stands on the core, options.lua, connection.lua and attention.lua.
-- Never dials before its handlers are set.

local core = require "wsmanager.core"
local attention = require "wsmanager.run.dispatch"
local codec = require "wsmanager.base.codec"
local connection = require "wsmanager.connection"
local events = require "wsmanager.base.events"
local options = require "wsmanager.base.options"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"

local client = {}

---@class wsmanager.Heartbeat
---@field interval? number|false  seconds of silence before a beat; 30
---@field message? string  what a beat says; a protocol ping when absent
---@field timeout? number|false  seconds without a byte from the peer, then it is dropped; 100

---@class wsmanager.Reconnect
---@field delay? number  seconds before the first attempt; 2
---@field max_delay? number  60
---@field factor? number  each delay is so many times the one before; 2
---@field jitter? number  0 none to 1 full; 1
---@field pause? number  seconds more after an orderly close; 3
---@field limit? integer|false  failures in a row, then `exhausted`; 10
---@field stable? number  seconds open that give the budget back; 5
---@field when? fun(info: wsmanager.Ending): boolean|number|nil  again? a number: after so many seconds

---@class wsmanager.Limits
---@field message? integer    bytes; 16 MiB, then close 1009
---@field frame? integer      bytes
---@field fragments? integer  of one message
---@field header? integer     bytes of the peer's HTTP head; 16 KiB
---@field handshake? number|false  seconds: `timeouts.open` under its other name

-- permessage-deflate (RFC 7692): what is wanted; the peer may agree to less.
---@class wsmanager.Compress
---@field level? integer          of zlib, 0 to 9; 6
---@field window? integer         bits of ours, 9 to 15; 15
---@field peer_window? integer    bits of the peer's, 9 to 15; 15
---@field takeover? boolean       our context lasts from message to message; true
---@field peer_takeover? boolean  the peer's does; true
---@field threshold? integer      a message with fewer bytes goes as it is; 1024

---@class wsmanager.Tls
---@field ca? string  a file or PEM text; the system's when absent
---@field cert? string  a file or PEM text
---@field key? string  a file or PEM text
---@field hostname? string  the name the certificate must have
---@field verify? boolean  true
---@field min? "1.2"|"1.3"
---@field ask? boolean  a server: the client must have a certificate of `ca`
---@field keylog? string  a file for the session keys (SSLKEYLOGFILE)
---@field pin? string|string[]  "sha256//" and base64: the peer's key must be one of them, too (RFC 7469 2.4)

--- A function as url, protocols or headers is asked before each dial and may
--- wait. `attempt` counts the failures before it, 0 at first; `last` says how the
--- connection before it ended. A url function that answers nil, why locks it.
---@class wsmanager.Options
---@field url string|fun(attempt: integer, last: wsmanager.Last?): string?, string?  ws:// or wss://
---@field protocols? string|string[]|fun(attempt: integer, last: wsmanager.Last?): string|string[]|nil
---@field headers? table|fun(attempt: integer, last: wsmanager.Last?): table?  {Name = value} or "Name: value" lines
---@field heartbeat? wsmanager.Heartbeat|false
---@field reconnect? wsmanager.Reconnect|false
---@field timeouts? {open: number|false|nil, close: number|false|nil}  seconds; 10 and 5
---@field outbox? {messages: integer?, bytes: integer?}|false  what waits while it is not open; 1,024 and 1 MiB
---@field inbox? integer  bytes received and not taken, then the socket rests; 4 MiB
---@field buffer? integer  bytes that wait for the kernel, then `send` waits
---@field limits? wsmanager.Limits
---@field compress? boolean|wsmanager.Compress  false
---@field tls? wsmanager.Tls
---@field proxy? string|false  "http://user:pass@host:port", https, socks5 or socks5h; "env": the environment says
---@field proxy_tls? wsmanager.Tls  with an https proxy
---@field redirects? integer|false  so many are followed; none when absent
---@field decode? "json"|wsmanager.Codec
---@field onopen? fun(event: wsmanager.Event)
---@field onmessage? fun(event: wsmanager.Event)
---@field onerror? fun(event: wsmanager.Event)
---@field onclose? fun(event: wsmanager.Event)
---@field onreconnecting? fun(event: wsmanager.Event)
---@field onlocked? fun(event: wsmanager.Event)
---@field onexhausted? fun(event: wsmanager.Event)
---@field ondrain? fun(event: wsmanager.Event)

local function is_asked (given)
  return type(given.url) == "function" or type(given.protocols) == "function"
         or type(given.headers) == "function"
end

local function copy_without (given, name)
  if type(given) ~= "table" then return given end
  local copy = {}
  for key, value in pairs(given) do
    if key ~= name then copy[key] = value end
  end
  return copy
end

-- The texts of a fixed target are checked now, those of functions when asked.
local function fix_target (config, given)
  config.url = given.url
  config.protocols = options.protocols(given.protocols)
  config.headers = options.headers(given.headers)
end

-- The core's words for the options, and what we keep of them.
local function read (given)
  options.check_client(given)
  if type(given.url) == "string" then options.url(given.url) end
  local config, record = options.policy(given), {}
  config.reconnect = copy_without(given.reconnect, "when")
  config.outbox = given.outbox
  config.proxy = given.proxy or nil
  config.redirects = given.redirects or nil
  if is_asked(given) then
    config.target = true
    record.dial = {
      url = given.url, protocols = given.protocols, headers = given.headers,
    }
  else
    fix_target(config, given)
  end
  record.when = given.reconnect and given.reconnect.when
  config.verdict = record.when ~= nil
  record.codec = codec.of(given.decode)
  return config, record
end

local function context (given, is_server, name)
  if given.verify == false and not given.pin and not is_server then
    report.warn(name .. ".verify = false: anybody can pose as the "
                .. (name == "tls" and "server" or "proxy"))
  end
  -- no tail call: blame counts callers
  local made, token, detail =
    options.blame(4, core.tls, given, is_server or false)
  return made, token, detail
end

-- The TLS that the options name, or nil, token, detail.
function client.secure (config, given, is_server)
  local token, detail
  if given.tls then
    config.tls, token, detail = context(given.tls, is_server, "tls")
  end
  if given.proxy_tls and not token then
    config.proxytls, token, detail =
      context(given.proxy_tls, is_server, "proxy_tls")
  end
  if token then return nil, token, detail end
  return true
end

-- A connection that has not dialled yet; raises at its caller's caller.
function client.make (config, record)
  local ws = options.blame(3, core.connection, scheduler.loop(), config)
  return attention.adopt(ws, record)
end

local function check_table (given)
  if type(given) ~= "table" then
    error("bad argument #1 to 'new' (table expected, got "
          .. type(given) .. ")", 3)
  end
end

--- A connection that looks after itself. It dials at once and in the
--- background: `opened` waits for it, what is sent meanwhile waits in the
--- outbox. It closes when nothing refers to it and nobody listens to it.
--- An unknown option, one of a wrong type and a bad URL raise.
---@param given wsmanager.Options
---@return wsmanager.Connection?
---@return string? token  "tls": a certificate or key that cannot be read
---@return string? detail
function client.new (given)
  check_table(given)
  local config, record = options.blame(2, read, given)
  local secured, token, detail = client.secure(config, given)
  if not secured then return nil, token, detail end
  local ws = client.make(config, record)
  for property in pairs(events.properties) do
    if given[property] then connection.listen(ws, property, given[property]) end
  end
  core.link.start(ws)
  return ws
end

return client
