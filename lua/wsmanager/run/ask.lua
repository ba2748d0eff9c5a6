-- Calls of the program's functions that decide about an attempt to connect.
-- Depends on the core's link, coroutines.lua and report.lua.
-- Never lets an error of theirs out, and never takes an answer that comes too late.
-- They run in a coroutine and may wait.

local coroutines = require "wsmanager.run.coroutines"
local report = require "wsmanager.base.report"

local CLOSED = "the coroutine of an option's function was closed"

local ask = {}

--- How a connection, or an attempt at one, ended.
---@class wsmanager.Last
---@field token? wsmanager.Token  what went wrong; nil: nothing did
---@field detail? string    why, in a sentence
---@field code? integer     close code; 1006: no closing handshake (RFC 6455 7.4)
---@field reason? string    the text in the close frame
---@field clean? boolean    the closing handshake was completed

-- How the connection of the record ended, or nil.
---@return wsmanager.Last?
function ask.last (record)
  local ending = record.ending
  if not ending.token and not ending.code then return nil end
  return {
    token = ending.token, detail = ending.detail,
    code = ending.code, reason = ending.reason, clean = ending.clean,
  }
end

-- Is the answer to this call still awaited? Not after another call, a close() or a
-- reconnect().
function ask.is_awaited (record, this_call)
  return record.pending_call == this_call
end

-- Runs fn(ws, record, this_call) in a coroutine. If it raises, or its coroutine is
-- closed before it returns, fail(ws, why, this_call) answers instead.
function ask.start (ws, record, this_call, fn, fail)
  record.pending_call = this_call
  coroutines.start(function (ok, why, thread)
    if not ok then report.failure("an option's function", why, thread) end
    if record.pending_call ~= this_call then return end
    record.pending_call = nil
    fail(ws, ok and CLOSED or report.text(why), this_call)
  end, fn, ws, record, this_call)
end

return ask
