-- cqueues: the loop of a controller ends with its last thread.

local cqueues = require "cqueues"
local contract = require "support.hosts.contract"

contract.watched(require "wsmanager.host.cqueues")
local controller = cqueues.new()

contract.rounds(function ()
  controller:wrap(contract.run)
  assert(controller:loop())
end)
