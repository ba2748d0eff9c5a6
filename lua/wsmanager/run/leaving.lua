-- The end of a program or of its host: servers stop, waits without a deadline end, others
-- finish, and the connections close.
-- Depends on rounds.lua, coroutines.lua and threads.lua.
-- Never turns the loop but in `finish`: a round comes again and looks how far it is.

local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local raw = require "wsmanager.base.raw"
local rounds = require "wsmanager.run.rounds"
local threads = require "wsmanager.run.threads"

local now, status = core.now, raw.status
local connections = rounds.connections

-- Of a host that ends, in seconds: for those who wait with a deadline, and for closing
-- handshakes.
local FINISH_TIMEOUT, CLOSE_TIMEOUT = 5, 0.25

local LOOK_AGAIN = 0.01       -- seconds between two looks at a program that stops

local leaving = {
  working = 0,                -- handlers of servers that have not ended
}

local end_until               -- those who wait finish until then; nil: nothing ends
local closing_until           -- and the connections close
local is_over = false
local stop                    -- of a program that stops: see `stop`
local close_servers, close_connection, end_servers

-- What the end does: handlers.servers(), handlers.connection(ws, drop, stops), and at last
-- handlers.over().
function leaving.set_handlers (handlers)
  close_servers = handlers.servers or close_servers
  close_connection = handlers.connection or close_connection
  end_servers = handlers.over or end_servers
end

-- ## Connections

function leaving.is_alive (ws)
  local state = ws.state
  return state ~= "closed" and state ~= "locked" and state ~= "exhausted"
end

-- Is there a connection that is not over?
function leaving.has_connection ()
  for _, ws in pairs(connections) do
    if leaving.is_alive(ws) then return true end
  end
  return false
end

local function close_all (drop)
  local all = {}
  for _, ws in pairs(connections) do all[#all + 1] = ws end
  for _, ws in ipairs(all) do close_connection(ws, drop, stop ~= nil) end
end

-- ## How far it is

-- Has a turn come after so many seconds; returns when.
local function ring_in (seconds, late)
  local due = now() + seconds
  coroutines.sleepers:add {due = due, late = late or function () end}
  return due
end

local function begin (why, seconds)
  end_until = ring_in(seconds)
  close_servers()
  coroutines.leave(why, stop and end_until)
  coroutines.later {later = function () end}
end

-- First those finish who wait with a deadline; then the connections close.
local function end_with_host ()
  if not closing_until then
    if threads.is_timed() and now() < end_until then return end
    closing_until = ring_in(CLOSE_TIMEOUT)
    close_all(false)
  end
  if now() < closing_until and leaving.has_connection() then return end
  close_all(true)
  is_over = true
end

-- Does a coroutine run, or wait with a deadline, but for those who wait for the end?
local function has_coroutines ()
  local but, resting, sleepers = stop.callers, {}, coroutines.sleepers
  for i = 1, #coroutines.idle do resting[coroutines.idle[i]] = true end
  for thread in pairs(coroutines.tasks) do
    if not but[thread] and not resting[thread] and status(thread) ~= "dead" then return true end
  end
  for i = 1, sleepers.count do
    local thread = sleepers[i].thread
    if thread and not but[thread] then return true end
  end
  return false
end

local function is_busy ()
  if coroutines.has_threads() then return threads.is_busy(stop.callers) end
  return has_coroutines()
end

-- Sleeps beyond the end are cut short.
local function end_sleeps ()
  local far, sleepers = {}, coroutines.sleepers
  for i = 1, sleepers.count do
    local thread = sleepers[i].thread
    if thread and sleepers[i].due > end_until and not coroutines.waits_in(thread) then
      far[#far + 1] = thread
    end
  end
  for i = 1, #far do coroutines.interrupt(far[i]) end
end

-- First the handlers of servers end, then the other connections; until then whatever else
-- runs has time.
local function stop_program ()
  local is_late = now() >= end_until
  if not closing_until then
    if leaving.working > 0 and not is_late then return end
    closing_until = end_until
    return close_all(false)
  end
  if not is_late and (leaving.has_connection() or is_busy()) then return end
  stop.is_late = is_busy()
  close_all(true)
  end_servers()
  is_over = true
  coroutines.wake_all(stop.queue)
  if stop.is_late then stop.late() end
end

-- Returns whether it is over.
function leaving.go_on ()
  if is_over then return true end
  if stop then stop_program() else end_with_host() end
  return is_over
end

function leaving.is_over () return is_over end

-- ## Beginning

-- The host ends.
function leaving.leave ()
  if end_until then return end
  begin("the host of this program ends", FINISH_TIMEOUT)
end

local function look ()
  coroutines.leave(coroutines.leaving, end_until)
  end_sleeps()
  leaving.go_on()
  if not is_over then
    ring_in(LOOK_AGAIN, look)
  elseif stop.is_forced and now() >= end_until then
    stop.late()
  elseif stop.is_forced then
    ring_in(LOOK_AGAIN, look)
  end
end

-- The program stops, within so many seconds. `late` is called when something still
-- runs then; `is_forced`: also when the loop is still turned. A program that stops
-- already goes on to.
function leaving.stop (why, seconds, late, is_forced)
  if end_until then
    if stop and is_forced then stop.late, stop.is_forced = late, true end
    return
  end
  stop = {
    callers = {}, queue = coroutines.new_queue(), late = late, is_forced = is_forced,
  }
  begin(why, seconds)
  ring_in(0, look)
end

-- Waits until the program has stopped, in a coroutine by wait(queue, deadline). Returns
-- whether all has ended by itself.
function leaving.await (thread, wait)
  if not stop then return true end
  stop.callers[thread or leaving] = true
  while not is_over and wait(stop.queue, end_until + LOOK_AGAIN) ~= nil do end
  return not stop.is_late
end

-- Turns the loop until the program has stopped; false.
function leaving.finish ()
  while stop and not is_over do rounds.step() end
  return false
end

return leaving
