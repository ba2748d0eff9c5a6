-- Connecting and reconnecting to real servers: failures, delays, the limit.

local wsmanager = require "wsmanager"
local error_objects = require "support.error_objects"
local ours = require "support.ours"
local peers = require "support.peers"

local run = wsmanager.run
local serve, sayer, refused, hush =
  ours.serve, ours.sayer, ours.refused, ours.hush
local LONG, await = ours.LONG, ours.await
local QUICK = {delay = 0.1, pause = 0, jitter = 0}

describe("a connection", function ()
  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  describe("reconnecting at each end", function ()
    local function locked ()
      return wsmanager.new {url = function () return nil, "not yet" end}
    end

    local starts = {
      ["in a listener"] = function (again)
        local ws = locked()
        ws.onlocked = function () if again() then ws:reconnect() end end
      end,
      ["in a coroutine"] = function (again)
        local ws = locked()
        wsmanager.spawn(function ()
          repeat ws:closed() ws:reconnect() until not again()
        end)
      end,
    }

    for where, start in pairs(starts) do
      it("lets others run in between, " .. where, function ()
        run(function ()
          local times, done = 0, false
          start(function ()
            times = times + 1
            return not done and times < 500000
          end)
          await(function () return times > 100 end)
          done = true
          assert.is_true(times < 500000)
        end)
      end)
    end
  end)

  describe("with functions that throw", function ()
    for name, why in pairs(error_objects) do
      it(name .. " reports it and does not open", function ()
        local heard = hush()
        local function throw () error(why, 0) end
        local url, address = throw, ours.nowhere()
        for _, given in ipairs {
          {url = url}, {url = address, headers = throw},
          {url = address, protocols = throw},
          {url = address, reconnect = {when = throw}},
        } do
          run(function ()
            local before = #heard
            local ws = wsmanager.new(given)
            await(function () return #heard > before end)
            assert.is_true(rawequal(why, heard[#heard].why))
            ws:close()
          end)
        end
        run(function ()
          local ws = wsmanager.new {url = function () return nil, why end}
          assert.is_nil(ws:opened(0.05))
          ws:close()
        end)
      end)
    end
  end)

  describe("failing", function ()
    local function attempt (given)
      given.reconnect = given.reconnect or false
      return run(function ()
        local ws = assert(wsmanager.new(given))
        local ok, token, detail = ws:opened(LONG)
        assert.is_nil(ok)
        return token, detail, ws
      end)
    end

    it("raises a bad URL at the line that gave it", function ()
      for _, bad in ipairs {
        "", "localhost", "ftp://x", "ws://", "ws://x:0", "ws://x:70000",
        "ws://x/#fragment", "ws://x/a b", "ws://x/\r\nEvil: 1",
      } do
        local ok, why = pcall(function () wsmanager.new {url = bad} end)
        assert.is_false(ok, bad)
        assert.matches("reconnect_spec.lua:%d+: ", why)
      end
    end)

    it("names a host that does not exist", function ()
      local token, detail = attempt {url = "ws://no-such-host.invalid/"}
      assert.equal("resolve", token)
      assert.matches("no%-such%-host.invalid", detail)
    end)

    it("names an address that refuses", function ()
      local url = ours.nowhere()
      local token, detail = attempt {url = url}
      assert.equal("refused", token)
      assert.matches("127.0.0.1", detail)
    end)

    it("times out with a peer that sends nothing", function ()
      local peer = peers.start("scripted", {script = {{"stall"}}})
      local token = attempt {
        url = "ws://127.0.0.1:" .. peer.port, timeouts = {open = 0.1},
      }
      assert.equal("timeout", token)
    end)

    it("keeps the page that came instead of a 101", function ()
      local _, url = serve {
        authorize = function () return nil, 404, "nobody here\n" end,
      }
      local token, detail, ws =
        attempt {url = url .. "/x"}
      assert.equal("handshake", token)
      assert.matches("404", detail)
      local answer = ws:answer()
      assert.equal(404, answer.status)
      assert.equal("nobody here\n", answer.body)
    end)

    it("is exhausted when the budget is used up", function ()
      local url = ours.nowhere()
      run(function ()
        local attempts = {}
        local ws = wsmanager.new {
          url = url,
          reconnect = {delay = 0.001, jitter = 0, limit = 3},
          onreconnecting = function (event)
            attempts[#attempts + 1] = event.attempt
          end,
        }
        local exhausted = false
        ws:addEventListener("exhausted", function () exhausted = true end)
        refused("exhausted", ws:opened(LONG))
        assert.is_true(exhausted)
        assert.same({1, 2, 3}, attempts)
        assert.equal("exhausted", ws.state)
        refused("exhausted", ws:receive())
        refused("exhausted", ws:send("x"))
        refused("exhausted", ws:closed(LONG))
      end)
    end)
  end)

  describe("calling the url function", function ()
    it("waits for it, and passes the attempt", function ()
      local _, url = serve(sayer("hello"))
      run(function ()
        local asked = {}
        local ws = wsmanager.new {
          url = function (attempt, last)
            asked[#asked + 1] = {attempt, last and last.code}
            wsmanager.sleep(0.001)
            return url
          end,
          reconnect = QUICK,
        }
        assert.equal("hello", ws:receive(LONG))
        assert.equal("hello", ws:receive(LONG))
        ws:close()
        assert.is_nil(asked[1][2])
        assert.equal(1000, asked[2][2])
      end)
    end)

    it("locks without a session, until reconnect()", function ()
      local _, url = serve()
      run(function ()
        local session, why
        local ws = wsmanager.new {
          url = function ()
            if session then return url end
            return nil, "log in first"
          end,
          onlocked = function (event) why = event.message end,
        }
        local ok, token, detail = ws:opened(LONG)
        assert.is_nil(ok)
        assert.equal("locked", token)
        assert.equal("log in first", detail)
        assert.equal("log in first", why)
        assert.equal("locked", ws.state)
        assert.same({nil, "locked", "log in first"}, {ws:receive()})
        session = true
        ws:reconnect()
        assert.is_true(ws:opened(LONG))
      end)
    end)

    it("calls those of headers and subprotocols each time", function ()
      local requests = {}
      local _, url = serve {
        protocols = {"b", "a"},
        handler = function (ws, request)
          requests[#requests + 1] = request.headers.authorization
          ws:send(ws.protocol)
        end,
      }
      run(function ()
        local tokens = 0
        local ws = wsmanager.new {
          url = url,
          headers = function ()
            tokens = tokens + 1
            return {Authorization = "Bearer " .. tokens}
          end,
          protocols = function () return {"a", "b"} end,
          reconnect = QUICK,
        }
        assert.equal("b", ws:receive(LONG))
        assert.equal("b", ws:receive(LONG))
        ws:close()
        assert.same({"Bearer 1", "Bearer 2"}, {requests[1], requests[2]})
      end)
    end)

    it("ignores a result that comes after close()", function ()
      local _, url = serve()
      run(function ()
        local asked, closed, answered = false, false, false
        local ws = wsmanager.new {url = function ()
          asked = true
          await(function () return closed end)
          answered = true
          return url
        end}
        await(function () return asked end)
        ws:close()
        closed = true
        await(function () return answered end)
        wsmanager.sleep(0)      -- the round in which the answer is heard
        assert.equal("closed", ws.state)
      end)
    end)
  end)

  describe("calling reconnect.when", function ()
    it("passes how it ended, and stops with false", function ()
      local _, url = serve(function (ws) ws:close(4001, "banned") end)
      run(function ()
        local info
        local ws = wsmanager.new {url = url, reconnect = {
          when = function (ending)
            info = ending
            return false
          end,
        }}
        assert.same({4001, "banned", true}, {ws:closed(LONG)})
        assert.equal(4001, info.code)
        assert.equal("banned", info.reason)
        assert.is_false(info.final)
      end)
    end)

    it("connects after the seconds that it returns", function ()
      local _, url = serve(sayer("again"))
      run(function ()
        local delays = {}
        local ws = wsmanager.new {
          url = url, reconnect = {delay = 60, when = function () return 0 end},
          onreconnecting = function (event)
            delays[#delays + 1] = event.delay
          end,
        }
        assert.equal("again", ws:receive(LONG))
        assert.equal("again", ws:receive(LONG))
        ws:close()
        assert.equal(0, delays[1])
      end)
    end)

    it("keeps the default with nil", function ()
      local _, url = serve {
        authorize = function () return nil, 403 end,
      }
      run(function ()
        local status
        local ws = wsmanager.new {
          url = url,
          reconnect = {when = function (info)
            status = info.status
            assert.is_true(info.final)
          end},
        }
        refused("handshake", ws:opened(LONG))
        assert.equal(403, status)
        assert.equal("closed", ws.state)
      end)
    end)
  end)
end)
