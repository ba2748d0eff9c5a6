-- Rounds: one loop for each Lua state, and what each of its turns is followed by.
-- Depends on the core's loop, coroutines.lua, finalizer.lua and report.lua. Whoever turns it is above: scheduler.lua,
-- or a host by hosting.lua.
-- Never knows what a ready connection or server means: its handlers do.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local coroutines = require "wsmanager.run.coroutines"
local each = require "wsmanager.base.each"
local finalizer = require "wsmanager.base.finalizer"
local report = require "wsmanager.base.report"
local waitless = require "wsmanager.base.waitless"
local raw = require "wsmanager.base.raw"

local now, status = core.now, raw.status
local run_runnable, wake_due = coroutines.run_runnable, coroutines.wake_due
local sleepers, runnable = coroutines.sleepers, coroutines.runnable
local to_timeout = arguments.timeout

local LONGEST_TURN = 3600     -- seconds
local HANDLED_PER_ROUND = 256  -- of those that are ready

local rounds = {
  connections = setmetatable({}, {__mode = "v"}),-- id -> connection
  retained = {},                                 -- id -> connection kept alive
  servers = {},                                  -- id -> server
  is_stepping = false,                           -- its end says when the next is due
}

local connections, servers = rounds.connections, rounds.servers
local loop                                       -- made at the first use
local begin, next_ready, cork                    -- its methods
local retained, retained_count = rounds.retained, 0
local scheduled = {}                             -- id -> true: for the next round
local any_scheduled = false
local handle_connection, handle_server
local attended = {}                              -- id -> fn(id): what else there is
local prepare                                    -- before the loop is made
local is_turned = false                          -- once, or by somebody else
local on_news                                    -- where another loop turns this one
local on_end, before_uncork                      -- likewise

-- What a round does with a connection or server that is ready or scheduled:
-- handlers.connection(ws), handlers.server(server).
function rounds.set_handlers (handlers)
  handle_connection = handlers.connection or handle_connection
  handle_server = handlers.server or handle_server
end

-- Has hooks.prepare() called before the loop is made.
function rounds.set_prepare (fn)
  prepare = fn
end

-- Has news(id) called when there is something for the next round (the connection or
-- server of that id, or nil: something else), and told() at the end of each turn: a host's
-- loop has to know when it is due. ended() is called when there may be nothing left outside
-- of a turn.
function rounds.set_host (news, told, ended)
  on_news, before_uncork, on_end = news, told, ended
end

-- Something that a turn was to come for is over.
function rounds.over ()
  if on_end and not rounds.is_stepping then on_end() end
end

-- Raises in a forked child whose parent had connections or servers.
function rounds.check_fork ()
  if loop then loop:check() end
end

-- Was the loop made?
function rounds.has_loop () return loop ~= nil end

-- Somebody else sees to it that the loop turns.
function rounds.trust () is_turned = true end

-- The first `begin`, which makes way for the loop's own.
local function begin_first (...)
  is_turned, begin = true, loop.begin
  return begin(...)
end

-- Makes the loop, if there is none: true, or nil, token, detail where it cannot be made
-- (libwebsockets' plug-in for libuv is missing, descriptors have run out).
function rounds.make ()
  if loop then return true end
  if prepare then prepare() end
  if loop then return true end
  local made, token, detail = core.loop()
  if not made then return nil, token, detail end
  loop = made
  begin, next_ready, cork = begin_first, made.ready, made.cork
  return true
end

local function make ()
  local ok, token, detail = rounds.make()
  if not ok then error("wsmanager: " .. token .. ": " .. detail, 0) end
end

-- The loop of this Lua state; raises where it cannot be made or used.
function rounds.loop ()
  if loop then
    loop:check()
  else
    make()
  end
  if on_news then on_news() end
  return loop
end

-- Keeps the connection of that id alive, in `retained`; or with nil no longer.
function rounds.retain (id, connection)
  local before = retained[id]
  if before == connection then return end
  retained[id] = connection
  if not before then
    retained_count = retained_count + 1
    if on_news and retained_count == 1 then on_news() end
  elseif not connection then
    retained_count = retained_count - 1
    rounds.over()
  end
end

-- Has the connection or server of that id handled in the next round.
function rounds.schedule (id)
  scheduled[id] = true
  any_scheduled = true
  if on_news then on_news(id) end
end

-- Has fn(id) called when the handle of that id on the loop is ready, or when it is
-- scheduled. An id that is no number is the owner of a queue. `kept`: as long as it is
-- attended, `run` has something to wait for.
function rounds.attend (id, fn, kept)
  attended[id] = fn
  rounds.retain(id, kept)
end

function rounds.is_attended (id) return attended[id] ~= nil end

function rounds.forget (id)
  attended[id] = nil
  rounds.retain(id, nil)
end

coroutines.set_leave(rounds.schedule)

local function handle (id)
  local connection = connections[id]
  if connection then
    handle_connection(connection)
  elseif servers[id] then
    handle_server(servers[id])
  elseif attended[id] then
    attended[id](id)
  end
end

local function handle_scheduled ()
  local ids = scheduled
  scheduled, any_scheduled = {}, false
  for id in each(ids) do handle(id) end
end

-- One that is made ready by what it is handled with may be so for ever: beyond a
-- number the others stay ready for the next round.
local function handle_ready (id)
  for _ = 1, HANDLED_PER_ROUND do
    handle(id)
    id = next_ready(loop)
    if not id then return end
  end
end

-- Handles what a turn of the loop has found ready, `id` first, and what is due.
-- Returns whether there was anything. What it sends is written at the beginning of
-- the next turn, or by cork(loop, false).
local function round (id)
  local happened = id ~= nil
  if id then handle_ready(id) end
  if any_scheduled then
    handle_scheduled()
    happened = true
  end
  if sleepers.count > 0 and wake_due(now()) then happened = true end
  if runnable.first <= runnable.last then
    run_runnable()
    happened = true
  end
  return happened
end

-- When the next round is due, of the core's clock: 0 for at once, math.huge for never.
function rounds.due ()
  if any_scheduled or runnable.first <= runnable.last then return 0 end
  return sleepers.count > 0 and sleepers:first().due or math.huge
end

-- How many seconds the loop may wait. Never without end: a loop that has nothing
-- to wait for would not wait at all.
local function poll_timeout (timeout)
  if any_scheduled or runnable.first <= runnable.last then return 0 end
  local wait = LONGEST_TURN
  if timeout and timeout < wait then wait = timeout end
  if sleepers.count > 0 then
    local left = sleepers:first().due - now()
    if left < wait then wait = left end
  end
  return wait > 0 and wait or 0
end

--- Turns the loop once: waits until something happens, then runs the handlers and coroutines
--- that it concerns. `wsmanager.step(0)` never waits: the once-a-frame call of a game.
---@param timeout? number  seconds; nil: as long as it takes
---@return boolean happened  something did
function rounds.step (timeout)
  if timeout ~= nil then timeout = to_timeout(1, "#1 to 'step'", timeout) end
  if waitless.thread then waitless.check_turn() end
  if not loop then rounds.loop() end
  rounds.is_stepping = true
  local happened = round(begin(loop, poll_timeout(timeout)))
  if before_uncork then before_uncork() end
  rounds.is_stepping = false
  cork(loop, false)
  return happened
end

-- The same until outcome.done is set or the coroutine is dead. What is sent between two
-- turns is written by the second.
function rounds.run (outcome, thread)
  rounds.loop()
  repeat round(begin(loop, poll_timeout())) until outcome.done or status(thread) == "dead"
  cork(loop, false)
end

-- Is there anything left that the loop could wait for?
function rounds.has_work ()
  return runnable.first <= runnable.last or sleepers.count > 0
         or any_scheduled or retained_count > 0
         or next(servers) ~= nil
end

-- What waits for a turn of the loop.
local function describe_work ()
  if next(servers) ~= nil then return "a server served nobody" end
  if retained_count > 0 then return "a connection's listeners heard nothing" end
  if runnable.first <= runnable.last then return "what was to run in a coroutine never ran" end
end

-- Called at the end of the Lua state, as nothing else has it.
rounds.at_end = finalizer.new(function ()
  local what = not is_turned and describe_work()
  if what then report.warn(what .. ": end the program with wsmanager.run()") end
end)

return rounds
