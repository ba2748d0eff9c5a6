-- ws:subscribe: each reader gets each message.

local wsmanager = require "wsmanager"
local dispatch = require "wsmanager.run.dispatch"
local ours = require "support.ours"

local run, sleep, spawn = wsmanager.run, wsmanager.sleep, wsmanager.spawn
local await, fails, refused = ours.await, ours.fails, ours.refused
local LONG = ours.LONG

local heard

-- A server that sends back what it is sent, and its URL.
local function echo (options)
  options = options or {decode = "json"}
  local _, url = ours.serve(options)
  return url
end

local function connect (url, options)
  options = options or {}
  options.url, options.reconnect = url, options.reconnect or false
  options.decode = options.decode or "json"
  return wsmanager.new(options)
end

-- The numbers of the next n messages.
local function take (subscription, n)
  local numbers = {}
  for i = 1, n do numbers[i] = assert(subscription:receive(LONG)).n end
  return numbers
end

describe("a subscription", function ()
  before_each(function () heard = ours.hush() end)
  after_each(ours.stop)

  it("gets every message, whoever else gets it", function ()
    local url = echo()
    run(function ()
      local ws, got = connect(url, {dispatch = "op", correlate = "id"}), {}
      local a, b = ws:subscribe(), ws:subscribe(10)
      ws:on("x", function (message) got[#got + 1] = message.n end)
      spawn(function () got.answer = ws:request({n = 1}, LONG) end)
      sleep(0)
      assert(ws:opened(LONG))
      for i = 2, 4 do ws:send {op = i % 2 == 0 and "x" or "y", n = i} end
      assert.equal(3, ws:receive(LONG).n)
      assert.same({1, 2, 3, 4}, take(a, 4))
      assert.same({1, 2, 3, 4}, take(b, 4))
      await(function () return got[2] and got.answer end)
      assert.same({2, 4}, {got[1], got[2]})
      refused("timeout", a:receive(0))
      refused("timeout", b:receive(0.001))
      ws:close()
      assert.same({}, heard)
    end)
  end)

  it("begins when it is made, and ends when it is closed", function ()
    local url = echo()
    run(function ()
      local ws = connect(url)
      ws:send {n = 1}
      assert.equal(1, ws:receive(LONG).n)
      local subscription, ended = ws:subscribe(), nil
      ws:send {n = 2}
      assert.equal(2, subscription:receive(LONG).n)
      spawn(function () ended = {subscription:receive()} end)
      sleep(0)
      subscription:close()
      subscription:close()
      await(function () return ended end)
      assert.equal("closed", ended[2])
      assert.equal("the subscription was closed", ended[3])
      refused("closed", subscription:receive(0))
      ws:send {n = 3}
      assert.equal(2, ws:receive(LONG).n)
      assert.equal(3, ws:receive(LONG).n)
      ws:close()
    end)
  end)

  it("leaves nothing for `receive` in a program that never calls it", function ()
    local url = echo()
    run(function ()
      local ws = connect(url, {inbox = 10000})
      local subscription = ws:subscribe()
      for i = 1, 1000 do
        assert(ws:send {n = i, text = ("x"):rep(100)})
        assert.equal(i, subscription:receive(LONG).n)
      end
      assert.equal(0, ws:stats().untaken)
      -- from its first call on there is
      refused("timeout", ws:receive(0))
      ws:send {n = 1001}
      assert.equal(1001, subscription:receive(LONG).n)
      assert.equal(1001, ws:receive(LONG).n)
      ws:close()
    end)
  end)

  it("gives its messages to several readers in turn", function ()
    local url = echo()
    run(function ()
      local ws, got = connect(url), {}
      local subscription = ws:subscribe()
      for i = 1, 3 do
        spawn(function () got[i] = subscription:receive(LONG).n end)
      end
      sleep(0)
      for i = 1, 3 do ws:send {n = i} end
      await(function () return got[1] and got[2] and got[3] end)
      assert.same({1, 2, 3}, got)
      ws:close()
    end)
  end)

  it("that is full holds up the connection until it is read", function ()
    local sent = 0
    local _, url = ours.serve {
      decode = "json", buffer = 20000,
      handler = function (ws)
        for i = 1, 1000 do
          if not ws:send {op = "x", n = i, text = ("x"):rep(10000)} then return end
          sent = i
        end
      end,
    }
    run(function ()
      local ws, handled = connect(url, {dispatch = "op", inbox = 100000}), 0
      local slow, fast = ws:subscribe(5), ws:subscribe()
      ws:on("x", function () handled = handled + 1 end)
      assert.same({1, 2, 3, 4, 5}, take(fast, 5))
      refused("timeout", fast:receive(0.05))
      assert.equal(5, handled)
      assert.is_true(sent < 1000)
      assert.equal(1, slow:receive(LONG).n)
      assert.equal(6, fast:receive(LONG).n)
      slow:close()
      assert.equal(7, fast:receive(LONG).n)
      for i = 8, 1000 do assert.equal(i, fast:receive(LONG).n) end
      refused("closed", fast:receive(LONG))
      assert.equal(1000, handled)
      assert.equal(0, ws:stats().untaken)
      assert.equal(0, fast.dropped)
    end)
  end)

  it("that is not read holds the reading back by its bytes, too", function ()
    local sent = 0
    local _, url = ours.serve {
      decode = "json", buffer = 20000,
      handler = function (ws)
        for i = 1, 1000 do
          if not ws:send {n = i, text = ("x"):rep(10000)} then return end
          sent = i
        end
      end,
    }
    run(function ()
      local ws = connect(url, {inbox = 100000})
      local subscription = ws:subscribe(1000)
      await(function () return ws:stats().unread >= 100000 end)
      sleep(0.05)    -- a time in which nothing more is read
      assert.is_true(ws:stats().unread < 400000)
      assert.is_true(sent < 1000)
      for i = 1, 1000 do
        assert.equal(i, subscription:receive(LONG).n)
        if i % 100 == 0 then sleep(0) end
      end
      sleep(0)
      assert.equal(0, ws:stats().unread)
    end)
  end)

  it("may lose the oldest instead, and is told how many", function ()
    local url = echo()
    run(function ()
      local told, bytes = 0, 0
      local ws = connect(url, {ondropped = function (event)
        assert.is_true(event.received)
        assert.equal("full", event.token)
        told, bytes = told + event.count, bytes + event.bytes
      end})
      local slow = ws:subscribe {limit = 3, full = "oldest"}
      local fast = ws:subscribe()
      for i = 1, 10 do ws:send {n = i} end
      assert.equal(10, take(fast, 10)[10])
      local message, kind, missed = slow:receive(LONG)
      assert.same({8, "text", 7}, {message.n, kind, missed})
      message, kind, missed = slow:receive(LONG)
      assert.same({9, "text"}, {message.n, kind, missed})
      assert.equal(7, slow.dropped)
      await(function () return told == 7 end)
      assert.equal(7 * #'{"n":1}', bytes)
      assert.equal(7, ws:stats().untaken)
      assert.same({10}, take(slow, 1))
      ws:close()
    end)
  end)

  it("that may lose messages never holds anything up by its bytes", function ()
    local _, url = ours.serve {
      decode = "json",
      handler = function (ws)
        for i = 1, 200 do ws:send {n = i, text = ("x"):rep(10000)} end
      end,
    }
    run(function ()
      local ws = connect(url, {inbox = 100000})
      local slow = ws:subscribe {limit = 1000, full = "oldest"}
      local fast = ws:subscribe()
      for i = 1, 200 do assert.equal(i, fast:receive(LONG).n) end
      local first, _, missed = slow:receive(LONG)
      assert.equal(missed, first.n - 1)
      assert.is_true(missed > 150 and missed < 200)
      ws:close()
    end)
  end)

  it("that may lose messages loses one that is over half of the inbox", function ()
    local url = echo {decode = "json"}
    run(function ()
      local ws = connect(url, {inbox = 100000})
      local slow, fast = ws:subscribe {full = "oldest"}, ws:subscribe()
      for i = 1, 4 do
        ws:send {n = i, text = ("x"):rep(80000)}
        assert.equal(i, fast:receive(LONG).n)
      end
      ws:send {n = 5}
      assert.equal(5, fast:receive(LONG).n)
      local message, _, missed = slow:receive(LONG)
      assert.same({5, 4}, {message.n, missed})
      ws:close()
    end)
  end)

  it("goes on across reconnects, and ends with the connection", function ()
    local connections = {}
    local _, url = ours.serve {
      decode = "json",
      handler = function (ws)
        connections[#connections + 1] = ws
        ws:send {n = #connections}
        ws:receive()
      end,
    }
    run(function ()
      local ws, all = connect(url, {reconnect = {
        delay = 0.01, jitter = 0, factor = 1,
      }}), {}
      local subscription = ws:subscribe()
      for i = 1, 3 do
        assert.equal(i, subscription:receive(LONG).n)
        dispatch.drop(connections[i])
      end
      assert.equal(4, subscription:receive(LONG).n)
      ws:close()
      assert.equal("closed", select(2, subscription:receive(LONG)))
      refused("closed", subscription:receive(0))
      refused("closed", ws:subscribe():receive(LONG))
      ws:reconnect()
      local message = subscription:receive(LONG)
      while message do
        all[#all + 1] = message.n
        if #all == 2 then ws:close() end
        if #all == 1 then dispatch.drop(connections[#connections]) end
        message = subscription:receive(LONG)
      end
      assert.same({5, 6}, all)
    end)
  end)

  it("has an iterator, which leaves out what does not decode", function ()
    local _, url = ours.serve(ours.sayer('{"n":1}', "{", '{"n":2}'))
    local ws, numbers = connect(url), {}
    local subscription = ws:subscribe()
    for message in subscription:messages() do numbers[#numbers + 1] = message.n end
    assert.same({1, 2}, numbers)
  end)

  it("works on the main thread, and tells what does not decode", function ()
    local _, url = ours.serve(ours.sayer('{"n":1}', "{", '{"n":2}'))
    local ws = connect(url)
    local subscription, other = ws:subscribe(), ws:subscribe(1)
    assert.equal(1, subscription:receive(LONG).n)
    refused("timeout", subscription:receive(0))
    assert.equal(1, other:receive(LONG).n)
    local data, token, why, raw = subscription:receive(LONG)
    assert.is_nil(data)
    assert.same({"codec", "{"}, {token, raw})
    assert.is_string(why)
    other:close()
    assert.equal(2, subscription:receive(LONG).n)
    refused("closed", subscription:receive(LONG))
  end)

  it("is forgotten with its last reference, and then holds up nobody", function ()
    local url = echo()
    run(function ()
      local ws = connect(url)
      ws:subscribe(1)
      collectgarbage()
      collectgarbage()
      for i = 1, 5 do ws:send {n = i} end
      for i = 1, 5 do assert.equal(i, ws:receive(LONG).n) end
      ws:close()
    end)
  end)

  it("keeps its connection while somebody waits in it", function ()
    local url, got = echo(), nil
    run(function ()
      spawn(function ()
        local subscription = connect(url):subscribe()
        subscription:receive(0)
        local ws
        ws, got = nil, subscription:receive(0.05) or "nothing"
        return ws
      end)
      collectgarbage()
      collectgarbage()
      await(function () return got end)
      assert.equal("nothing", got)
    end)
  end)

  it("ends its wait with its task, and loses no message by that", function ()
    local url = echo()
    run(function ()
      local ws, token = connect(url), nil
      local subscription = ws:subscribe()
      local task = spawn(function () token = select(2, subscription:receive()) end)
      await(function () return task.state == "running" end)
      task:cancel()
      await(function () return token end)
      assert.equal("cancelled", token)
      ws:send {n = 1}
      assert.equal(1, subscription:receive(LONG).n)
      ws:close()
    end)
  end)

  it("is refused with options that are none", function ()
    local ws = connect(echo())
    fails("bad argument #1 to 'subscribe' %(positive integer for 'limit' expected, got nu",
          ws.subscribe, ws, 0)
    fails("bad argument #1 to 'subscribe' %(positive integer for 'limit' expected, got st",
          ws.subscribe, ws, "5")
    fails("bad argument #1 to 'subscribe' %('wait' or 'oldest' for 'full' expected, got s",
          ws.subscribe, ws, {full = "reject"})
    fails("bad argument #1 to 'subscribe' %(unknown option 'size'", ws.subscribe, ws, {size = 1})
    fails("call it with ':', as in ws:subscribe", ws.subscribe)
    local subscription = ws:subscribe()
    fails("bad argument #1 to 'receive' %(number expected, got string",
          subscription.receive, subscription, "5")
    fails("call it with ':', as in subscription:receive", subscription.receive)
    fails("call it with ':', as in subscription:close", subscription.close, {})
    ws:close()
  end)
end)
