-- ws:send, with and without room, in coroutines and on the main thread.

local wsmanager = require "wsmanager"
local ours = require "support.ours"

local run, spawn = wsmanager.run, wsmanager.spawn
local serve, refused, await = ours.serve, ours.refused, ours.await
local LONG = ours.LONG

describe("a connection", function ()
  after_each(ours.stop)

  describe("sending", function ()
    -- A peer that reads only on command.
    local function stopped ()
      local gate = {}
      local _, url = serve(function (ws)
        while not gate.open and ws.state == "open" do wsmanager.sleep(0.005) end
        while true do
          local data = ws:receive()
          if data == nil then return end
          gate.bytes = (gate.bytes or 0) + #data
        end
      end)
      return url, gate
    end

    local BLOCK = ("x"):rep(1024 * 1024)

    it("returns full when it must not wait", function ()
      local url, gate = stopped()
      run(function ()
        local ws = wsmanager.new {url = url, buffer = 1024 * 1024}
        assert(ws:opened(LONG))
        local ok, token, detail
        repeat ok, token, detail = ws:send(BLOCK, "binary", 0) until not ok
        assert.equal("full", token)
        assert.matches("drain", detail)
        repeat ok, token, detail = ws:send(BLOCK, "binary", 0.05) until not ok
        assert.equal("timeout", token)
        assert.matches("^no room to send within 0.05 s: open ws://", detail)
        gate.open = true
      end)
    end)

    it("waits for room in a coroutine, and nothing is lost", function ()
      local url, gate = stopped()
      run(function ()
        local ws = wsmanager.new {url = url, buffer = 1024 * 1024}
        assert(ws:opened(LONG))
        local sent = 0
        spawn(function ()
          for _ = 1, 32 do
            assert(ws:send(BLOCK, "binary"))
            sent = sent + 1
          end
        end)
        await(function () return ws.bufferedAmount > 1024 * 1024 end)
        assert.is_true(sent < 32)
        gate.open = true
        await(function () return gate.bytes == 32 * #BLOCK end)
        assert.equal(32, sent)
      end)
    end)

    it("waits for room on the main thread", function ()
      local url, gate = stopped()
      local ws = wsmanager.new {url = url, buffer = 1024 * 1024}
      assert(ws:opened(LONG))
      spawn(function ()
        await(function () return ws.bufferedAmount > 1024 * 1024 end)
        gate.open = true
      end)
      for _ = 1, 32 do assert(ws:send(BLOCK, "binary")) end
      await(function () return gate.bytes == 32 * #BLOCK end)
    end)

    it("wakes those who wait for room when the connection closes", function ()
      local url = stopped()
      run(function ()
        local ws = wsmanager.new {
          url = url, buffer = 1024 * 1024, timeouts = {close = 0.05},
        }
        assert(ws:opened(LONG))
        local ok, token
        spawn(function ()
          repeat ok, token = ws:send(BLOCK, "binary") until not ok
        end)
        await(function () return ws.bufferedAmount > 1024 * 1024 end)
        ws:close()
        assert(ws:closed(LONG))
        assert.is_nil(ok)
        assert.equal("closed", token)
      end)
    end)

    it("returns full at once when the outbox is full", function ()
      run(function ()
        local ws = wsmanager.new {
          url = function () wsmanager.sleep(LONG) end,
          outbox = {messages = 2},
        }
        assert(ws:send("1"))
        assert(ws:send("2", "binary"))
        local ok, token, detail = ws:send("3")
        assert.is_nil(ok)
        assert.equal("full", token)
        assert.matches("outbox holds 2 messages", detail)
        assert.error_matches(function () ws:unsent() end,
          "unsent%(%) is for a connection that is over %(it is connecting%)")
        assert.equal(2, ws:stats().outbox)
        ws:close()
        assert.same({{"1", "2"}, {"text", "binary"}}, {ws:unsent()})
        assert.same({{}, {}}, {ws:unsent()})
      end)
    end)

    it("returns full where there is no outbox, and waits with a timeout", function ()
      local _, url = serve()
      run(function ()
        local ws = wsmanager.new {url = url, outbox = false}
        local ok, token, detail = ws:send("1")
        assert.is_nil(ok)
        assert.equal("full", token)
        assert.equal("the connection is connecting and has no outbox "
                     .. "(outbox = false)", detail)
        assert.is_true(ws:send("2", "text", LONG))
        assert.equal("2", ws:receive(LONG))
        ws:close()
        refused("closed", ws:send("3"))
      end)
    end)

    it("raises for what cannot be sent, at the caller's line", function ()
      local _, url = serve()
      local ws = wsmanager.new {url = url}
      local function fails (what, ...)
        local arguments = {...}
        local _, why = pcall(function ()
          local unpack = table.unpack or unpack
          ws:send(unpack(arguments, 1, 3))
        end)
        assert.matches("send_spec.lua:%d+: " .. what, why)
      end
      fails("bad argument #1 to 'send' %(string expected, got nil%)")
      fails("bad argument #1 to 'send' %(string expected, got table; "
            .. "with the option decode = \"json\" a table is sent as JSON%)", {})
      fails("bad argument #1 to 'send' %(string expected, got number%)", 5)
      fails("bad argument #1 to 'send' %(text must be UTF%-8", "\255")
      fails("bad argument #2 to 'send' %('text' or 'binary' expected, got blob",
            "x", "blob")
      fails("bad argument #2 to 'send' %('text' or 'binary' expected, got true",
            "x", true)
      fails("bad argument #2 to 'send' %('text' or 'binary' expected, got false",
            "x", false)
      fails("bad argument #3 to 'send' %(number expected, got string%)",
            "x", "text", "1")
      fails("bad argument #3 to 'send' %(unknown option 'tll' %(did you mean 'ttl'%?%)%)",
            "x", "text", {tll = 1})
      fails("bad argument #3 to 'send' %(unknown option '1'", "x", "text", {5})
      fails("bad argument #3 to 'send' %(positive number for 'ttl' expected, got 0%)",
            "x", "text", {ttl = 0})
      fails("bad argument #3 to 'send' %(positive number for 'ttl' expected, got %-1%)",
            "x", "text", {ttl = -1})
      fails("bad argument #3 to 'send' %(positive number for 'ttl' expected, got nan%)",
            "x", "text", {ttl = 0/0})
      fails("bad argument #3 to 'send' %(number for 'timeout' expected, got string%)",
            "x", "text", {timeout = "1"})
      fails("bad argument #3 to 'send' %(number for 'timeout' expected, got nan%)",
            "x", "text", {timeout = 0/0})
      fails("bad argument #3 to 'send' %(boolean for 'volatile' expected, got number%)",
            "x", "text", {volatile = 1})
      fails("bad argument #1 to 'send' %(text must be UTF%-8", "\255", "text", {ttl = 5})
    end)
  end)
end)
