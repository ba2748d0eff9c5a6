-- ws:migrate(): another connection takes the place of the open one.

local wsmanager = require "wsmanager"
local migrations = require "support.migrations"
local ours = require "support.ours"
local peers = require "support.peers"

local run, spawn = wsmanager.run, wsmanager.spawn
local serve, await, LONG = ours.serve, ours.await, ours.LONG

local named, listen, open = migrations.named, migrations.listen, migrations.open

describe("a connection that migrates", function ()
  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  it("goes on with another server, and tells it once", function ()
    local heard, events = {}, {}
    local _, first = serve(named("a", heard))
    local _, second = serve(named("b", heard))
    run(function ()
      local ws = open {url = first}
      listen(ws, events)
      local id = ws.id
      ws:send "1"
      assert.equal("a 1", ws:receive(LONG))
      assert.is_true(ws:migrate(second))
      ws:send "2"
      assert.equal("b 2", ws:receive(LONG))
      assert.same({second, id, "open"}, {ws.url, ws.id, ws.state})
      await(function () return #heard == 3 end)
      table.sort(heard)
      assert.same({"a 1", "a closed 1000", "b 2"}, heard)
      assert.same({"open", "open migrated"}, {"open", events[#events]})
      assert.equal(1, #events - (events[1] == "open" and 1 or 0))
      assert.equal(2, ws:stats().messages_in)
      ws:close()
      assert(ws:closed(LONG))
    end)
  end)

  it("gives all that the old one still sends before what the new one sends", function ()
    local text = ("x"):rep(2000)
    local stop = false
    local _, first = serve(function (ws)
      local n = 0
      while not stop and ws:send("a" .. n .. text) do n = n + 1 end
      ws:receive()
    end)
    local _, second = serve(ours.sayer("b0", "b1"))
    run(function ()
      local ws = open {url = first, inbox = 100000}
      assert.equal("a0", ws:receive(LONG):sub(1, 2))
      assert.is_true(ws:migrate(second))
      stop = true
      local last, count = 0, 0
      repeat
        local data = assert(ws:receive(LONG))
        if data:sub(1, 1) == "a" then
          local number = tonumber(data:match "^a(%d+)")
          assert.equal(last + 1, number)
          last, count = number, count + 1
        end
      until data == "b0"
      assert.is_true(count > 20)
      assert.equal("b1", ws:receive(LONG))
    end)
  end)

  it("sends what the old one had to write, and what waits, in order", function ()
    local heard = {}
    local function hear (name)
      return function (ws)
        while true do
          local data = ws:receive()
          if not data then return end
          heard[#heard + 1] = {name, tonumber(data:match "%d+")}
        end
      end
    end
    local _, first = serve(hear "a")
    local _, second = serve(hear "b")
    run(function ()
      local ws = open {url = first}
      local sent, goal = 0, math.huge
      spawn(function ()
        repeat
          assert(ws:send(sent + 1 .. (" "):rep(10000)))
          sent = sent + 1
        until sent >= goal
      end)
      assert.is_true(ws:migrate(second))
      goal = sent + 100
      await(function () return #heard == goal end)
      local of, last = {a = 0, b = 0}, {a = 0, b = 0}
      for _, each in ipairs(heard) do
        assert.is_true(each[2] > last[each[1]])
        last[each[1]], of[each[1]] = each[2], of[each[1]] + 1
      end
      assert.is_true(of.b > 0)
      assert.equal(goal, of.a + of.b)
    end)
  end)

  it("sends again what was not confirmed, first", function ()
    local heard = {}
    local _, first = serve(function (ws) ws:receive() ws:receive() ws:receive() end)
    local _, second = serve(named("b", heard))
    run(function ()
      local ws = open {
        url = first, identify = function (data) return data end,
        acknowledge = function (data) return data:match "^b (.*)" end,
      }
      ws:send "1"
      ws:send "2"
      assert.is_true(ws:migrate(second))
      ws:send "3"
      await(function () return #heard == 3 end)
      assert.same({"b 1", "b 2", "b 3"}, heard)
      await(function () ws:receive(0) return ws:stats().unacknowledged == 0 end)
    end)
  end)

  it("sends once what the old one never wrote, and keeps the order", function ()
    local heard, stops = {}, false
    local _, first = serve(function (ws)
      ws:receive()
      await(function () return stops end)
    end)
    local _, second = serve(function (ws)
      while true do
        local data = ws:receive()
        if not data then return end
        heard[#heard + 1] = tonumber(data:match "%d+")
        if heard[#heard] == 13 then ws:send "thirteen" end
      end
    end)
    run(function ()
      local ws = open {
        url = first, identify = function (data) return data:match "%d+" end,
        acknowledge = function (data) return data:match "^ok (.*)" end,
        buffer = 64 * 1024 * 1024, outbox = {bytes = 64 * 1024 * 1024},
        timeouts = {close = 0.2},
      }
      local expected = {}
      for i = 1, 12 do -- more than the kernels of both sides take
        assert.is_true(ws:send(i .. (" "):rep(1024 * 1024)))
        expected[i] = i
      end
      assert.is_true(ws:migrate(second))
      ws:send "13"
      expected[13] = 13
      assert.equal("thirteen", ws:receive(LONG)) -- so the old one is over
      stops = true
      ws:send "14"
      expected[14] = 14
      await(function () return heard[#heard] == 14 end)
      assert.same(expected, heard)
    end)
  end)

  it("counts for reconnect.rate", function ()
    local _, first = serve(named("a", {}))
    local _, second = serve(named("b", {}))
    run(function ()
      local ws = open {url = first, reconnect = {rate = {2, per = 3600}}}
      assert.is_true(ws:migrate(second))
      local ok, token, why = ws:migrate(first)
      assert.same({nil, "full"}, {ok, token})
      assert.matches("reconnect.rate", why)
      assert.equal("open", ws.state)
    end)
  end)

  it("logs in on the new connection, with a login of its own", function ()
    local heard, epochs = {}, {}
    local _, first = serve(named("a", heard))
    local _, second = serve(named("b", heard))
    run(function ()
      local gaps = {}
      local ws = open {url = first, login = function (_, info)
        epochs[#epochs + 1] = info.epoch
        gaps[#gaps + 1] = tostring(info.gap)
      end, onopen = function (event)
        gaps[#gaps + 1] = event.epoch .. tostring(event.gap)
      end}
      assert.is_true(ws:migrate(second, function (handle, info)
        epochs[#epochs + 1] = info.epoch
        handle:send "resume"
        return handle:receive(LONG) == "b resume"
      end))
      ws:send "1"
      assert.equal("b 1", ws:receive(LONG))
      ws:reconnect()
      await(function () return #epochs == 3 end)
      assert.same({1, 2, 3}, epochs)
      await(function () return #gaps == 5 end)
      assert.same({"false", "1false", "2false", "true", "3true"}, gaps)
      assert.equal(first, ws.url)
    end)
  end)

  it("gives a login that only it has the time of timeouts.login", function ()
    local _, first = serve()
    local _, second = serve()
    run(function ()
      local ws = open {url = first, timeouts = {login = 0.05}}
      local over
      local migrated, token, why = ws:migrate(second, function (handle)
        over = {handle:receive()}
      end)
      assert.same({nil, "timeout"}, {migrated, token})
      assert.matches("the login was not done within 0%.05 s", why)
      assert.same({nil, "closed"}, {over[1], over[2]})
      assert.equal("open", ws.state)
      ws:close()
    end)
  end)

  it("stays as it is when that fails", function ()
    local heard, events = {}, {}
    local _, first = serve(named("a", heard))
    local _, second = serve(named("b", heard))
    run(function ()
      local ws = open {url = first}
      listen(ws, events)
      wsmanager.sleep(0)
      events = {}
      local ok, token, why = ws:migrate(ours.nowhere())
      assert.same({nil, "refused"}, {ok, token})
      assert.matches("127.0.0.1:%d+", why)
      ok, token, why = ws:migrate(second, function () return nil, "no such session" end)
      assert.same({nil, "login"}, {ok, token})
      assert.matches("no such session", why)
      ws:send "1"
      assert.equal("a 1", ws:receive(LONG))
      assert.same({}, events)
      assert.is_true(ws:migrate(second))
      ws:send "2"
      assert.equal("b 2", ws:receive(LONG))
    end)
  end)

  it("does not, where it is closed meanwhile, or twice at once", function ()
    local heard = {}
    local _, first = serve(named("a", heard))
    local _, second = serve(named("b", heard))
    run(function ()
      local ws = open {url = first}
      local results, waits = {}, false
      spawn(function ()
        results[1] = {ws:migrate(second, function (handle)
          waits = true
          handle:receive()
        end)}
      end)
      await(function () return waits end)
      assert.equal("full", select(2, ws:migrate(second)))
      ws:close()
      assert(ws:closed(LONG))
      await(function () return results[1] end)
      assert.equal("closed", results[1][2])
      assert.equal("closed", select(2, ws:migrate(second)))
      await(function () return #heard == 2 end)
    end)
  end)

  it("is reconnected by it, where the old one is lost meanwhile", function ()
    local heard = {}
    local server, first = serve(named("a", heard))
    local _, second = serve(named("b", heard))
    run(function ()
      local ws = open {url = first, reconnect = {delay = 0.01, jitter = 0, pause = 0}}
      local go, began, result
      spawn(function ()
        result = {ws:migrate(second, function ()
          began = true
          repeat wsmanager.sleep(0.001) until go
        end)}
      end)
      await(function () return began end)
      server:stop(0.1)
      await(function () return ws.state ~= "open" end)
      ws:send "1"
      go = true
      await(function () return result end)
      assert.is_true(result[1])
      assert.equal("b 1", ws:receive(LONG))
    end)
  end)

  it("loses nothing to a full inbox, nor to another migration at once", function ()
    local sent, stop = 0, false
    local _, first = serve(function (ws)
      while not stop and ws:send("a" .. ("x"):rep(4000)) do sent = sent + 1 end
      ws:receive()
    end)
    local _, second = serve(ours.sayer "b")
    local _, third = serve(ours.sayer "c")
    run(function ()
      local ws = open {url = first, inbox = 20000}
      await(function () return sent > 200 end)
      local moved
      spawn(function ()
        assert.is_true(ws:migrate(second))
        stop = true
        assert.is_true(ws:migrate(third))
        moved = true
      end)
      local got, last = {a = 0, b = 0, c = 0}, "a"
      repeat
        local data = assert(ws:receive(LONG)):sub(1, 1)
        assert.is_true(data >= last)
        got[data], last = got[data] + 1, data
      until data == "c"
      assert.is_true(moved)
      assert.same({a = sent, b = 1, c = 1}, got)
      assert.equal(0, ws:stats().unread_dropped)
    end)
  end)

  it("takes http for ws, as the option url does", function ()
    local _, first = serve()
    local _, second = serve(ours.sayer "b")
    run(function ()
      local ws = open {url = first}
      assert.is_true(ws:migrate((second:gsub("^ws", "http"))))
      assert.equal("b", ws:receive(LONG))
    end)
  end)

  it("can again, where the coroutine that waited was closed", function ()
    local close = coroutine.close
    if not close then return end
    local heard = {}
    local _, first = serve(named("a", heard))
    local _, second = serve(named("b", heard))
    run(function ()
      local ws = open {url = first, timeouts = {login = false}}
      local waits, over
      local task = spawn(function ()
        ws:migrate(second, function (handle)
          waits = true
          over = {handle:receive()}
        end)
      end)
      await(function () return waits end)
      close(task.thread)
      -- at once, not at the next migrate()
      await(function () return over end)
      assert.same({nil, "closed"}, {over[1], over[2]})
      assert.is_true(ws:migrate(second))
      await(function () return heard[1] and heard[1]:find "^b closed" end)
      ws:send "1"
      assert.equal("b 1", ws:receive(LONG))
    end)
  end)

  it("goes from one to another many times, and leaves nothing behind", function ()
    local peer = peers.start "python_server"
    local address = "ws://127.0.0.1:" .. peer.port .. "/echo"
    run(function ()
      local ws = open {url = address}
      for i = 1, 30 do
        ws:send("before " .. i)
        assert.is_true(ws:migrate(address))
        ws:send("after " .. i)
        assert.equal("before " .. i, ws:receive(LONG))
        assert.equal("after " .. i, ws:receive(LONG))
      end
      assert.equal(31, ws:stats().opens)
      assert.equal(60, ws:stats().messages_in)
      ws:close()
      assert(ws:closed(LONG))
    end)
  end)

  it("is renewed by a plan, and by another attempt where that fails", function ()
    local events, opened = {}, 0
    local _, first = serve(function (ws)
      opened = opened + 1
      ws:send("from " .. opened)
      ws:receive()
    end)
    run(function ()
      local asked = 0
      local ws = open {
        url = function ()
          asked = asked + 1
          return asked == 2 and ours.nowhere() or first
        end,
        reconnect = {after = 0.05, delay = 0.01, jitter = 0},
      }
      ws.onopen = function (event) events[#events + 1] = event.migrated end
      ws.onerror = function (event) events[#events + 1] = event.token .. event.message end
      ws.onclose = function () events[#events + 1] = "close" end
      for i = 1, 3 do assert.equal("from " .. i, ws:receive(LONG)) end
      assert.equal("open", ws.state)
      assert.matches("refused.*renewal failed, and the connection goes on", events[1])
      assert.same({true, true}, {events[2], events[3]})
      ws:close()
    end)
  end)

  it("needs a URL, a function, and a client", function ()
    local raised
    local _, url = serve(function (ws)
      raised = select(2, pcall(function () local ok = ws:migrate("ws://x") return ok end))
    end)
    run(function ()
      local ws = open {url = url}
      local function why (...)
        local arguments = {...}
        return select(2, pcall(function ()
          local ok = ws:migrate(arguments[1], arguments[2])
          return ok
        end))
      end
      assert.matches("migration_spec.lua:%d+: bad argument #1 to 'migrate' %(string", why())
      assert.matches("migration_spec.lua:%d+: bad URL", why "ftp://x")
      assert.matches("migration_spec.lua:%d+: bad argument #2 to 'migrate' %(function",
                     why("ws://x", "y"))
      await(function () return raised end)
      assert.matches("migration_spec.lua:%d+: a server's side .* cannot migrate", raised)
    end)
  end)
end)
