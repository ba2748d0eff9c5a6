-- Signals of the process, and how a program stops politely.
-- Depends on the core's signal, rounds.lua, scheduler.lua, hosting.lua and leaving.lua.
-- Never calls a function in a signal's handler: the loop's next round does.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local cancellation = require "wsmanager.run.cancellation"
local hosting = require "wsmanager.run.hosting"
local leaving = require "wsmanager.run.leaving"
local report = require "wsmanager.base.report"
local rounds = require "wsmanager.run.rounds"
local scheduler = require "wsmanager.run.scheduler"
local suggest = require "wsmanager.base.suggest"
local task = require "wsmanager.run.task"

local signals = {}

local STOP_TIMEOUT = 5          -- seconds that a program has to stop

local names = {
  SIGHUP = true, SIGINT = true, SIGQUIT = true, SIGTERM = true, SIGUSR1 = true,
  SIGUSR2 = true, SIGCONT = true, SIGTSTP = true, SIGWINCH = true,
}

local never = {SIGKILL = true, SIGSTOP = true}

--- What `wsmanager.signal` and `wsmanager.stop_on_signals` answer.
---@class wsmanager.Signal
---@field names string[]   the signals that it watches
local Signal = {}
Signal.__index = Signal

local all = {}                  -- id -> {watch =, name =, signal =, handle =}

-- ## Checks

local function check_name (level, name)
  if type(name) ~= "string" then
    arguments.fail(level + 1, "#1 to 'signal' (string", name)
  elseif never[name] then
    error("no program can handle " .. name, level + 2)
  elseif not names[name] then
    local full = "SIG" .. name:upper()
    local hint = suggest.hint(names[full] and full or name, names)
    error("unknown signal '" .. name .. "'" .. hint, level + 2)
  end
end

local known = {keep = true}

local function check_options (level, options)
  if options == nil then return end
  if type(options) ~= "table" then
    arguments.fail(level + 1, "#3 to 'signal' (table", options)
  end
  for name, value in pairs(options) do
    if not known[name] then
      error("unknown option '" .. tostring(name) .. "' of 'signal' ('keep' is known)", level + 2)
    elseif type(value) ~= "boolean" then
      arguments.fail(level + 1, "'" .. name .. "' of 'signal' (boolean", value)
    end
  end
end

local function check_host (level)
  local why = hosting.why_no_signals()
  if why then error("no signals here: " .. why, level + 2) end
end

-- ## Watching

-- A round finds that it has come.
local function deliver (id)
  local one = all[id]
  if one and one.watch:take() > 0 then one.handle(one.name) end
end

-- Watches one; nil, token, detail where it cannot be.
local function watch (self, name, handle, once, keep)
  local made, token, detail = core.signal(rounds.loop(), name, once)
  if not made then return nil, token, detail end
  local id = made:id()
  self.ids[#self.ids + 1], self.names[#self.names + 1] = id, name
  all[id] = {watch = made, name = name, handle = handle}
  rounds.attend(id, deliver, keep and self or nil)
  rounds.schedule(id)           -- a host begins to watch the loop
  return true
end

local function new () return setmetatable({ids = {}, names = {}}, Signal) end

hosting.set_signals {
  are_wanted = function () return next(all) ~= nil end,
  rest = function (resting)
    for _, one in pairs(all) do one.watch:rest(resting) end
  end,
}

--- Ends it: the signal does again what it did before. May be called again.
function Signal:stop ()
  arguments.check_object(self, Signal, "signal:stop")
  for _, id in ipairs(self.ids) do
    all[id].watch:close()
    all[id] = nil
    rounds.forget(id)
  end
  self.ids = {}
end

-- ## Stopping

local function check_seconds (level, what, seconds)
  return arguments.timeout(level + 1, what, seconds) or STOP_TIMEOUT
end

-- What was written is not lost; then the signal ends the process.
local function obey (name)
  pcall(function () io.stdout:flush() end)
  core.obey(name)
end

-- The first one stops the program; one of another name ends it. (A second one of the same
-- name never comes here: `once`.)
local function stopper (seconds)
  local is_stopping = false
  return function (name)
    if is_stopping then return obey(name) end
    is_stopping = true
    leaving.stop("this program stops (" .. name .. ")", seconds, function ()
      report.warn("something still ran " .. seconds .. " s after " .. name
                  .. ": the process ends by it")
      obey(name)
    end, not hosting.is_watched())
  end
end

local function watch_stop (level, list, seconds, keep)
  check_host(level + 1)
  local self, handle = new(), stopper(seconds)
  for _, name in ipairs(list) do
    local ok, token, detail = watch(self, name, handle, true, keep)
    if not ok then
      self:stop()
      return nil, token, detail
    end
  end
  return self
end

--- Has SIGTERM and SIGINT end the program politely: `new` and `serve` refuse, servers
--- accept no more, all connections close with 1001, waits without a deadline end with
--- "closed", and what runs goes on to its end, for so many seconds at most; then
--- `run` returns. What still runs after that time, a second signal, or a program that
--- turns the loop again, ends by the signal itself: its exit status says so.
---@param seconds? number  for all of it; 5
---@return wsmanager.Signal? signal
---@return string? token  "refused", "full"
---@return string? detail
function signals.stop_on_signals (seconds)
  seconds = check_seconds(1, "#1 to 'stop_on_signals'", seconds)
  local self, token, detail = watch_stop(1, {"SIGTERM", "SIGINT"}, seconds)
  return self, token, detail
end

--- Has fn(name) called in a coroutine of its own each time that the signal comes, while
--- the loop is turned; those that come meanwhile count as one. Without fn the signal
--- stops the program, as `stop_on_signals`. It does not keep `run` from returning, unless
--- options.keep says so. In nginx and LÖVE, which have the signals themselves, and for an
--- unknown name it raises. A forked child has none of them.
---@param name "SIGTERM"|"SIGINT"|"SIGHUP"|"SIGQUIT"|"SIGUSR1"|"SIGUSR2"|"SIGCONT"|"SIGTSTP"|"SIGWINCH"
---@param fn? fun(name: string)
---@param options? {keep: boolean?}
---@return wsmanager.Signal? signal
---@return string? token  "refused", "full"
---@return string? detail
function signals.signal (name, fn, options)
  check_name(1, name)
  if fn ~= nil then arguments.check_function(1, "#2 to 'signal'", fn) end
  check_options(1, options)
  local keep = options ~= nil and options.keep == true
  local self, ok, token, detail
  if fn == nil then
    self, token, detail = watch_stop(1, {name}, STOP_TIMEOUT, keep)
    return self, token, detail
  end
  check_host(1)
  self = new()
  ok, token, detail = watch(self, name, function () task.spawn(fn, name) end, false, keep)
  if not ok then return nil, token, detail end
  return self
end

--- Stops the program, as the first signal of `stop_on_signals` does, and waits until that is
--- over. From then on `new` and `serve` answer "closed".
---@param seconds? number  for all of it; 5
---@return true? stopped  nil: something still runs
---@return string? token  "timeout", "cancelled"
---@return string? detail
function signals.stop (seconds)
  seconds = check_seconds(1, "#1 to 'stop'", seconds)
  scheduler.check_wait()
  rounds.loop()
  leaving.stop("this program stops", seconds, function () end, false)
  local ended = leaving.await(coroutine.running(), function (queue, deadline)
    if cancellation.is_cancelled() then return nil end
    return scheduler.wait(queue, deadline)
  end)
  if ended then return true end
  return cancellation.failure("the program has not stopped: something still runs", seconds)
end

return signals
