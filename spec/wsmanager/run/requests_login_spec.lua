-- The `request` of a login's handle.

local wsmanager = require "wsmanager"
local asking = require "support.asking"
local ours = require "support.ours"

local run = wsmanager.run
local fails, refused = ours.fails, ours.refused
local answering, connect, echo, ignore =
  asking.serve, asking.connect, asking.echo, asking.ignore
local LONG = ours.LONG

describe("a login's request", function ()
  after_each(ours.stop)

  it("gets its answer, and gives back what comes before it", function ()
    local url, state = answering(function (ws, message)
      ws:send {event = 1}
      ws:send {event = 2}
      ws:send(message)
      ws:send {event = 3}
    end)
    run(function ()
      local answers = {}
      local ws = connect(url, {login = function (handle)
        answers[1] = handle:request {token = "mine"}
        answers[2] = handle:receive(LONG).event
      end})
      assert.same({{id = 1, token = "mine"}, 3}, (ws:opened(LONG)) and answers)
      assert.equal(1, ws:receive(LONG).event)
      assert.equal(2, ws:receive(LONG).event)
      -- the connection's own requests go on with the numbers
      assert.equal(2, ws:request({}, LONG).id)
      assert.equal(2, state.all[2].id)
      ws:close()
    end)
  end)

  it("has ids of its own on a connection that is migrated to", function ()
    local url, state = answering(echo)
    run(function ()
      local ids = {}
      local ws = connect(url, {login = function (handle)
        ids[#ids + 1] = handle:request({}, LONG).id
      end})
      assert(ws:opened(LONG))
      assert.equal(2, ws:request({}, LONG).id)
      assert(ws:migrate(url))
      assert.equal(4, ws:request({}, LONG).id)
      assert.same({1, 3}, ids)
      assert.equal(4, #state.all)
      ws:close()
    end)
  end)

  it("has its timeout, and ends with the login", function ()
    local url = answering(ignore)
    run(function ()
      local results = {}
      local ws = connect(url, {timeouts = {login = 0.05}, login = function (handle)
        results[1] = {handle:request({}, 0.001)}
        results[2] = {handle:request {}}
        results[3] = {handle:request {}}
      end})
      refused("timeout", ws:opened(LONG))
      ours.await(function () return results[3] end)
      assert.equal("timeout", results[1][2])
      assert.matches("^no answer within 0.001 s: logging in to ws://", results[1][3])
      assert.equal("closed", results[2][2])
      assert.equal("closed", results[3][2])
      ws:close()
    end)
  end)

  it("is the server's, too, and is refused where it cannot be", function ()
    local answer
    local _, url = ours.serve {
      decode = "json", correlate = "id",
      login = function (handle)
        fails("bad argument #1 to 'request' %(its field 'id' is set",
              handle.request, handle, {id = 1})
        refused("codec", handle:request {n = 0 / 0})
        answer = handle:request({question = "who"}, LONG).name
      end,
      handler = function (ws) ws:receive() end,
    }
    run(function ()
      local ws = wsmanager.new {url = url, decode = "json", reconnect = false}
      local question = ws:receive(LONG)
      assert.equal("who", question.question)
      question.name = "me"
      ws:send(question)
      ours.await(function () return answer end)
      assert.equal("me", answer)
      ws:close()
      local why
      ws = wsmanager.new {
        url = url, decode = "json", reconnect = false,
        login = function (handle) why = select(2, pcall(handle.request, handle, {})) end,
      }
      ws:opened(LONG)
      assert.matches("'request' needs the option 'correlate'", why)
      ws:close()
    end)
  end)
end)
