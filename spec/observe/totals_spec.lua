-- What all connections of a loop have counted, as the core tells it.

local core = require "wsmanager.core"
local ours = require "support.ours"
local scheduler = require "wsmanager.run.scheduler"
local wsmanager = require "wsmanager"

local LONG = ours.LONG

local function clients ()
  return (core.totals(scheduler.loop()))
end

-- The class that grew by a connection that ends so, and who ended it.
local function class_of (fn)
  local before, found = clients().closed, nil
  fn()
  for class, counts in pairs(clients().closed) do
    for initiator, count in pairs(counts) do
      if count ~= before[class][initiator] then
        assert.is_nil(found)
        assert.equal(before[class][initiator] + 1, count)
        found = class .. " " .. initiator
      end
    end
  end
  return found
end

describe("totals", function ()
  after_each(ours.stop)

  for code, class in pairs {
    [1000] = "normal", [1001] = "going_away", [1003] = "protocol", [1008] = "policy",
    [1009] = "too_big", [1011] = "error", [1014] = "error", [3000] = "application",
    [4999] = "application",
  } do
    it("count the close code " .. code .. " as " .. class, function ()
      local _, url = ours.serve(function (ws) ws:close(code) end)
      assert.equal(class .. " remote", class_of(function ()
        assert(wsmanager.new {url = url, reconnect = false}:closed(LONG))
      end))
    end)
  end

  it("count an end without a close frame, and our own", function ()
    local _, url = ours.serve(function (ws) ws:receive() end)
    local function ended_by (how)
      return class_of(function ()
        local ws = wsmanager.new {url = url, reconnect = false}
        assert(ws:opened(LONG))
        how(ws)
        ws:closed(LONG)
      end)
    end
    assert.equal("no_status local", ended_by(function (ws) ws:close() end))
    assert.equal("application local", ended_by(function (ws) ws:close(3000) end))
    assert.equal("abnormal local", ended_by(function (ws)
      ws:reconnect()
      ws:close()
    end))
  end)

  it("have buckets of what was not longer", function ()
    local h = clients().duration
    assert.equal(#h.bounds, #h.buckets)
    for i = 2, #h.bounds do
      assert.is_true(h.bounds[i] > h.bounds[i - 1])
      assert.is_true(h.buckets[i] >= h.buckets[i - 1])
    end
    assert.is_true(h.count >= h.buckets[#h.buckets])
  end)
end)
