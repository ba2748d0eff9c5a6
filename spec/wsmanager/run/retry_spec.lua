-- Whether another attempt follows: reconnect.when, never, rate, and the delays.

local wsmanager = require "wsmanager"
local ours = require "support.ours"

local run = wsmanager.run
local serve, hush = ours.serve, ours.hush
local LONG, await = ours.LONG, ours.await

-- The delays of the first n attempts where nobody listens.
local function delays (n, reconnect)
  local url = ours.nowhere()
  return run(function ()
    local list = {}
    local ws = wsmanager.new {url = url, reconnect = reconnect}
    ws.onreconnecting = function (event)
      list[#list + 1] = event.delay
      if #list == n then ws:close() end
    end
    ws:closed(LONG)
    return list
  end)
end

describe("reconnect.delay", function ()
  after_each(ours.stop)

  it("may be a list, whose last one repeats", function ()
    assert.same({0, 0.02, 0.001, 0.001},
                delays(4, {delay = {0, 0.02, 0.001}, jitter = 0}))
  end)

  it("may be a function, which may wait, of the attempt and the end", function ()
    local seen = {}
    local list = delays(3, {delay = function (attempt, info)
      wsmanager.sleep(0.001)
      seen[#seen + 1] = {attempt, info.token}
      return attempt / 1000
    end})
    assert.same({0.001, 0.002, 0.003}, list)
    assert.same({{1, "refused"}, {2, "refused"}, {3, "refused"}}, seen)
  end)

  it("that fails or returns no seconds is reported, and the default waits", function ()
    for _, bad in ipairs {
      function () error("no idea", 0) end, function () end,
      function () return 0 / 0 end, function () return "1" end,
    } do
      local heard = hush()
      local list = delays(1, {delay = bad, jitter = 0})
      assert.same({2}, list)
      assert.equal(1, #heard)
    end
  end)

  it("raises for what is none of these", function ()
    for _, bad in ipairs {{}, {-1}, {"1"}, {1, x = 2}, 0, "1"} do
      ours.fails("bad option 'reconnect.delay' %(positive number, list of numbers "
                 .. "or function expected", wsmanager.new,
                 {url = "ws://127.0.0.1:1", reconnect = {delay = bad}})
    end
    ours.fails("bad option 'reconnect.delay' %(a list of 1 to 64 expected%)",
               wsmanager.new, {url = "ws://127.0.0.1:1",
               reconnect = {delay = (function ()
                 local long = {}
                 for i = 1, 65 do long[i] = i end
                 return long
               end)()}})
  end)
end)

describe("reconnect.never", function ()
  after_each(ours.stop)

  it("names close codes that are final", function ()
    local opens = 0
    local _, url = serve(function (ws)
      opens = opens + 1
      ws:close(opens == 1 and 4001 or 4004, "Authentication failed.")
    end)
    run(function ()
      local ws = wsmanager.new {
        url = url, reconnect = {delay = 0.01, pause = 0, never = {4004, 4010}},
      }
      assert.same({4004, "Authentication failed.", true}, {ws:closed(LONG)})
      assert.equal(2, opens)
    end)
  end)

  it("names HTTP statuses that are final", function ()
    local _, url = serve {authorize = function () return nil, 503 end}
    run(function ()
      local ws = wsmanager.new {url = url, reconnect = {never = {503}}}
      local code, _, clean = ws:closed(LONG)
      assert.same({1006, false}, {code, clean})
      assert.equal(1, ws:stats().dials)
    end)
  end)

  it("raises for what is no code and no status", function ()
    for _, bad in ipairs {{}, {999}, {5000}, {200}, {600}, {"4004"}, {4004.5}, 4004} do
      ours.fails("bad option 'reconnect.never' %(list of close codes, 1000 to 4999",
                 wsmanager.new,
                 {url = "ws://127.0.0.1:1", reconnect = {never = bad}})
    end
  end)
end)

describe("reconnect.rate", function ()
  after_each(ours.stop)

  it("holds back attempts, those of reconnect() too", function ()
    local url = ours.nowhere()
    run(function ()
      local ws = wsmanager.new {
        url = url,
        reconnect = {delay = 0.001, jitter = 0, max_delay = 0.001,
                     rate = {3, per = 1000}},
      }
      local waits = {}
      ws.onreconnecting = function (event) waits[#waits + 1] = event.delay end
      await(function () return (waits[#waits] or 0) > 900 end)
      assert.equal(3, ws:stats().dials)
      ws:reconnect()
      await(function () return #waits == 4 end)
      assert.is_true(waits[4] > 900)
      assert.same({"waiting", 3}, {ws.state, ws:stats().dials})
      ws:close()
    end)
  end)

  it("raises for what is none", function ()
    for _, bad in ipairs {
      {0}, {0, per = 1}, {1}, {1, per = 0}, {1, per = 0 / 0}, {1.5, per = 1},
      {100001, per = 1}, {1, per = 1, reserve = 1}, {per = 1}, 5,
    } do
      ours.fails("bad option 'reconnect.rate' %({n, per = seconds} with 1 to 100000 "
                 .. "attempts expected", wsmanager.new,
                 {url = "ws://127.0.0.1:1", reconnect = {rate = bad}})
    end
  end)
end)

describe("reconnect.when", function ()
  after_each(ours.stop)

  it("is told all about the end", function ()
    local opens = 0
    local _, url = serve {
      authorize = function ()
        opens = opens + 1
        if opens == 1 then return true end
        return nil, 503, "", {["Retry-After"] = "7"}
      end,
      handler = function (ws) ws:close(4001, "again") end,
    }
    run(function ()
      local infos = {}
      local ws = wsmanager.new {url = url, reconnect = {when = function (info)
        infos[#infos + 1] = info
        return #infos == 1 and 0
      end}}
      ws:closed(LONG)
      assert.same({
        code = 4001, reason = "again", clean = true, final = false, attempt = 1,
        opened = true, login = false, epoch = 1,
      }, infos[1])
      assert.same({
        token = "handshake", detail = infos[2].detail, code = 1006, reason = "",
        clean = false, status = 503, final = false, attempt = 2, opened = false,
        login = false, epoch = 1, retry_after = 7,
      }, infos[2])
    end)
  end)

  it("that fails or never returns leaves it to the default", function ()
    local heard = hush()
    local url = ours.nowhere()
    local whens = {
      function () error("no idea", 0) end,
      function () return 0 / 0 end,
      function () wsmanager.sleep(1e6) end,
    }
    for i, when in ipairs(whens) do
      run(function ()
        local waits
        local ws = wsmanager.new {
          url = url, timeouts = {ask = 0.05},
          reconnect = {when = when, delay = 5, jitter = 0},
          onreconnecting = function (event) waits = event.delay end,
        }
        await(function () return waits end)
        assert.equal(5, waits)
        assert.equal(math.min(i, 2), #heard)
        ws:close()
      end)
    end
  end)
end)

describe("an end for good", function ()
  after_each(ours.stop)

  local WHY = "the connection was closed (4004 Authentication failed.)"

  local function refuser ()
    local _, url = serve(function (ws) ws:close(4004, "Authentication failed.") end)
    return url
  end

  it("says why in receive, opened, send, drain and closed", function ()
    local url = refuser()
    run(function ()
      local ws = wsmanager.new {url = url, reconnect = {never = {4004}}}
      assert.same({nil, "closed", WHY}, {ws:receive(LONG)})
      assert.same({4004, "Authentication failed.", true}, {ws:closed(LONG)})
      assert.same({nil, "closed", WHY}, {ws:opened(LONG)})
      assert.same({nil, "closed", WHY}, {ws:send "x"})
    end)
  end)

  it("says why when it is exhausted", function ()
    local url = refuser()
    run(function ()
      local message
      local ws = wsmanager.new {
        url = url, reconnect = {limit = 2, delay = 0.01, pause = 0, max_delay = 0.01},
        onexhausted = function (event) message = event.message end,
      }
      local why = "no attempt is left of 2 (reconnect.limit); the last: " .. WHY
      assert.same({nil, "exhausted", why}, {ws:closed(LONG)})
      assert.same({nil, "exhausted", why}, {ws:receive(LONG)})
      assert.same({nil, "exhausted", why}, {ws:opened(LONG)})
      assert.same({nil, "exhausted", why}, {ws:send "x"})
      assert.equal(why, message)
    end)
  end)

  it("says why when it is locked", function ()
    local url, asked = refuser(), 0
    run(function ()
      local message
      local ws = wsmanager.new {
        url = function ()
          asked = asked + 1
          if asked == 1 then return url end
          return nil, "the token is no longer valid"
        end,
        reconnect = {delay = 0.01, pause = 0},
        onlocked = function (event) message = event.message end,
      }
      local why = "the token is no longer valid; last: " .. WHY
      assert.same({nil, "locked", why}, {ws:closed(LONG)})
      assert.same({nil, "locked", why}, {ws:receive(LONG)})
      assert.equal(why, message)
    end)
  end)

  it("is in the text of a timeout meanwhile", function ()
    local url = refuser()
    run(function ()
      local ws = wsmanager.new {url = url, reconnect = {delay = 60, jitter = 0}}
      await(function () return ws.state == "waiting" end)
      local _, token, detail = ws:receive(0.01)
      assert.equal("timeout", token)
      assert.matches("; last: " .. WHY, detail, 1, true)
      ws:close()
    end)
  end)
end)
