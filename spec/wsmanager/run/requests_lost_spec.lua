-- ws:request without a connection, over the end of one, and over a migration.

local wsmanager = require "wsmanager"
local asking = require "support.asking"
local dispatch = require "wsmanager.run.dispatch"
local ours = require "support.ours"

local run, sleep, spawn = wsmanager.run, wsmanager.sleep, wsmanager.spawn
local await, refused = ours.await, ours.refused
local answering, connect, echo, ignore =
  asking.serve, asking.connect, asking.echo, asking.ignore
local LONG = ours.LONG

local FAST = {delay = 0.01, pause = 0, jitter = 0, factor = 1}

describe("a request", function ()
  after_each(ours.stop)

  it("waits for a connection, and goes after what waits in the outbox", function ()
    local url, state = answering(echo)
    local ready = false
    run(function ()
      local ws = connect(url, {
        login = function () repeat sleep(0.001) until ready end,
      })
      ws:send {n = 1}
      local answer
      spawn(function () answer = ws:request {n = 2} end)
      await(function () return ws:stats().outbox == 1 end)
      ours.settle()
      assert.equal(0, ws:stats().requests)
      ready = true
      await(function () return answer end)
      assert.same({1, 2}, {state.all[1].n, state.all[2].n})
      assert.equal(1, ws:receive(LONG).n)
      ws:close()
    end)
  end)

  it("that was never sent times out, or says that the connection is over", function ()
    run(function ()
      local ws = connect(ours.nowhere(), {reconnect = {delay = 100}})
      local _, token, why = ws:request({}, 0.02)
      assert.equal("timeout", token)
      assert.matches("^not sent within 0.02 s: waiting", why)
      local closed
      spawn(function () closed = select(2, ws:request {}) end)
      sleep(0)
      ws:close()
      await(function () return closed end)
      assert.equal("closed", closed)
      refused("closed", ws:request({}, LONG))
      refused("closed", ws:request({}, {retry = true, timeout = LONG}))
    end)
  end)

  it("that was never sent says what went before it, and why that waited", function ()
    local url = answering(ignore)
    run(function ()
      local ws = connect(url, {rate = {2, per = 3600}})
      assert(ws:opened(LONG))
      for i = 1, 52 do assert(ws:send {n = i}) end
      local _, token, why = ws:request({}, 0.02)
      assert.equal("timeout", token)
      assert.matches("^not sent within 0.02 s: open ws://[^ ]*: 50 messages in the outbox go "
                     .. "first; the rate of 2 per 3600 s is used up$", why)
      ws:close()
    end)
  end)

  it("ends with `closed` when its connection is lost, and is not sent again", function ()
    local url, state = answering(ignore)
    run(function ()
      local ws, ends = connect(url, {reconnect = FAST}), {}
      for i = 1, 3 do
        spawn(function ()
          local _, token, why = ws:request({n = i}, LONG)
          ends[#ends + 1] = {i, token}
          assert.matches("^the connection ended before the answer came: .", why)
        end)
      end
      await(function () return state.all[3] end)
      dispatch.drop(state.connections[1])
      await(function () return ends[3] end)
      assert.same({{1, "closed"}, {2, "closed"}, {3, "closed"}}, ends)
      await(function () return state.connections[2] end)
      assert(ws:send {last = true})
      await(function () return state.all[4] end)
      assert.is_true(state.all[4].last)
      ws:close()
    end)
  end)

  it("that is asked again and again says how often, and how the connections ended",
     function ()
    local _, url = ours.serve {decode = "json", handler = function (ws)
      ws:receive()
      ws:close(4001, "go away")
    end}
    run(function ()
      local ws = connect(url, {reconnect = FAST})
      local function asks_again (timeout)
        local answer, token, why = ws:request({}, {retry = true, timeout = timeout})
        assert.is_nil(answer)
        return token, why
      end
      local token, why
      local timeout = 0.25
      repeat                       -- until one is lost in the time
        timeout = timeout * 2
        token, why = asks_again(timeout)
      until why:find "asked" or timeout > LONG
      assert.equal("timeout", token)
      assert.matches("^no answer within [%d.]+ s: asked %d+ times, and lost with the connection "
        .. "%d+ times; last: .*%(4001 go away%)", (why:gsub("once", "1 times")))
      local task = spawn(asks_again, LONG)
      local before = ws:stats().opens
      await(function () return ws:stats().opens > before + 2 end)
      ws:close()
      local _, ended, detail = task:join(LONG)
      assert.equal("closed", ended)
      assert.matches("; asked .*, and lost with the connection ", detail)
    end)
  end)

  it("is asked again on the next connection with `retry`, by another id", function ()
    local url, state = answering(function (ws, message, state)
      if #state.connections == 1 then return end
      -- the answer to what an earlier connection asked is nobody's
      ws:send {id = message.id - 3, n = message.n, late = true}
      ws:send(message)
    end)
    run(function ()
      local ws, answers = connect(url, {reconnect = FAST}), {}
      for i = 1, 3 do
        spawn(function ()
          answers[i] = assert(ws:request({n = i}, {retry = true, timeout = LONG}))
        end)
      end
      await(function () return state.all[3] end)
      dispatch.drop(state.connections[1])
      await(function () return answers[1] and answers[2] and answers[3] end)
      for i = 1, 3 do
        assert.same({id = 3 + i, n = i}, answers[i])
        assert.equal(i, state.all[3 + i].n)
      end
      assert.equal(3, ws:stats().late_answers)
      assert.equal(6, #state.all)
      ws:close()
    end)
  end)

  it("is answered by what came before the end", function ()
    local url = answering(function (ws, message)
      ws:send(message)
      ws:close(1000)
    end)
    run(function ()
      local ws = connect(url)
      assert.equal(1, ws:request({n = 1}, LONG).n)
      refused("closed", ws:request({}, LONG))
    end)
  end)

  it("ends with the last of its connection where that was migrated", function ()
    local url, state = answering(function (ws, message)
      if message.n == 3 then echo(ws, message) end
    end)
    run(function ()
      local ws, ends, answer = connect(url), {}, nil
      for i = 1, 2 do
        spawn(function () ends[i] = {ws:request({n = i}, LONG)} end)
      end
      await(function () return state.all[2] end)
      assert(ws:migrate(url))
      spawn(function () answer = ws:request({n = 3}, LONG) end)
      await(function () return ends[1] and ends[2] and answer end)
      for i = 1, 2 do assert.equal("closed", ends[i][2]) end
      assert.equal(3, answer.n)
      assert.equal("open", ws.state)
      ws:close()
    end)
  end)

  it("is answered on the connection before, while that is migrated", function ()
    local url, state = answering(function (ws, message, state)
      if message.n == 1 then return end
      state.connections[1]:send(state.all[1])
      ws:send(message)
    end)
    run(function ()
      local ws, answer = connect(url), nil
      spawn(function () answer = ws:request({n = 1}, LONG) end)
      await(function () return state.all[1] end)
      assert(ws:migrate(url, function (handle)
        handle:send {n = 2}
        return handle:receive(LONG)
      end))
      await(function () return answer end)
      assert.equal(1, answer.n)
      ws:close()
    end)
  end)
end)
