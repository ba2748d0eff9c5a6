-- ws:receive, in coroutines and on the main thread.

local wsmanager = require "wsmanager"
local ours = require "support.ours"
local peers = require "support.peers"

local run, spawn = wsmanager.run, wsmanager.spawn
local serve, sayer, refused = ours.serve, ours.sayer, ours.refused
local LONG, await, finalizers = ours.LONG, ours.await, ours.finalizers

describe("a connection", function ()
  after_each(function ()
    ours.stop()
    peers.stop()
  end)

  describe("receiving", function ()
    it("returns timeout, and goes on afterwards", function ()
      local _, url = serve()
      run(function ()
        local ws = wsmanager.new {url = url}
        assert(ws:opened(LONG))
        local data, token, detail = ws:receive(0.01)
        assert.is_nil(data)
        assert.equal("timeout", token)
        assert.matches("^no message within 0.01 s: open ws://", detail)
        refused("timeout", ws:receive(0))
        ws:send("still here")
        assert.equal("still here", ws:receive(LONG))
      end)
    end)

    it("gives each message to one of several coroutines, in turn", function ()
      local _, url = serve()
      run(function ()
        local ws = wsmanager.new {url = url}
        assert(ws:opened(LONG))
        local heard = {}
        for i = 1, 3 do
          spawn(function () heard[i] = ws:receive(LONG) end)
        end
        wsmanager.sleep(0)
        wsmanager.sleep(0)
        for i = 1, 3 do ws:send("message " .. i) end
        repeat wsmanager.sleep(0) until heard[3]
        assert.same({"message 1", "message 2", "message 3"}, heard)
      end)
    end)

    it("gives each who loops his turn, whatever came at once", function ()
      local _, url = serve()
      run(function ()
        local ws = wsmanager.new {url = url}
        assert(ws:opened(LONG))
        local heard, count = {"", "", ""}, 0
        for i = 1, 3 do
          spawn(function ()
            repeat
              local data = ws:receive(i == 2 and LONG or nil)
              if data then heard[i], count = heard[i] .. data, count + 1 end
            until not data
          end)
        end
        wsmanager.sleep(0)
        for i = 1, 9 do ws:send(tostring(i)) end
        repeat wsmanager.sleep(0) until count == 9
        assert.same({"147", "258", "369"}, heard)
        ws:close()
      end)
    end)

    it("needs no turn where nobody waits any more", function ()
      local _, url = serve()
      run(function ()
        local ws = wsmanager.new {url = url}
        assert(ws:opened(LONG))
        local done = 0
        for _ = 1, 2 do
          spawn(function () ws:receive(LONG); done = done + 1 end)
        end
        wsmanager.sleep(0)
        for i = 1, 4 do ws:send(tostring(i)) end
        repeat wsmanager.sleep(0) until done == 2
        repeat wsmanager.sleep(0) until ws:stats().bytes_in > 0
        assert.equal("3", ws:receive(LONG))
        assert.equal("4", ws:receive(LONG))
        assert.same({nil, "timeout"}, {ws:receive(0), (select(2, ws:receive(0)))})
      end)
    end)

    it("goes on in one coroutine while another waits", function ()
      local _, url = serve()
      run(function ()
        local quiet = wsmanager.new {url = url}
        local busy = wsmanager.new {url = url}
        spawn(function () quiet:receive(LONG) end)
        for i = 1, 10 do
          busy:send(tostring(i))
          assert.equal(tostring(i), busy:receive(LONG))
        end
      end)
    end)

    it("gives a message as it is, whatever its size and kind", function ()
      local _, url = serve()
      run(function ()
        local ws = wsmanager.new {url = url}
        for _, size in ipairs {0, 1, 31, 1024, 1025, 16384, 16385, 65536} do
          for _, kind in ipairs {"text", "binary"} do
            local data = ("x\0y"):rep(size):sub(1, size)
            ws:send(data, kind)
            assert.same({data, kind}, {ws:receive(LONG)})
            ws:send(data, kind)
            assert.same({data, kind}, {ws:receive()})
          end
        end
      end)
    end)

    -- As the string for a message is made, a collection may run.
    for what, arguments in pairs {
      ["each small message once"] = "one 900",
      ["each large message once"] = "one 65536",
      ["each part of a message once"] = "parts",
      ["each connection its own"] = "two",
    } do
      it("gives " .. what .. ", though finalizers receive too", function ()
        assert.equal("each came once\n", finalizers(arguments))
      end)
    end

    it("tells each event once, though finalizers turn the loop", function ()
      assert.equal("each came once\n", finalizers("steps"))
    end)

    if jit then
      it("does so where nothing is compiled", function ()
        assert.equal("each came once\n", finalizers("two", "-Ohotloop=10000000"))
      end)
    end

    for what, frames in pairs {
      ["a ping and a close"] = "8901708800",
      ["a close"] = "880203e8",
    } do
      it("answers " .. what .. " behind the last message taken", function ()
        local peer = peers.start("scripted", {host = "127.0.0.1", script = {
          {"accept"}, {"frame"}, {"send", "810161" .. frames}, {"frame"}, {"close"},
        }})
        run(function ()
          local ws = wsmanager.new {url = "ws://127.0.0.1:" .. peer.port,
                                    reconnect = false}
          ws:send "go"
          assert.equal("a", (ws:receive(LONG)))
          ws:closed(LONG)
          assert.equal(what == "a close" and 136 or 138, peer:events()[4].first)
        end)
      end)
    end

    it("wakes all who wait when the connection is over", function ()
      local _, url = serve(function (ws) ws:receive() end)
      run(function ()
        local ws = wsmanager.new {url = url, reconnect = false}
        local tokens = {}
        for i = 1, 2 do
          spawn(function ()
            local _, token = ws:receive(LONG)
            tokens[i] = token
          end)
        end
        assert(ws:opened(LONG))
        ws:send("go")
        assert(ws:closed(LONG))
        assert.same({"closed", "closed"}, tokens)
      end)
    end)

    -- Its clock is the machine's: a ratio, and of the shortest.
    it("with a timeout in the past lets others sleep in time", function ()
      local _, url = serve()
      local function shortest_sleep ()
        local shortest = math.huge
        for _ = 1, 3 do
          local began = wsmanager.now()
          wsmanager.sleep(0.05)
          shortest = math.min(shortest, wsmanager.now() - began)
        end
        return shortest
      end
      run(function ()
        local ws = wsmanager.new {url = url}
        assert(ws:opened(LONG))
        local alone, done = shortest_sleep(), false
        spawn(function ()
          local due = wsmanager.now()
          while not done do
            due = due + 0.001
            ws:receive(due - wsmanager.now())
            local busy = wsmanager.now() + 0.002
            while wsmanager.now() < busy do end
          end
        end)
        local beside = shortest_sleep()
        done = true
        assert.is_true(beside < 2 * alone)
      end)
    end)

    it("refuses a timeout that is no number", function ()
      local _, url = serve()
      local ws = wsmanager.new {url = url}
      local _, why = pcall(function () return (ws:receive("5")) end)
      assert.matches("receive_spec.lua:%d+: bad argument #1 to 'receive' "
                     .. "%(number expected, got string%)$", why)
    end)
  end)

  describe("iterated over", function ()
    it("gives every message and ends with the connection", function ()
      local _, url = serve(sayer("a", "b", "c"))
      local ws = wsmanager.new {url = url, reconnect = false}
      local heard = {}
      for data, kind in ws:messages() do heard[#heard + 1] = data .. kind end
      assert.same({"atext", "btext", "ctext"}, heard)
      assert.equal("closed", ws.state)
    end)

    it("goes on across reconnects", function ()
      local connections = 0
      local _, url = serve(function (ws)
        connections = connections + 1
        ws:send("connection " .. connections)
        if connections == 3 then ws:close(3000) end
      end)
      local ws = wsmanager.new {
        url = url,
        reconnect = {
          delay = 0.1, pause = 0, jitter = 0,
          when = function (info) return info.code ~= 3000 end,
        },
      }
      local heard = {}
      for data in ws:messages() do heard[#heard + 1] = data end
      assert.same({"connection 1", "connection 2", "connection 3"}, heard)
    end)

    -- A coroutine of PUC Lua 5.1 cannot wait in a `for`.
    local can_iterate = _VERSION ~= "Lua 5.1" or jit

    -- Each connection says its number.
    local function serve_numbers ()
      local count = 0
      local _, url = serve(function (ws)
        count = count + 1
        ws:send("connection " .. count)
        local data = ws:receive()
        while data do data = ws:receive() end
      end)
      return url
    end

    -- What a messages() in a coroutine has given.
    local function iterate (ws, at_each)
      local heard = {}
      local function loop ()
        for data in ws:messages() do
          heard[#heard + 1] = data
          if at_each then at_each(data) end
        end
        heard.ended = true
      end
      spawn(loop)
      return heard
    end

    if can_iterate then
      it("goes on after reconnect(), whatever its state", function ()
        local url = serve_numbers()
        local address
        run(function ()
          local ws = wsmanager.new {
            url = function () return address or url end,
            reconnect = {delay = 30, jitter = 0},
          }
          local heard = iterate(ws)
          await(function () return heard[1] end)
          ws:reconnect()                       -- while open
          await(function () return heard[2] end)
          address = ours.nowhere()
          ws:reconnect()
          await(function () return ws.state == "waiting" end)
          address = nil
          ws:reconnect()                       -- while waiting
          await(function () return heard[3] end)
          ws:reconnect()
          ws:reconnect()                       -- while connecting
          await(function () return heard[4] end)
          assert.is_nil(heard.ended)
          ws:close()
          await(function () return heard.ended end)
          assert.equal(4, #heard)
        end)
      end)

      it("ends with close(), also when reconnect() follows at once", function ()
        local url = serve_numbers()
        run(function ()
          local ws = wsmanager.new {url = url}
          local first = iterate(ws)
          await(function () return first[1] end)
          ws:close()
          ws:reconnect()
          await(function () return first.ended end)
          local second = iterate(ws)
          await(function () return second[1] end)
          assert.same({"connection 1", ended = true}, first)
          assert.same({"connection 2"}, second)
          ws:close()
        end)
      end)

      it("ends while it does something else", function ()
        local url = serve_numbers()
        for _, close_first in ipairs {true, false} do
          run(function ()
            local ws, go_on = wsmanager.new {url = url}, false
            local first = iterate(ws, function ()
              await(function () return go_on end)
            end)
            await(function () return first[1] end)
            ws:close()
            if close_first then ws:closed(LONG) end
            ws:reconnect()
            assert(ws:opened(LONG))
            await(function () return ws:stats().unread > 0 end)
            go_on = true
            await(function () return first.ended end)
            assert.equal(1, #first)
            assert.matches("connection", ws:receive(LONG))
            ws:close()
          end)
        end
      end)

      it("ends when its own body closes and reconnects", function ()
        local url = serve_numbers()
        run(function ()
          local ws = wsmanager.new {url = url}
          local first = iterate(ws, function ()
            ws:close()
            ws:reconnect()
          end)
          await(function () return first.ended end)
          assert.same({"connection 1", ended = true}, first)
          assert.equal("connection 2", ws:receive(LONG))
          ws:close()
        end)
      end)
    end

    it("gives what still comes after close()", function ()
      local _, url = serve(function (ws)
        ws:send("first")
        ws:receive()
        ws:send("last")
      end)
      local ws = wsmanager.new {url = url}
      local heard = {}
      for data in ws:messages() do
        heard[#heard + 1] = data
        if data == "first" then
          ws:send("end")
          ws:close()
          ws:reconnect()
        end
      end
      assert.equal("first", heard[1])
      assert.is_true(#heard <= 2)
      assert.equal("first", ws:receive(LONG))
      ws:close()
    end)

    it("ends on the main thread, as do receive and closed", function ()
      local url = serve_numbers()
      local ws = wsmanager.new {url = url}
      local heard = {}
      for data in ws:messages() do
        heard[#heard + 1] = data
        ws:close()
        ws:reconnect()
      end
      assert.same({"connection 1"}, heard)
      assert.equal("connection 2", ws:receive(LONG))
      ws:close()
      ws:reconnect()
      refused("closed", ws:receive(LONG))
      assert.equal("connection 3", ws:receive(LONG))
      ws:close(3001)
      ws:reconnect()
      assert.same({3001, "", true}, {ws:closed(LONG)})
      assert.equal("connection 4", ws:receive(LONG))
      ws:close()
    end)

    it("in a coroutine waits, or raises why it cannot", function ()
      local _, url = serve(sayer("a"))
      run(function ()
        local ws = wsmanager.new {url = url, reconnect = false}
        local heard = {}
        local ok, why = pcall(function ()
          for data in ws:messages() do heard[#heard + 1] = data end
        end)
        if ok then
          assert.same({"a"}, heard)
        else    -- Lua 5.1 yields neither from an iterator nor through pcall
          assert.equal("Lua 5.1", _VERSION)
          assert.matches("call 'receive' in a 'while'", why)
        end
      end)
    end)
  end)
end)
