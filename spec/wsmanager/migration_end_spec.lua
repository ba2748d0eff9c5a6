-- What is received on the old connection, once another one has taken its place.

local wsmanager = require "wsmanager"
local migrations = require "support.migrations"
local ours = require "support.ours"

local run, open = wsmanager.run, migrations.open
local serve, await, LONG = ours.serve, ours.await, ours.LONG

describe("the old connection of a migration", function ()
  after_each(ours.stop)

  it("takes the messages of both, where it ends before the old one", function ()
    local _, first = serve(function (ws)
      for i = 1, 100 do ws:send("a" .. i .. ("x"):rep(10000)) end
      ws:receive()
    end)
    local _, second = serve(ours.sayer "b")
    run(function ()
      local ws = open {url = first, inbox = 50000, reconnect = false}
      assert.is_true(ws:migrate(second))
      local got, token = {}
      repeat
        local data, is = ws:receive(LONG)
        token = is
        if data then got[#got + 1] = data:sub(1, 1) end
      until not data
      assert.equal("closed", token)
      assert.equal("b", got[#got])
      for i = 1, #got - 1 do assert.equal("a", got[i]) end
    end)
  end)

  it("tells what nobody takes of the old one until timeouts.close", function ()
    local _, first = serve(function (ws)
      repeat until not ws:send("a" .. ("x"):rep(1000))
    end)
    local _, second = serve(function (ws)
      ws:send "b"
      ws:receive()
    end)
    run(function ()
      local errors = {}
      local ws = open {url = first, inbox = 20000, timeouts = {close = 0.05}}
      ws.onerror = function (event) errors[#errors + 1] = event end
      await(function () return ws:stats().unread > 10000 end)
      assert.is_true(ws:migrate(second))
      await(function () return errors[1] end)
      assert.equal("closed", errors[1].token)
      local bytes = errors[1].message:match "^(%d+) bytes that came on the connection before"
      assert.equal(ws:stats().unread_dropped, tonumber(bytes))
      local data
      repeat data = assert(ws:receive(LONG)) until data:sub(1, 1) ~= "a"
      assert.equal("b", data)    -- what it had read comes first, and nothing behind it is lost
    end)
  end)

  it("tells it, too, where the new one ends before the old one", function ()
    local _, first = serve(function (ws)
      repeat until not ws:send("a" .. ("x"):rep(1000))
    end)
    local _, second = serve(ours.sayer "b")
    run(function ()
      local errors = {}
      local ws = open {url = first, inbox = 20000, reconnect = false}
      ws.onerror = function (event) errors[#errors + 1] = event.message end
      await(function () return ws:stats().unread > 10000 end)
      assert.is_true(ws:migrate(second))
      assert(ws:closed(LONG))
      await(function () return errors[1] end)
      assert.matches("^%d+ bytes that came on the connection before", errors[1])
      assert.is_true(ws:stats().unread_dropped > 0)
      local data
      repeat data = assert(ws:receive(LONG)) until data:sub(1, 1) ~= "a"
      assert.equal("b", data)
    end)
  end)
end)
