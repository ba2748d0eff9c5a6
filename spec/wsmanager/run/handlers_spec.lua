-- ws:on and ws:off: messages by name, and who gets those that have none.

local wsmanager = require "wsmanager"
local ours = require "support.ours"

local run, sleep, now = wsmanager.run, wsmanager.sleep, wsmanager.now
local await, fails, refused = ours.await, ours.fails, ours.refused
local LONG = ours.LONG

local heard

-- A server that sends these messages to each client, and then what it is sent.
local function sender (...)
  local messages = {...}
  local _, url = ours.serve {
    decode = "json",
    handler = function (ws)
      for _, message in ipairs(messages) do ws:send(message) end
      ours.echo(ws)
    end,
  }
  return url
end

local function connect (url, options)
  options = options or {}
  options.url, options.reconnect = url, options.reconnect or false
  if options.dispatch == nil then options.dispatch = "op" end
  if options.decode == nil then options.decode = "json" end
  options.decode = options.decode or nil
  return wsmanager.new(options)
end

-- Waits until the peer has answered what was sent to it.
local function settle (ws)
  local done
  local function handler () done = true end
  ws:on("settled", handler)
  assert(ws:send {op = "settled"})
  await(function () return done end)
  ws:off("settled", handler)
end

describe("a handler", function ()
  before_each(function () heard = ours.hush() end)
  after_each(ours.stop)

  it("gets the messages of its name, and the connection", function ()
    local url = sender({op = "a", n = 1}, {op = "b", n = 2}, {op = "a", n = 3})
    run(function ()
      local ws, got = connect(url), {}
      ws:on("a", function (message, kind, from)
        got[#got + 1] = {message.n, kind, from}
      end)
      await(function () return got[2] end)
      assert.same({{1, "text", ws}, {3, "text", ws}}, got)
      assert.equal(2, ws:receive(LONG).n)
      ws:close()
    end)
  end)

  it("has a number for its name, too", function ()
    local url = sender({op = 10, n = 1}, {op = "10", n = 2}, {op = 1.5, n = 3}, {op = 10.0, n = 4})
    run(function ()
      local ws, got = connect(url), {}
      ws:on(10, function (message) got[#got + 1] = message.n end)
      ws:on("10", function (message) got[#got + 1] = -message.n end)
      ws:on(1.5, function (message) got[#got + 1] = 100 + message.n end)
      await(function () return got[4] end)
      assert.same({1, -2, 103, 4}, got)
      ws:close()
    end)
  end)

  it("gets those without a name, and those whose name has none", function ()
    local url = sender({op = "a"}, {}, {op = true}, {op = {}}, "\"text\"", 5, {op = "b"},
                       wsmanager.null)
    run(function ()
      local ws, rest, names = connect(url), 0, 0
      ws:on("a", function () names = names + 1 end)
      ws:on(function () rest = rest + 1 end)
      await(function () return rest == 7 end)
      assert.equal(1, names)
      ws:close()
    end)
  end)

  it("is called in the order in which it was added, once", function ()
    local url = sender {op = "a"}
    run(function ()
      local ws, order = connect(url), {}
      local function second () order[#order + 1] = 2 end
      ws:on("a", function () order[#order + 1] = 1 end)
      ws:on("a", second)
      ws:on("a", second)
      ws:on("a", setmetatable({}, {__call = function () order[#order + 1] = 3 end}))
      await(function () return order[3] end)
      settle(ws)
      assert.same({1, 2, 3}, order)
      ws:close()
    end)
  end)

  it("is not called once it was removed", function ()
    local url = sender({op = "a"}, {op = "a"}, {op = "a"})
    run(function ()
      local ws, counts = connect(url), {0, 0, 0}
      local function third () counts[3] = counts[3] + 1 end
      local function first ()
        counts[1] = counts[1] + 1
        ws:off("a", first)
        ws:off("a", third)
      end
      ws:on("a", first)
      ws:on("a", function () counts[2] = counts[2] + 1 end)
      ws:on("a", third)
      await(function () return counts[2] == 3 end)
      assert.same({1, 3, 0}, counts)
      ws:off("a")
      ws:off("a")
      ws:off("unknown", third)
      ws:off(third)
      ws:send {op = "a", last = true}
      assert.is_true(ws:receive(LONG).last)
      ws:close()
    end)
  end)

  it("that fails is reported by its name, and ends nothing", function ()
    local url = sender({op = "a", n = 1}, {op = "a", n = 2}, {op = 7})
    run(function ()
      local ws, got = connect(url), {}
      ws:on("a", function (message)
        got[#got + 1] = message.n
        if message.n == 1 then sleep(0) end
        error("no " .. message.n)
      end)
      ws:on(7, function (message) message.n() end)
      await(function () return heard[3] end)
      assert.same({1, 2}, got)
      local all = ""
      for i = 1, 3 do all = all .. heard[i].text end
      assert.matches("attempt to call", all)
      assert.matches("no 1.*traceback.*handlers_spec", all)
      assert.matches("no 2", all)
      assert.equal("open", ws.state)
      ws:close()
    end)
  end)

  it("that waits gets its messages in order, and the others theirs meanwhile", function ()
    local url = sender({op = "slow", n = 1}, {op = "slow", n = 2}, {op = "fast", n = 3},
                       {op = "slow", n = 4}, {n = 5})
    run(function ()
      local ws, got, go = connect(url), {}, false
      ws:on("slow", function (message)
        repeat sleep(0.001) until go
        got[#got + 1] = message.n
      end)
      ws:on("fast", function (message) got[#got + 1] = message.n end)
      assert.equal(5, ws:receive(LONG).n)
      assert.same({3}, got)
      go = true
      await(function () return got[4] end)
      assert.same({3, 1, 2, 4}, got)
      ws:close()
    end)
  end)

  it("may receive, and remove itself: what waits for it goes to the others", function ()
    local url = sender({op = "ask", n = 1}, {op = "other", n = 2}, {op = "ask", n = 3},
                       {op = "ask", n = 4})
    run(function ()
      local ws, got = connect(url), {}
      ws:on("ask", function (message)
        got[#got + 1] = message.n
        got[#got + 1] = ws:receive(LONG).n
        settle(ws)
        ws:off("ask")
        assert.equal(3, ws:receive(LONG).n)
        got[#got + 1] = ws:receive(LONG).n
      end)
      await(function () return got[3] end)
      assert.same({1, 2, 4}, got)
      assert.same({}, heard)
      ws:close()
    end)
  end)

  it("added while somebody receives leaves him the others' messages", function ()
    local url = sender()
    run(function ()
      local ws, got, received = connect(url), {}, {}
      for i = 1, 2 do
        wsmanager.spawn(function () received[i] = ws:receive(LONG).n end)
      end
      sleep(0)
      ws:on("a", function (message) got[#got + 1] = message.n end)
      for i = 1, 4 do ws:send {op = i % 2 == 0 and "a" or "b", n = i} end
      await(function () return got[2] and received[2] end)
      assert.same({2, 4}, got)
      assert.same({1, 3}, received)
      refused("timeout", ws:receive(0))
      ws:close()
    end)
  end)

  it("comes before the listeners of `message`, which get the rest", function ()
    local url = sender({op = "a", n = 1}, {op = "b", n = 2}, {op = "a", n = 3}, {n = 4})
    run(function ()
      local got = {}
      local ws = connect(url, {onmessage = function (event)
        got[#got + 1] = -event.data.n
        if event.data.n == 2 then sleep(0.001) end
      end})
      ws:on("a", function (message) got[#got + 1] = message.n end)
      await(function () return got[4] end)
      assert.same({1, -2, 3, -4}, got)
      ws:close()
    end)
  end)

  it("keeps the connection, and a server's after its function has returned", function ()
    local got
    local _, url = ours.serve {
      decode = "json", dispatch = "op",
      handler = function (ws)
        ws:on("question", function (message, _, from)
          from:send {op = "answer", n = message.n + 1}
        end)
      end,
    }
    run(function ()
      local connections = setmetatable({}, {__mode = "k"})
      local function begin ()
        local ws = connect(url)
        connections[ws] = true
        ws:on("answer", function (message) got = message.n end)
        ws:send {op = "question", n = 1}
      end
      begin()
      collectgarbage()
      collectgarbage()
      await(function () return got end)
      assert.equal(2, got)
      local ws = next(connections)
      ws:off("answer")
      ws:send {op = "question", n = 5}
      assert.equal(6, ws:receive(LONG).n)
      ws:close(1000)
      assert.equal(1000, (ws:closed(LONG)))
    end)
  end)

  it("gets what came before the end, and goes on after a reconnect", function ()
    local connections = 0
    local _, url = ours.serve {
      decode = "json",
      handler = function (ws)
        connections = connections + 1
        for i = 1, 3 do ws:send {op = "a", n = 10 * connections + i} end
      end,
    }
    run(function ()
      local ws, got = connect(url, {reconnect = {delay = 0.01, pause = 0, jitter = 0}}), {}
      ws:on("a", function (message) got[#got + 1] = message.n end)
      ws:addEventListener("close", function () got[#got + 1] = "close" end)
      await(function () return got[7] end)
      for i = #got, 8, -1 do got[i] = nil end
      assert.same({11, 12, 13, "close", 21, 22, 23}, got)
      ws:close()
      refused("closed", ws:receive(LONG))
      refused("closed", ws:receive(0))
    end)
  end)

  it("works on the main thread, where `receive` turns the loop", function ()
    local url = sender({op = "a", n = 1}, {op = "b", n = 2}, {op = "a", n = 3}, {n = 4})
    local ws, got = connect(url), {}
    ws:on("a", function (message)
      sleep(0)
      got[#got + 1] = message.n
    end)
    assert.equal(2, ws:receive(LONG).n)
    assert.equal(4, ws:receive(LONG).n)
    while not got[2] do wsmanager.step(0.1) end
    assert.same({1, 3}, got)
    refused("timeout", ws:receive(0.001))
    ws:close()
    refused("closed", ws:receive(LONG))
  end)

  it("is found by a function, by an index, and in messages that are not decoded", function ()
    local url = sender("+OK 1", "-ERR 2", "+OK 3")
    run(function ()
      local got = {}
      local ws = connect(url, {
        decode = false,
        dispatch = function (text, kind)
          assert.equal("text", kind)
          return (text:match "^%S+")
        end,
      })
      ws:on("+OK", function (text) got[#got + 1] = text end)
      assert.equal("-ERR 2", ws:receive(LONG))
      await(function () return got[2] end)
      assert.same({"+OK 1", "+OK 3"}, got)
      ws:close()
      ws = connect(sender(wsmanager.array {"1", "phx_reply"}), {dispatch = 2})
      local reply
      ws:on("phx_reply", function (message) reply = message[1] end)
      await(function () return reply end)
      assert.equal("1", reply)
      ws:close()
    end)
  end)

  it("is the default one after an error of the function, which is reported", function ()
    local url = sender({meta = {name = "a"}}, {})
    run(function ()
      local ws, got = connect(url, {dispatch = function (m) return m.meta.name end}), {}
      ws:on("a", function () got[#got + 1] = "a" end)
      ws:on(function () got[#got + 1] = "other" end)
      await(function () return got[2] end)
      assert.same({"a", "other"}, got)
      assert.equal(1, #heard)
      assert.matches("the option 'dispatch'.*", heard[1].text .. "the option 'dispatch'")
      ws:close()
    end)
  end)

  it("gets nothing that does not decode: that is an event, or `receive`'s", function ()
    local url = sender("{", "{", {op = "a"})
    run(function ()
      local events, got = {}, false
      local ws = connect(url, {onerror = function (event)
        events[#events + 1] = event.token .. " " .. event.raw
      end})
      ws:on("a", function () got = true end)
      ws:on(function () error "none" end)
      refused("codec", ws:receive(LONG))
      await(function () return got end)
      assert.same({"codec {"}, events)
      assert.same({}, heard)
      ws:close()
    end)
  end)

  it("that waits for long holds the reading back, like a full inbox", function ()
    local sent, text = 0, ("x"):rep(10000)
    local _, url = ours.serve {
      decode = "json", buffer = 20000,
      handler = function (ws)
        for i = 1, 1000 do
          if not ws:send {op = "a", n = i, text = text} then return end
          sent = i
        end
      end,
    }
    run(function ()
      local ws, count, go = connect(url, {inbox = 100000}), 0, false
      ws:on("a", function (message)
        repeat sleep(0.001) until go
        count = count + 1
        assert.equal(count, message.n)
      end)
      await(function () return ws:stats().unread >= 100000 end)
      local before = now()
      repeat sleep(0.01) until now() - before > 0.1    -- a time in which nothing more is read
      assert.is_true(ws:stats().unread < 400000)
      assert.is_true(sent < 1000)
      go = true
      await(function () return count == 1000 end)
      assert.equal(0, ws:stats().unread)
      assert.equal(0, ws:stats().untaken)
      assert.same({}, heard)
    end)
  end)

  it("is not held up by messages that nobody takes: they are dropped and told", function ()
    local text, told, bytes = ("x"):rep(10000), 0, 0
    local _, url = ours.serve {
      decode = "json",
      handler = function (ws)
        for i = 1, 100 do ws:send {op = "b", n = i, text = text} end
        ws:send {op = "a"}
        ws:receive()
      end,
    }
    run(function ()
      local ws, got = connect(url, {inbox = 100000, ondropped = function (event)
        assert.equal("full", event.token)
        assert.is_true(event.received)
        told, bytes = told + event.count, bytes + event.bytes
      end}), false
      ws:on("a", function () got = true end)
      await(function () return got end)
      assert.equal(told, ws:stats().untaken)
      assert.is_true(told > 80 and told < 100)
      assert.is_true(bytes > 10000 * told)
      -- the last ones are there for one who receives
      for i = told + 1, 100 do assert.equal(i, ws:receive(0).n) end
      refused("timeout", ws:receive(0))
      ws:close()
    end)
  end)

  it("that is none, or without the option, raises", function ()
    local url = sender()
    local ws = connect(url)
    fails("bad argument #1 to 'on' %(string, number or function expected, got nil",
          ws.on, ws, nil, print)
    fails("bad argument #1 to 'on' %(string, number or function expected, got nan",
          ws.on, ws, 0 / 0, print)
    fails("bad argument #2 to 'on' %(function expected, got nil", ws.on, ws, "a")
    fails("bad argument #2 to 'on' %(function expected, got table", ws.on, ws, "a", {})
    fails("bad argument #1 to 'on' %(string, number or function expected, got function",
          ws.on, ws, print, print)
    fails("bad argument #1 to 'off' %(string, number or function expected, got nil",
          ws.off, ws)
    fails("bad argument #2 to 'off' %(function expected, got string", ws.off, ws, "a", "b")
    fails("call it with ':', as in ws:on", ws.on, "a", print)
    ws:close()
    ws = wsmanager.new {url = url, reconnect = false}
    fails("'on' needs to know the names of messages: give the option 'dispatch'",
          ws.on, ws, "a", print)
    fails("'on' needs to know the names of messages", ws.on, ws, print)
    ws:off("a")
    ws:close()
    fails("bad option 'dispatch' %(name or index of a field, or function expected, got bool",
          wsmanager.new, {url = url, dispatch = true})
    fails("bad option 'dispatch' %(with no 'decode': a field is of a decoded message",
          wsmanager.new, {url = url, dispatch = "op"})
    fails("bad option 'dispatch' %(with no 'decode'",
          wsmanager.serve, {handler = print, dispatch = 1})
  end)
end)
