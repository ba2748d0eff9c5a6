-- Where an attempt to connect goes: the options url, protocols, headers and tls,
-- where they are functions or url is a list.
-- Depends on the core's link, ask.lua, handshake_headers.lua, tls_context.lua and
-- url.lua.
-- Never lets an error of theirs out: the attempt has failed then.

local core = require "wsmanager.core"
local ask = require "wsmanager.run.ask"
local handshake_headers = require "wsmanager.base.handshake_headers"
local report = require "wsmanager.base.report"
local tls_context = require "wsmanager.base.tls_context"
local url = require "wsmanager.base.url"

local link = core.link

local target = {}

-- The option of that name for this attempt.
local function value_of (this_call, options, name)
  local given = options[name]
  if type(given) ~= "function" then return given end
  this_call.name = name
  return given(this_call.attempt, this_call.last)
end

-- The URL, or nil and why there is none.
local function find_url (record, this_call, options)
  local given = record.next_url or options.url
  record.next_url = nil
  if type(given) == "table" then return given[this_call.moves % #given + 1] end
  if type(given) == "string" then return given end
  local address, why = value_of(this_call, options, "url")
  if not address then return nil, why or "there is no URL to connect to" end
  if type(address) ~= "string" then
    error("it returned no URL but a " .. type(address), 0)
  end
  url.parse(address)
  return address
end

-- The TLS context for this attempt; false: the default one; nil: it stays the same.
local function find_tls (record, this_call, options)
  if type(options.tls) ~= "function" then return nil end
  local given = value_of(this_call, options, "tls")
  if given == nil then return false end
  if record.tls_given ~= given then
    record.tls_context = tls_context.of_client(given)
    record.tls_given = given
  end
  return record.tls_context
end

local function find_target (ws, record, this_call)
  local options = record.target_options
  local address, why = find_url(record, this_call, options)
  if not ask.is_awaited(record, this_call) then return end
  if not address then
    record.pending_call = nil
    return link.lock(ws, report.text(why), this_call.ask)
  end
  local protocols, optional, headers
  if options.lines then
    protocols, optional, headers =
      options.protocols, options.optional, options.lines
  else
    protocols, optional =
      handshake_headers.protocols(value_of(this_call, options, "protocols"))
    headers = handshake_headers.lines(value_of(this_call, options, "headers"))
  end
  local tls = find_tls(record, this_call, options)
  if not ask.is_awaited(record, this_call) then return end
  link.target(ws, address, protocols, headers, optional, this_call.ask, tls)
  record.pending_call = nil
end

local function fail (ws, why, this_call)
  local name = this_call.name and "the function '" .. this_call.name .. "'"
               or "the choice of a target"
  link.fail(ws, name .. " failed: " .. why, this_call.ask)
end

-- Answers the core's event "target" with link.target, link.lock or link.fail,
-- perhaps later. `attempt` counts the failures before it, `moves` how often a list
-- has moved on; `number` is the attempt's own.
function target.find (ws, record, attempt, moves, number)
  ask.start(ws, record, {
    attempt = attempt, moves = moves, ask = number, last = ask.last(record),
  }, find_target, fail)
end

-- The URL of the next attempt alone. Where each attempt had the same target, it asks
-- from now on.
function target.set_next (ws, record, address)
  record.next_url = address
  if record.target_options then return end
  local given, protocols, headers, optional = link.unfix(ws)
  record.target_options = {
    url = given, protocols = protocols, optional = optional,
    lines = headers or "",
  }
end

return target
