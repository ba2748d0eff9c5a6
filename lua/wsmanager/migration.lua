-- ws:migrate(): another connection takes the place of the one that is open, without a
-- gap.
-- Depends on the core's link, dispatch.lua, connection.lua, login.lua and target.lua.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local cancellation = require "wsmanager.run.cancellation"
local connection = require "wsmanager.connection"
local dispatch = require "wsmanager.run.dispatch"
local log = require "wsmanager.log"
local login = require "wsmanager.run.login"
local masking = require "wsmanager.base.masking"
local notes = require "wsmanager.run.notes"
local target = require "wsmanager.run.target"
local scheduler = require "wsmanager.run.scheduler"
local url = require "wsmanager.base.url"
local raw = require "wsmanager.base.raw"

local link = core.link
local to_record = dispatch.record

-- Stands for the main thread of Lua 5.1, where no coroutine runs.
local MAIN = raw.create(function () end)

---@class wsmanager.Connection
local methods = core.methods

-- ## The one before

-- Its last messages come first, and what it could not send is sent.
local function end_predecessor (ws, record)
  local other = record.predecessor
  if not other then return end
  local before = to_record(other)
  record.predecessor, record.next_event = nil, nil
  before.next_event, before.on_over = nil, nil
  if other.state ~= "closed" then link.abort(other, "another took its place") end
  local unread = link.stats(other).unread_dropped
  local lost = link.endmigration(ws, other)
  if record.distribution then record.distribution.lose(ws, record, record.opens - 1) end
  dispatch.schedule(record)
  if lost > 0 then dispatch.tell_dropped(record, lost, 0, "full") end
  if unread > 0 then
    dispatch.tell_error(record, "closed", unread .. " bytes that came on the connection "
      .. "before were not read until its end: nobody took what was in the inbox")
  end
end

-- In place of link.event, for the connection that was migrated: it has ended before the
-- other one has.
local function successors_event (ws, record)
  if ws.state ~= "open" then end_predecessor(ws, record) end
  return link.event(ws)
end

-- The same for the one before: what it receives is for ws.
local function predecessors_event (ws)
  return function (other)
    link.forward(ws)
    return link.event(other)
  end
end

-- Each has the other's connection now, and what was noted of it before.
local function exchange_notes (ws, record, other, before)
  if not record.sinks then return end
  record.memory, before.memory = before.memory or {}, record.memory
  notes.refresh(ws, record)
  notes.refresh(other, before)
  log.tell(record, "info", "migrated: this connection has taken the place of the one before",
           {event = "migrated"})
end

local function take_place (ws, record, other)
  if not link.migrate(ws, other) then return false end
  local before = to_record(other)
  exchange_notes(ws, record, other, before)
  record.predecessor, record.next_event = other, successors_event
  before.next_event = predecessors_event(ws)
  before.on_over = function () end_predecessor(ws, record) end
  dispatch.schedule(before)
  if other.state == "open" then link.close(other, 1000)
  elseif other.state ~= "closed" then link.abort(other, "another took its place") end
  return true
end

-- Messages of an earlier one may still come: the next takes its place after them. false:
-- the task that waits was cancelled.
local function await_predecessor (ws, record)
  while record.predecessor and ws.state == "open" do
    if not dispatch.wait(ws, record, "watchers") then return false end
  end
  return true
end

-- ## The new one

local function start (ws, record, address, log_in)
  local other = link.twin(ws, log_in ~= nil)
  target.set_next(ws, record, nil)
  if record.distributing then record.asked = record.asked or {n = 0} end
  dispatch.register(other, {
    codec = record.codec, heartbeat = record.heartbeat,
    distributing = record.distributing, asked = record.asked,
    target_options = record.target_options, next_url = address,
    opens = record.opens, login = log_in, begin_login = login.begin,
    login_failed = login.report, migrates = ws,
  })
  notes.inherit(other, to_record(other), record)
  link.start(other)
  return other
end

-- The migrate() under way, if its coroutine still waits.
local function is_under_way (record)
  local other = record.migrating
  if not other then return false end
  if other.state ~= "closed" and raw.status(record.migrator) ~= "dead" then
    return true
  end
  dispatch.abort(other)
  record.migrating, record.migrator = nil, nil
  return false
end

local function give_up (record, other, token, detail)
  log.tell(record, "warn", "not migrated (" .. token .. "): " .. masking.line(detail or ""),
           {event = "notmigrated", token = token})
  if record.migrating == other then record.migrating, record.migrator = nil, nil end
  dispatch.abort(other)
  return nil, token, detail
end

local function why_over (ws, record)
  return "the connection was closed meanwhile ("
         .. (record.ending.detail or connection.describe(ws)) .. ")"
end

local function check (ws, address, log_in)
  if type(address) ~= "string" then
    arguments.fail(2, "#1 to 'migrate' (string", address)
  elseif log_in ~= nil and type(log_in) ~= "function" then
    arguments.fail(2, "#2 to 'migrate' (function", log_in)
  end
  arguments.call_at_level(3, url.parse, address)
  if to_record(ws).server then
    error("a server's side of a connection cannot migrate", 3)
  end
end

-- From when it connects until it has taken the place of the other one.
local function exchange (ws, record, other, epoch)
  local ok, token, detail = methods.opened(other)
  if record.migrating ~= other or dispatch.is_over[ws.state] or record.closing then
    return give_up(record, other, "closed", why_over(ws, record))
  elseif not ok then
    return give_up(record, other, token, detail)
  end
  if not await_predecessor(ws, record) then
    local _, why, sentence = cancellation.failure("the connection before it has not ended")
    return give_up(record, other, why, sentence)
  end
  end_predecessor(ws, record)
  local gap = ws.state ~= "open" or link.stats(ws).epoch ~= epoch
  if not take_place(ws, record, other) then
    return give_up(record, other, "closed", "the new connection was closed at once")
  end
  record.migrating, record.migrator = nil, nil
  dispatch.migrated(ws, record, gap)
  return true
end

local function first_time (_, again)
  if not again then return true end
end

-- Lua 5.4 closes the fourth value of a `for`, also where its coroutine is closed: the
-- new connection ends then, and nothing waits for its login any more.
local function guard (record, other)
  return setmetatable({}, {__close = function ()
    if record.migrating ~= other then return end
    give_up(record, other, "closed", "the coroutine that waited for it was closed")
  end})
end

local function migrate (ws, record, address, log_in)
  if ws.state ~= "open" then
    return nil, "closed", "only an open connection can migrate: it is " .. ws.state
  elseif is_under_way(record) then
    return nil, "full", "another migrate() is under way"
  end
  if cancellation.is_cancelled() then
    cancellation.refuse(coroutine.running())
    return cancellation.failure("it did not migrate")
  end
  local epoch = link.stats(ws).epoch
  local other = start(ws, record, address, log_in or record.login)
  record.migrating, record.migrator = other, coroutine.running() or MAIN
  if other.state == "waiting" then
    return give_up(record, other, "full", "reconnect.rate lets no attempt begin now")
  end
  local ok, token, detail
  for _ in first_time, nil, nil, guard(record, other) do
    ok, token, detail = exchange(ws, record, other, epoch)
  end
  return ok, token, detail
end

--- Connects to another URL, and logs in there, while the connection goes on both ways. Then
--- what is sent takes the new one; what the old one has still to write is written, it is
--- closed, and what it receives until its end (at most `timeouts.close`) comes before the first
--- message of the new one. There is one event `open` with `migrated = true`, and no `close`.
--- With `identify` what is not confirmed is sent again on the new one. Later attempts to
--- reconnect use the option `url` as ever. It waits, as `ws:opened` does. Where it fails the
--- connection is as it was; so it is where the task that waits is cancelled before the new one
--- has taken its place.
---@param address string  `ws://` or `wss://`; `http://` and `https://` count as these
---@param log_in? wsmanager.LoginFunction  instead of the option `login`
---@return true|nil migrated
---@return wsmanager.Token? token  as of `ws:opened`; "closed": it was not open; "full": another is under way
---@return string? detail  why
function methods.migrate (ws, address, log_in)
  arguments.check_self(ws, "migrate")
  check(ws, address, log_in)
  scheduler.check_wait()
  local ok, token, detail = migrate(ws, to_record(ws), address, log_in)
  return ok, token, detail    -- no tail call: it raises at our caller's line
end

local function renew (ws, record)
  local ok, token, detail = migrate(ws, record)
  if ok or ws.state ~= "open" then return end
  link.renewlater(ws)
  dispatch.tell_error(record, token, "the planned renewal failed, and the connection "
                      .. "goes on: " .. tostring(detail))
end

-- Answers the core's event "renew": another connection, to where the options say, takes
-- the place of ws.
return {
  renew = function (ws, record)
    scheduler.spawn(renew, ws, record)
  end,
}
