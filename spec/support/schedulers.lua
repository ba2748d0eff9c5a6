-- The scheduler on a loop and a clock of our own: nothing here waits.

local schedulers = {}

-- A core whose time is passed by waiting.
local function fake_core ()
  local core = {time = 100, turns = {}, corks = {}, readies = {}}
  local loop = {}
  function core.now () return core.time end
  function core.loop () return loop end
  function loop.ready () return table.remove(core.readies, 1) end
  function loop.check () end
  function loop.cork (_, corked) core.corks[#core.corks + 1] = corked end
  function loop.begin (_, wait)
    core.turns[#core.turns + 1] = wait
    core.time = core.time + (wait or 0)
    loop:cork(true)
    return loop.ready()
  end
  return core
end

local NAMES = {
  "wsmanager.core", "wsmanager.base.report", "wsmanager.run.coroutines",
  "wsmanager.run.cancellation", "wsmanager.run.rounds", "wsmanager.run.scheduler",
  "wsmanager.run.uncaught", "wsmanager.run.jobs", "wsmanager.run.parking", "wsmanager.run.threads",
  "wsmanager.run.task", "wsmanager.run.queue",
}

-- Its modules, loaded anew: {core =, scheduler =, coroutines =, report =,
-- task =, queue =}.
function schedulers.new ()
  local kept, made = {}, {core = fake_core()}
  for _, name in ipairs(NAMES) do
    kept[name], package.loaded[name] = package.loaded[name], nil
  end
  package.loaded["wsmanager.core"] = made.core
  made.scheduler = require "wsmanager.run.scheduler"
  made.coroutines = require "wsmanager.run.coroutines"
  made.report = require "wsmanager.base.report"
  made.task = require "wsmanager.run.task"
  made.queue = require "wsmanager.run.queue"
  for _, name in ipairs(NAMES) do package.loaded[name] = kept[name] end
  return made
end

return schedulers
