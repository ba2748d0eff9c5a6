-- Signals that ask `wsm` to end.
-- Depends on wsmanager.signal.

local wsmanager = require "wsmanager"

local stop = {}

-- With what a shell expects a program to leave that a signal has ended.
stop.codes = {SIGHUP = 129, SIGINT = 130, SIGTERM = 143}

-- Has fn(name) called at Ctrl-C and SIGTERM, each time; with `hangs_up` also when the
-- terminal is gone. Returns what ends that: from then on a signal ends the process.
---@param fn fun(name: string)
---@param hangs_up? boolean
---@return fun()
function stop.on (fn, hangs_up)
  local names, signals = {"SIGINT", "SIGTERM"}, {}
  if hangs_up then names[3] = "SIGHUP" end
  for i, name in ipairs(names) do signals[i] = wsmanager.signal(name, fn) end
  return function ()
    for _, signal in ipairs(signals) do signal:stop() end
  end
end

-- Waits for one; its name. A second one ends the process.
---@return string
function stop.await ()
  local names = wsmanager.queue()
  local forget = stop.on(function (name) names:put(name) end)
  local name = names:take()
  forget()
  return name
end

return stop
