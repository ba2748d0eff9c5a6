-- The program's functions that decide about an attempt to connect: the options url,
-- protocols and headers (where to), and reconnect.when (whether at all).
-- Depends on the core's link, handshake_headers.lua, url.lua and coroutines.lua.
-- Never lets an error of theirs out. They run in a coroutine and may wait.

local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local handshake_headers = require "wsmanager.base.handshake_headers"
local report = require "wsmanager.base.report"
local url = require "wsmanager.base.url"

local link = core.link

local CLOSED = "the coroutine of an option's function was closed"

local target = {}

---@class wsmanager.Last   how the connection, or the attempt at one, ended
---@field token? string    of the closed list of tokens
---@field detail? string
---@field code? integer    of the close
---@field reason? string
---@field clean? boolean   the closing handshake was completed

---@class wsmanager.Ending: wsmanager.Last
---@field final boolean    by default it is not tried again
---@field status? integer  of the HTTP response that refused

local function copy_ending (record)
  local ending = record.ending
  if not ending.token and not ending.code then return nil end
  return {
    token = ending.token, detail = ending.detail,
    code = ending.code, reason = ending.reason, clean = ending.clean,
  }
end

local function value_of (given, attempt, ending)
  if type(given) == "function" then return given(attempt, ending) end
  return given
end

-- URL, subprotocols, header lines and whether the server may choose no subprotocol;
-- or nil and why there is no URL.
local function read_target (given, attempt, ending)
  local address, why = value_of(given.url, attempt, ending)
  if not address then return nil, why or "there is no URL to connect to" end
  url.parse(address)
  local protocols, optional =
    handshake_headers.protocols(value_of(given.protocols, attempt, ending))
  local headers = handshake_headers.lines(value_of(given.headers, attempt, ending))
  return address, protocols, headers, optional
end

local function apply_target (ws, record, this_call, ...)
  local address, protocols, headers, optional = ...
  if record.pending_call ~= this_call then return end   -- closed or asked anew
  if address then
    link.target(ws, address, protocols, headers, optional)
  else
    link.lock(ws, report.text(protocols))
  end
  record.pending_call = nil
end

local function find_target (ws, record, this_call)
  local ending = copy_ending(record)
  apply_target(ws, record, this_call,
               read_target(record.target_options, this_call.attempt, ending))
end

-- Runs fn in a coroutine. An error locks the connection: another attempt would
-- meet it again. So does the end of the coroutine before fn returns.
local function start (ws, record, fn, this_call)
  record.pending_call = this_call
  coroutines.start(function (ok, why, thread)
    if not ok then report.failure("an option's function", why, thread) end
    if record.pending_call ~= this_call then return end
    record.pending_call = nil
    link.lock(ws, ok and CLOSED or report.text(why))
  end, fn, ws, record, this_call)
end

-- Answers the core's event "target" with link.target or link.lock, perhaps later.
function target.find (ws, record, attempt)
  start(ws, record, find_target, {attempt = attempt})
end

local function call_when (ws, record, this_call)
  local again = record.when(this_call.info)
  if record.pending_call ~= this_call then return end
  if again == nil then again = not this_call.info.final end
  if type(again) == "number" then
    link.verdict(ws, true, math.max(0, again))
  else
    link.verdict(ws, again == true)
  end
  record.pending_call = nil
end

-- Answers the core's event "verdict" with link.verdict, perhaps later: what
-- reconnect.when returns, or for nil the default.
function target.decide (ws, record, token, code, final)
  local info = copy_ending(record) or {}
  local response = link.response(ws)
  info.token, info.code, info.final = token, code, final
  info.status = response and response.status
  start(ws, record, call_when, {info = info})
end

return target
