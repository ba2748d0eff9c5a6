-- A game's loop: step(0) once a frame.

local contract = require "support.hosts.contract"
local socket = require "socket"
local wsmanager = require "wsmanager"

wsmanager.use {name = "the game"}

contract.kill = coroutine.close

function contract.start (fn) coroutine.wrap(fn)() end

contract.rounds(function ()
  local done
  wsmanager.spawn(function ()
    contract.run()
    done = true
  end)
  while not done do
    wsmanager.step(0)
    socket.sleep(0.001)
  end
end)
