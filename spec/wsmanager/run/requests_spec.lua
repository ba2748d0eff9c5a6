-- ws:request: each request gets its own answer, in its time.

local wsmanager = require "wsmanager"
local asking = require "support.asking"
local ours = require "support.ours"

local run, sleep, spawn = wsmanager.run, wsmanager.sleep, wsmanager.spawn
local await, fails, refused = ours.await, ours.fails, ours.refused
local answering, connect, echo, ignore =
  asking.serve, asking.connect, asking.echo, asking.ignore
local LONG = ours.LONG

local heard

describe("a request", function ()
  before_each(function () heard = ours.hush() end)
  after_each(ours.stop)

  it("gets the answer with its id, whatever else comes, and in any order", function ()
    local url = answering(function (ws, _, state)
      ws:send {event = #state.all}
      if #state.all < 3 then return end
      for i = 3, 1, -1 do ws:send {id = state.all[i].id, to = state.all[i].n} end
    end)
    run(function ()
      local ws, answers = connect(url), {}
      for i = 1, 3 do
        spawn(function ()
          local answer, kind = ws:request {n = i}
          assert.equal("text", kind)
          answers[#answers + 1] = {i, answer.to}
        end)
      end
      for i = 1, 3 do assert.equal(i, ws:receive(LONG).event) end
      await(function () return answers[3] end)
      assert.same({{3, 3}, {2, 2}, {1, 1}}, answers)
      assert.equal(0, ws:stats().requests)
      assert.equal(0, ws:stats().late_answers)
      ws:close()
      assert.same({}, heard)
    end)
  end)

  it("leaves its message as it was, and numbers it from 1", function ()
    local url, state = answering(echo)
    run(function ()
      local ws, message = connect(url), {text = "x"}
      for i = 1, 3 do
        assert.equal(i, ws:request(message, LONG).id)
        assert.same({text = "x"}, message)
      end
      assert.equal(3, #state.all)
      ws:close()
    end)
  end)

  it("says which id came that only its type keeps from being the answer's", function ()
    local url = answering(function (ws, message)
      ws:send {id = tostring(message.id)}
    end)
    run(function ()
      local ws = connect(url)
      local answer, token, why = ws:request({}, 0.2)
      local times = 1
      while times < 20 and not why:find "came" do    -- a slow machine
        times = times + 1
        answer, token, why = ws:request({}, 0.2 * times)
      end
      assert.is_nil(answer)
      assert.equal("timeout", token)
      assert.truthy(why:find(('; a message came with the string "%d" as its id, and the '
        .. "request's is a number"):format(times), 1, true), why)
      ws:close()
    end)
  end)

  it("works on the main thread", function ()
    local url = answering(echo)
    local ws = connect(url)
    assert.is_true(ws:request({}, LONG).answer)
    assert.equal(2, ws:request({}, {timeout = LONG}).id)
    ws:close()
  end)

  it("has ids as they are asked for, in the field that is named", function ()
    local url, state = answering(echo)
    run(function ()
      local ws = connect(url, {correlate = {
        field = "nonce", id = function (n) return "bot-" .. n end,
      }})
      assert.is_true(ws:request({id = 7}, LONG).answer)
      assert.same({id = 7, nonce = "bot-1", answer = true}, state.all[1])
      ws:close()
    end)
  end)

  it("has its id at an index of a list, also in place of null", function ()
    local url, state = answering(function (ws, message)
      ws:send(wsmanager.array {message[1], message[2], "reply"})
    end)
    run(function ()
      local ws = connect(url, {correlate = 2})
      local message = {"1", wsmanager.null, "join"}
      assert.equal("reply", ws:request(message, LONG)[3])
      assert.same({"1", 1, "join"}, state.all[1])
      assert.equal(wsmanager.null, message[2])
      ws:close()
    end)
  end)

  it("is matched by functions where messages have no fields", function ()
    local url = answering(function (ws, text) ws:send("re:" .. text, "binary") end, {})
    run(function ()
      local ws = connect(url, {decode = false, correlate = {
        set = function (text, id) return id .. ":" .. text end,
        get = function (text, kind)
          assert.equal("binary", kind)
          return tonumber(text:match "^re:(%d+)")
        end,
      }})
      local answer, kind = ws:request("hello", LONG)
      assert.same({"re:1:hello", "binary"}, {answer, kind})
      assert.equal("re:2:\255", (ws:request("\255", {kind = "binary", timeout = LONG})))
      fails("bad argument #1 to 'request' %(text must be UTF%-8",
            ws.request, ws, "\255")
      ws:close()
    end)
  end)

  it("does not take an answer for a request of the peer's with the same id", function ()
    local url = answering(function (ws, message)
      ws:send {id = message.id, method = "ping"}
      ws:send {id = message.id, result = 5}
    end)
    run(function ()
      local ws = connect(url, {correlate = {
        field = "id", get = function (m) return not m.method and m.id or nil end,
      }})
      assert.equal(5, ws:request({method = "five"}, LONG).result)
      assert.equal("ping", ws:receive(LONG).method)
      ws:close()
    end)
  end)

  it("has a deadline: its late answer is dropped and counted", function ()
    local url = answering(function (ws, message, state)
      if message.n == 1 then state.first = message return end
      ws:send {id = state.first.id, late = true}
      ws:send(message)
      ws:send {id = state.first.id, again = true}
    end)
    run(function ()
      local ws = connect(url)
      assert(ws:opened(LONG))
      local _, token, why = ws:request({n = 1}, 0.01)
      assert.equal("timeout", token)
      assert.matches("^no answer within 0.01 s: open ws://", why)
      assert.equal(0, ws:stats().requests)
      assert.equal(2, ws:request({n = 2}, LONG).n)
      assert.equal(1, ws:stats().late_answers)
      -- what was answered twice is nobody's request any more
      assert.is_true(ws:receive(LONG).again)
      ws:close()
    end)
  end)

  it("times out after timeouts.request, and never without", function ()
    local url = answering(ignore)
    run(function ()
      local ws = connect(url, {timeouts = {request = 0.01}})
      assert(ws:opened(LONG))
      refused("timeout", ws:request {})
      ws:close()
      ws = connect(url, {timeouts = {request = false}})
      local token
      spawn(function () token = select(2, ws:request {}) end)
      await(function () return ws:stats().requests == 1 end)
      sleep(0.02)
      assert.is_nil(token)
      ws:close()
      await(function () return token end)
      assert.equal("closed", token)
    end)
  end)

  it("comes before a handler and `receive`, and may be in a handler", function ()
    local url = answering(function (ws, message)
      ws:send {op = "event", n = message.n}
      message.op = "event"
      ws:send(message)
    end)
    run(function ()
      local ws, got = connect(url, {dispatch = "op"}), {}
      ws:on("event", function (message)
        assert.is_nil(message.id)
        got[#got + 1] = message.n
        if message.n == 1 then got[#got + 1] = ws:request({n = 2}, LONG).n end
      end)
      assert.equal(1, ws:request({n = 1}, LONG).n)
      await(function () return got[3] end)
      assert.same({1, 2, 2}, got)
      ws:close()
      assert.same({}, heard)
    end)
  end)

  it("keeps the rules of `send`: its size, the codec, the room, the rate", function ()
    local url = answering(echo)
    run(function ()
      local ws = connect(url, {limits = {send = 50}, buffer = 200,
                               rate = {20, per = 0.2}})
      local _, token, why = ws:request({text = ("x"):rep(100)}, LONG)
      assert.equal("toobig", token)
      assert.matches("limits.send is 50", why)
      _, token, why = ws:request({n = 0 / 0}, LONG)
      assert.equal("codec", token)
      assert.matches("NaN", why)
      local count = 0
      for _ = 1, 60 do
        spawn(function ()
          assert(ws:request({text = "some"}, LONG))
          count = count + 1
        end)
      end
      await(function () return count == 60 end)
      assert.equal(0, ws:stats().requests)
      ws:close()
    end)
  end)

  it("is there ten thousand times at once, each with its deadline", function ()
    local N = 10000
    local url = answering(function (ws, message, state)
      if message.n % 10 == 0 then return end
      if message.n == N - 1 then
        for i = #state.all, 1, -1 do
          if state.all[i].n % 10 ~= 0 then ws:send(state.all[i]) end
        end
      end
    end)
    run(function ()
      local ws, answered, in_vain = connect(url), 0, 0
      for i = 1, N do
        spawn(function ()
          local answer, token = ws:request({n = i}, i % 10 == 0 and 0.5 + i / N or LONG)
          if answer then
            assert.equal(i, answer.n)
            answered = answered + 1
          else
            assert.equal("timeout", token)
            in_vain = in_vain + 1
          end
        end)
      end
      await(function () return answered + in_vain == N end)
      assert.same({0.9 * N, 0.1 * N}, {answered, in_vain})
      assert.equal(0, ws:stats().requests)
      assert.same({}, heard)
      ws:close()
    end)
  end)

  it("of a cancelled task says so, and its answer is late", function ()
    local url = answering(function (ws, message, state)
      if message.n == 1 then state.first = message return end
      ws:send(state.first)
      ws:send(message)
    end)
    run(function ()
      local ws, token = connect(url), nil
      local task = spawn(function () token = select(2, ws:request({n = 1}, LONG)) end)
      await(function () return ws:stats().requests == 1 end)
      task:cancel()
      await(function () return token end)
      assert.equal("cancelled", token)
      assert.equal(2, ws:request({n = 2}, LONG).n)
      assert.equal(1, ws:stats().late_answers)
      ws:close()
    end)
  end)

  if coroutine.close then
    it("of a coroutine that was closed waits no more", function ()
      local url = answering(ignore)
      run(function ()
        local ws = connect(url)
        local task = spawn(function () ws:request({}, LONG) end)
        await(function () return ws:stats().requests == 1 end)
        coroutine.close(task.thread)
        assert.equal(0, ws:stats().requests)
        ws:close()
      end)
    end)
  end

  it("is the server's, too", function ()
    local answers = {}
    local _, url = ours.serve {
      decode = "json", correlate = "id", timeouts = {request = LONG},
      handler = function (ws)
        for i = 1, 2 do answers[i] = ws:request({n = i}).n end
      end,
    }
    run(function ()
      local ws = connect(url)
      for _ = 1, 2 do
        local message = ws:receive(LONG)
        message.n = 10 * message.n
        ws:send(message)
      end
      await(function () return answers[2] end)
      assert.same({10, 20}, answers)
      assert.equal(1000, (ws:closed(LONG)))
    end)
  end)

  it("survives an error in `correlate.get`, which is reported", function ()
    local url = answering(function (ws, message)
      ws:send {}
      ws:send {meta = {id = message.id}}
    end)
    run(function ()
      local ws = connect(url, {correlate = {
        field = "id", get = function (m) return m.meta.id end,
      }})
      assert.equal(1, ws:request({}, LONG).meta.id)
      assert.equal(1, #heard)
      ws:close()
    end)
  end)

  it("has an id that an answer can be found by, or raises", function ()
    local url = answering(function (ws, message)
      if message.n ~= "unanswered" then ws:send(message) end
    end)
    run(function ()
      local id
      local ws = wsmanager.new {
        url = url, decode = "json", reconnect = false,
        correlate = {field = "id", id = function () return id end},
      }
      assert(ws:opened(LONG))
      fails("'correlate.id' returned nil where a string or a number", ws.request, ws, {})
      id = true
      fails("'correlate.id' returned boolean where", ws.request, ws, {})
      id = "same"
      local first = spawn(function () return ws:request({n = "unanswered"}, LONG) end)
      await(function () return ws:stats().requests == 1 end)
      fails("'correlate.id' returned an id that another request waits with: same",
            ws.request, ws, {})
      assert.equal(1, ws:stats().requests)
      ws:close()
      local _, value, token = first:join(LONG)
      assert.same({nil, "closed"}, {value, token})
      assert.equal(0, ws:stats().requests)
    end)
  end)

  it("that cannot be asked raises", function ()
    local url = answering(echo)
    run(function ()
      local ws = connect(url)
      fails("bad argument #1 to 'request' %(its field 'id' is set: request itself gives",
            ws.request, ws, {id = 5})
      fails("bad argument #1 to 'request' %(table expected, got string", ws.request, ws, "x")
      local function no () error("no", 0) end
      fails("bad argument #1 to 'request' %(its field 'id' cannot be set: no%)", ws.request, ws,
            setmetatable({}, {__newindex = no}))
      fails("bad argument #1 to 'request' %(its field 'id' cannot be read: no%)", ws.request, ws,
            setmetatable({}, {__index = no}))
      fails("bad argument #1 to 'request' %(message expected, got nil", ws.request, ws)
      fails("bad argument #2 to 'request' %(number expected, got string",
            ws.request, ws, {}, "5")
      fails("bad argument #2 to 'request' %(unknown option 'retri' %(did you mean 'retry'",
            ws.request, ws, {}, {retri = true})
      fails("bad argument #2 to 'request' %(boolean for 'retry' expected, got number",
            ws.request, ws, {}, {retry = 5})
      fails("call it with ':', as in ws:request", ws.request, {})
      ws:close()
      ws = wsmanager.new {url = url, decode = "json", reconnect = false}
      fails("'request' needs to know the answers: give the option 'correlate'",
            ws.request, ws, {})
      ws:close()
      ws = wsmanager.new {
        url = url, decode = "json", reconnect = false,
        correlate = {
          field = "id", set = function (message, id) message.id = id end,   -- no return
        },
      }
      fails("'correlate.set' returned nil where the message to be sent is expected",
            ws.request, ws, {})
      ws:close()
    end)
    for why, options in pairs {
      ["bad option 'correlate' %(with no 'decode': a field is"] = {correlate = "id"},
      ["bad option 'correlate' %(with no 'correlate.get'"] = {
        correlate = {set = print},
      },
      ["bad option 'correlate' %(with no 'correlate.set'"] = {correlate = {}},
      ["bad option 'correlate' %(name or index of a field, or table expected, got b"] = {
        correlate = true,
      },
      ["unknown option 'correlate.got' %(did you mean 'get'"] = {
        correlate = {got = print},
      },
      ["bad option 'correlate.id' %(function expected, got number"] = {
        correlate = {id = 5},
      },
      ["bad option 'timeouts.request' %(with no 'correlate'"] = {
        timeouts = {request = 5},
      },
    } do
      options.url = url
      fails(why, wsmanager.new, options)
    end
  end)
end)
