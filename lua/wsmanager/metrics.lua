-- wsmanager.metrics: what all connections of this Lua state have counted, as text for
-- Prometheus and its like.
-- Depends on the core's totals, gauges.lua, scheduler.lua and version.lua.
-- Never has a label whose values a peer chooses.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local gauges = require "wsmanager.base.gauges"
local scheduler = require "wsmanager.run.scheduler"
local version = require "wsmanager.base.version"

local PREFIX = "wsmanager_"
local OPENMETRICS = "application/openmetrics-text"

local types = {
  openmetrics = OPENMETRICS .. "; version=1.0.0; charset=utf-8",
  text = "text/plain; version=0.0.4; charset=utf-8",
}

local roles = {"client", "server"}

-- A counter never goes back for who reads it: what was framed and given back to the
-- outbox is subtracted from the core's.
local highest = {}

-- ## Writing

local escapes = {["\\"] = "\\\\", ["\""] = "\\\"", ["\n"] = "\\n"}

local function to_labels (labels)
  local parts = {}
  for i = 1, #labels, 2 do
    parts[#parts + 1] = labels[i] .. '="' .. labels[i + 1]:gsub('[\\"\n]', escapes) .. '"'
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function to_number (value)
  return ("%.14g"):format(value)
end

-- A bound of a bucket is a float: 1.0.
local function to_bound (value)
  local text = to_number(value)
  return text:find("[.e]") and text or text .. ".0"
end

-- The name in TYPE and HELP: only OpenMetrics leaves out what the samples of a counter
-- or an info end with.
local function family_name (out, name, kind)
  if out.format == "openmetrics" then return PREFIX .. name, kind end
  if kind == "counter" then return PREFIX .. name .. "_total", kind end
  if kind == "info" then return PREFIX .. name .. "_info", "gauge" end
  return PREFIX .. name, kind
end

local function begin (out, name, kind, help)
  local family, written = family_name(out, name, kind)
  out[#out + 1] = "# TYPE " .. family .. " " .. written
  local unit = name:match("_(seconds)$") or name:match("_(bytes)$")
  if unit and out.format == "openmetrics" then
    out[#out + 1] = "# UNIT " .. family .. " " .. unit
  end
  out[#out + 1] = "# HELP " .. family .. " " .. help
end

local function sample (out, name, labels, value)
  out[#out + 1] = PREFIX .. name .. labels .. " " .. to_number(value)
end

local function rising (out, name, labels, value)
  local key = name .. labels
  if highest[key] and highest[key] > value then value = highest[key] end
  highest[key] = value
  sample(out, name, labels, value)
end

-- One sample for each role; `read` gets the core's totals of one.
local function each_role (out, kind, name, help, read)
  begin(out, name, kind, help)
  for _, role in ipairs(roles) do
    local labels, value = to_labels {"role", role}, read(out.totals[role])
    if kind == "counter" then rising(out, name .. "_total", labels, value)
    else sample(out, name, labels, value) end
  end
end

local function sorted_keys (map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- The same with 0 for what has not happened yet: a counter is there from the beginning.
local function with_zeros (map, keys)
  for _, key in ipairs(keys) do map[key] = map[key] or 0 end
  return map
end

-- One sample for each key of a map of each role.
local function each_key (out, kind, name, help, label, read)
  begin(out, name, kind, help)
  for _, role in ipairs(roles) do
    local map = read(out.totals[role])
    for _, key in ipairs(sorted_keys(map)) do
      local labels = to_labels {"role", role, label, key}
      if kind == "counter" then rising(out, name .. "_total", labels, map[key])
      else sample(out, name, labels, map[key]) end
    end
  end
end

local function histogram (out, name, help, read, only)
  begin(out, name, "histogram", help)
  for _, role in ipairs(only or roles) do
    local h = read(out.totals[role])
    for i, bound in ipairs(h.bounds) do
      sample(out, name .. "_bucket", to_labels {"role", role, "le", to_bound(bound)},
             h.buckets[i])
    end
    sample(out, name .. "_bucket", to_labels {"role", role, "le", "+Inf"}, h.count)
    sample(out, name .. "_sum", to_labels {"role", role}, h.sum)
    sample(out, name .. "_count", to_labels {"role", role}, h.count)
  end
end

-- ## What there is

-- Tokens of an attempt that failed, of messages dropped, of connections closed for a rule.
local failures = {
  "timeout", "closed", "full", "refused", "resolve", "tls", "proxy", "handshake", "protocol",
  "toobig",
}
local drops = {"timeout", "full", "closed"}
local violations = {"protocol", "toobig", "full"}

local function results (totals)
  local map = {ok = totals.handshakes}
  for token, count in pairs(totals.failed) do map[token] = count end
  return with_zeros(map, failures)
end

local function write_connections (out)
  each_role(out, "gauge", "connections_active", "Connections that are open.",
            function (t) return t.states.open end)
  each_key(out, "gauge", "connections", "Connections, by state.", "state",
           function (t) return t.states end)
  each_role(out, "counter", "connection_attempts", "Attempts to connect.",
            function (t) return t.attempts end)
  each_key(out, "counter", "handshakes",
           "Opening handshakes, by result: ok, or why the attempt failed.", "result", results)
  each_role(out, "counter", "connections_opened", "Connections that were open.",
            function (t) return t.opens end)
  each_role(out, "counter", "reconnects",
            "Connections that were open again after an earlier one of the same object.",
            function (t) return t.reconnects end)
  each_role(out, "counter", "login_failures", "Connections whose login was not completed.",
            function (t) return t.logins_failed end)
  each_role(out, "counter", "tls_sessions_resumed", "Attempts that resumed a TLS session.",
            function (t) return t.resumed end)
  histogram(out, "connection_duration_seconds", "How long connections were open.",
            function (t) return t.duration end)
end

local function write_closed (out)
  local name = "connections_closed"
  begin(out, name, "counter",
        "Connections that ended, by class of the close code and by who ended them.")
  for _, role in ipairs(roles) do
    local closed = out.totals[role].closed
    for _, class in ipairs(sorted_keys(closed)) do
      for _, initiator in ipairs {"local", "remote"} do
        rising(out, name .. "_total",
               to_labels {"role", role, "code", class, "initiator", initiator},
               closed[class][initiator])
      end
    end
  end
end

local function by_type (messages, binary)
  return {text = messages - binary, binary = binary}
end

local function write_traffic (out)
  each_key(out, "counter", "messages_received", "Messages taken by the program, by type.",
           "type", function (t) return by_type(t.messages_in, t.binary_in) end)
  each_key(out, "counter", "messages_sent", "Messages framed for the peer, by type.",
           "type", function (t) return by_type(t.messages_out, t.binary_out) end)
  each_role(out, "counter", "received_payload_bytes",
            "Bytes of the messages taken, inflated.", function (t) return t.payload_in end)
  each_role(out, "counter", "sent_payload_bytes",
            "Bytes of the messages framed, before they are compressed.",
            function (t) return t.payload_out end)
  each_role(out, "counter", "received_bytes", "Bytes read, below compression and above TLS.",
            function (t) return t.bytes_in end)
  each_role(out, "counter", "sent_bytes", "Bytes written, below compression and above TLS.",
            function (t) return t.bytes_out end)
  each_role(out, "gauge", "send_queue_bytes", "Bytes of frames that wait to be written.",
            function (t) return t.buffered end)
  each_role(out, "gauge", "send_queues_full",
            "Connections whose output or outbox has no room for another message.",
            function (t) return t.full end)
  each_role(out, "gauge", "receive_queue_bytes", "Bytes received and not yet taken.",
            function (t) return t.waiting end)
  each_role(out, "gauge", "outbox_messages", "Messages that wait for a connection.",
            function (t) return t.outbox end)
  each_role(out, "gauge", "unacknowledged_messages",
            "Messages with an id that the peer has not confirmed.",
            function (t) return t.unacknowledged end)
end

local function write_losses (out)
  each_key(out, "counter", "messages_dropped",
           "Messages to be sent that a rule gave up, by why.", "reason",
           function (t) return with_zeros(t.dropped, drops) end)
  each_role(out, "counter", "messages_uncertain",
            "Messages that may have been lost with a connection.",
            function (t) return t.uncertain end)
  each_role(out, "counter", "unread_dropped_bytes",
            "Bytes that were given up because nobody took what was before them.",
            function (t) return t.unread end)
  each_key(out, "counter", "slow_consumers",
           "How often a program was too slow, by what followed.", "action",
           function (t) return {pause = t.pauses} end)
  each_key(out, "counter", "protocol_errors",
           "Connections closed because the peer broke a rule, by kind.", "kind",
           function (t) return with_zeros(t.violated, violations) end)
end

local function write_heartbeats (out)
  each_role(out, "counter", "heartbeats_sent", "Heartbeats sent.",
            function (t) return t.heartbeats end)
  each_role(out, "counter", "ping_timeouts", "Connections dropped as dead or silent.",
            function (t) return t.timeouts end)
  histogram(out, "ping_rtt_seconds", "Time from a ping to its pong.",
            function (t) return t.round_trip end)
end

local server_alone = {"server"}

local function write_fan_out (out)
  histogram(out, "broadcast_duration_seconds",
            "Time that server:broadcast took, for all connections together.",
            function (t) return t.broadcast end, server_alone)
  local sums = gauges.sum {rooms = 0, subscriptions = 0}
  begin(out, "rooms", "gauge", "Rooms of the chats' servers.")
  sample(out, "rooms", to_labels {"role", "server"}, sums.rooms)
  begin(out, "subscriptions", "gauge",
        "Rooms that connections of the chats' servers are in, of all connections together.")
  sample(out, "subscriptions", to_labels {"role", "server"}, sums.subscriptions)
end

local function write_build (out)
  begin(out, "build", "info", "The version of wsmanager and of Lua.")
  sample(out, "build_info", to_labels {
    "version", version, "lua", jit and jit.version or _VERSION,
  }, 1)
end

-- What a request says of `Accept`; raises for what is none.
local function accept_of (request)
  if type(request) == "table" and type(request.headers) == "table" then
    return tostring(request.headers.accept or "")
  end
  if request ~= nil and type(request) ~= "string" then
    arguments.fail(2, "#1 to 'metrics' (string or request", request)
  end
  return request
end

--- What all connections of this Lua state have counted, clients and those of servers,
--- also the ones that are gone, as OpenMetrics text. It is a function for a server's
--- `page`; whoever answers by other means gives it the request's `Accept`. Who does not
--- ask for OpenMetrics gets the older text format.
---@param request? wsmanager.Request|string  or the header's value; nil: OpenMetrics
---@return string text
---@return string|table content_type  for the header of that name; of a request: the headers
local function metrics (request)
  local accept = accept_of(request)
  local is_open = accept == nil or accept:lower():find(OPENMETRICS, 1, true) ~= nil
  local out = {format = is_open and "openmetrics" or "text", totals = {}}
  out.totals.client, out.totals.server = core.totals(scheduler.loop())
  write_build(out)
  write_connections(out)
  write_closed(out)
  write_traffic(out)
  write_losses(out)
  write_heartbeats(out)
  write_fan_out(out)
  if is_open then out[#out + 1] = "# EOF" end
  local text = table.concat(out, "\n") .. "\n"
  if type(request) ~= "table" then return text, types[out.format] end
  return text, {["Content-Type"] = types[out.format], ["Cache-Control"] = "no-store"}
end

return metrics
