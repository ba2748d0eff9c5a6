-- Where an attempt goes: functions as options, their errors, lists of URLs.

local wsmanager = require "wsmanager"
local certificates = require "support.certificates"
local ours = require "support.ours"

local run = wsmanager.run
local serve, sayer, hush = ours.serve, ours.sayer, ours.hush
local LONG, await = ours.LONG, ours.await
local QUICK = {delay = 0.01, pause = 0, jitter = 0}

local function each_time (list)
  local i = 0
  return function ()
    i = i + 1
    local one = list[i] or list[#list]
    if type(one) == "function" then return one() end
    return one
  end
end

-- Opens, and returns the events of errors before.
local function opens_after (given)
  return run(function ()
    local errors = {}
    given.reconnect = given.reconnect or QUICK
    given.onerror = function (event) errors[#errors + 1] = event end
    local ws = wsmanager.new(given)
    assert(ws:opened(LONG))
    ws:close()
    ws:closed(LONG)
    return errors
  end)
end

describe("a function as an option", function ()
  after_each(ours.stop)

  local failures = {
    ["raises"] = {function () error("token service down", 0) end,
                  "token service down"},
    ["returns no string"] = {function () return 5 end, "no URL but a number"},
    ["returns a bad URL"] = {function () return "htp:/" end, "htp:/"},
  }
  for name, case in pairs(failures) do
    it("of url that " .. name .. " is a failed attempt, and is reported", function ()
      local heard = hush()
      local _, url = serve()
      local errors = opens_after {url = each_time {case[1], case[1], url}}
      assert.equal(2, #errors)
      assert.equal("refused", errors[1].token)
      assert.matches("the function 'url' failed: ", errors[1].message, 1, true)
      assert.matches(case[2], errors[1].message, 1, true)
      assert.equal(2, #heard)
    end)
  end

  it("of headers, protocols or tls that fails is a failed attempt", function ()
    local bad = {
      headers = {function () error("down", 0) end, "down"},
      protocols = {function () return 7 end, "protocols"},
      tls = {function () return {ca = "/nowhere/ca.pem"} end, "/nowhere/ca.pem"},
    }
    for name, case in pairs(bad) do
      hush()
      local _, url = serve()
      local given = {url = url}
      given[name] = each_time {case[1], function () return nil end}
      given.redirects = 1      -- so that `tls` may be there with ws
      local errors = opens_after(given)
      assert.equal("refused", errors[1].token)
      assert.matches("the function '" .. name .. "' failed: ", errors[1].message, 1, true)
      assert.matches(case[2], errors[1].message, 1, true)
      ours.stop()
    end
  end)

  it("that returns false or nil locks, with why", function ()
    for _, nothing in ipairs {false, "nil"} do
      run(function ()
        local ws = wsmanager.new {url = function ()
          return nothing ~= "nil" and nothing or nil, "log in first"
        end}
        assert.same({nil, "locked", "log in first"}, {ws:opened(LONG)})
      end)
    end
  end)

  it("that never returns fails the attempt after timeouts.ask", function ()
    local _, url = serve()
    run(function ()
      local asked, errors, late = 0, {}, nil
      local ws = wsmanager.new {
        url = function ()
          asked = asked + 1
          if asked > 1 then return url end
          await(function () return late end)
          late = "answered"
          return "ws://127.0.0.1:1/late"
        end,
        timeouts = {ask = 0.05}, reconnect = QUICK,
        onerror = function (event) errors[#errors + 1] = event end,
      }
      assert(ws:opened(LONG))
      assert.equal("timeout", errors[1].token)
      assert.matches("within 0.05 s", errors[1].message, 1, true)
      late = "now"
      await(function () return late == "answered" end)
      wsmanager.sleep(0)
      assert.equal("open", ws.state)
      assert.equal(url, ws.url)
      ws:close()
    end)
  end)

  it("of url goes on while reconnect() is called meanwhile", function ()
    local _, url = serve()
    run(function ()
      local go
      local ws = wsmanager.new {url = function ()
        await(function () return go end)
        return url
      end}
      wsmanager.sleep(0)
      ws:reconnect()
      go = true
      assert(ws:opened(LONG))
      ws:close()
    end)
  end)

  it("of headers gets a second chance after 401, and one alone", function ()
    local tokens, seen = 0, {}
    local _, url = serve {
      authorize = function (request)
        seen[#seen + 1] = request.headers.authorization
        return nil, 401
      end,
    }
    run(function ()
      local ws = wsmanager.new {
        url = url, reconnect = QUICK,
        headers = function ()
          tokens = tokens + 1
          return {Authorization = "token " .. tokens}
        end,
      }
      local code = ws:closed(LONG)
      assert.equal(1006, code)
      assert.same({"token 1", "token 2"}, seen)
    end)
  end)

  it("of tls is called for each attempt", function ()
    local made = certificates.make()
    finally(function () made:remove() end)
    local server = serve {
      tls = {cert = made:path "good.pem", key = made:path "leaf.key"},
      handler = sayer "hello",
    }
    hush()
    run(function ()
      local asked = 0
      local ws = wsmanager.new {
        url = "wss://localhost:" .. server.port .. "/", reconnect = QUICK,
        tls = function ()
          asked = asked + 1
          if asked == 1 then error("the disk is not there yet", 0) end
          return {ca = made:path "ca.pem"}
        end,
      }
      assert.equal("hello", ws:receive(LONG))
      assert.equal("hello", ws:receive(LONG))
      assert.is_true(asked >= 3)
      ws:close()
    end)
  end)
end)

describe("a list of URLs", function ()
  after_each(ours.stop)

  it("is tried in turn, from the first one on", function ()
    local _, url = serve()
    local nowhere = ours.nowhere()
    run(function ()
      local ws = wsmanager.new {
        url = {nowhere .. "/a", nowhere .. "/b", url .. "/c"}, reconnect = QUICK,
      }
      assert(ws:opened(LONG))
      assert.equal(url .. "/c", ws.url)
      assert.equal(3, ws:stats().dials)
      ws:close()
    end)
  end)

  it("raises for a bad URL, for none and for what is no list", function ()
    ours.fails("", wsmanager.new, {url = {"ws://127.0.0.1:1", "htp:/"}})
    for _, bad in ipairs {{}, {5}, {"ws://a", x = 1}} do
      ours.fails("bad option 'url' %(string, list of strings or function "
                 .. "expected, got table%)", wsmanager.new, {url = bad})
    end
  end)
end)
