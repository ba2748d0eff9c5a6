-- The options that a connection has at either end, client or server: what each is, and
-- what it may be.
-- Depends on option_rules.lua and schema.lua.

local rules = require "wsmanager.base.option_rules"
local schema = require "wsmanager.base.schema"

local rule, group = schema.rule, schema.group
local any, is, is_false = schema.any, schema.is, schema.is_false
local is_integer, is_positive = schema.is_integer, schema.is_positive
local positive_or_false, size, callback = rules.positive_or_false, rules.size, rules.callback

-- ## Heartbeats

--- Returns the data and the kind of a heartbeat's message; for nil a ping is sent. It may
--- wait.
---@alias wsmanager.HeartbeatMessage fun(ws: wsmanager.Connection): any, string?

--- Is this message, decoded, the answer to the heartbeats sent so far? It may not wait.
---@alias wsmanager.HeartbeatAck fun(message: any, kind: string, ws: wsmanager.Connection): any

--- `heartbeat = false` sends no heartbeats and calls no peer dead.
---@class wsmanager.Heartbeat
---
--- Time without traffic after which a heartbeat is sent. What counts as traffic, `mode`
--- says. With `false` there are no heartbeats, and `timeout` is plain silence.
--- Unit: seconds, at most 7200 (two hours). Default: 30. Source: RFC 6455 5.5.2.
---@field interval? number|false
---
--- What the interval is counted from: the last byte `"received"`, the last byte `"sent"`,
--- `"either"` (the older of the two), or `"always"` (the last heartbeat: a fixed rhythm).
--- Default: "either".
---@field mode? "either"|"received"|"sent"|"always"
---
--- The first heartbeat of a connection comes sooner, by up to this part of the interval,
--- drawn at random.
--- Unit: part of the interval. Default: 0.
---@field jitter? number
---
--- What a heartbeat sends instead of a ping: a text (any bytes with `kind = "binary"`), or a
--- function that is asked for each heartbeat and returns data and kind. Where `decode` is
--- set, a table that it returns is encoded. For nil, and after an error, which is reported,
--- a ping is sent.
--- Default: a ping. Source: RFC 6455 5.5.2.
---@field message? string|false|wsmanager.HeartbeatMessage
---
--- Tells which message answers a heartbeat's `message`. It is asked about each message,
--- decoded, as that is delivered; only one for which it returns a true value is the answer to
--- the heartbeats before it. The message goes on to `receive`. After an error, which is
--- reported, the message is no answer.
--- Default: any byte from the peer is an answer.
---@field ack? false|wsmanager.HeartbeatAck
---
--- The kind of the heartbeat's message.
--- Default: "text". Source: RFC 6455 5.6.
---@field kind? "text"|"binary"
---
--- Time without a byte from the peer, the last `timeout - interval` of it after a heartbeat:
--- then the connection is dropped, and a client reconnects. It is longer than `interval`.
--- With `false` heartbeats are sent and nobody is dropped.
--- Unit: seconds. Default: 100.
---@field timeout? number|false
---
--- Time without a message, whether heartbeats are answered or not: then the connection is
--- dropped. What comes behind a message that waits to be taken counts as one.
--- Unit: seconds. Default: false.
---@field silence? number|false

local modes = {either = true, received = true, sent = true, always = true}

local function is_heartbeat_mode (value)
  return type(value) == "string" and modes[value] == true
end

-- What is longer is meant in milliseconds.
local function is_interval (value)
  return is_positive(value) and value <= 7200
end

local heartbeat = group({
  interval = rule(any(is_false, is_interval), "positive number of seconds up to 7200, or false"),
  mode = rule(is_heartbeat_mode, "'either', 'received', 'sent' or 'always'", true),
  jitter = rules.part,
  message = rule(any(is_false, is "string", is "function"), "string, function or false"),
  ack = rule(any(is_false, is "function"), "function or false"),
  kind = rule(rules.is_kind, "'text' or 'binary'", true),
  timeout = positive_or_false,
  silence = positive_or_false,
}, true)

function heartbeat.hint (given)
  if type(given) ~= "number" then return "" end
  return "; in seconds: heartbeat = {interval = 30}"
end

-- ## Times and sizes

--- How long a connection waits for its peer; `false` waits without end.
---@class wsmanager.ConnectionTimeouts
---
--- From resolving the name to the peer's 101; for a server, from the connection to its own
--- answer. It is also what `authorize` and the functions of `page` have.
--- Unit: seconds. Default: 10.
---@field open? number|false
---
--- For a `login`, counted from the 101, also for one that only `migrate` was given.
--- Unit: seconds. Default: 10.
---@field login? number|false
---
--- For the closing handshake. It begins anew while the peer still takes what was sent before
--- the close frame. It also ends an HTTP response whose reader has stopped.
--- Unit: seconds. Default: 5. Source: RFC 6455 7.1.1.
---@field close? number|false
---
--- Until the answer of a `request` that names no timeout itself.
--- Unit: seconds. Default: 30.
---@field request? number|false

--- What is larger is refused.
---@class wsmanager.Limits
---
--- A message that is received: a larger one closes the connection with 1009. With `stream`
--- there is no limit unless one is given here; `false` says so, too.
--- Unit: bytes. Default: 16 MiB. Source: RFC 6455 10.4.
---@field message? integer|false
---
--- One frame that is received.
--- Unit: bytes. Default: none. Source: RFC 6455 10.4.
---@field frame? integer
---
--- Frames of one message that is received.
--- Unit: frames. Default: 131,072. Source: RFC 6455 5.4.
---@field fragments? integer
---
--- The peer's HTTP head: its request, or its response to the opening handshake.
--- Unit: bytes. Default: 16 KiB.
---@field header? integer
---
--- A message that is sent: for a larger one `send` returns `toobig`, instead of a service
--- that would close the connection for it.
--- Unit: bytes. Default: none.
---@field send? integer
---
--- The body of a plain HTTP request to a server's `page`: a larger one is answered with 413.
--- Unit: bytes. Default: 1 MiB. Source: RFC 9110 15.5.14.
---@field body? integer
---
--- `timeouts.open` under its other name.
--- Unit: seconds. Default: 10.
---@field handshake? number|false

--- What is offered, or accepted, of permessage-deflate; the peer may agree to less. `true`
--- stands for all defaults.
---@class wsmanager.Compress
---
--- zlib's level: 0 only stores, 9 is smallest and slowest.
--- Unit: level. Default: 6.
---@field level? integer
---
--- Our LZ77 window: less memory, or smaller messages.
--- Unit: bits. Default: 15. Source: RFC 7692 7.1.2.
---@field window? integer
---
--- The peer's LZ77 window, which this side holds to inflate.
--- Unit: bits. Default: 15. Source: RFC 7692 7.1.2.
---@field peer_window? integer
---
--- Does our context last from message to message? `false` compresses each alone.
--- Default: true. Source: RFC 7692 7.1.1.
---@field takeover? boolean
---
--- Does the peer's?
--- Default: true. Source: RFC 7692 7.1.1.
---@field peer_takeover? boolean
---
--- A message with fewer bytes is sent as it is.
--- Unit: bytes. Default: 1024.
---@field threshold? integer

local window = rule(is_integer(9, 15), "integer from 9 to 15")

local compress = group({
  level = rule(is_integer(0, 9), "integer from 0 to 9"),
  window = window,
  peer_window = window,
  takeover = rules.flag,
  peer_takeover = rules.flag,
  threshold = rule(is_integer(0), "integer, 0 or more,"),
}, true, true)

local function is_inflate (value)
  return value == "zlib-stream"
end

-- The core's policy.
local policy = {
  heartbeat = heartbeat,
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
  compress = compress,
  stream = rules.flag,
  inflate = rule(is_inflate, "'zlib-stream'", true),
}

-- ## TLS

--- TLS of a connection. A client needs none of these: the system's CAs are trusted, and the
--- certificate must have the URL's name.
---@class wsmanager.Tls
---
--- Whose certificates are trusted: a file, or PEM text. For a server: whose clients are.
--- Default: the system's CAs.
---@field ca? string
---
--- The own certificate, with the chain behind it: a file, or PEM text. A server needs one.
--- Default: none.
---@field cert? string
---
--- Its private key: a file, or PEM text.
--- Default: none.
---@field key? string
---
--- The name that the peer's certificate must have, instead of the URL's.
--- Default: the URL's host. Source: RFC 6125 6.
---@field hostname? string
---
--- Is the peer's certificate checked? `false` trusts anybody.
--- Default: true.
---@field verify? boolean
---
--- The lowest version of TLS.
--- Default: "1.2".
---@field min? "1.2"|"1.3"
---
--- For a server: the client must have a certificate of `ca`.
--- Default: false.
---@field ask? boolean
---
--- A file to which the session's keys are appended, for Wireshark (SSLKEYLOGFILE). Only its
--- owner can read it.
--- Default: none.
---@field keylog? string
---
--- `"sha256//"` and base64, or a list of such: the peer's key must be one of them, beside
--- what is checked anyway.
--- Default: none. Source: RFC 7469 2.4.
---@field pin? string|string[]

local tls = group {
  ca = rules.text, cert = rules.text, key = rules.text, hostname = rules.text,
  verify = rules.flag, min = rules.tls_version, ask = rules.flag, keylog = rules.text,
  pin = rules.list,
}

-- ## What a client and a server have in common

--- The id of a message, decoded where `decode` is set: at most 128 bytes; nil: it has none.
--- It may not wait.
---@alias wsmanager.ToId fun(message: any, kind: string): string|number|nil

--- What `wsmanager.new` and `wsmanager.serve` both take; a server for each of its
--- connections.
---@class wsmanager.SharedOptions
---
--- How it finds out that its peer is gone.
---@field heartbeat? wsmanager.Heartbeat|false
---
--- Bytes received and not yet taken by the program. Beyond that the socket is not read, and
--- the peer waits. It counts all successive connections of one `ws` together.
--- Unit: bytes. Default: 4 MiB.
---@field inbox? integer
---
--- Bytes sent and not yet written to the socket. Beyond that `send` waits for room.
--- Unit: bytes. Default: 1 MiB.
---@field buffer? integer
---
--- What may be received and sent at most.
---@field limits? wsmanager.Limits
---
--- Compresses messages, where the peer agrees.
--- Default: false. Source: RFC 7692 7.
---@field compress? boolean|wsmanager.Compress
---
--- With `true` `receive` returns a `wsmanager.Reader` as soon as some of a message is there,
--- which reads the message in parts.
--- Default: false.
---@field stream? boolean
---
--- The binary messages received are pieces of one zlib stream for each connection, as Discord
--- compresses where the URL asks for `compress=zlib-stream`; they are received as text. Each
--- message ends with a flush (`00 00 ff ff`). What does not inflate closes with 1007
--- (`protocol`), and a message over `limits.message` with 1009 (`toobig`).
--- Default: none. Source: RFC 1950.
---@field inflate? "zlib-stream"
---
--- What it does, and why: a function, or a level from which on lines go to stderr, or `false`
--- for nothing.
--- Default: `wsmanager.log`.
---@field log? wsmanager.Log|"debug"|"info"|"warn"|"error"|false
---
--- How messages are encoded and decoded. With `"json"` a table, number, boolean or
--- `wsmanager.null` is encoded, a string is sent as it is; text that is received is decoded,
--- binary messages are not. Or a codec of your own.
--- Default: none. Source: RFC 8259.
---@field decode? "json"|wsmanager.Codec
---
--- Where a message's name is, for `ws:on`: the name of a field, its index where messages are
--- lists, or a function that returns it and may not wait. After an error in the function,
--- which is reported, a message counts as one without a name.
--- Default: none.
---@field dispatch? string|integer|fun(message: any, kind: string): any
---
--- Where the id of a request and of its answer is, for `ws:request`: the name of a field,
--- its index where messages are lists, or a table of functions.
--- Default: none.
---@field correlate? string|integer|wsmanager.Correlation
---
--- Asked about each message that is sent, before it is encoded, unless it is volatile. One
--- with an id is kept until `acknowledge` returns that id, and sent again after a reconnect.
--- Needs `acknowledge`.
--- Default: none.
---@field identify? wsmanager.ToId
---
--- Asked about each message that is received, when it is taken: the id that it confirms. The
--- program gets the message, too. Needs `identify`.
--- Default: none.
---@field acknowledge? wsmanager.ToId
---
--- Asked about each message that is received. One whose id came before, on this connection or
--- an earlier one of the same `ws`, is given to nobody but the event `duplicate`. The last
--- 4,096 ids are remembered, or as many as `outbox.messages` if that is more.
--- Default: none.
---@field dedupe? wsmanager.ToId

local function is_level (value)
  return value == "debug" or value == "info" or value == "warn" or value == "error"
end

local function is_codec (value)
  return value == "json" or type(value) == "table"
         and type(value.encode) == "function"
         and type(value.decode) == "function"
end

local shared = {
  tls = tls,
  decode = rule(is_codec, "'json' or a table with encode and decode", true),
  log = rule(any(is_false, is "function", is_level), "function, 'debug', 'info', 'warn', "
             .. "'error' or false", true),
  login = callback, identify = callback, acknowledge = callback, dedupe = callback,
  correlate = rule(any(rules.is_field, is "table"), "name or index of a field, or table"),
  dispatch = rule(any(rules.is_field, is "function"), "name or index of a field, or function"),
}

for name, each in pairs(policy) do shared[name] = each end

return {policy = policy, shared = shared, tls = tls}
