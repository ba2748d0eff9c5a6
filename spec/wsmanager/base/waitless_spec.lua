-- Functions that may not wait: a wait in one raises there, and harms nothing else.

local wsmanager = require "wsmanager"
local ours = require "support.ours"
local waitless = require "wsmanager.base.waitless"

local run, sleep = wsmanager.run, wsmanager.sleep
local await = ours.await
local LONG = ours.LONG
local HERE = "waitless_spec.lua:%d+: "

local heard

-- A server that sends "1", "2" ... and echoes.
local function counting (count)
  local _, url = ours.serve(function (ws)
    for i = 1, count do ws:send(tostring(i)) end
    ours.echo(ws)
  end)
  return url
end

local function connect (url, options)
  options.url, options.reconnect = url, false
  return wsmanager.new(options)
end

-- Was it reported that `name` may not wait?
local function was_refused (name)
  for _, one in ipairs(heard) do
    if one.text:find(HERE .. "'" .. name:gsub("%.", "%%.") .. "' may not wait") then
      return true
    end
  end
  return false
end

describe("a function that may not wait", function ()
  before_each(function () heard = ours.hush() end)
  after_each(ours.stop)

  -- what waits, or turns the loop
  local waits = {
    sleep = function () sleep(0) end,
    step = function () wsmanager.step(0) end,
    run = function () wsmanager.run() end,
    ["run of a function"] = function () wsmanager.run(function () end) end,
    ["a take"] = function () wsmanager.queue():take(1) end,
    ["a join"] = function () wsmanager.spawn(function () end):join() end,
    ["a coroutine of its own"] = function ()
      local ok, why = coroutine.resume(coroutine.create(function () sleep(0) end))
      if not ok then error(why, 0) end
    end,
  }

  for name, wait in pairs(waits) do
    it("raises at its line: " .. name, function ()
      local ok, why = waitless.call("log", wait)
      assert.is_false(ok)
      assert.matches("^%S*" .. HERE .. "'log' may not wait$", why)
      run(function ()
        ok, why = waitless.call("log", wait)
        assert.is_false(ok)
        assert.matches("^%S*" .. HERE .. "'log' may not wait$", why)
        assert.is_true(sleep(0))
      end)
      assert.is_boolean(wsmanager.step(0))
    end)
  end

  it("raises before anything is done: a request, a ping, a migration, a stop", function ()
    local got, pages = {}, 0
    local server, url = ours.serve {
      page = function ()
        pages = pages + 1
        return 200, "page"
      end,
      handler = function (ws)
        local data = ws:receive()
        while data do
          got[#got + 1] = data
          data = ws:receive()
        end
      end,
    }
    run(function ()
      local ws = connect(url, {
        correlate = {
          set = function (message, id) return message .. id end, get = tonumber,
        },
      })
      assert(ws:opened(LONG))
      local stats = ws:stats()
      for _, wait in ipairs {
        function () ws:request "asked" end,
        function () ws:ping("x", LONG) end,
        function () ws:migrate(url) end,
        function () server:stop() end,
        function () wsmanager.fetch((url:gsub("ws:", "http:"))) end,
      } do
        local ok, why = waitless.call("log", wait)
        assert.is_false(ok)
        assert.matches("^%S*" .. HERE .. "'log' may not wait$", why)
      end
      assert.equal(0, ws:stats().requests)
      assert.equal(stats.messages_out, ws:stats().messages_out)
      ws:send "the only one"
      await(function () return got[1] end)
      assert.same({"the only one"}, got)
      assert.equal(0, pages)
      assert.equal(1, ws:stats().opens)
      ws:close()
    end)
  end)

  it("may have another in it, and returns what it returns", function ()
    local ok, a, b, c = waitless.call("log", function (...)
      assert.is_false(waitless.call("trace", sleep, 0))
      local _, why = pcall(function () sleep(0) end)
      assert.matches("'log' may not wait", why)
      return ...
    end, 1, nil, 3)
    assert.same({true, 1, nil, 3}, {ok, a, b, c})
    assert.is_true(sleep(0))
  end)

  it("may start what waits", function ()
    run(function ()
      local slept
      assert.is_true(waitless.call("log", function ()
        wsmanager.spawn(function () slept = sleep(0) end)
      end))
      await(function () return slept end)
    end)
  end)

  it("forbids nothing to others when it has yielded", function ()
    local thread = coroutine.create(function ()
      return waitless.call("log", coroutine.yield)
    end)
    coroutine.resume(thread)
    assert.is_true(sleep(0))
    assert.is_boolean(wsmanager.step(0))
    coroutine.resume(thread)
    assert.is_true(sleep(0))
  end)

  it("is dispatch: a burst comes in order", function ()
    local url = counting(300)
    run(function ()
      local got = {}
      local ws = connect(url, {
        dispatch = function (m)
          sleep(0)
          return "n" .. m
        end,
      })
      ws:on(function (m) got[#got + 1] = tonumber(m) end)
      await(function () return got[300] end)
      for i = 1, 300 do assert.equal(i, got[i]) end
      assert.is_true(was_refused "dispatch")
      ws:close()
    end)
  end)

  it("is correlate's get, set and id", function ()
    local url = counting(1)
    run(function ()
      local function wait () sleep(0) end
      local ws = connect(url, {decode = "json", correlate = {field = "id", get = wait}})
      wsmanager.spawn(function () ws:request({}, LONG) end)
      await(function () return was_refused "correlate.get" end)
      ws:close()
      for _, name in ipairs {"set", "id"} do
        local other = connect(url, {
          decode = "json", correlate = {field = name ~= "set" and "id" or nil,
                                        get = function () end, [name] = wait},
        })
        assert(other:opened(LONG))    -- Lua 5.1 cannot wait in a pcall
        local ok, why = pcall(other.request, other, {}, 1)
        assert.is_false(ok)
        assert.matches(HERE .. "'correlate." .. name .. "' may not wait", why)
        other:close()
      end
    end)
  end)

  it("is identify, acknowledge and dedupe", function ()
    local url = counting(3)
    run(function ()
      local function wait () sleep(0) end
      local ws = connect(url, {identify = wait, acknowledge = wait, dedupe = wait})
      for i = 1, 3 do assert.equal(tostring(i), ws:receive(LONG)) end
      assert(ws:send "x")
      assert.equal("x", ws:receive(LONG))
      for _, name in ipairs {"identify", "acknowledge", "dedupe"} do
        assert.is_true(was_refused(name))
      end
      ws:close()
    end)
  end)

  it("is heartbeat.ack", function ()
    local url = counting(3)
    run(function ()
      local ws = connect(url, {
        heartbeat = {interval = 60, message = "x", ack = function () sleep(0) end},
      })
      for i = 1, 3 do assert.equal(tostring(i), ws:receive(LONG)) end
      assert.is_true(was_refused "heartbeat.ack")
      ws:close()
    end)
  end)

  it("is log, and the function of a trace", function ()
    local url = counting(3)
    run(function ()
      local ws = connect(url, {log = function () sleep(0) end})
      wsmanager.trace(ws, function () sleep(0) end)
      for i = 1, 3 do assert.equal(tostring(i), ws:receive(LONG)) end
      await(function () return was_refused "log" and was_refused "trace" end)
      ws:close()
    end)
  end)
end)
