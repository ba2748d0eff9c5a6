-- Descriptors that whoever started the program has passed on to it: systemd's socket
-- activation (sd_listen_fds).
-- Depends on the core's listener and the environment.
-- Never opens or closes one.

local core = require "wsmanager.core"

local inherited = {}

--- A descriptor that was passed on.
---@class wsmanager.Inherited
---@field fd integer     for `serve { fd = … }`
---@field name? string   what the socket unit calls it (FileDescriptorName=); without it systemd
---  gives the unit's own name

--- The descriptors that systemd, or another program of its manner, has passed on to this
--- process: by LISTEN_FDS, if LISTEN_PID is this process, with the names of LISTEN_FDNAMES.
--- Programs that this one starts do not inherit them.
--- Source: sd_listen_fds(3).
---@return wsmanager.Inherited[] descriptors  in the order of the unit; empty: there are none
function inherited.listen_fds ()
  local count, first = core.inherited()
  local found, names = {}, (os.getenv "LISTEN_FDNAMES" or "") .. ":"
  local next_name = names:gmatch "([^:]*):"
  for i = 1, count do
    local name = next_name()
    found[i] = {fd = first + i - 1, name = name ~= "" and name or nil}
  end
  return found
end

return inherited
