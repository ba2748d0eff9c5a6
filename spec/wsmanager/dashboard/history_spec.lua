-- The dashboard's history: quantiles of buckets, and samples as they come.

local history = require "wsmanager.dashboard.history"
local ours = require "support.ours"
local wsmanager = require "wsmanager"

-- The counts of cumulated buckets with these many in each, and all of them.
local function counts (...)
  local list, sum = {}, 0
  for i, n in ipairs {...} do
    sum = sum + n
    list[i] = sum
  end
  list.count = sum
  return list
end

local bounds = {0.001, 0.01, 0.1}
local none = counts(0, 0, 0)

describe("a quantile of buckets", function ()
  it("lies in its bucket, in proportion", function ()
    local after = counts(10, 0, 10)
    assert.near(0.001, history.quantile(0.5, none, after, bounds), 1e-9)
    assert.near(0.0005, history.quantile(0.25, none, after, bounds), 1e-9)
    assert.near(0.055, history.quantile(0.75, none, after, bounds), 1e-9)
    assert.near(0.1, history.quantile(1, none, after, bounds), 1e-9)
  end)

  it("is of what came in between", function ()
    local before, after = counts(100, 0, 0), counts(100, 4, 0)
    assert.near(0.0055, history.quantile(0.5, before, after, bounds), 1e-9)
    assert.equal(-1, history.quantile(0.5, after, after, bounds))
  end)

  it("is the last bound where more was longer", function ()
    local after = counts(1, 0, 0)
    after.count = 100
    assert.equal(0.1, history.quantile(0.99, none, after, bounds))
  end)
end)

describe("the dashboard's history", function ()
  after_each(ours.stop)

  local function at (name)
    for i, each in ipairs(history.names) do
      if each == name then return i end
    end
  end

  -- Its number and lists, once it has so many samples more than `number`.
  local function await (number, more)
    local last, lists
    ours.await(function ()
      last, lists = history.since(number)
      return #lists[1] >= more
    end)
    return last, lists
  end

  it("takes a sample a second while a server listens, and no program waits for it", function ()
    wsmanager.run(function ()
      wsmanager.dashboard {}
      local start = history.since(0)
      local server, url = ours.serve()
      local ws = wsmanager.new {url = url, reconnect = false}
      assert(ws:opened(ours.LONG))
      ws:send "x"
      local last, lists = await(start, 2)
      assert.is_true(last >= start + 2)
      for _, list in ipairs(lists) do assert.equal(last - start, #list) end
      assert.is_true(lists[at "servers"][last - start] >= 1)
      local read = 0
      for _, rate in ipairs(lists[at "bytes_in"]) do read = read + rate end
      assert.is_true(read > 0)
      assert.same({}, (select(2, history.since(last)))[1])
      ws:close()
      server:stop()
    end)
    wsmanager.run()     -- returns: nothing is left
  end)

  it("keeps how the last connections ended, of those that were accepted", function ()
    wsmanager.dashboard {}
    local before = select(2, history.endings(0, 1))
    wsmanager.run(function ()
      local server, url = ours.serve {
        handler = ours.echo,
        authorize = function (request) return request.path ~= "/no" or nil end,
      }
      local function visit (path)
        local ws = wsmanager.new {url = url .. path, reconnect = false,
                                  headers = {["User-Agent"] = "agent <i>7</i>"}}
        ws:opened(ours.LONG)
        ws:close(4001, "<b>enough</b>")
        ws:closed(ours.LONG)
      end
      visit "/no"
      visit "/yes"
      ours.await(function () return select(2, history.endings(0, 1)) > before
                                    or before == history.ENDINGS end)
      local page, kept = history.endings(0, 1)
      assert.equal(math.min(before + 1, history.ENDINGS), kept)
      assert.equal(4001, page[1].code)
      assert.equal("<b>enough</b>", page[1].reason)
      assert.equal("agent <i>7</i>", page[1].agent)
      assert.equal("127.0.0.1", page[1].address)
      assert.is_true(page[1].age >= 0 and page[1].age < ours.LONG)
      assert.same({}, (history.endings(kept, 10)))
      server:stop()
    end)
  end)

  it("holds no more than its rings", function ()
    wsmanager.run(function ()
      local _, url = ours.serve(function () end)
      for _ = 1, history.ENDINGS + 20 do
        assert(wsmanager.new {url = url, reconnect = false}:closed(ours.LONG))
      end
      local page, kept = history.endings(0, 1000)
      assert.equal(history.ENDINGS, kept)
      assert.equal(history.ENDINGS, #page)
      for i = 2, #page do assert.is_true(page[i].id < page[i - 1].id) end
    end)
    local _, lists = history.since(0)
    for _, list in ipairs(lists) do assert.is_true(#list <= history.SAMPLES) end
    -- one that knows more than there is begins anew
    local last, all = history.since(2^40)
    assert.equal(math.min(last, history.SAMPLES), #all[1])
  end)
end)
