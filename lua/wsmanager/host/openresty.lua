-- nginx with Lua: its worker's event loop watches ours, and light threads wait.
-- Depends on ngx.timer, ngx.semaphore (lua-resty-core), nginx_threads.lua, and the core's
-- watch in nginx's own epoll; in an nginx that this does not know, on a thread of the
-- core's beside it.
-- Never polls.

local core = require "wsmanager.core"
local nginx_log = require "wsmanager.host.nginx_log"
local nginx_threads = require "wsmanager.host.nginx_threads"
local optional = require "wsmanager.base.optional"

local ngx = rawget(_G, "ngx")
local FAR, begin = nginx_threads.FAR, nginx_threads.begin
local new_semaphore = nginx_threads.semaphore

nginx_log.begin()

local host = {
  name = "nginx",
  signals = "nginx has the signals of its processes; when a worker ends, servers close with "
            .. "1001 by themselves",
}

-- ## Threads

-- Those of TLS cannot: an nginx without OpenResty's patches ends a handshake in which its
-- Lua waits.
local can_wait = {
  rewrite = true, server_rewrite = true, access = true, content = true, timer = true,
}

function host.may_wait () return can_wait[ngx.get_phase()] == true end
function host.why () return "nginx is in the phase " .. ngx.get_phase() end
host.spawn, host.condition = nginx_threads.spawn, nginx_threads.condition

-- ## The loop

-- Returns a function that waits until a turn is due, and who ends the watch.
local function watch_in_nginx (loop)
  local wake = new_semaphore()
  local address = tonumber(optional.need "ffi".cast("uintptr_t", wake.sem))
  local watch = core.nginx(loop, address)
  return watch and function () wake:wait(FAR) end, watch
end

local function watch_by_thread (loop)
  local bridge, socket = assert(core.bridge(loop)), ngx.socket.tcp()
  socket:settimeouts(1e4, 1e4, FAR * 1e3)
  assert(socket:connect("127.0.0.1", bridge:port()))
  assert(socket:send(bridge:secret()))
  return function () bridge:arm() socket:receive(1) end, bridge
end

function host.watch (loop, turn)
  begin(function ()
    local wait, watch = watch_in_nginx(loop)
    host.means = wait and "epoll" or "thread"
    if not wait then wait, watch = watch_by_thread(loop) end
    repeat wait() until not turn()
    watch:close()
  end)
  return nginx_threads.stop
end

-- A timer that is far away is called early when the worker exits.
function host.leaving (fn)
  local function look (premature)
    if premature or not ngx.timer.at(FAR, look) then fn() end
  end
  look()
end

function host.check ()
  if not ngx then return "this is not nginx" end
  local phase = ngx.get_phase()
  if ngx.config.subsystem ~= "http" then
    return "nginx's stream subsystem is no place for it; the http subsystem is"
  elseif core.shared() == false then
    return "with 'lua_code_cache off' each request has a Lua state of its own; switch it on"
  elseif phase == "init" or phase == "exit_worker" then
    return "nothing can begin in " .. phase .. "_by_lua; in init_worker_by_lua it can"
  end
end

return host
