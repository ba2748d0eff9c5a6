-- LuaSocket's select: host.select(readable, writable, timeout) in the place of
-- socket.select, in a loop of the program's own.
-- Depends on LuaSocket. A descriptor above 1023 is beyond select.

local optional = require "wsmanager.base.optional"

local select = optional.need "socket".select

local host = {name = "select"}
local ours, turn                 -- what select watches; what is called then

function host.watch (loop, fn)
  local fd = loop:fd()
  ours = {getfd = function () return fd end, dirty = function () return false end}
  turn = fn
  return function () ours, turn = nil, nil end, function () end
end

local function with_ours (sockets)
  local all = {}
  for i = 1, sockets and #sockets or 0 do all[i] = sockets[i] end
  all[#all + 1] = ours
  return all
end

-- What select returns, but for ours.
local function without (mine, readable)
  for i = 1, #readable do
    if readable[i] == mine then
      table.remove(readable, i)
      break
    end
  end
  readable[mine] = nil
end

--- As socket.select; turns the module's loop as it should be. It may return early with
--- nothing, and then "timeout".
function host.select (readable, writable, timeout)
  local mine = ours
  if not mine then return select(readable, writable, timeout) end
  local r, w, why = select(with_ours(readable), writable, timeout)
  if not r[mine] then return r, w, why end
  without(mine, r)
  turn()
  if r[1] == nil and w[1] == nil then why = "timeout" end
  return r, w, why
end

return host
