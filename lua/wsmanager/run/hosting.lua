-- Life in the event loop of a host: it watches ours, is told when a turn is due, and says
-- when it ends.
-- Depends on rounds.lua, scheduler.lua and threads.lua; knows a host by its table alone
-- (lua/wsmanager/host.lua checks it).
-- Never turns the loop by itself: the host calls `turn`.

local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local leaving = require "wsmanager.run.leaving"
local rounds = require "wsmanager.run.rounds"
local scheduler = require "wsmanager.run.scheduler"
local threads = require "wsmanager.run.threads"
local waitless = require "wsmanager.base.waitless"

local now = core.now
local connections, step = rounds.connections, rounds.step
local has_connection = leaving.has_connection

local hosting = {}

local host                     -- nil: none was chosen or found
local is_decided = false
local detect                   -- finds one
local loop                     -- once somebody polls it
local told = math.huge         -- when the loop was last told that a turn is due
local is_watched, forks = false, nil
local release, hold            -- what `watch` has returned
local is_held                  -- what hold was told last
local knows_end = false        -- host.leaving was called
local signals                  -- see `set_signals`

-- What signals need: handlers.are_wanted(), and handlers.rest(resting), called when the
-- host ends to watch the loop, and when it begins.
function hosting.set_signals (handlers)
  signals = handlers
end

-- Why no signal of the process can be had here, or nil.
function hosting.why_no_signals ()
  scheduler.prepare()
  return host and host.signals
end

-- ## When a turn is due

local function tell_due ()
  if not loop then return end
  local at = rounds.due()
  if at == told then return end
  told = at
  if at == math.huge then loop:due() else loop:due(at > now() and at or 0) end
end

-- ## Watching

local function set_held (wanted)
  if wanted == is_held then return end
  is_held = wanted
  if hold then hold(wanted) end
end

local function stop_watching ()
  is_watched = false
  if coroutines.has_threads() then threads.dismiss() end
  if release then release() end
  release, hold = nil, nil
  if signals then signals.rest(true) end
end

-- Is only a signal awaited, in a host whose loop that does not keep?
local function awaits_signals ()
  return hold ~= nil and signals ~= nil and signals.are_wanted()
end

-- A turn has ended: is there more to come?
local function settle ()
  local has_work = rounds.has_work() or threads.has_jobs()
  set_held(has_work)
  if has_work or has_connection() or awaits_signals() then return end
  stop_watching()
end

-- ## Turns

-- In a forked child: the watch is the parent's.
local function is_forked ()
  if loop:forks() == forks then return false end
  is_watched, release, hold, loop = false, nil, nil, nil
  return true
end

-- What the host calls. false: there is nothing left to be watched.
local function turn ()
  if not is_watched or is_forked() then return false end
  coroutines.handle_strays()
  step(0)
  if not coroutines.leaving then settle()
  elseif leaving.go_on() then stop_watching() end
  return is_watched
end

local function start_watching ()
  is_watched, is_held, told = true, nil, math.huge
  local ok, made = pcall(rounds.loop)
  if not ok then     -- in a forked child: whoever needs the loop is told
    is_watched = false
    return
  end
  loop, forks = made, made:forks()
  release, hold = host.watch(loop, turn)
  if signals then signals.rest(false) end
  if host.leaving and not knows_end then
    knows_end = true
    host.leaving(leaving.leave)
  end
end

-- Is that a reason to watch? Not what a finalizer says of a connection that is over.
local function is_reason (id)
  if id == nil then return true end
  local ws = connections[id]
  if ws then return leaving.is_alive(ws) end
  return rounds.servers[id] ~= nil or rounds.is_attended(id)
end

-- There is something for a round, sooner than before.
local function note_news (id)
  if loop and is_watched and is_forked() then return end
  if host and host.watch and not is_watched then
    if not is_reason(id) then return end
    start_watching()
  end
  if not loop or rounds.is_stepping then return end
  tell_due()
  set_held(true)
end

-- If nothing is left, a turn says so: it ends the watch.
local function note_end ()
  if not is_watched or is_forked() or rounds.has_work() or has_connection() then return end
  told = 0
  loop:due(0)
end

local function begin_telling ()
  coroutines.set_news(note_news)
  rounds.set_host(note_news, tell_due, note_end)
end

-- ## How others wait

local running = coroutine.running
local isyieldable = coroutine.isyieldable or function () return true end

local function refuse ()
  waitless.raise("nobody can wait here, where " .. (host.name or "the host")
                 .. " has called: wait in a coroutine of wsmanager.spawn, or of your own")
end

-- A coroutine of the program's own waits as ours do; it yields to whoever resumed it.
local function is_foreign ()
  local thread, is_main = running()
  return thread ~= nil and not is_main
end

local function wait_foreign (queue, deadline)
  if is_foreign() and isyieldable() then
    return coroutines.park(running(), queue, deadline)
  end
  if host.watch then refuse() end
end

local function sleep_foreign (due)
  if not is_foreign() or not isyieldable() then
    if host.watch then refuse() end
    return nil
  end
  wait_foreign(nil, due)
  return now() >= due
end

local function may_wait_foreign ()
  return coroutines.can_yield() or not host.watch
end

local function check_wait_foreign ()
  if host.watch and not (is_foreign() and isyieldable()) then refuse() end
end

local function check_run ()
  if not host.watch then return end
  waitless.raise("'run' cannot turn the loop: " .. (host.name or "the host")
                 .. " does; call wsmanager.spawn")
end

-- ## Beginning

-- Lives in that host from now on.
function hosting.adopt (given)
  local why = given.check and given.check()
  if why then error("wsmanager: " .. why, 0) end
  host, is_decided = given, true
  rounds.trust()
  scheduler.set_prepare(nil)
  if given.spawn then
    threads.set_host(given, note_news)
    scheduler.set_elsewhere {
      wait = threads.wait, sleep = threads.sleep, may_wait = given.may_wait,
      check_wait = threads.check_wait, check_run = check_run,
    }
  else
    scheduler.set_elsewhere {
      wait = wait_foreign, sleep = sleep_foreign, may_wait = may_wait_foreign,
      check_wait = check_wait_foreign, check_run = check_run,
    }
    coroutines.is_foreign = is_foreign
    if given.watch then coroutines.keep_strays() end
  end
  if given.watch then begin_telling() end
end

-- Does a host's own loop turn ours?
function hosting.is_watched () return host ~= nil and host.watch ~= nil end

-- "a connection was made", "the host is nginx": why none can be chosen any more, or nil.
function hosting.why_decided ()
  if host then return "the host was chosen already: " .. (host.name or "a table") end
  if rounds.has_loop() or is_decided then
    return "the module's loop was used already, by a connection, a server or a wait"
  end
end

-- Sets the function that returns the host that this is, or nil; it is called once, at
-- the first need.
function hosting.set_detect (fn)
  detect = fn
  scheduler.set_prepare(function ()
    local found = detect()
    if found then return hosting.adopt(found) end
    scheduler.set_prepare(nil)
    is_decided = true
  end)
end

-- Whose event loop this is: "own", or the host's name and how it watches.
function hosting.describe ()
  if not host then return "own" end
  return (host.name or "host") .. (host.means and " (" .. host.means .. ")" or "")
end

--- The descriptor that is readable when `step(0)` has something to do, the timers and
--- sleepers included: for the event loop of a program in C, or any other (epoll, select,
--- a GUI's). It stays the same, and open; end to poll it before the Lua state is closed.
---@return integer? fd  nil: this system has none, see `wsmanager.timeout`
function hosting.fd ()
  scheduler.prepare()
  rounds.trust()
  loop = rounds.loop()
  if not host then begin_telling() end
  local fd = loop:fd()
  tell_due()
  return fd
end

--- How long a loop that polls `wsmanager.fd` itself may wait until `step(0)` is due, whatever the
--- descriptor says.
---@return number? seconds  nil: there is nothing to wait for but the descriptor
function hosting.timeout ()
  scheduler.prepare()
  rounds.trust()
  local due = rounds.due()
  local left = rounds.loop():timeout()
  if due < math.huge then left = math.min(left or due, math.max(0, due - now())) end
  return left
end

return hosting
