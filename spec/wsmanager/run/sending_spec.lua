-- The terms of ws:send, the rules of the outbox, and the event `dropped`.

local wsmanager = require "wsmanager"
local dispatch = require "wsmanager.run.dispatch"
local ours = require "support.ours"

local run, spawn = wsmanager.run, wsmanager.spawn
local serve, refused, await = ours.serve, ours.refused, ours.await
local LONG = ours.LONG

-- A connection that stays in "connecting" until gate.open, what it dropped, and what
-- the server then gets.
local function waiting (options)
  local gate, dropped, got = {}, {}, {}
  local _, url = serve(function (ws)
    local data = ws:receive()      -- no for: a coroutine of Lua 5.1 cannot wait in one
    while data do
      got[#got + 1] = data
      data = ws:receive()
    end
  end)
  options.url = function ()
    await(function () return gate.open end)
    return url
  end
  options.ondropped = function (event)
    dropped[#dropped + 1] = event.count .. " " .. event.bytes .. " " .. event.token
  end
  return wsmanager.new(options), gate, dropped, got
end

describe("a connection", function ()
  after_each(ours.stop)

  describe("that waits for its connection", function ()
    it("drops what is older than outbox.age, and tells it", function ()
      run(function ()
        local ws, gate, dropped, got = waiting {outbox = {age = 0.05}}
        assert(ws:send "old")
        await(function () return dropped[1] end)
        assert.same({"1 3 timeout"}, dropped)
        assert.equal(1, ws:stats().dropped)
        gate.open = true
        assert(ws:opened(LONG))
        assert(ws:send "new")
        await(function () return got[1] end)
        assert.same({"new"}, got)
        ws:close()
      end)
    end)

    it("drops one whose ttl is over, and sends the others", function ()
      run(function ()
        local ws, gate, dropped, got = waiting {}
        assert(ws:send("brief", "text", {ttl = 0.05}))
        assert(ws:send("long", "text", {ttl = LONG}))
        assert(ws:send "plain")
        await(function () return dropped[1] end)
        gate.open = true
        await(function () return got[2] end)
        assert.same({"long", "plain"}, got)
        assert.same({"1 5 timeout"}, dropped)
        ws:close()
      end)
    end)

    it("refuses what is volatile, at once", function ()
      run(function ()
        local ws, gate = waiting {}
        refused("full", ws:send("news", "text", {volatile = true}))
        refused("full", ws:send("news", "text", {volatile = true, timeout = LONG}))
        gate.open = true
        assert(ws:opened(LONG))
        assert.is_true(ws:send("news", "text", {volatile = true}))
        ws:close()
      end)
    end)

    it("drops the oldest with outbox.full = \"oldest\"", function ()
      run(function ()
        local ws, gate, dropped, got = waiting {outbox = {messages = 2, full = "oldest"}}
        for i = 1, 5 do assert.is_true(ws:send("m" .. i)) end
        gate.open = true
        await(function () return got[2] end)
        assert.same({"m4", "m5"}, got)
        assert.equal(3, ws:stats().dropped)
        assert.same({"3 6 full"}, dropped)
        ws:close()
      end)
    end)

    it("waits for room with outbox.full = \"wait\"", function ()
      run(function ()
        local ws, gate, _, got = waiting {outbox = {messages = 2, full = "wait"}}
        local sent = 0
        spawn(function ()
          for i = 1, 5 do
            assert(ws:send("m" .. i))
            sent = i
          end
        end)
        await(function () return sent == 2 end)
        assert.equal("timeout", (select(2, ws:send("late", "text", 0.01))))
        refused("full", ws:send("late", "text", 0))
        gate.open = true
        await(function () return got[5] end)
        assert.same({"m1", "m2", "m3", "m4", "m5"}, got)
        ws:close()
      end)
    end)

    it("waits no longer than a message's ttl", function ()
      run(function ()
        local ws = waiting {outbox = {messages = 1, full = "wait"}}
        assert(ws:send "first")
        local ok, token, detail = ws:send("second", "text", {ttl = 0.02})
        assert.is_nil(ok)
        assert.equal("timeout", token)
        assert.equal("the message's ttl of 0.02 s is over", detail)
        refused("timeout", ws:send("second", "text", {ttl = LONG, timeout = 0.01}))
        ws:close()
      end)
    end)

    it("ends such a wait when it is closed", function ()
      run(function ()
        local ws = waiting {outbox = {messages = 1, full = "wait"}}
        assert(ws:send "first")
        local ended
        spawn(function ()
          local _, token = ws:send "second"
          ended = token
        end)
        ws:close()
        await(function () return ended end)
        assert.equal("closed", ended)
      end)
    end)
  end)

  -- A server whose first client's messages are not read until that is lost; what the
  -- later ones send.
  local function losing ()
    local state = {got = {}}
    local _, url = serve(function (ws)
      if not state.first then
        state.first = ws
        while ws.state == "open" do wsmanager.sleep(0.005) end
        return
      end
      local data = ws:receive()
      while data do
        state.got[#state.got + 1] = data
        data = ws:receive()
      end
    end)
    return url, state
  end

  local BLOCK = ("x"):rep(1024 * 1024)

  -- Sends until the kernel takes no more and half of `buffer` waits in the output.
  local function fill (ws)
    repeat
      assert(ws:send(BLOCK, "binary", 0))
      ws:flush()
      wsmanager.sleep(0.001)
    until ws.bufferedAmount > 2 * #BLOCK
  end

  for _, case in ipairs {
    {"without an outbox", false, nil},
    {"what is volatile", nil, {volatile = true}},
  } do
    local title, outbox, terms = case[1], case[2], case[3]

    it("that is lost drops what was not sent " .. title, function ()
      local url, state = losing()
      run(function ()
        local dropped
        local ws = wsmanager.new {
          url = url, outbox = outbox, buffer = 16 * #BLOCK,
          reconnect = {delay = 0.01},
          ondropped = function (event) dropped = event end,
        }
        assert(ws:opened(LONG))
        await(function () return state.first end)
        fill(ws)
        for _ = 1, 3 do assert(ws:send("last words", "text", terms)) end
        dispatch.drop(state.first)
        await(function () return dropped end)
        assert.equal("closed", dropped.token)
        assert.is_true(dropped.count >= 3)
        assert(ws:opened(LONG))
        await(function () return ws.state == "open" end)
        assert(ws:send "after")
        await(function () return state.got[#state.got] == "after" end)
        for _, text in ipairs(state.got) do assert.not_equal("last words", text) end
        assert.equal(dropped.count, ws:stats().dropped)
        ws:close()
      end)
    end)
  end

  it("that is lost tells what the peer had not acknowledged", function ()
    local url, state = losing()
    run(function ()
      local uncertain
      local ws = wsmanager.new {
        url = url, buffer = 16 * #BLOCK, reconnect = false,
        onuncertain = function (event) uncertain = event end,
      }
      assert(ws:opened(LONG))
      await(function () return state.first end)
      fill(ws)
      dispatch.drop(state.first)
      assert(ws:closed(LONG))
      await(function () return uncertain end)
      assert.is_true(uncertain.messages >= 1)
      assert.is_true(uncertain.bytes > 0)
      assert.equal(uncertain.messages, ws:stats().uncertain)
    end)
  end)

  it("that is lost tells nothing when the peer had acknowledged all", function ()
    local peer
    local _, url = serve(function (ws)
      peer = ws
      ours.echo(ws)
    end)
    run(function ()
      local uncertain
      local ws = wsmanager.new {url = url, reconnect = false}
      ws:addEventListener("uncertain", function (event) uncertain = event end)
      assert(ws:send "1")
      assert.equal("1", ws:receive(LONG))
      dispatch.drop(peer)
      assert(ws:closed(LONG))
      assert.is_nil(uncertain)
      assert.equal(0, ws:stats().uncertain)
    end)
  end)

  describe("with a rate", function ()
    -- A server that notes when each message came.
    local function counting ()
      local times = {}
      local _, url = serve(function (ws)
        while ws:receive() do times[#times + 1] = wsmanager.now() end
      end)
      return url, times
    end

    it("sends no more than it allows, in order, and waits for nobody", function ()
      local url, times = counting()
      run(function ()
        local ws = wsmanager.new {url = url, rate = {4, per = 0.2}}
        for i = 1, 10 do assert(ws:send(tostring(i), "text", 0)) end
        await(function () return times[10] end)
        for i = 5, 10 do
          -- measured where they come: the way there may be shorter for the later one
          assert.is_true(times[i] - times[i - 4] > 0.1)
        end
        assert(ws:drain(LONG))
        ws:close()
      end)
    end)

    it("waits for room where the outbox is full, and with a timeout no longer", function ()
      local url, times = counting()
      run(function ()
        local ws = wsmanager.new {
          url = url, rate = {2, per = 0.1}, outbox = {messages = 2},
        }
        assert(ws:opened(LONG))
        for i = 1, 8 do assert(ws:send(tostring(i))) end
        await(function () return times[8] end)
        ws:close()
        local slow = wsmanager.new {
          url = url, rate = {1, per = 3600}, outbox = {messages = 1},
        }
        assert(slow:opened(LONG))
        assert(slow:send "1")
        assert(slow:send "2")
        local ok, token, detail = slow:send("3", "text", 0)
        assert.is_nil(ok)
        assert.equal("full", token)
        assert.equal("the outbox holds 1 message and has no room for 1 byte more; the rate of "
                     .. "1 per 3600 s is used up; wait for the event drain", detail)
        token, detail = select(2, slow:send("3", "text", 0.01))
        assert.equal("timeout", token)
        assert.matches("^no room to send within 0.01 s: open ws://[^ ]*: the outbox holds 1 "
                       .. "message and has no room for 1 byte more; the rate of 1 per 3600 s "
                       .. "is used up$", detail)
        refused("full", slow:send("3", "text", {volatile = true}))
        assert.equal(1, slow:close())
        assert(slow:closed(LONG))
        assert.same({"2"}, (slow:unsent()))
      end)
    end)
  end)

  it("says what it waits for: the rate, or others to be confirmed", function ()
    local _, url = serve()
    local function open (options)
      options.url = url
      local ws = wsmanager.new(options)
      assert(ws:opened(LONG))
      return ws
    end
    local function is_full (sentence, ...)
      local ok, token, detail = ...
      assert.same({nil, "full"}, {ok, token})
      assert.matches(sentence, detail)
    end
    run(function ()
      local ws = open {rate = {3, per = 90, reserve = 2}, outbox = false}
      assert(ws:send "1")
      is_full("^the rate of 1 per 90 s is used up; wait for the event drain$",
              ws:send("2", "text", 0))
      is_full("^the rate of 1 per 90 s is used up; it is volatile, and was not sent$",
              ws:send("2", "text", {volatile = true}))
      ws:close()
      ws = open {rate = {1, per = 90}}
      assert(ws:send "1")
      is_full("^the rate of 1 per 90 s is used up; it is volatile",
              ws:send("2", "text", {volatile = true}))
      assert(ws:send "2")
      is_full("^1 message in the outbox goes first; the rate of 1 per 90 s is used up; it "
              .. "is volatile, and was not sent$",
              ws:send("3", "text", {volatile = true}))
      ws:close()
      ws = open {
        outbox = {messages = 1}, identify = function (text) return text end,
        acknowledge = function () end,
      }
      for i = 1, 2 do assert(ws:send(tostring(i))) end
      is_full("^the outbox holds 1 message and has no room for 1 byte more; the peer is to "
              .. "confirm 1 message; wait for the event drain$", ws:send("3", "text", 0))
      ws:close()
      ws = wsmanager.new {url = url}
      is_full("^the connection is connecting; it is volatile, and was not sent$",
              ws:send("1", "text", {volatile = true}))
      local first
      ws.onopen = function ()
        wsmanager.spawn(function () assert(ws:send("2", "text", 0)) end)
        first = {ws:send("1", "text", {volatile = true})}
      end
      await(function () return first end)
      assert.same({true}, first)
      ws:close()
    end)
  end)

  it("refuses what is larger than limits.send", function ()
    local _, url = serve()
    run(function ()
      local ws = wsmanager.new {url = url, limits = {send = 4}}
      assert(ws:opened(LONG))
      local ok, token, detail = ws:send "12345"
      assert.is_nil(ok)
      assert.equal("toobig", token)
      assert.equal("the message has 5 bytes and limits.send is 4: it was not sent", detail)
      refused("toobig", ws:send("12345", "binary", {ttl = 1}))
      assert(ws:send "1234")
      assert.equal("1234", ws:receive(LONG))
      ws:close()
    end)
  end)

  it("of a server refuses it, too, and so does broadcast", function ()
    local answers = {}
    local server, url = serve {
      limits = {send = 4},
      handler = function (ws)
        answers = {ws:send "12345"}
        ws:send "1234"
      end,
    }
    run(function ()
      local ws = wsmanager.new {url = url}
      assert.equal("1234", ws:receive(LONG))
      assert.equal("toobig", answers[2])
      refused("toobig", server:broadcast "12345")
      ws:close()
    end)
  end)

  it("raises for a rate that is none, at the caller's line", function ()
    local function fails (what, options)
      options.url = "ws://localhost:1"
      ours.fails(what, wsmanager.new, options)
    end
    fails("bad option 'rate.1' %(integer from 1 to 100000 expected, got 0%)", {rate = {0}})
    fails("bad option 'rate.1' %(integer from 1 to 100000 expected, got 1.5%)",
          {rate = {1.5, per = 1}})
    fails("bad option 'rate' %(it needs a number and 'per', as in { 120, per = 60 }%)",
          {rate = {5}})
    fails("bad option 'rate' %(it needs a number and 'per'", {rate = {per = 5}})
    fails("bad option 'rate.per' %(positive number expected, got 0%)", {rate = {5, per = 0}})
    fails("unknown option 'rate.pre' %(did you mean 'per'%?%)", {rate = {5, pre = 0}})
    fails("unknown option 'rate.2'", {rate = {5, 60}})
    fails("bad option 'rate.reserve' %(5, with a rate of 5: it must leave some",
          {rate = {5, per = 1, reserve = 5}})
    fails("bad option 'limits.send' %(3, with 'heartbeat.message' of 4 bytes",
          {limits = {send = 3}, heartbeat = {message = "beat"}})
    wsmanager.new({url = "ws://localhost:1", rate = false, reconnect = false}):close()
  end)
end)
