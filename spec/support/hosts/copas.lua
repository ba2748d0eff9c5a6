-- Copas. Its loop of 1.1.7 has no end.

local copas = require "copas"
local contract = require "support.hosts.contract"
local wsmanager = require "wsmanager"

contract.watched(require "wsmanager.host.copas")
wsmanager.use "copas"

contract.rounds(function ()
  local done
  copas.addthread(function ()
    contract.run()
    done = true
  end)
  while not done do copas.step(30) end
end)
