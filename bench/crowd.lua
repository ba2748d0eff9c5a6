-- Many managed connections in one script, and what they take.
-- Depends on wsmanager, its core's counters and /proc.
-- Never opens more than 500 at once: a listener's queue is finite.

local core = require "wsmanager.core"
local wsmanager = require "wsmanager"

local AT_ONCE = 500
local PAGE = 4096

local crowd = {}

local function connect (url)
  return assert(wsmanager.new { url = url, reconnect = { limit = false } })
end

function crowd.open (url, n)
  local all = {}
  while #all < n do
    local first = #all + 1
    for i = first, math.min(n, #all + AT_ONCE) do all[i] = connect(url) end
    for i = first, #all do assert(all[i]:opened(30)) end
  end
  return all
end

function crowd.count (all, state)
  local found = 0
  for _, ws in ipairs(all) do
    if ws.state == state then found = found + 1 end
  end
  return found
end

-- Resident bytes of this process, those that Lua knows of, and the blocks that
-- the module has from the allocator.
function crowd.memory ()
  for _ = 1, 3 do collectgarbage() end
  local file = assert(io.open "/proc/self/statm")
  local resident = tonumber(file:read("*a"):match "^%d+ (%d+)")
  file:close()
  return {
    resident = resident * PAGE, lua = collectgarbage "count" * 1024,
    blocks = core.memory().blocks,
  }
end

function crowd.print (values)
  local parts = {}
  for name, value in pairs(values) do
    parts[#parts + 1] = ('"%s": %.9g'):format(name, value)
  end
  table.sort(parts)
  print("{" .. table.concat(parts, ", ") .. "}")
end

return crowd
