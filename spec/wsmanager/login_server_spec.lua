-- A server's login: between the 101 and the handler.

local wsmanager = require "wsmanager"
local logins = require "support.logins"
local ours = require "support.ours"

local run = wsmanager.run
local serve, refused, hush = ours.serve, ours.refused, ours.hush
local LONG, await = ours.LONG, ours.await

local function count (server)
  local n = 0
  for _ in server:clients() do n = n + 1 end
  return n
end

describe("a server's login", function ()
  after_each(ours.stop)

  it("comes before the handler, which gets what it did not take", function ()
    run(function ()
      local seen = {}
      local _, url = serve {
        protocols = "chat",
        login = function (handle, request)
          seen[#seen + 1] = "login " .. request.path .. " " .. handle.protocol
          seen[#seen + 1] = handle.headers["x-name"]
          seen[#seen + 1] = handle:receive(LONG)
          assert(handle:send "welcome")
        end,
        handler = function (ws, request)
          seen[#seen + 1] = "handler " .. request.path
          seen[#seen + 1] = ws:receive(LONG)
          ws:send "bye"
          ws:receive()
        end,
      }
      local ws = wsmanager.new {
        url = url .. "/p", protocols = "chat", headers = {["X-Name"] = "ann"},
      }
      ws:send "token"
      ws:send "first"
      assert.equal("welcome", (ws:receive(LONG)))
      assert.equal("bye", (ws:receive(LONG)))
      assert.same({"login /p chat", "ann", "token", "handler /p", "first"}, seen)
      ws:close()
    end)
  end)

  it("keeps the client out of clients() and broadcast", function ()
    run(function ()
      local go
      local server, url = serve {
        login = function () await(function () return go end) end,
        handler = function (ws) ws:receive() end,
      }
      local ws = wsmanager.new {url = url}
      assert.is_true(ws:opened(LONG))
      assert.equal(0, count(server))
      assert.equal(0, (server:broadcast "too early"))
      go = true
      await(function () return count(server) == 1 end)
      assert.equal(1, (server:broadcast "now"))
      assert.equal("now", (ws:receive(LONG)))
      ws:close()
    end)
  end)

  it("that fails closes with 1008 and says why, and no handler runs", function ()
    run(function ()
      local handled, onerror = false, {}
      local results = {
        {n = 2, nil, "bad token"}, {n = 2, false, ("é"):rep(100)}, {n = 1, nil},
        {n = 4, nil, "mine", nil, 4001},
      }
      for _, each in ipairs(results) do
        local _, url = serve {
          login = function () return (table.unpack or unpack)(each, 1, each.n) end,
          handler = function () handled = true end,
          onerror = function (why) onerror[#onerror + 1] = why end,
        }
        local ws = wsmanager.new {url = url, reconnect = false}
        each.code, each.reason = ws:closed(LONG)
      end
      assert.same({1008, "bad token"}, {results[1].code, results[1].reason})
      assert.same({1008, ("é"):rep(61)}, {results[2].code, results[2].reason})
      assert.same({1008, "the login returned nothing but nil"},
                  {results[3].code, results[3].reason})
      assert.same({4001, "mine"}, {results[4].code, results[4].reason})
      assert.is_false(handled)
      assert.same({}, onerror)
    end)
  end)

  it("that raises closes with 1008 and tells nobody why but onerror", function ()
    run(function ()
      local told, heard = {}, hush()
      local function oops () error("secret", 0) end
      for _, onerror in ipairs {false, function (why, ws) told = {why, ws.state} end} do
        local _, url = serve {
          login = oops, handler = function () end, onerror = onerror or nil,
        }
        local ws = wsmanager.new {url = url, reconnect = false}
        assert.same({1008, "internal error", true}, {ws:closed(LONG)})
      end
      await(function () return told[1] end)
      assert.equal("secret", told[1])
      assert.equal("secret", heard[1].why)
      assert.matches("secret", heard[1].text)
    end)
  end)

  it("that takes too long closes with 1008", function ()
    run(function ()
      local results
      local _, url = serve {
        timeouts = {login = 0.05},
        login = function (handle) results = {handle:receive()} end,
        handler = function () end,
      }
      local ws = wsmanager.new {url = url, reconnect = false}
      assert.equal(1008, (ws:closed(LONG)))
      refused("closed", (table.unpack or unpack)(results, 1, 3))
    end)
  end)

  it("is told when the client has left", function ()
    run(function ()
      local results
      local server, url = serve {
        login = function (handle) results = {handle:receive()} end,
        handler = function () end,
      }
      local ws = wsmanager.new {url = url}
      assert.is_true(ws:opened(LONG))
      ws:close()
      await(function () return results end)
      refused("closed", (table.unpack or unpack)(results, 1, 3))
      assert.equal(0, count(server))
    end)
  end)

  it("ends with the server", function ()
    run(function ()
      local results
      local server, url = serve {
        login = function (handle) results = {handle:receive()} end,
        handler = function () end,
      }
      local ws = wsmanager.new {url = url, reconnect = false}
      assert.is_true(ws:opened(LONG))
      server:stop(LONG)
      await(function () return results end)
      assert.equal(1001, (ws:closed(LONG)))
    end)
  end)

  it("meets the client's", function ()
    run(function ()
      local _, url = serve {
        login = function (handle)
          handle:send "HELLO"
          if handle:receive(LONG) ~= "IDENTIFY" then return nil, "who?" end
          handle:send "READY"
        end,
        handler = ours.echo,
      }
      local ws = wsmanager.new {url = url, login = logins.identify}
      ws:send "order"
      assert.equal("order", (ws:receive(LONG)))
      ws:close()
    end)
  end)

  it("leaves a handler whose events come first", function ()
    run(function ()
      local got = {}
      local _, url = serve {
        login = function (handle) assert(handle:receive(LONG) == "token") end,
        handler = function (ws)
          ws.onmessage = function (event) got[#got + 1] = event.data end
        end,
      }
      local ws = wsmanager.new {url = url}
      ws:send "token"
      ws:send "a"
      ws:send "b"
      await(function () return #got == 2 end)
      assert.same({"a", "b"}, got)
      ws:close()
    end)
  end)
end)
