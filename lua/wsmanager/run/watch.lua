-- Functions that look at each message before anybody gets it, and may drop it.
-- Depends on codec.lua: they are called where a message is decoded, whichever way it is
-- taken. A connection without them pays nothing.
-- Never lets an error of theirs out.

local codec = require "wsmanager.base.codec"
local dispatch = require "wsmanager.run.dispatch"
local receivers = require "wsmanager.run.receivers"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"

local connections, to_record = scheduler.connections, dispatch.record
local SKIPPED = codec.SKIPPED

local watch = {}

-- Has one of them dropped the message? An error in one is reported, and is no answer.
local function is_dropped (ws, watchers, value, kind)
  local dropped = false
  for i = 1, #watchers do
    local ok, answer = pcall(watchers[i].fn, ws, value, kind)
    if not ok then
      report.failure(watchers[i].name, answer)
    elseif answer then
      dropped = true
    end
  end
  return dropped
end

-- A codec that decodes as the connection's own, if it has one, and shows the watchers
-- what comes. It knows the connection by its number: the table of codecs would keep it
-- from being collected.
local function watching_codec (id, watchers)
  local function decode (data, kind)
    local ws, value = connections[id], data
    local with = to_record(ws).codec
    if with then
      local _, why
      value, _, why = codec.decode(with, data, kind)
      if value == nil then return nil, why end
    end
    if is_dropped(ws, watchers, value, kind) then return SKIPPED end
    return value
  end
  local function encode (value, kind)
    local data, _, why = codec.encode(to_record(connections[id]).codec, value, kind)
    return data, why
  end
  -- `encode` is set where the connection has a codec of its own
  return {decode = decode, encode_as_own = encode, watchers = watchers}
end

-- Has fn(ws, value, kind) called for each message from now on; `value` is decoded where
-- `decode` is set. true drops the message. `name` is the noun for its errors.
function watch.add (ws, record, name, fn)
  if not record.watching then
    record.watching = watching_codec(record.id, {})
    receivers.set_codec(ws, record)
  end
  local watchers = record.watching.watchers
  watchers[#watchers + 1] = {name = name, fn = fn}
end

return watch
