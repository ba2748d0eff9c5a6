-- The program's functions about heartbeats: the options heartbeat.message, asked for
-- each of them, and heartbeat.ack, asked about each message that comes.
-- Depends on the core's link, codec.lua, options.lua, conflicts.lua and coroutines.lua.
-- Never lets an error of theirs out: a ping is sent instead, or the message is no
-- answer. Costs a message nothing where there is no `ack`.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local codec = require "wsmanager.base.codec"
local conflicts = require "wsmanager.base.conflicts"
local coroutines = require "wsmanager.run.coroutines"
local options = require "wsmanager.base.options"
local receivers = require "wsmanager.run.receivers"
local report = require "wsmanager.base.report"
local waitless = require "wsmanager.base.waitless"

local link = core.link
local call_at_level = arguments.call_at_level

local heartbeats = {}

---@class wsmanager.HeartbeatFunctions   what a record keeps of the group `heartbeat`
---@field options table        as given, those of `ws:heartbeat` merged into it
---@field codec? wsmanager.Codec   the option `decode`
---@field pending? {opens: integer}  the call of `message` that is awaited, and on
---                            which connection

-- ## The message

-- Its bytes and kind; nothing: a ping. Raises for what cannot be sent.
local function to_message (kept, data, kind)
  if data == nil or data == false then return end
  local with = kept.codec
  kind = kind or kept.options.kind or "text"
  if kind ~= "text" and kind ~= "binary" then
    error("heartbeat.message must return the kind 'text' or 'binary', not "
          .. tostring(kind), 0)
  end
  if type(data) == "string" then return data, kind end
  if not with then
    error("heartbeat.message must return a string or nil, not a " .. type(data), 0)
  end
  local encoded, _, why = codec.encode(with, data, kind)
  if not encoded then error(why, 0) end
  return encoded, kind
end

local function call_message (ws, kept, this_call)
  local data, kind = to_message(kept, kept.options.message(ws))
  if kept.pending == this_call then link.heartbeat(ws, data, kind) end
end

-- Answers the core's event "heartbeat" with link.heartbeat, perhaps later. One whose
-- function has not returned yet is for the next heartbeats of its connection, too.
function heartbeats.ask (ws, record)
  local kept = record.heartbeat
  local message = kept and kept.options.message
  if type(message) ~= "function" then return link.heartbeat(ws) end
  if kept.pending and kept.pending.opens == record.opens then return end
  local this_call = {opens = record.opens}
  kept.pending = this_call
  coroutines.start(function (ok, why, thread)
    if not ok then report.failure("heartbeat.message", why, thread) end
    if kept.pending ~= this_call then return end
    kept.pending = nil
    -- does nothing if its message was sent
    if record.heartbeat == kept and ws.state ~= "closed" then link.heartbeat(ws) end
  end, call_message, ws, kept, this_call)
end

-- ## The answer

local function check (ws, record, data, kind)
  local ack = record.heartbeat.options.ack
  local ok, accepted = waitless.call("heartbeat.ack", ack, data, kind, ws)
  if not ok then
    report.failure("heartbeat.ack", accepted)
  elseif accepted then
    link.acknowledge(ws)
  end
end

-- A codec that decodes as the connection's own does, and asks `ack` about what comes.
-- It keeps neither the connection nor the function: the table of codecs would.
local function asking_codec (ws, record, with)
  local weak = setmetatable({ws = ws, record = record}, {__mode = "v"})
  local function decode (data, kind)
    local value, token, why = data, nil, nil
    if with then value, token, why = codec.decode(with, data, kind) end
    if value == nil then return nil, why or token end
    if weak.ws and weak.record then check(weak.ws, weak.record, value, kind) end
    return value
  end
  local encode = with and function (value, kind)
    local data, _, why = codec.encode(with, value, kind)
    return data, why
  end
  return {decode = decode, encode = encode}
end

-- Takes the functions of the option, which may be nil: without any nothing is kept.
function heartbeats.apply (ws, record, given)
  local kept = record.heartbeat
  local with = record.codec
  if kept then with = kept.codec end
  record.heartbeat = nil
  if given and (given.ack or given.message) then
    record.heartbeat = {options = given, codec = with}
  end
  if given and given.ack then record.codec = asking_codec(ws, record, with)
  else record.codec = with end
  receivers.set_codec(ws, record)
end

-- ## Changes

local function copy (from, to)
  for name, value in pairs(from) do to[name] = value end
  return to
end

-- The option with others merged into it, and what is to be changed. Raises, without a
-- position, for bad ones. Without a message nothing is of its kind or its answer.
local function merge (record, given)
  if given == false then
    return record.heartbeat and record.heartbeat.options or {}, false
  end
  options.check_heartbeat(given)
  local all = copy(record.heartbeat and record.heartbeat.options or {}, {})
  local changes = copy(given, {})
  if given.message == false then
    all.kind, all.ack = nil, nil
    if not given.ack then changes.ack = false end
  end
  conflicts.check_heartbeat(copy(given, all))
  return all, changes
end

-- Changes the option from now on; false: no heartbeats. Raises at `level`.
function heartbeats.change (level, ws, record, given)
  if given ~= false and type(given) ~= "table" then
    arguments.fail(level + 1, "#1 to 'heartbeat' (table or false", given)
  end
  local all, changes = call_at_level(level + 2, merge, record, given)
  call_at_level(level + 2, link.setheartbeat, ws, changes)
  heartbeats.apply(ws, record, all)
end

return heartbeats
