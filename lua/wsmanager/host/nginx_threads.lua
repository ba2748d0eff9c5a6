-- Light threads of nginx: how they wait, and those that outlive the request in which they
-- are asked for.
-- Depends on ngx.timer, ngx.thread and ngx.semaphore (lua-resty-core). Those that are
-- started here belong to a timer that does nothing else: an ngx.exit in one of them ends
-- those of its timer, not what turns the loop.
-- Never waits without an end: nginx would not exit before.

local core = require "wsmanager.core"
local optional = require "wsmanager.base.optional"

local ngx = rawget(_G, "ngx")
local FAR = 1e6           -- seconds: nginx counts milliseconds in an int
local THREADS = 100       -- of one timer: each that has ended leaves something there

local nginx_threads = {FAR = FAR}

function nginx_threads.semaphore ()
  return assert(optional.need "ngx.semaphore".new())
end

-- ## Waiting

local Condition = {}
Condition.__index = Condition

-- The clock of nginx's timers is the system's coarse one, some milliseconds behind, and read
-- once a round: a wait may end too early, and goes on then.
function Condition:wait (seconds)
  if not seconds then return self.semaphore:wait(FAR) == true end
  local due = core.now() + seconds
  repeat
    ngx.update_time()
    local ok, why = self.semaphore:wait(math.min(due - core.now() + 0.001, FAR))
    if ok then return true end
  until why ~= "timeout" or core.now() >= due
  return false
end

function Condition:waiting () return math.max(0, -self.semaphore:count()) end

-- nginx passes it on where the thread that it is for is killed.
function Condition:signal ()
  if self.semaphore:count() < 0 then self.semaphore:post(1) end
end

function nginx_threads.condition ()
  return setmetatable({semaphore = nginx_threads.semaphore()}, Condition)
end

-- ## Starting

local called = {}                -- functions that no thread has been started for
local starter                    -- the semaphore of the timer that starts them

-- Calls fn() in a timer of its own, soon.
function nginx_threads.begin (fn) assert(ngx.timer.at(0, fn)) end

local begin_starter

local function start_threads (own)
  for _ = 1, THREADS do
    while starter == own and not called[1] do own:wait(FAR) end
    if starter ~= own then return end
    ngx.thread.spawn(table.remove(called, 1))
  end
  if starter ~= own then return end
  starter = nil
  if called[1] then begin_starter() end
end

function begin_starter ()
  local own = nginx_threads.semaphore()
  starter = own
  nginx_threads.begin(function () start_threads(own) end)
end

-- Calls fn() in a light thread, soon. A function that still waits has met a timer that ended.
function nginx_threads.spawn (fn)
  if called[1] or not starter then begin_starter() end
  called[#called + 1] = fn
  starter:post(1)
end

-- The timer that starts threads ends; those that it has started go on.
function nginx_threads.stop ()
  if starter then starter:post(1) end
  starter = nil
end

return nginx_threads
