-- No host: the module's own scheduler.

local contract = require "support.hosts.contract"
local wsmanager = require "wsmanager"

contract.start = wsmanager.spawn
contract.kill = coroutine.close

contract.rounds(function () wsmanager.run(contract.run) end)
