-- ws:stats(): that each of its fields is documented and annotated, and what is new in it.

local wsmanager = require "wsmanager"
local certificates = require "support.certificates"
local files = require "support.files"
local ours = require "support.ours"

local run, await, LONG = wsmanager.run, ours.await, ours.LONG

-- The text between two lines.
local function between (text, first, last)
  local from = assert(text:find(first, 1, true), first)
  return text:sub(from, assert(text:find(last, from, true), last))
end

local function annotated ()
  local found, optional = {}, {}
  local text = between(files.read "lua/wsmanager/inspection.lua", "---@class wsmanager.Stats",
                       "function methods.stats")
  for name, mark in text:gmatch "%-%-%-@field ([%w_]+)(%??) [^\n]" do
    found[name], optional[name] = true, mark == "?" or nil
  end
  return found, optional
end

local function documented ()
  local found = {}
  local text = between(files.read "docs/reference/stats.md", "# Statistics", "\n## TLS")
  for name in text:gmatch "\n| `([%w_]+)` |" do found[name] = true end
  return found
end

local function keys (map)
  local set = {}
  for key in pairs(map) do set[key] = true end
  return set
end

describe("ws:stats()", function ()
  after_each(ours.stop)

  it("has exactly the fields that are documented and annotated", function ()
    local all, optional = annotated()
    assert.is_true(all.pings and all.unread_dropped)
    assert.same(all, documented())
    local made = certificates.make()
    finally(function () made:remove() end)
    local server = ours.serve {
      tls = {cert = made:path "good.pem", key = made:path "leaf.key"},
    }
    local ws = wsmanager.new {
      url = "wss://localhost:" .. server.port, reconnect = false,
      tls = {ca = made:path "ca.pem"},
      heartbeat = {interval = 0.01, mode = "always", timeout = LONG},
    }
    local before = keys(ws:stats())
    for name in pairs(optional) do before[name] = true end
    assert.same(all, before)
    run(function ()
      await(function () return ws:stats().latency ~= nil end)
      assert.same(all, keys(ws:stats()))
      ws:close()
    end)
  end)

  it("counts the heartbeats that were sent, beside the pings that came", function ()
    run(function ()
      local server, url = ours.serve()
      local ws = wsmanager.new {
        url = url, reconnect = false,
        heartbeat = {interval = 0.01, mode = "always", timeout = LONG},
      }
      await(function () return ws:stats().heartbeats >= 3 end)
      await(function () return ws:stats().pongs >= 3 end)
      assert.equal(0, ws:stats().pings)
      for _, other in server:clients() do
        assert.is_true(other:stats().pings >= 3)
        assert.equal(0, other:stats().heartbeats)
      end
      ws:close()
    end)
  end)

  it("counts how often the inbox was full", function ()
    run(function ()
      local _, url = ours.serve(ours.sayer(("x"):rep(5000), ("y"):rep(5000)))
      local ws = wsmanager.new {url = url, inbox = 1000, reconnect = false}
      assert(ws:opened(LONG))
      await(function () return ws:stats().pauses > 0 end)
      ws:close()
    end)
  end)

  it("counts the connections that were dropped as dead", function ()
    run(function ()
      local _, url = ours.serve()
      local ws = wsmanager.new {
        url = url, reconnect = false,
        heartbeat = {interval = false, timeout = 0.05},
      }
      assert(ws:opened(LONG))
      assert(ws:closed(LONG))
      assert.equal(1, ws:stats().timeouts)
    end)
  end)
end)
