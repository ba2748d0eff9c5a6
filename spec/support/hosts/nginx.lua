-- nginx with Lua: each round of the contract is a request, whose body says how it went.

local contract = require "support.hosts.contract"
local ffi = require "ffi"

local ngx = rawget(_G, "ngx")

local F_GETFD, MOST = 1, 4096

ffi.cdef "int fcntl(int fd, int command, ...);"

local driver = {}
local measured = {}

function contract.write (...) ngx.print(...) end

function contract.start (fn) ngx.thread.spawn(fn) end

contract.kill = ngx.thread.kill

-- Without a child: nginx waits for its own.
function contract.descriptors ()
  local n = 0
  for fd = 0, MOST do
    if ffi.C.fcntl(fd, F_GETFD) >= 0 then n = n + 1 end
  end
  return n
end

driver.round = contract.run

-- After a round: the watch of the loop, and the threads beside it, are of timers.
function driver.measure ()
  local tries = 0
  repeat
    ngx.sleep(0.01)
    collectgarbage()
    tries = tries + 1
  until ngx.timer.running_count() == 0 or tries == 3000
  measured[#measured + 1] = contract.measure()
end

function driver.compare () contract.compare(unpack(measured)) end

return driver
