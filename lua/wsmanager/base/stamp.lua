-- The time of day, as a log and a trace write it (RFC 3339).
-- Depends on the core's clocks.
-- Never goes back from line to line, but where the system's clock is set back.

local core = require "wsmanager.core"

local SET = 0.01        -- seconds: by less no clock was set, it only is in milliseconds
local LOOK = 0.001      -- ... that a look at both clocks may take
local LOOKS = 5

local stamp = {}

local offset    -- of the time of day to wsmanager.now(); kept: each look has another one

-- What it is now; nil: the process was interrupted between the looks.
local function look ()
  local before = core.now()
  local day = core.walltime()
  return core.now() - before < LOOK and day - before or nil
end

local function to_offset ()
  local seen = look()
  for _ = 2, LOOKS do
    seen = seen or not offset and look()
  end
  if not offset or seen and math.abs(seen - offset) > SET then
    offset = seen or core.walltime() - core.now()
  end
  return offset
end

-- A function that answers "2026-01-31T12:00:00.000Z" of a time of wsmanager.now(), for
-- the lines of one log: one that is told late has the time of that before it.
function stamp.clock ()
  local latest
  return function (at)
    if latest and at < latest then at = latest end
    latest = at
    local ms = math.floor((to_offset() + at) * 1000 + 0.001)
    return os.date("!%Y-%m-%dT%H:%M:%S", math.floor(ms / 1000))
           .. (".%03dZ"):format(ms % 1000)
  end
end

return stamp
