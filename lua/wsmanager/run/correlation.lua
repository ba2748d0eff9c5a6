-- How requests and their answers are matched: the option `correlate`.
-- Depends on the core's UTF-8 check, codec.lua, receivers.lua and report.lua.
-- Never sends or receives.

local codec = require "wsmanager.base.codec"
local core = require "wsmanager.core"
local receivers = require "wsmanager.run.receivers"
local report = require "wsmanager.base.report"
local waitless = require "wsmanager.base.waitless"

local is_utf8, wrap = core.utf8, waitless.wrap
local codecs = receivers.codecs

local correlation = {}

--- The option `correlate`, as a table: a `field` of both messages, or functions in its place for
--- one direction or both. The functions may not wait.
---@class wsmanager.Correlation
---
--- The name, or the index where messages are lists, of the field that has the id in a request
--- and in its answer.
--- Default: none.
---@field field? string|integer
---
--- Returns the message to be sent, with that id, instead of setting the field.
--- Default: it sets the field.
---@field set? fun(message: any, id: string|integer): any
---
--- Returns the id in a message that was received, or nil, instead of the field. Where the peer
--- has ids of its own in that field, this tells them apart.
--- Default: it reads the field.
---@field get? fun(message: any, kind: string): any
---
--- Returns the id of the n-th request.
--- Default: n itself.
---@field id? fun(n: integer): string|integer

local function get_field (field)
  return function (message)
    if type(message) == "table" then return message[field] end
  end
end

local function to_id (n) return n end

-- The option as {field, set, get, id}, or nil.
function correlation.of (given)
  if given == nil then return nil end
  if type(given) ~= "table" then given = {field = given} end
  return {
    field = given.field, set = wrap("correlate.set", given.set),
    id = wrap("correlate.id", given.id) or to_id,
    get = wrap("correlate.get", given.get) or get_field(given.field),
  }
end

-- The connection's, or nil.
function correlation.of_record (record)
  return record.distributing and record.distributing.correlation
end

-- The next number of a request of the connection, and its id.
function correlation.next_id (record)
  local asked = record.asked
  if not asked then
    asked = {n = 0}
    record.asked = asked
  end
  asked.n = asked.n + 1
  return asked.n, record.distributing.correlation.id(asked.n)
end

-- The id in a message that was received, or nil. An error is reported.
function correlation.id_of (record, value, kind)
  local ok, id = pcall(record.distributing.correlation.get, value, kind)
  if not ok then
    report.failure("the option 'correlate'", id)
    return nil
  end
  local is = type(id)
  return (is == "string" or is == "number") and id or nil
end

-- A message may have metamethods.
local function get (message, field) return message[field] end
local function set (message, field, value) message[field] = value end

local function fail_field (level, field, what, why)
  error("bad argument #1 to 'request' (its field '" .. tostring(field) .. "' cannot be "
        .. what .. ": " .. report.text(why) .. ")", level + 2)
end

-- Raises at `level` unless the message may have the id of a request; returns what it has
-- in its place.
local function check_message (level, field, message)
  if type(message) ~= "table" then
    error("bad argument #1 to 'request' (table expected, got " .. type(message) .. ")",
          level + 2)
  end
  local ok, before = pcall(get, message, field)
  if not ok then fail_field(level + 1, field, "read", before) end
  if before ~= nil and type(before) ~= "userdata" then    -- JSON's null
    error("bad argument #1 to 'request' (its field '" .. tostring(field)
          .. "' is set: request itself gives it the id)", level + 2)
  end
  return before
end

local function encode (ws, value, kind)
  if type(value) == "string" then return value end
  local with = codecs[ws]
  if not with or not with.encode then
    return nil, "codec", "the message is a " .. type(value) .. ", and no codec encodes it"
  end
  return codec.encode(with, value, kind)
end

-- The text to be sent for a message with that id; or nil, token, detail. The message stays
-- as it is. Raises at `level` for one that cannot be.
function correlation.to_text (level, ws, record, asked, id)
  local by, message = record.distributing.correlation, asked.message
  local text, token, why
  if by.set then
    local changed = by.set(message, id)
    if changed == nil then
      error("'correlate.set' returned nil where the message to be sent is expected",
            level + 2)
    end
    text, token, why = encode(ws, changed, asked.kind)
  else
    local before = check_message(level + 1, by.field, message)
    local ok, failure = pcall(set, message, by.field, id)
    if not ok then fail_field(level + 1, by.field, "set", failure) end
    text, token, why = encode(ws, message, asked.kind)
    ok, failure = pcall(set, message, by.field, before)
    if not ok then fail_field(level + 1, by.field, "set back", failure) end
  end
  if text and asked.kind ~= "binary" and not is_utf8(text) then
    error("bad argument #1 to 'request' (text must be UTF-8; ask it as \"binary\")",
          level + 2)
  end
  return text, token, why
end

return correlation
