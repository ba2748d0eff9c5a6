-- nginx with Lua (support/peers/nginx.py), and requests to it.

local files = require "support.files"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

local nginxes = {}
local nginx = {}
nginx.__index = nginx

local LONG = 30
local MODULE = "/usr/lib/nginx/modules/ngx_http_lua_module.so"

-- Can it run here? nil, or why not: it is LuaJIT's, and its module is that of
-- build/luajit.
function nginxes.why_not ()
  local file = io.open(MODULE)
  if file then return file:close() and nil end
  return "nginx with Lua is not installed: Debian's luajit excludes it, luajit2 does not"
end

-- Its fields: port, pid (of its master).
function nginxes.start (options)
  local peer = peers.start("nginx", options)
  local ready = peer:await "ready"
  return setmetatable({
    peer = peer, port = peer.port, pid = ready.master, folder = ready.folder,
  }, nginx)
end

function nginx:url (path) return "http://127.0.0.1:" .. self.port .. path end

-- What it answers: the body, or nil and why.
function nginx:get (path, timeout)
  local response, token, detail = wsmanager.fetch(self:url(path), {timeout = timeout or LONG})
  if not response then return nil, token, detail end
  return response.body, response.status
end

function nginx:log () return files.read(self.folder .. "/error.log") end

function nginx:signal (name) os.execute("kill -" .. name .. " " .. self.pid) end

-- The processes of its workers.
function nginx:workers ()
  local list, pipe = {}, assert(io.popen("pgrep -P " .. self.pid))
  for line in pipe:lines() do list[#list + 1] = tonumber(line) end
  pipe:close()
  return list
end

-- Waits for its end: what it has logged, and what it has left in its folder.
function nginx:ended ()
  local event = self.peer:await "ended"
  return event.log, event.left
end

-- The lines of a log that tell of trouble.
function nginxes.trouble (log)
  local found = {}
  for line in log:gmatch "[^\n]+" do
    if line:find "%[error%]" or line:find "%[alert%]" or line:find "%[crit%]"
       or line:find "%[emerg%]" then
      found[#found + 1] = line
    end
  end
  return found
end

return nginxes
