-- The time of day, as a log and a trace write it (RFC 3339).
-- Depends on the core's clocks.

local core = require "wsmanager.core"

local stamp = {}

-- "2026-01-31T12:00:00.000Z", of a time of wsmanager.now().
function stamp.of (at)
  local day = core.walltime() - (core.now() - at)
  return os.date("!%Y-%m-%dT%H:%M:%S", math.floor(day))
         .. (".%03dZ"):format(math.floor(day * 1000) % 1000)
end

return stamp
