-- Conditions for a host that can only park its threads and resume them.
-- Depends on coroutines.lua for the timers, on rounds.lua, and on jobs.lua, which knows
-- whose thread a coroutine runs in.
-- Never loses count of who waits: a thread that is dead is left out.

local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local jobs = require "wsmanager.run.jobs"
local raw = require "wsmanager.base.raw"
local rounds = require "wsmanager.run.rounds"

local now, status, running = core.now, raw.status, coroutine.running
local sleepers, outer = coroutines.sleepers, jobs.outer

local parking = {}

---@class wsmanager.Condition   those who wait, a list in both directions
---@field count integer
local Condition = {}
Condition.__index = Condition

local function append (self, waiter)
  waiter.before = self.last
  if self.last then self.last.behind = waiter else self.first = waiter end
  self.last, self.count = waiter, self.count + 1
end

local function remove (self, waiter)
  local before, behind = waiter.before, waiter.behind
  if before then before.behind = behind else self.first = behind end
  if behind then behind.before = before else self.last = before end
  self.count = self.count - 1
  waiter.before, waiter.behind = nil, nil
  if not waiter.index then return end
  sleepers:remove(waiter)
  if sleepers.count == 0 then rounds.over() end
end

-- A waiter is its own timer, where it has a deadline.
local function come_late (waiter)
  waiter.over, waiter.is_late = true, true
  remove(waiter.condition, waiter)
  waiter.resume(waiter.thread)
end

-- Waits until it is signalled, or so many seconds, and returns whether it was in time.
function Condition:wait (seconds)
  local thread = running()
  local waiter = {
    thread = outer[thread] or thread, condition = self, resume = self.resume,
  }
  append(self, waiter)
  if seconds then
    waiter.due, waiter.late = now() + seconds, come_late
    sleepers:add(waiter)
    self.news()
  end
  repeat self.park() until waiter.over
  return not waiter.is_late
end

-- Resumes the first that waits.
function Condition:signal ()
  local waiter = self.first
  while waiter and status(waiter.thread) == "dead" do
    remove(self, waiter)
    waiter = self.first
  end
  if not waiter then return end
  waiter.over = true
  remove(self, waiter)
  waiter.resume(waiter.thread)
end

function Condition:waiting ()
  local waiter = self.first
  while waiter and status(waiter.thread) == "dead" do
    remove(self, waiter)
    waiter = self.first
  end
  return self.count
end

-- The host's function of that name, which takes one argument. Where it runs a thread at
-- once it is called in the next round, by the scheduler itself: threads that resume each
-- other would be nested.
function parking.later (host, name)
  local fn = host[name]
  if not host.at_once then return fn end
  local function call (self) fn(self.argument) end
  return function (argument) coroutines.later {later = call, argument = argument} end
end

-- A function that makes such a condition; news(): a timer is due sooner than before.
function parking.conditions (host, news)
  local resume = parking.later(host, "resume")
  return function ()
    return setmetatable({park = host.park, resume = resume, news = news, count = 0},
                        Condition)
  end
end

return parking
