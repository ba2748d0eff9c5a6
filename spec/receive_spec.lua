local direct = require "wsmanager.direct"
local wsmanager = require "wsmanager"
local ours = require "support.ours"

local run, spawn = wsmanager.run, wsmanager.spawn
local serve, sayer, refused = ours.serve, ours.sayer, ours.refused
local receive_now = direct.receive
local LONG = ours.LONG

local new_proxy = rawget(_G, "newproxy")    -- Lua 5.1: no table has a finalizer

-- Garbage that, whenever it is collected, calls f and is there again; until the
-- answer is called.
local function undead(f)
  local alive = true
  local function bear()
    local function finalizer()
      if not alive then return end
      f()
      bear()
    end
    if new_proxy then getmetatable(new_proxy(true)).__gc = finalizer
    else setmetatable({}, {__gc = finalizer}) end
  end
  for _ = 1, 500 do bear() end
  return function() alive = false end
end

describe("a connection", function ()
  after_each(ours.stop)

  describe("receiving", function ()
    it("gives up at the timeout, and nothing is harmed", function ()
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

    -- So many messages of that size that what they leave behind is collected.
    local function enough (size)
      collectgarbage()
      return math.ceil((2e7 + 3 * collectgarbage("count") * 1024) / size)
    end

    -- A connection on which so many come, of that size: tag, filling, number.
    local function dial_numbers (tag, count, size)
      local head = tag .. ("x"):rep(size - #tag - 9)
      local _, url = serve(function (ws)
        for i = 1, count do ws:send(head .. ("%09d"):format(i)) end
      end)
      return wsmanager.new {url = url, reconnect = false}
    end

    -- Notes the messages of a tag: times[i] is how often number i came.
    local function tally (tag)
      local times = {}
      return times, function (data)
        if not data then return false end
        local i = data:sub(1, #tag) == tag and tonumber(data:sub(-9)) or 0
        times[i] = (times[i] or 0) + 1
        return true
      end
    end

    local function each_once (times, count)
      assert.is_nil(times[0])
      for i = 1, count do assert.equal(1, times[i], i) end
    end

    -- As the string for a message is made, a collection may run.
    for _, size in ipairs {900, 65536} do
      it("gives each message of " .. size .. " bytes once, be it to a finalizer",
         function ()
        local count = enough(size)
        run(function ()
          local ws = dial_numbers("one", count, size)
          local times, take = tally "one"
          local taken = 0
          local bury = undead(function ()
            if take(receive_now(ws)) then taken = taken + 1 end
          end)
          while take(ws:receive()) do end
          bury()
          each_once(times, count)
          assert.is_true(taken > 0)
        end)
      end)
    end

    it("gives each its own, whatever a finalizer takes of another", function ()
      local count = enough(900)
      local finally_on = jit and jit.status() and jit.on or function () end
      if jit then     -- a collection may run anywhere in code that is not compiled
        jit.off()
        jit.flush()
      end
      run(function ()
        local one = dial_numbers("one", count, 900)
        local other = dial_numbers("other", count, 900)
        local times, take = tally "one"
        local others, take_other = tally "other"
        local at, there, taken = 0, 0, 0
        local function go_on (receive)
          if not take_other(receive(other)) then return false end
          there = there + 1
          return true
        end
        local bury = undead(function ()
          if there <= at and go_on(receive_now) then taken = taken + 1 end
        end)
        while at < count do      -- both in step
          take(one:receive())
          at = at + 1
          while there < at and go_on(other.receive) do end
        end
        bury()
        each_once(times, count)
        each_once(others, count)
        assert.is_true(taken > 0)
      end)
      finally_on()
    end)

    it("tells all who wait that the connection is over", function ()
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

    it("in a coroutine waits, or says why it cannot", function ()
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
