-- nginx with Lua (support/peers/nginx.py), and requests to it. When a test fails, what its
-- nginxes have logged is printed.

local assert = require "luassert"
local busted = require "busted"
local files = require "support.files"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

local nginxes = {}
local nginx = {}
nginx.__index = nginx

local LONG = 30
local SHOWN = 6000           -- of a log, from its end
local MODULE = "/usr/lib/nginx/modules/ngx_http_lua_module.so"

-- Is its spec to run under this Lua? Under LuaJIT, which nginx has; where nginx is not
-- installed the spec is pending, `what` for short, and fails in CI.
function nginxes.may_run (what)
  if not rawget(_G, "jit") then return false end
  local file = io.open(MODULE)
  if file then return file:close() end
  local why = "nginx with Lua is not installed: Debian's luajit excludes it, luajit2 does not"
  assert(not os.getenv "CI", why)
  busted.pending(what .. ": " .. why)
  return false
end

local started = {}           -- by the test that runs

-- Its fields: port, tls (a second port), pid (of its master).
function nginxes.start (options)
  local peer = peers.start("nginx", options)
  local ready = peer:await "ready"
  local self = setmetatable({
    peer = peer, port = peer.port, pid = ready.master, folder = ready.folder,
    tls = ready.tls,
  }, nginx)
  started[#started + 1] = self
  return self
end

-- A server of the worker's own, /start; its clients are the same worker's. What it does
-- with a message is its first word. In init_by_lua functions are for all; what they use
-- begins in the worker.
local SERVER = [[
  local wsmanager = require "wsmanager"
  local server
  s = {}       -- what requests share: their globals are their own
  function start ()
    server = server or assert(wsmanager.serve {host = "127.0.0.1", port = 0,
      login = function (ws) return ws:receive(30) == "secret" end,
      handler = function (ws)
        for data, kind in ws:messages() do
          if data == "leave" then ws:close(4000, "as told")
          elseif data == "late" then ngx.sleep(0.3) ws:send(data)
          else ws:send(data, kind) end
        end
      end,
    })
    return server.port
  end
  function connect (options)
    options = options or {}
    options.url = "ws://127.0.0.1:" .. start()
    options.login = options.login or function (ws) ws:send "secret" return true end
    local ws = assert(wsmanager.new(options))
    assert(ws:opened(30))
    return ws
  end
]]

-- One with such a server.
function nginxes.with_server (options)
  options.init = SERVER .. (options.init or "")
  return nginxes.start(options)
end

function nginx:url (path) return "http://127.0.0.1:" .. self.port .. path end

-- What it answers: the body, or nil and why.
function nginx:get (path, timeout)
  local response, token, detail = wsmanager.fetch(self:url(path), {timeout = timeout or LONG})
  if not response then return nil, token, detail end
  return response.body, response.status
end

function nginx:log () return self.last_log or files.read(self.folder .. "/error.log") end

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
  self.last_log = event.log
  return event.log, event.left
end

-- The lines of a log that tell of trouble.
function nginxes.trouble (log)
  local found = {}
  for line in log:gmatch "[^\n]+" do
    if line:find "%[error%]" or line:find "%[alert%]" or line:find "%[crit%]"
       or line:find "%[emerg%]" or line:find "exited with code [1-9]"
       or line:find "runtime error:" or line:find "Sanitizer:" then
      found[#found + 1] = line
    end
  end
  return found
end

-- Ends one, and nothing may be wrong or left. `signal`: QUIT; "ended": it was told already.
function nginxes.finish (self, signal)
  if signal ~= "ended" then self:signal(signal or "QUIT") end
  local log, left = self:ended()
  assert.same({}, nginxes.trouble(log))
  assert.same({}, left)
end

-- Before after_each: a folder is there until its peer is stopped.
busted.subscribe({"test", "end"}, function (_, _, status)
  for _, each in ipairs(started) do
    if status ~= "success" then
      local _, log = pcall(each.log, each)
      print("\nthe log of nginx, process " .. each.pid .. ":\n" .. log:sub(-SHOWN))
    end
  end
  started = {}
  return nil, true             -- others are told as well
end, {priority = 1})

return nginxes
