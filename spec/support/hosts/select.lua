-- A loop around LuaSocket's select.

local host = require "wsmanager.host.select"
local contract = require "support.hosts.contract"
local wsmanager = require "wsmanager"

contract.watched(host)
wsmanager.use "select"

contract.kill = coroutine.close

function contract.start (fn) coroutine.wrap(fn)() end

contract.rounds(function ()
  local done
  wsmanager.spawn(function ()
    contract.run()
    done = true
  end)
  while not done do host.select(nil, nil, 30) end
end)
