-- Lua states in threads: each has a loop of its own, and they share nothing. With
-- `make tsan-check` ThreadSanitizer looks at the same program.

local certificates = require "support.certificates"
local programs = require "support.programs"

describe("Lua states in threads", function()
  local files

  setup(function() files = certificates.make() end)
  teardown(function() files:remove() end)

  it("have servers, clients, lookups and requests, each for itself", function()
    assert.equal("done\n", programs.output("spec/support/threads.lua '"
      .. files:path "" .. "' 4"))
  end)
end)
