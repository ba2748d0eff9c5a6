-- Whether another attempt to connect follows, and when: the options reconnect.when
-- and, where it is a function, reconnect.delay.
-- Depends on the core's link and ask.lua.
-- Never lets an error of theirs out: the policy decides then.

local core = require "wsmanager.core"
local ask = require "wsmanager.run.ask"

local link = core.link

local retry = {}

--- What `reconnect.when`, and a `reconnect.delay` that is a function, are told.
---@class wsmanager.Ending: wsmanager.Last
---@field final boolean        by default it would not reconnect
---@field attempt integer      the number of the next attempt: failures in a row, and 1
---@field opened boolean       it was open
---@field login boolean        it was in its login
---@field epoch integer        the number of the last connection that reached the 101
---@field status? integer      of the HTTP response that refused
---@field retry_after? number  seconds that this response asked to wait for (RFC 9110 10.2.3)

local function to_ending (ws)
  local info = link.ending(ws)
  local number = info.ask
  info.ask = nil
  if info.token == "" then info.token = nil end
  if info.detail == "" then info.detail = nil end
  return info, number
end

-- Seconds that a function returned; raises for anything else.
local function check_seconds (seconds, name)
  if type(seconds) ~= "number" or seconds ~= seconds then
    error("bad result of '" .. name .. "' (seconds expected, got "
          .. (seconds ~= seconds and "nan" or type(seconds)) .. ")", 0)
  end
  return seconds > 0 and seconds or 0
end

local function delay_of (record, info)
  local seconds = check_seconds(record.delay(info.attempt, info),
                                "reconnect.delay")
  return math.max(seconds, info.retry_after or 0)
end

local function decide (ws, record, this_call)
  local info, again, delay = this_call.info, nil, nil
  if record.when then again = record.when(info) end
  if again == nil then again = not info.final end
  if type(again) ~= "boolean" and type(again) ~= "number" then
    error("bad result of 'reconnect.when' (true, false, seconds or nil expected, got "
          .. type(again) .. ")", 0)
  elseif type(again) == "number" then
    again, delay = true, check_seconds(again, "reconnect.when")
  end
  this_call.again = again == true
  if this_call.again and not delay and record.delay then
    delay = delay_of(record, info)
  end
  if not ask.is_awaited(record, this_call) then return end
  link.verdict(ws, this_call.again, delay, this_call.ask)
  record.pending_call = nil
end

local function fail (ws, _, this_call)
  local again = this_call.again
  if again == nil then again = not this_call.info.final end
  link.verdict(ws, again, nil, this_call.ask)
end

-- Answers the core's event "verdict" with link.verdict, perhaps later: what
-- reconnect.when returns, or for nil the default, and what reconnect.delay returns.
function retry.decide (ws, record)
  local info, number = to_ending(ws)
  ask.start(ws, record, {info = info, ask = number}, decide, fail)
end

return retry
