-- The options of wsmanager.new: what each is, and what it may be.
-- Depends on connection_options.lua, events.lua, option_rules.lua and schema.lua.

local both = require "wsmanager.base.connection_options"
local events = require "wsmanager.base.events"
local rules = require "wsmanager.base.option_rules"
local schema = require "wsmanager.base.schema"

local rule, group = schema.rule, schema.group
local any, is, is_false = schema.any, schema.is, schema.is_false
local is_integer, is_number, is_positive = schema.is_integer, schema.is_number, schema.is_positive
local positive, positive_or_false, size = rules.positive, rules.positive_or_false, rules.size

-- ## Reconnecting

--- The delay before attempt number `attempt`, in seconds. It may wait, for `timeouts.ask`.
---@alias wsmanager.Delay fun(attempt: integer, info: wsmanager.Ending): number

--- `reconnect = false` makes one attempt and no other. By default it never gives up. It does not
--- reconnect after `close()`, after the close codes 1002, 1003,
--- 1007 to 1010 and those of `never`, for a certificate that does not verify, for an HTTP
--- response of 4xx but 408, 425 and 429, and where the peer speaks no HTTP. A response's
--- `Retry-After` is honoured.
---@class wsmanager.Reconnect
---
--- The delay before an attempt. A number is that before the first one, and grows by `factor`
--- up to `max_delay`. A list has each delay, and its last one repeats. A function returns
--- each.
--- Unit: seconds. Default: 2.
---@field delay? number|number[]|wsmanager.Delay
---
--- What the delays grow up to. Not for a `delay` that is a list or a function.
--- Unit: seconds. Default: 60.
---@field max_delay? number
---
--- Each delay is so many times the one before. Not for a `delay` that is a list or a function.
--- Unit: times. Default: 2.
---@field factor? number
---
--- How much of a delay is left to chance, so that a service's clients do not all come at once:
--- with 1 it is drawn between 0.1 s and all of it, with 0 it is all of it.
--- Unit: part of a delay. Default: 1.
---@field jitter? number
---
--- How long it waits beside the delay, after a closing handshake.
--- Unit: seconds. Default: 3.
---@field pause? number
---
--- For gateways that cut after a while: a connection that was open so long is renewed by
--- `migrate`, up to a tenth of that sooner, as `jitter` spreads it. Where that fails the
--- connection goes on, an event `error` tells it, and it is tried again after the delays.
--- Unit: seconds. Default: never.
---@field after? number
---
--- How many attempts to reconnect may fail in a row: then the state is `exhausted`. 3 is one
--- attempt and three more. `false`: it never gives up.
--- Unit: attempts. Default: false.
---@field limit? integer|false
---
--- Open so long (after the login, if there is one), failures are counted from 0 again.
--- Unit: seconds. Default: 5.
---@field stable? number
---
--- Decides after each end whether it reconnects: `true`, `false`, a number (after so many
--- seconds), or nil for what happens by default. It may wait, for `timeouts.ask`.
--- Default: none.
---@field when? fun(info: wsmanager.Ending): boolean|number|nil
---
--- Close codes (1000 to 4999) and HTTP statuses (400 to 599) after which it does not
--- reconnect.
--- Default: none.
---@field never? integer[]
---
--- `{1000, per = 86400}`: never more than 1,000 attempts (at most 100,000) in any 86,400
--- seconds, those of `reconnect()` too. The redirects of an attempt are part of it.
--- Unit: attempts, and seconds. Default: none.
---@field rate? {[1]: integer, per: number}

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

local reconnect = group({
  delay = rule(any(is_positive, is "function", rules.is_list(is_number(0))),
               "positive number, list of numbers or function"),
  max_delay = positive,
  factor = rule(is_number(1), "number, 1 or more,"),
  jitter = rules.part,
  pause = rules.seconds,
  after = positive,
  limit = rule(any(is_false, is_integer(0)), "integer or false"),
  stable = rules.seconds,
  when = rules.callback,
  never = rule(rules.is_list(is_number_of_end),
               "list of close codes, 1000 to 4999, and HTTP statuses, 400 to "
               .. "599,"),
  rate = rule(is_rate, "{n, per = seconds} with 1 to 100000 attempts"),
}, true)

-- ## Sending

--- `outbox = false` keeps nothing: `send` returns `full` while it is not open, and what a lost
--- connection had not sent is dropped.
---@class wsmanager.Outbox
---
--- How many messages it has room for; also how many may be sent and not confirmed, with
--- `identify`.
--- Unit: messages. Default: 1024.
---@field messages? integer
---
--- How many bytes of messages.
--- Unit: bytes. Default: 1 MiB.
---@field bytes? integer
---
--- How long a message may wait in it: then it is dropped, and the event `dropped` tells it.
--- Unit: seconds. Default: none.
---@field age? number|false
---
--- What `send` does without room: `"reject"` returns `full`, `"oldest"` drops the oldest
--- messages (`send` then never waits, also not for the output of an open connection), and
--- `"wait"` waits as if the connection were open.
--- Default: "reject".
---@field full? "reject"|"oldest"|"wait"

local function is_full_rule (value)
  return value == "reject" or value == "oldest" or value == "wait"
end

local outbox = group({
  messages = size,
  bytes = size,
  age = positive_or_false,
  full = rule(is_full_rule, "'reject', 'oldest' or 'wait'", true),
}, true)

--- `{120, per = 60, reserve = 5}`: never more than 120 messages in any 60 seconds, over all
--- connections of one `ws`. What is over it waits in the outbox, in order; without an outbox
--- `send` waits as for any other room. A heartbeat's `message` and what a login sends count,
--- too; pings and other control frames do not. A message counts from when the kernel took it.
---@class wsmanager.Rate
---
--- How many messages.
--- Unit: messages. Default: required.
---@field [1] integer
---
--- In how long.
--- Unit: seconds. Default: required.
---@field per number
---
--- How many of them are for heartbeats and logins alone.
--- Unit: messages. Default: 0.
---@field reserve? integer

local rate = group({
  [1] = rule(is_integer(1, 100000), "integer from 1 to 100000"), per = positive,
  reserve = rule(is_integer(0), "integer, 0 or more,"),
}, true)

-- ## All of them

--- `false` waits without end.
---@class wsmanager.Timeouts: wsmanager.ConnectionTimeouts
---
--- For all functions that one attempt asks (`url`, `protocols`, `headers`, `tls`), together,
--- and for `reconnect.when` and a `delay` that is a function. What they return later is
--- ignored.
--- Unit: seconds. Default: 30.
---@field ask? number|false

--- Subprotocols, the preferred one first. A server that chooses none of them is refused with
--- `handshake`, unless that is optional.
---@class wsmanager.Protocols: string[]
---
--- May the server choose none of them?
--- Default: false.
---@field optional? boolean

--- The options of `wsmanager.new`. Options that contradict each other raise, and the error
--- names both. `url`, `protocols`, `headers` and `tls` may be functions: each is called before
--- every attempt, may wait (all together for `timeouts.ask`), and gets the number of failures
--- before it, and how the connection before it ended. An error in one, which is reported, and
--- a bad result are a failed attempt (`refused`).
---@class wsmanager.Options: wsmanager.SharedOptions, wsmanager.EventProperties
---
--- Where it connects to: `ws://` or `wss://` (`http://` and `https://` count as these, as in
--- a browser). A list is tried in turn: an attempt that failed, and a connection that was
--- open for less than `reconnect.stable`, move on to the next. A function that returns
--- nil and why locks the connection until `reconnect()`.
--- Default: required. Source: RFC 6455 3; WebSockets Standard 3.1.
---@field url string|string[]|fun(attempt: integer, last: wsmanager.Last?): string?, string?
---
--- Subprotocols that are offered, the preferred one first.
--- Default: none. Source: RFC 6455 1.9.
---@field protocols? string|wsmanager.Protocols|fun(attempt: integer, last: wsmanager.Last?): wsmanager.Protocols?
---
--- Headers of the opening handshake: `{Name = value}` or a list of `"Name: value"` lines.
--- Those that the handshake sets itself raise.
--- Default: none. Source: RFC 6455 4.1.
---@field headers? table|fun(attempt: integer, last: wsmanager.Last?): table?
---
--- What a public service asks of its clients, such as `wsmanager.presets.discord`. Own options
--- win, in a group each by itself.
--- Default: none.
---@field preset? wsmanager.Preset
---
--- When it connects again.
---@field reconnect? wsmanager.Reconnect|false
---
--- How long it waits.
---@field timeouts? wsmanager.Timeouts
---
--- Called on each new connection, in a coroutine of its own, before the connection is open
--- and before what waits in the outbox is sent.
--- Default: none.
---@field login? wsmanager.LoginFunction
---
--- What waits while it is not open.
---@field outbox? wsmanager.Outbox|false
---
--- How many messages are sent in which time.
---@field rate? wsmanager.Rate|false
---
--- TLS, for a `wss://` URL.
---@field tls? wsmanager.Tls|fun(attempt: integer, last: wsmanager.Last?): wsmanager.Tls?
---
--- A proxy: `"http://user:pass@host:port"`, `"https://…"`, `"socks5://…"`, `"socks5h://…"`
--- (the proxy resolves names), or `"env"`, which does as `http_proxy`, `https_proxy`,
--- `all_proxy` and `no_proxy` say.
--- Default: none. Source: RFC 9110 9.3.6; RFC 1928; RFC 1929.
---@field proxy? string|false
---
--- TLS to an https proxy.
---@field proxy_tls? wsmanager.Tls
---
--- How many redirects are followed: never from `wss` to `ws`, and without credentials to
--- another origin. `false` follows none.
--- Unit: redirects. Default: none. Source: RFC 9110 15.4.
---@field redirects? integer|false

local client = {
  url = rule(any(is "string", is "function", rules.is_list(is "string")),
             "string, list of strings or function"),
  protocols = rule(any(is "string", is "table", is "function"),
                   "string, list of strings or function"),
  headers = rule(any(is "table", is "function"), "table or function"),
  reconnect = reconnect,
  outbox = outbox,
  rate = rate,
  proxy = rules.proxy,
  proxy_tls = both.tls,
  redirects = rules.redirects,
}

-- ## Presets

-- A preset is no name.
local function preset_hint (given)
  if type(given) ~= "string" or not given:find "^[%a_][%w_]*$" then return "" end
  return " (did you mean wsmanager.presets." .. given .. "?)"
end

--- Some options of a client, together: what a service asks for.
---@class wsmanager.Preset
---
---@field heartbeat? wsmanager.Heartbeat|false  as the option of that name
---@field reconnect? wsmanager.Reconnect|false  likewise
---@field rate? wsmanager.Rate|false            likewise
---@field limits? wsmanager.Limits              likewise

client.preset = group {
  heartbeat = both.policy.heartbeat, reconnect = reconnect, rate = rate,
  limits = both.policy.limits,
}
client.preset.hint = preset_hint

for name, each in pairs(both.shared) do client[name] = each end
client.tls = group(both.tls.fields, false, false, true)
client.timeouts = group {
  open = positive_or_false, login = positive_or_false, close = positive_or_false,
  ask = positive_or_false, request = positive_or_false,
}
for name in pairs(events.properties) do client[name] = rules.callback end

return client
