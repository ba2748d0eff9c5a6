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

describe("an order of connections", function ()
  after_each(ours.stop)

  local function rank (query, skip, take, only)
    return core.rank(scheduler.loop(), query, skip or 0, take or 100, only)
  end

  -- The ids of a server's connections, in the order in which they came, once clients have
  -- sent it 1, 2, 3 messages.
  local function begin ()
    local ids, taken, ends = {}, 0, {}
    local _, url = ours.serve(function (ws)
      ids[#ids + 1] = ws.id
      while ws:receive() do taken = taken + 1 end
    end)
    for i = 1, 3 do
      ends[i] = wsmanager.new {url = url, reconnect = false}
      assert(ends[i]:opened(LONG))
      ours.await(function () return #ids == i end)
      for _ = 1, i do ends[i]:send "x" end
    end
    ours.await(function () return taken == 6 end)
    return ids, ends
  end

  it("goes by what is asked for, and has pages", function ()
    wsmanager.run(function ()
      local ids, ends = begin()
      local found, count = rank {"server", "messages_in", false}
      assert.same({ids[3], ids[2], ids[1]}, found)
      assert.equal(3, count)
      assert.same(ids, (rank {"server", "messages_in", true}))
      assert.same({ids[2]}, (rank({"server", "messages_in", true}, 1, 1)))
      found, count = rank({"server", "bytes_in", true}, 3, 5)
      assert.same({}, found)
      assert.equal(3, count)
      local own = {}
      for i, ws in ipairs(ends) do own[i] = ws.id end
      -- clients of other specs may not be collected yet
      assert.same({own[3], own[2], own[1]},
                  (rank({"client", "messages_out", false}, 0, 9, own)))
    end)
  end)

  it("is of those alone that are asked for", function ()
    wsmanager.run(function ()
      local ids = begin()
      local found, count = rank({"server", "age", false}, 0, 9, {ids[1], ids[3], 2^40})
      assert.same({ids[1], ids[3]}, {math.min(found[1], found[2]), math.max(found[1], found[2])})
      assert.equal(2, count)
      found, count = rank({"server", "buffered", true}, 0, 9, {})
      assert.same({{}, 0}, {found, count})
    end)
  end)

  it("says what is wrong with a question", function ()
    assert.has_error(function () rank {"nobody", "age"} end)
    assert.has_error(function () rank {"server", "size"} end)
    assert.has_error(function () rank({"server", "age"}, -1) end)
    assert.has_error(function () rank({"server", "age"}, 0, 1001) end)
    assert.has_error(function () rank({"server", "age"}, 0, 1, {2, 1}) end)
  end)
end)
