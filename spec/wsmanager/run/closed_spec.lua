-- Coroutines that somebody else ends: coroutine.close (Lua 5.4), or a resume by a
-- stranger, in which they return or fail. Nothing waits for them.

local ours = require "support.ours"
local schedulers = require "support.schedulers"
local wsmanager = require "wsmanager"

local run, sleep = wsmanager.run, wsmanager.sleep
local serve, await, refused = ours.serve, ours.await, ours.refused
local LONG = ours.LONG

local function spawn (fn)
  return wsmanager.spawn(fn).thread
end

-- Ends a coroutine that waits. A stranger resumes it with an error in its wait.
local function fail_in (thread)
  debug.sethook(thread, function () error("stopped", 0) end, "l")
  coroutine.resume(thread)
end

local ways = {["coroutine.close"] = coroutine.close}
if not jit then ways["a hook's error"] = fail_in end   -- LuaJIT: of all coroutines

describe("the scheduler and a coroutine that ends by", function ()
  local core, scheduler, coroutines, heard

  before_each(function ()
    local made = schedulers.new()
    core, scheduler, coroutines = made.core, made.scheduler, made.coroutines
    heard = {}
    made.report.set_hooks {onerror = function (why) heard[#heard + 1] = why end}
  end)

  after_each(function () assert.same({}, heard) end)

  if not next(ways) then
    it("nobody else is not to be had here", function () assert.is_nil(coroutine.close) end)
  end

  for way, finish in pairs(ways) do
    it(way .. ": its callback is called once", function ()
      local queue = coroutines.new_queue()
      local waits = {
        function () scheduler.wait(queue) end,
        function () scheduler.wait(queue, core.time + 1) end,
        function () scheduler.sleep(1) end,
        coroutine.yield,
      }
      if finish == coroutine.close then
        waits[#waits + 1] = function () scheduler.sleep(math.huge) end
      end
      for i, wait in ipairs(waits) do
        local ends, thread = {}, nil
        coroutines.start(function (...) ends[#ends + 1] = {...} end, function ()
          thread = coroutine.running()
          wait()
          error("goes on")
        end)
        finish(thread)
        assert.equal("dead", coroutine.status(thread))
        assert.is_false(coroutines.has_waiting(queue))
        scheduler.step(2)
        scheduler.step(2)
        assert.same({{true}}, ends, i)
      end
    end)

    it(way .. ": a worker's end is told, and another one works", function ()
      local ends = 0
      local thread = coroutines.call(function () scheduler.sleep(1) end)
      coroutines.on_end(thread, function () ends = ends + 1 end)
      finish(thread)
      scheduler.step(2)
      scheduler.step(2)
      assert.equal(1, ends)
      coroutines.call(function () ends = ends + 1 end)
      assert.equal(2, ends)
    end)

    it(way .. ": run returns when it is its own", function ()
      local function pack (...) return select("#", ...) end
      assert.equal(0, pack(scheduler.run(function ()
        local main = coroutine.running()
        scheduler.spawn(function () finish(main) end)
        scheduler.sleep(5)
        return "never"
      end)))
      assert.equal("next", scheduler.run(function () return "next" end))
    end)

    it(way .. ": what it would have got goes to the next", function ()
      local queue, got = coroutines.new_queue(), {}
      local threads = {}
      for i = 1, 5 do
        threads[i] = scheduler.spawn(function ()
          local _, data = scheduler.wait(queue)
          got[i] = data
        end)
      end
      scheduler.step(0)
      for _, i in ipairs {1, 3, 5} do finish(threads[i]) end
      for data = 1, 2 do
        assert.is_true(coroutines.has_waiting(queue))
        coroutines.wake(queue, data)
      end
      assert.is_false(coroutines.has_waiting(queue))
      assert.same({[2] = 1, [4] = 2}, got)
    end)
  end

  if coroutine.close then
    it("coroutine.close: nothing is left to wait for", function ()
      local threads = {
        scheduler.spawn(scheduler.sleep, 1000),
        scheduler.spawn(scheduler.sleep, math.huge),
        scheduler.spawn(scheduler.wait, coroutines.new_queue(), core.time + 1e6),
        scheduler.spawn(scheduler.wait, coroutines.new_queue()),
      }
      scheduler.step(0)
      for _, thread in ipairs(threads) do coroutine.close(thread) end
      scheduler.run()
      assert.equal(100, core.time)
    end)

    it("coroutine.close: its callback is called if it never began", function ()
      local ends = {}
      local thread = coroutines.start_later(function (...)
        ends[#ends + 1] = {...}
      end, error)
      coroutine.close(thread)
      scheduler.step(0)
      assert.same({{true}}, ends)
    end)

    it("coroutine.close: a worker without work is not called", function ()
      local thread
      coroutines.call(function () thread = coroutine.running() end)
      coroutine.close(thread)
      local called = 0
      for _ = 1, 2 do coroutines.call(function () called = called + 1 end) end
      assert.equal(2, called)
    end)

    it("coroutine.close: nothing is given to one that waits closing", function ()
      local load = loadstring or load
      local queue, got = coroutines.new_queue(), {}
      local function receiver (name)
        local _, data = scheduler.wait(queue)
        got[name] = data
      end
      local first = scheduler.spawn(load [[
        local closes, fn = ...
        local scoped <close> = closes
        fn("first")
      ]], setmetatable({}, {__close = function ()
        assert.is_true(coroutines.has_waiting(queue))
        coroutines.wake(queue, "data")
        scheduler.sleep(0)
      end}), receiver)
      scheduler.spawn(receiver, "second")
      scheduler.step(0)
      coroutine.close(first)
      scheduler.step(0)
      assert.same({second = "data"}, got)
    end)
  end
end)

describe("a connection and a coroutine that ends by", function ()
  local heard

  before_each(function () heard = ours.hush() end)
  after_each(function ()
    ours.stop()
    assert.same({}, heard)
  end)

  local function sayer (n)
    return function (ws)
      for i = 1, n do ws:send("message " .. i) end
      ws:closed()
    end
  end

  for way, finish in pairs(ways) do
    for _, others in ipairs {0, 1} do
      it(way .. ": messages come after their listener, beside " .. others,
         function ()
        local _, url = serve(sayer(4))
        run(function ()
          local ws = wsmanager.new {url = url}
          local got, thread = {}, nil
          for _ = 1, others do ws:addEventListener("message", function () end) end
          ws.onmessage = function (event)
            got[#got + 1] = event.data
            if #got ~= 2 then return end
            thread = coroutine.running()
            sleep(3600)
          end
          await(function () return thread end)
          finish(thread)
          -- a hook's error is found when the sleeper is due
          if finish ~= coroutine.close then return end
          await(function () return got[4] end)
          assert.same({"message 1", "message 2", "message 3", "message 4"}, got)
        end)
      end)
    end

    it(way .. ": a server's handler, which closes with 1000", function ()
      local thread
      local _, url = serve(function (ws)
        thread = coroutine.running()
        ws:receive(0.05)
        ws:receive()
      end)
      run(function ()
        local ws = wsmanager.new {url = url, reconnect = false}
        await(function () return thread end)
        finish(thread)
        if finish ~= coroutine.close then ws:send("wakes the dead") end
        assert.same({1000, "", true}, {ws:closed(LONG)})
      end)
    end)
  end

  if not coroutine.close then return end

  local close = coroutine.close

  it("coroutine.close: a handler that sleeps for ever, and one that listens",
     function ()
    local threads = {}
    local _, url = serve(function (ws, request)
      if request.path == "/listens" then
        ws.onmessage = function (event) ws:send(event.data) end
      end
      threads[request.path] = coroutine.running()
      sleep(math.huge)
    end)
    run(function ()
      local sleeps = wsmanager.new {url = url, reconnect = false}
      local listens = wsmanager.new {url = url .. "/listens", reconnect = false}
      await(function () return threads["/"] and threads["/listens"] end)
      close(threads["/"])
      close(threads["/listens"])
      assert.same({1000, "", true}, {sleeps:closed(LONG)})
      listens:send("still served")
      assert.equal("still served", listens:receive(LONG))
    end)
  end)

  it("coroutine.close: authorize, for which it responds with 500", function ()
    local thread
    local function wait ()
      thread = coroutine.running()
      sleep(3600)
    end
    local _, url = serve {authorize = wait}
    run(function ()
      local ws = wsmanager.new {url = url, reconnect = false}
      await(function () return thread end)
      close(thread)
      refused("handshake", ws:opened(LONG))
      assert.equal(500, ws:answer().status)
    end)
  end)

  it("coroutine.close: a function of the options has failed", function ()
    local thread
    local function wait ()
      thread = coroutine.running()
      sleep(3600)
    end
    local nowhere = ours.nowhere()
    for name, given in pairs {
      url = {url = wait}, headers = {url = nowhere, headers = wait},
      protocols = {url = nowhere, protocols = wait},
      tls = {url = "wss" .. nowhere:sub(3), tls = wait},
    } do
      thread = nil
      run(function ()
        local ws, failure = wsmanager.new(given), nil
        ws.onerror = function (event) failure = event end
        await(function () return thread end)
        close(thread)
        await(function () return failure end)
        assert.equal("refused", failure.token)
        assert.matches("the function '" .. name .. "' failed: ", failure.message,
                       1, true)
        assert.matches("was closed", failure.message)
        ws:close()
      end)
    end
  end)

  it("coroutine.close: without reconnect.when the default decides", function ()
    local thread
    run(function ()
      local waits
      local ws = wsmanager.new {
        url = ours.nowhere(),
        reconnect = {delay = 5, jitter = 0, when = function ()
          thread = coroutine.running()
          sleep(3600)
        end},
        onreconnecting = function (event) waits = event.delay end,
      }
      await(function () return thread end)
      close(thread)
      await(function () return waits end)
      assert.equal(5, waits)
      ws:close()
    end)
  end)

  it("coroutine.close: other receivers and waiters go on", function ()
    local _, url = serve()
    run(function ()
      local ws = wsmanager.new {url = url}
      local threads, got, ends = {}, {}, {}
      for i = 1, 3 do
        threads[i] = spawn(function () got[i] = ws:receive() end)
        threads[i + 3] = spawn(function () ends[i] = ws:closed() end)
      end
      assert(ws:opened(LONG))
      sleep(0)
      for _, i in ipairs {1, 3, 4, 5} do close(threads[i]) end
      ws:send("for the second")
      await(function () return got[2] end)
      assert.same({[2] = "for the second"}, got)
      ws:close(3001)
      await(function () return ends[3] end)
      assert.same({[3] = 3001}, ends)
    end)
  end)

  it("coroutine.close: other senders go on, in their order", function ()
    local reading = false
    local _, url = serve(function (ws)
      await(function () return reading end)
      while ws:receive() do end
    end)
    run(function ()
      local ws = wsmanager.new {url = url, buffer = 65536}
      local block = ("x"):rep(65536)
      assert(ws:opened(LONG))
      local ok
      repeat ok = ws:send(block, "binary", 0) until not ok
      local threads, sent = {}, {}
      for i = 1, 6 do
        threads[i] = spawn(function ()
          assert(ws:send(block, "binary"))
          sent[#sent + 1] = i
        end)
      end
      sleep(0)
      for _, i in ipairs {1, 4, 6} do close(threads[i]) end
      reading = true
      await(function () return #sent == 3 end)
      assert.same({2, 3, 5}, sent)
    end)
  end)

  for _, method in ipairs {"receive", "closed", "opened", "send"} do
    it("coroutine.close: " .. method .. " keeps its connection no more",
       function ()
      local _, url = serve(function () sleep(3600) end)
      local collected = setmetatable({}, {__mode = "v"})
      run(function ()
        local threads = {}
        do
          local ws = wsmanager.new {
            url = method == "opened" and function () sleep(3600) end or url,
            buffer = 1024,
          }
          collected[1] = ws
          if method ~= "opened" then assert(ws:opened(LONG)) end
          local block = ("x"):rep(1e6)
          for i = 1, 2 do
            threads[i] = spawn(function ()
              repeat local ok = ws[method](ws, method == "send" and block or nil,
                                           method == "send" and "binary" or nil)
              until not ok
            end)
          end
        end
        ours.settle()
        while threads[1] do close(table.remove(threads)) end
        if method == "opened" then return end
        await(function ()
          collectgarbage()
          return not collected[1]
        end)
      end)
    end)
  end
end)
