-- The stopwatch of the Lua clients: a warm-up, then a measured lap.
-- Depends on os.clock, /proc and the clock that its user puts into lap.now.
-- Never prints but once, at the end of the lap.

local lap = { now = os.time }
lap.__index = lap

-- Seconds so far in the part that a client looks at closely, and seconds that
-- the clock took for it.
function lap.inside () return 0, 0 end

-- Seconds that pass between two looks at the clock.
function lap.gap ()
  local now, looks, sum = lap.now, 20000, 0
  for _ = 1, looks do
    local from = now()
    sum = sum + (now() - from)
  end
  return sum / looks
end

-- Seconds of CPU in the kernel: field 15 of /proc/self/stat, in 1/100 s.
local function system_seconds ()
  local file = io.open "/proc/self/stat"
  if not file then return 0 end
  local text = file:read "*a"
  file:close()
  local fields = {}
  for field in text:match "%) (.*)":gmatch "%S+" do
    fields[#fields + 1] = field
  end
  return fields[13] / 100
end

local function moment ()
  local inside, clock = lap.inside()
  return {
    wall = lap.now(), cpu = os.clock(), system = system_seconds(),
    inside = inside, clock = clock,
  }
end

-- `stride`: so many messages between two looks at the clock.
function lap.new (inflight, warm, seconds)
  local self = setmetatable({}, lap)
  self.stride = math.max(1, math.min(1024, inflight))
  self.strides = 0
  self.seconds = seconds
  self.messages = tonumber(os.getenv "BENCH_MESSAGES")   -- instead of a lap
  self.due = lap.now() + warm
  return self
end

function lap.report (from, messages)
  local to = moment()
  local cpu = to.cpu - from.cpu
  local system = math.min(cpu, to.system - from.system)
  print(('{"messages": %d, "seconds": %.6f, "user": %.6f, "system": %.6f, '
         .. '"inside": %.6f, "clock": %.6f}')
        :format(messages, to.wall - from.wall, cpu - system, system,
                to.inside - from.inside, to.clock - from.clock))
end

lap.moment = moment

-- Called after each stride; true when the measured lap is over and printed.
function lap:passed ()
  self.strides = self.strides + 1
  if self.messages then return self.strides * self.stride >= self.messages end
  if lap.now() < self.due then return false end
  if self.from then
    lap.report(self.from, self.strides * self.stride)
    return true
  end
  self.from = moment()
  self.strides = 0
  self.due = self.from.wall + self.seconds
  return false
end

-- The message of the JSON loads: 200 bytes when encoded.
function lap.chat ()
  return {
    action = 2, id = "7c9e6679-7425-40de-944b-e07fc1f90ae7", type = 0,
    senderId = "100042", receiverId = "200077", time = 1700000000123,
    content = "Good morning doctor. May I ask about the dose of last week?",
  }
end

return lap
