-- How a login ends that does not succeed, with real servers.

local wsmanager = require "wsmanager"
local logins = require "support.logins"
local ours = require "support.ours"
local peers = require "support.peers"

local unpack = table.unpack or unpack

local run = wsmanager.run
local refused, hush = ours.refused, ours.hush
local LONG, await = ours.LONG, ours.await
local scripted, recorder = logins.scripted, logins.recorder
local identify, QUICK = logins.identify, logins.QUICK
local watch, first = logins.watch, logins.first

describe("a login that fails", function ()
  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  -- Fails once with what fn returns; the events, and the server's view of the close.
  local function failing (fn, more)
    return run(function ()
      local ends = {}
      local url = scripted(function (ws)
        ends[#ends + 1] = {ws:closed(LONG)}
      end)
      local given = {url = url, reconnect = QUICK, login = fn}
      for name, value in pairs(more or {}) do given[name] = value end
      local seen = watch(given)
      local ws = wsmanager.new(given)
      await(function ()
        return (first(seen, "reconnecting") or first(seen, "locked") or ws.state == "closed")
               and ends[1]
      end)
      local state = ws.state
      local results = {ws:opened(0)}
      ws:close()
      return seen, ends[1], state, results
    end)
  end

  it("closes with 1000, tells why, and tries again", function ()
    local seen, close = failing(function () return nil, "wrong password" end)
    assert.same({"error", "login", "wrong password"}, seen[1])
    assert.equal("close", seen[2][1])
    assert.equal("reconnecting", seen[3][1])
    assert.same({1000, "", true}, close)
  end)

  it("tells the messages that it has not taken", function ()
    local url = scripted(function (ws)
      for _, text in ipairs {"HELLO", "a", "bc"} do ws:send(text) end
      ws:receive()
    end)
    run(function ()
      local count, bytes = 0, 0
      local ws = wsmanager.new {
        url = url, reconnect = false, onerror = function () end,
        login = function (handle)
          handle:receive(LONG)
          return nil, "wrong password"
        end,
        ondropped = function (event)
          assert.same({"login", true}, {event.token, event.received})
          count, bytes = count + event.count, bytes + event.bytes
        end,
      }
      assert(ws:closed(LONG))
      assert.same({2, 3, 3}, {count, bytes, ws:stats().unread_dropped})
    end)
  end)

  it("closes with the code that it names", function ()
    local seen, close = failing(function () return false, "not now", nil, 4000 end)
    assert.same({"error", "login", "not now"}, seen[1])
    assert.same({4000, "", true}, close)
  end)

  it("is locked when that is final, and says why", function ()
    local seen, close, state, opened =
      failing(function () return nil, "no such user", "final", 4004 end)
    assert.same({"error", "login", "no such user"}, seen[1])
    assert.same({"locked", nil, "no such user"}, seen[3])
    assert.equal(4004, close[1])
    assert.equal("locked", state)
    assert.is_nil(opened[1])
    assert.equal("no such user", opened[3])
  end)

  it("goes on after a reconnect() from locked, with what waited", function ()
    run(function ()
      local heard = {}
      local ws = wsmanager.new {
        url = recorder(heard), reconnect = QUICK, login = function (handle, info)
          if info.epoch == 1 then return nil, "no", "final" end
          identify(handle)
        end,
      }
      ws:send "order"
      local code, token, why = ws:closed(LONG)
      assert.same({nil, "locked", "no"}, {code, token, why})
      refused("locked", ws:receive())
      ws:reconnect()
      assert.is_true(ws:opened(LONG))
      await(function () return #heard >= 2 end)
      assert.same({"IDENTIFY", "order"}, {unpack(heard, #heard - 1)})
      ws:close()
    end)
  end)

  it("is closed for good where it does not reconnect", function ()
    local seen, _, state = failing(function () return nil, "no" end, {reconnect = false})
    assert.same({"error", "login", "no"}, seen[1])
    assert.equal("closed", state)
  end)

  it("fails by an error, which is reported", function ()
    local heard = hush()
    local seen = failing(function () error("oops", 0) end)
    assert.same({"error", "login", "oops"}, seen[1])
    assert.equal("oops", heard[1].why)
  end)

  it("fails by an error after it has waited", function ()
    hush()
    local seen = failing(function ()
      wsmanager.sleep(0)
      error({code = 7, message = "an object"}, 0)
    end)
    assert.same({"error", "login", "an object (code 7)"}, seen[1])
  end)

  it("passes on what a receive returned that found nothing", function ()
    local seen = failing(function (handle) return handle:receive(0.01) end)
    assert.equal("login", seen[1][2])
    assert.matches("^timeout: no message within 0.01 s", seen[1][3])
  end)

  it("without a reason says that", function ()
    local seen = failing(function () return nil end)
    assert.same({"error", "login", "the login returned nothing but nil"}, seen[1])
  end)

  it("reports results that are none", function ()
    for _, results in ipairs {{nil, "no", 42}, {nil, "no", nil, 999}, {nil, "no", "final", "x"}} do
      local heard = hush()
      local seen = failing(function () return unpack(results, 1, 4) end)
      assert.same({"error", "login", "no"}, seen[1])
      assert.matches("login returned", heard[1].why)
    end
  end)

  it("may close by itself", function ()
    local seen, close = failing(function (handle)
      handle:close(4321, "enough")
      return true
    end)
    assert.same({"error", "login", "enough"}, seen[1])
    assert.same({4321, "enough", true}, close)
  end)

  it("exhausts the budget, also after it was connected for long", function ()
    run(function ()
      local given = {
        -- longer than `stable`
        url = recorder {}, login = function () wsmanager.sleep(0.03) return nil, "no" end,
        reconnect = {delay = 0.01, pause = 0, jitter = 0, limit = 2, stable = 0.01},
      }
      local seen = watch(given)
      local ws = wsmanager.new(given)
      local _, token, why = ws:closed(LONG)
      local expected = "no attempt is left of 2 (reconnect.limit); the last: no"
      assert.same({"exhausted", expected}, {token, why})
      assert.same({"exhausted", nil, expected}, first(seen, "exhausted"))
      assert.equal(3, ws:stats().epoch)
      assert.equal(0, ws:stats().opens)
      ws:close()
    end)
  end)

  it("asks reconnect.when", function ()
    run(function ()
      local infos = {}
      local ws = wsmanager.new {
        url = recorder {}, login = function () return nil, "no", "final" end,
        reconnect = {
          when = function (info)
            infos[#infos + 1] = info
            if #infos < 3 then return 0.01 end
          end,
        },
      }
      assert.same({nil, "locked", "no"}, {ws:closed(LONG)})
      assert.equal(3, #infos)
      assert.same({"login", "no", true}, {infos[1].token, infos[1].detail, infos[1].final})
      ws:close()
    end)
  end)

  it("is told apart from an end before and after it", function ()
    run(function ()
      local infos = {}
      local url = scripted(function (ws, n)
        if n ~= 2 then
          ws:receive(LONG)
          ws:close(4000 + n)
        end
        ws:receive()
      end)
      local ws = wsmanager.new {
        url = url, onopen = function (event) event.target:send "open" end,
        login = function (handle, info)
          if info.epoch == 1 then
            handle:send "hello"
            handle:receive()
          elseif info.epoch == 2 then
            return nil, "no"
          end
        end,
        reconnect = {
          when = function (info)
            infos[#infos + 1] = info
            return #infos < 3 and 0.01
          end,
        },
      }
      await(function () return #infos == 3 end)
      for i, expected in ipairs {{4001, true, false}, {1000, true, false}, {4003, false, true}} do
        local info = infos[i]
        assert.same(expected, {info.code, info.login, info.opened})
        assert.equal(i, info.epoch)
      end
      ws:close()
    end)
  end)

  it("by the last message of a peer that ends at once is what it says", function ()
    run(function ()
      local peer = peers.start("scripted", {
        script = {
          {"accept"},
          -- "-ERR", a close frame with 1008, and the end, in one packet
          {"send", "81042d455252" .. "880203f0"}, {"close"},
        },
      })
      local given = {
        url = "ws://127.0.0.1:" .. peer.port, reconnect = QUICK,
        login = function (handle)
          local text = handle:receive(LONG)
          if text == "-ERR" then return nil, "refused: " .. text, "final" end
        end,
      }
      local seen = watch(given)
      local ws = wsmanager.new(given)
      assert.same({nil, "locked", "refused: -ERR"}, {ws:closed(LONG)})
      assert.same({"error", "login", "refused: -ERR"}, seen[1])
      ws:close()
    end)
  end)
end)

describe("a login that is cut", function ()
  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  -- A login that waits for a message that never comes, and keeps what that returned.
  local function waiting (results)
    return function (handle)
      results.handle, results.began = handle, true
      results.got = {handle:receive()}
      results.sent = {handle:send "x"}
      return true
    end
  end

  local function check (results)
    await(function () return results.sent end)
    refused("closed", unpack(results.got, 1, 3))
    refused("closed", unpack(results.sent, 1, 3))
    refused("closed", results.handle:receive(0))
  end

  it("by the peer tries again, and its result is ignored", function ()
    run(function ()
      local results = {}
      local url = scripted(function (ws, n)
        if n == 1 then
          await(function () return results.began end)
          ws:close(4001, "no")
        end
        ws:receive()
      end)
      local given = {
        url = url, reconnect = QUICK, login = function (handle, info)
          if info.epoch == 1 then return waiting(results)(handle) end
          await(function () return results.sent end)
        end,
      }
      local seen = watch(given)
      local ws = wsmanager.new(given)
      assert.is_true(ws:opened(LONG))
      check(results)
      assert.same({"close", 4001, "no"}, seen[1])
      assert.equal(1, ws:stats().opens)
      ws:close()
    end)
  end)

  it("by close() is closed for good", function ()
    run(function ()
      local results, closes = {}, {}
      local ws = wsmanager.new {
        url = scripted(function (peer) closes[1] = {peer:closed(LONG)} end),
        login = waiting(results),
      }
      ws:send "order"
      await(function () return results.began end)
      assert.equal(1, ws:close(4000, "bye"))
      refused("closed", results.handle:send "x")
      check(results)
      assert.same({4000, "", true}, {ws:closed(LONG)})
      await(function () return closes[1] end)
      assert.same({4000, "bye", true}, closes[1])
      assert.same({"order"}, (ws:unsent()))
      assert.equal(0, ws:stats().opens)
    end)
  end)

  it("by reconnect() begins anew at once", function ()
    run(function ()
      local results = {}
      local ws = wsmanager.new {
        url = recorder {}, login = function (handle, info)
          if info.epoch > 1 then return identify(handle) end
          handle:receive(LONG)
          return waiting(results)(handle)
        end,
      }
      await(function () return results.began end)
      ws:reconnect()
      refused("closed", results.handle:send "x")
      check(results)
      assert.is_true(ws:opened(LONG))
      assert.same({2, 1}, {ws:stats().epoch, ws:stats().opens})
      ws:close()
    end)
  end)

  it("by its time is tried again, and nothing waits for its coroutine", function ()
    run(function ()
      local results, asleep, closes = {}, {}, {}
      local given = {
        url = scripted(function (ws, n) closes[n] = {ws:closed(LONG)} end),
        reconnect = QUICK, timeouts = {login = 0.05},
        login = function (handle, info)
          if info.epoch == 1 then return waiting(results)(handle) end
          if info.epoch == 2 then
            asleep.handle = handle
            wsmanager.sleep(math.huge)
          end
        end,
      }
      local seen = watch(given)
      local ws = wsmanager.new(given)
      assert.is_true(ws:opened(LONG))
      check(results)
      refused("closed", asleep.handle:send "x")
      assert.same({"error", "timeout", "the login was not done within 0.05 s"}, seen[1])
      assert.equal(3, ws:stats().epoch)
      assert.same({1000, "", true}, closes[1])
      ws:close()
    end)
  end)

  it("ignores what it answers when another one runs", function ()
    run(function ()
      local began, go
      local url = scripted(function (ws, n)
        if n == 1 then
          await(function () return began end)
          ws:close(4001)
        end
        ws:receive()
      end)
      local ws = wsmanager.new {
        url = url, reconnect = QUICK, login = function (_, info)
          if info.epoch == 1 then
            began = true
            await(function () return go == 1 end)
            go = 2
            return nil, "late", "final"
          end
          go = 1
          await(function () return go == 2 end)
          ours.settle()
        end,
      }
      assert.is_true(ws:opened(LONG))
      ours.settle()
      assert.equal("open", ws.state)
      ws:close()
    end)
  end)

  it("by the end of its variable's block is dropped", function ()
    if not coroutine.close then return end
    run(function ()
      local results = {}
      local url = scripted(function (peer) peer:send "HELLO" peer:receive() end)
      local given = {url = url, login = function (handle)
        results.began = true
        await(function () return results.dropped end)
        results.got = {handle:receive()}
        return nil, "late", "final"
      end}
      local seen = watch(given)
      local ws = wsmanager.new(given)
      await(function () return results.began end)
      getmetatable(ws).__close(ws)
      results.dropped = true
      await(function () return results.got end)
      refused("closed", unpack(results.got, 1, 3))
      assert.equal("closed", ws.state)
      assert.same({"error", "closed", "the connection was dropped"}, seen[1])
    end)
  end)

  it("by coroutine.close has failed", function ()
    if not coroutine.close then return end
    run(function ()
      local thread
      local given = {
        url = recorder {}, reconnect = QUICK, login = function (handle, info)
          if info.epoch > 1 then return identify(handle) end
          thread = coroutine.running()
          wsmanager.sleep(LONG)
        end,
      }
      local seen = watch(given)
      local ws = wsmanager.new(given)
      await(function () return thread end)
      coroutine.close(thread)
      assert.is_true(ws:opened(LONG))
      assert.same({"error", "login", "the coroutine of the login was closed"}, seen[1])
      ws:close()
    end)
  end)
end)
