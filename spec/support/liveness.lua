-- A driver and a kernel for managers on a fake clock, and when their peer is dead.
local managers = require "support.managers"

local liveness = {}

-- A driver whose kernel is `kernel`: { written, acknowledged, blocked, readable,
-- hung_up, unread }. It calls the manager at each deadline up to `till`, unless it
-- is told to be `late`, and writes what there is. Returns a list of
-- { now, bytes }.
function liveness.pass(m, till, kernel, at)
  local list = {}
  while m:state() == "open" and m:deadline() and m:deadline() <= till do
    local now = m:deadline()
    if at then at(now) end
    if m:wants_delivery(now) then
      m:delivered(kernel and kernel.acknowledged or 0, not kernel, now, kernel)
    end
    m:tick(now)
    local bytes = kernel and kernel.blocked and "" or m:write(now)
    if bytes ~= "" then
      list[#list + 1] = { now, bytes }
      if kernel then kernel.written = kernel.written + #bytes end
    end
    if m:wants_delivery(now) then
      m:delivered(kernel and kernel.acknowledged or 0, not kernel, now, kernel)
    end
  end
  return list
end

-- A kernel that has acknowledged all that was written so far, and no more.
function liveness.pulled_cable()
  return { written = 0, acknowledged = 0 }
end

-- A peer whose kernel acknowledges, and which says nothing.
function liveness.acknowledging()
  local kernel = { written = 0, acknowledged = 0 }
  return kernel, function() kernel.acknowledged = kernel.written end
end

function liveness.times(list)
  local out = {}
  for i, one in ipairs(list) do out[i] = one[1] end
  return out
end

-- When it took the peer for dead, after pass.
function liveness.end_of(m)
  local list = managers.events(m)
  return m:state(), list[1] and list[1][2], list[1] and list[1][3]
end

-- The time at which it is dead, or nil by `till`.
function liveness.dead_at(m, till, kernel, at)
  local last
  liveness.pass(m, till, kernel, function(now)
    last = now
    if at then at(now) end
  end)
  return m:state() ~= "open" and last or nil
end

return liveness
