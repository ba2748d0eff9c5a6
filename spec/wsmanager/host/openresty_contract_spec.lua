-- The contract of a host (spec/support/hosts/contract.lua) in a real nginx with Lua: each
-- round of it is a request.

local outcomes = require "support.hosts.outcomes"

describe("the contract of a host", function ()
  it("has nothing that nginx is spared", function ()
    assert.is_true(#outcomes.names > 20)
  end)
end)

local nginxes = require "support.nginxes"

if not nginxes.may_run "the contract in nginx" then return end

local peers = require "support.peers"

local LONG = 100      -- seconds

-- means -> what is set, so that nginx has it.
local ways = {
  epoll = "",
  thread = [[require "wsmanager.core".nginx = function () return nil end]],
}

for means, set in pairs(ways) do
  describe("the host nginx (" .. means .. ")", function ()
    local found, text, trouble, left

    setup(function ()
      local nginx = nginxes.start {
        http = "lua_socket_log_errors off;", init_worker = set,
        locations = {
          ["/round"] = [[require "support.hosts.nginx".round()]],
          ["/measure"] = [[require "support.hosts.nginx".measure()]],
          ["/compare"] = [[require "support.hosts.nginx".compare()]],
        },
      }
      local said = {}
      for _ = 1, 3 do
        said[#said + 1] = nginx:get("/round", LONG)
        nginx:get("/measure", LONG)
      end
      said[#said + 1] = nginx:get("/compare", LONG)
      text = table.concat(said)
      found = outcomes.read(text)
      nginx:signal "QUIT"
      local log
      log, left = nginx:ended()
      trouble = nginxes.trouble(log)
    end)

    teardown(function () peers.stop() end)

    for _, part in ipairs(outcomes.names) do
      it(part, function () assert.matches("^ok ", found[part] or text) end)
    end

    it("says nothing of trouble, and leaves nothing when it ends", function ()
      assert.same({}, trouble)
      assert.same({}, left)
    end)
  end)
end
