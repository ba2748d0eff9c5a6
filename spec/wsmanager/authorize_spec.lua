-- The server's option `authorize`: who is admitted, and with which response.

local wsmanager = require "wsmanager"
local ours = require "support.ours"

local run, refused = wsmanager.run, ours.refused
local LONG = ours.LONG

local reports

-- The connection of a client to a server whose `authorize` returns these.
local function ask (...)
  local unpack = table.unpack or unpack
  local n, answers = select("#", ...), {...}
  local _, url = ours.serve {
    authorize = function () return unpack(answers, 1, n) end,
    protocols = "chat",
  }
  local ws = wsmanager.new {
    url = url, protocols = {"chat", "other"}, reconnect = false,
  }
  return ws, ws:opened(LONG)
end

describe("authorize", function ()
  before_each(function () reports = ours.hush() end)
  after_each(ours.stop)

  it("admits with true and with a subprotocol that is offered", function ()
    run(function ()
      local ws, opened = ask(true)
      assert.is_true(opened)
      assert.equal("chat", ws.protocol)
      ws, opened = ask("other")
      assert.is_true(opened)
      assert.equal("other", ws.protocol)
      assert.same({}, reports)
    end)
  end)

  it("refuses with 403 or the status that it returns", function ()
    run(function ()
      for _, answer in ipairs {{false}, {nil}, {nil, 403}, {false, 404}} do
        local ws, opened = ask(answer[1], answer[2])
        assert.is_nil(opened)
        assert.equal(answer[2] or 403, ws:answer().status)
      end
      assert.same({}, reports)
    end)
  end)

  local slips = {
    {"it returned 403", 403}, {"it returned 0", 0}, {"it returned table", {}},
    {"it returned 'nobody'", "nobody"}, {"it returned ''", ""},
    {"from 200 to 599 after nil; it returned 'go away'", nil, "go away"},
    {"it returned 101", nil, 101}, {"it returned 403.5", false, 403.5},
    {"a string as the body; it returned a table", nil, 403, {}},
  }

  for _, slip in ipairs(slips) do
    it("admits nobody by a wrong result: " .. slip[1], function ()
      run(function ()
        local ws, opened, token = ask(slip[2], slip[3], slip[4])
        refused("handshake", opened, token, "")
        assert.equal(500, ws:answer().status)
        assert.equal(1, #reports)
        assert.matches("^authorize must return .*" .. slip[1], reports[1].text)
      end)
    end)
  end
end)
