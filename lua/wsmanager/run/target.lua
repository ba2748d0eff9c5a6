-- What a connection asks its program before it dials: where to, and whether.
-- Stands on the core's link, options.lua and scheduler.lua.
-- The program's functions run in a coroutine of ours: they may wait (fetch a
-- token, ask for a new address). Never lets an error of theirs out.

local core = require "wsmanager.core"
local options = require "wsmanager.base.options"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"

local link = core.link

local answers = {}

---@class wsmanager.Last   how the connection, or the attempt at one, ended
---@field token? string    of the closed list of tokens
---@field detail? string
---@field code? integer    of the close
---@field reason? string
---@field clean? boolean   the closing handshake was completed

---@class wsmanager.Ending: wsmanager.Last
---@field final boolean    the default would be not to try again
---@field status? integer  of the HTTP answer that refused

local function last (record)
  local ending = record.ending
  if not ending.token and not ending.code then return nil end
  return {
    token = ending.token, detail = ending.detail,
    code = ending.code, reason = ending.reason, clean = ending.clean,
  }
end

local function value (given, attempt, ending)
  if type(given) == "function" then return given(attempt, ending) end
  return given
end

-- url, protocols, headers, or nil and why there is no session.
local function destination (dial, attempt, ending)
  local url, why = value(dial.url, attempt, ending)
  if not url then return nil, why or "there is no URL to dial" end
  options.url(url)
  local protocols = options.protocols(value(dial.protocols, attempt, ending))
  local headers = options.headers(value(dial.headers, attempt, ending))
  return url, protocols, headers
end

local function aim (ws, record, asking, ...)
  local url, protocols, headers = ...
  if record.asking ~= asking then return end   -- closed, or asked again since
  if url then
    link.target(ws, url, protocols, headers)
  else
    link.lock(ws, tostring(protocols))
  end
  record.asking = nil
end

local function ask_target (ws, record, asking)
  local ending = last(record)
  aim(ws, record, asking, destination(record.dial, asking.attempt, ending))
end

-- An error in the program's functions locks: dialling again would not mend it.
local function ask (ws, record, fn, asking)
  record.asking = asking
  scheduler.attempt(function (why, thread)
    report.failure("an option's function", why, thread)
    if record.asking ~= asking then return end
    record.asking = nil
    link.lock(ws, tostring(why))
  end, fn, ws, record, asking)
end

-- The answer to "target": link.target or link.lock, perhaps later.
function answers.target (ws, record, attempt)
  ask(ws, record, ask_target, {attempt = attempt})
end

local function ask_verdict (ws, record, asking)
  local again = record.when(asking.info)
  if record.asking ~= asking then return end
  if again == nil then again = not asking.info.final end
  if type(again) == "number" then
    link.verdict(ws, true, math.max(0, again))
  else
    link.verdict(ws, again == true)
  end
  record.asking = nil
end

-- The answer to "verdict", of reconnect.when: true, false, seconds, or nil for
-- the default.
function answers.verdict (ws, record, token, code, final)
  local info = last(record) or {}
  local answer = link.response(ws)
  info.token, info.code, info.final = token, code, final
  info.status = answer and answer.status
  ask(ws, record, ask_verdict, {info = info})
end

return answers
