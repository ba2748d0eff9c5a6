-- The addresses of one name: an attempt that failed after TCP moves its own behind
-- the others. `x.localhost` is ::1 and 127.0.0.1, in this order.

local wsmanager = require "wsmanager"
local ours = require "support.ours"
local peers = require "support.peers"

local run = wsmanager.run
local serve, sayer = ours.serve, ours.sayer
local LONG, await = ours.LONG, ours.await
local QUICK = {delay = 0.01, pause = 0, jitter = 0}

-- On [::1] with that port a peer that plays the script.
local function beside (port, script)
  return peers.start("scripted", {host = "::1", port = port, script = script})
end

local function name_of (server, scheme)
  return (scheme or "ws") .. "://two.localhost:" .. server.port .. "/"
end

describe("an attempt that failed after TCP", function ()
  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  local failures = {
    ["is never answered"] = {{"stall"}},
    ["is ended"] = {{"close"}},
    ["is reset"] = {{"until", "\r\n\r\n"}, {"cut"}},
    ["is answered with a 500"] = {
      {"until", "\r\n\r\n"},
      {"text", "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"}, {"close"},
    },
    ["opens and ends before a message"] = {{"accept", ""}, {"close"}},
  }
  for name, script in pairs(failures) do
    it("as it " .. name .. " goes to the next address then", function ()
      local server = serve(sayer "hello")
      beside(server.port, script)
      run(function ()
        local ws = wsmanager.new {
          url = name_of(server), reconnect = QUICK, timeouts = {open = 0.3},
        }
        assert.equal("hello", ws:receive(LONG))
        assert.equal(2, ws:stats().dials)
        ws:close()
      end)
    end)
  end

  it("as its login fails goes to the next address then", function ()
    local server = serve(sayer "welcome")
    beside(server.port, {{"accept", ""}, {"send", "8104" .. "6e6f6e6f"}, {"stall"}})
    run(function ()
      local seen = {}
      local ws = wsmanager.new {
        url = name_of(server), reconnect = QUICK,
        login = function (handle)
          local answer = handle:receive(LONG)
          seen[#seen + 1] = answer
          if answer ~= "welcome" then return nil, "not welcome" end
        end,
      }
      assert(ws:opened(LONG))
      assert.same({"nono", "welcome"}, {seen[1], seen[2]})
      ws:close()
    end)
  end)

  it("goes back to its address when the others fail later", function ()
    local server = serve(function (ws) ws:close(1001) end)
    local first = beside(server.port, {{"close"}})
    run(function ()
      local ws = wsmanager.new {url = name_of(server), reconnect = QUICK}
      await(function () return ws:stats().dials >= 7 end)
      local times = 0
      for _, event in ipairs(first:events()) do
        if event.event == "connected" then times = times + 1 end
      end
      assert.is_true(times >= 3 and times <= ws:stats().dials / 2 + 1)
      ws:close()
    end)
  end)

  it("says nothing against an address that has given a message", function ()
    local server = serve(sayer "from 127.0.0.1")
    beside(server.port, {
      {"accept", ""}, {"send", "8103" .. "3a3a31"}, {"close"},
    })
    run(function ()
      local ws = wsmanager.new {url = name_of(server), reconnect = QUICK}
      for _ = 1, 3 do assert.equal("::1", ws:receive(LONG)) end
      ws:close()
    end)
  end)

  it("says nothing against an address when reconnect() or close() ended it",
     function ()
    local server = serve(sayer "from 127.0.0.1")
    beside(server.port, {{"accept", ""}, {"stall"}})
    run(function ()
      local ws = wsmanager.new {url = name_of(server)}
      assert(ws:opened(LONG))
      for _ = 1, 3 do
        ws:reconnect {code = 4000}
        assert(ws:opened(LONG))
        assert.equal("::1", ws:stats().address:match("^%[?(.-)%]?:%d+$"))
      end
      ws:close()
    end)
  end)
end)
