-- Copas, 1.1.7 (Debian's) and 4: a thread of it waits for our descriptor.
-- Depends on copas. Its threads are the program's: LuaSocket's sockets in Copas' wrappers
-- work in listeners and handlers.

local optional = require "wsmanager.base.optional"

local copas = optional.need "copas"

local running, yield = coroutine.running, coroutine.yield
local is_new = copas.pauseforever ~= nil     -- since Copas 4

local host = {name = "copas", at_once = not is_new or nil}

function host.may_wait ()
  local thread, is_main = running()
  return thread ~= nil and not is_main
end

function host.spawn (fn) copas.addthread(fn) end

-- Before Copas 4 a thread that rests stands in a queue that nobody looks at: after a
-- plain yield Copas would close the socket that the thread is for.
local nobody = {insert = function () end, push = function () end}

function host.park ()
  if is_new then copas.pauseforever() else yield(host, nobody) end
end

host.resume = is_new and copas.wakeup or copas.addthread

-- What Copas takes for a socket: it is read from once, when our descriptor is readable,
-- and is empty.
local function new_source (loop)
  local fd = loop:fd()
  local waits = false
  return {
    getfd = function () return fd end,
    dirty = function () return false end,
    settimeout = function () end,
    receive = function ()
      waits = not waits
      if waits then return nil, "timeout", "" end
      return ""
    end,
  }
end

function host.watch (loop, turn)
  local source = new_source(loop)
  copas.addthread(function ()
    if copas.settimeouts then copas.settimeouts(source, -1, -1, -1) end
    repeat copas.receive(source, 1) until not turn()
  end)
end

return host
