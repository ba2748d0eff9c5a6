-- cqueues: a thread of a controller polls our descriptor; conditions are its own.
-- Depends on cqueues. The controller is the one in which the first connection is made; or
-- that of wsmanager.use(require "wsmanager.host.cqueues".on(controller)).

local optional = require "wsmanager.base.optional"

local cqueues = optional.need "cqueues"
local conditions = optional.need "cqueues.condition"

-- ## Conditions, which know how many wait

local Condition = {}
Condition.__index = Condition

function Condition:wait (seconds)
  self.count = self.count + 1
  local woken
  if seconds then woken = self.condition:wait(seconds)
  else woken = self.condition:wait() end
  if not woken then self.count = self.count - 1 end
  return woken == true
end

function Condition:signal ()
  if self.count == 0 then return end
  self.count = self.count - 1
  self.condition:signal(1)
end

function Condition:waiting () return self.count end

-- ## The host

local function new_host (controller)
  local host = {name = "cqueues", sleep = cqueues.sleep}

  local function home ()
    controller = controller or cqueues.running()
                 or error("cqueues: the first connection is made in a thread of a "
                          .. "controller, or name that: wsmanager.use("
                          .. "require 'wsmanager.host.cqueues'.on(controller))", 0)
    return controller
  end

  function host.may_wait () return cqueues.running() ~= nil end

  function host.spawn (fn) home():wrap(fn) end

  function host.condition ()
    return setmetatable({condition = conditions.new(), count = 0}, Condition)
  end

  function host.watch (loop, turn)
    local source = {pollfd = loop:fd(), events = "r"}
    home():wrap(function ()
      repeat cqueues.poll(source) until not turn()
    end)
  end

  return host
end

local host = new_host()

return setmetatable(host, {__index = {on = new_host}})
