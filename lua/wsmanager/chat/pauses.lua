-- The pauses of a chat's server, which its stop() ends, and what is tried again after one.
-- Depends on scheduler.lua and coroutines.lua. Never keeps a program from ending.

local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local scheduler = require "wsmanager.run.scheduler"

---@class chat.pauses
---@field shortest number   seconds until something is tried again
---@field longest number    until then they are twice as many each time
local Pauses = { shortest = 1, longest = 60 }
Pauses.__index = Pauses

---@return chat.pauses
local function new ()
  return setmetatable({ queue = coroutines.new_queue(), pending = {} }, Pauses)
end

--- Waits; false: it was stopped meanwhile.
---@param seconds number
function Pauses:sleep (seconds)
  local deadline = core.now() + seconds
  while not self.stopped do
    if core.now() >= deadline then return true end
    scheduler.wait(self.queue, deadline)
  end
  return false
end

local function try_again (self, key, again)
  local seconds = self.shortest
  while self:sleep(seconds) and not again() do
    seconds = math.min(seconds * 2, self.longest)
  end
  self.pending[key] = nil
end

--- Calls again(), which must not raise, after a pause, until it returns true; one for each
--- key.
---@param key any
---@param again fun(): boolean|nil
function Pauses:retry (key, again)
  if self.pending[key] then return end
  self.pending[key] = true
  scheduler.spawn(try_again, self, key, again)
end

function Pauses:stop ()
  self.stopped = true
  coroutines.wake_all(self.queue)
end

return { new = new }
