-- The addresses of a name, in the order in which they are tried.
-- Depends on the core's lookup, scheduler.lua and coroutines.lua.

local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local scheduler = require "wsmanager.run.scheduler"

-- A list of texts; nil, token, detail. It waits at most so many seconds.
---@param host string
---@param seconds number
---@return string[]?
---@return string? token
---@return string? detail
local function lookup (host, seconds)
  local one, token, detail = core.lookup(scheduler.loop(), host)
  if not one then return nil, token, detail end
  local queue, deadline = coroutines.new_queue(), core.now() + seconds
  local id = one:id()
  scheduler.attend(id, function () coroutines.wake_all(queue) end)
  local found
  found, token, detail = one:result()
  while found == false and scheduler.wait(queue, deadline) do
    found, token, detail = one:result()
  end
  scheduler.forget(id)
  one:close()
  if found == false then return nil, "timeout", "no address within " .. seconds .. " s" end
  return found, token, detail
end

return lookup
