-- Faults on the way to servers that we did not write: connections over TLS that are
-- cut, stall, are corrupted, delayed or slow. With acknowledged delivery nothing is
-- lost, and what is confirmed is confirmed in order.
-- Runs once: C and the kernel, the same under each Lua.

local wsmanager = require "wsmanager"
local certificates = require "support.certificates"
local ours = require "support.ours"
local peers = require "support.peers"

local run, await = wsmanager.run, ours.await
local MESSAGES = 300

local function number_of (data)
  return data:match "^%d+"
end

-- Sends its messages in bursts, and keeps the numbers of the echoes.
local function converse (ws, pad)
  local heard = {}
  wsmanager.spawn(function ()
    for i = 1, MESSAGES do
      assert(ws:send(i .. " " .. ("x"):rep(i % 7 * pad), "text", ours.LONG))
      if i % 10 == 0 then wsmanager.sleep(0.005) end
    end
  end)
  wsmanager.spawn(function ()
    while true do
      local data = ws:receive()
      if not data then return end
      heard[#heard + 1] = tonumber(number_of(data))
    end
  end)
  return heard
end

describe("faults on the way", function ()
  local files

  setup(function () files = certificates.make() end)

  teardown(function () files:remove() end)

  after_each(peers.stop)

  for _, name in ipairs {"python_server", "node_server"} do
    for what, fault in pairs {
      ["cut"] = {kinds = {"cut"}},
      ["stall"] = {kinds = {"stall"}, faults = 4},
      ["are corrupted"] = {kinds = {"corrupt"}},
      ["are delayed, cut and stall"] = {
        kinds = {"cut", "stall"}, faults = 5, delay = 0.002,
      },
      ["are slow, cut and corrupted"] = {kinds = {"cut", "corrupt"}, rate = 3000000},
    } do
      it("that " .. what .. " lose nothing to " .. name, function ()
        local server = peers.start(name, {
          tls = {cert = files:path "good.pem", key = files:path "leaf.key"},
        })
        local options = {target = server.port, seed = #what, faults = 8,
                         least = 6000, most = 60000}
        for key, value in pairs(fault) do options[key] = value end
        local proxy = peers.start("cutting_proxy", options)
        run(function ()
          local ws = wsmanager.new {
            url = "wss://localhost:" .. proxy.port .. "/echo", tls = {ca = files:path "ca.pem"},
            heartbeat = {interval = 0.5, timeout = 1.5}, timeouts = {open = 5, close = 1},
            reconnect = {delay = 0.01, max_delay = 0.1, jitter = 0, pause = 0},
            identify = number_of, acknowledge = number_of, dedupe = number_of,
          }
          local heard = converse(ws, 400)
          await(function () return #heard == MESSAGES end)
          for i = 1, MESSAGES do assert.equal(i, heard[i]) end
          await(function () return ws:stats().unacknowledged == 0 end)
          assert.is_true(ws:stats().opens > 1)
          ws:close()
          assert(ws:closed(ours.LONG))
        end)
      end)
    end
  end
end)
