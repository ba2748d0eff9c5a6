-- reconnect() with options: a close frame before, another URL for the next attempt.

local wsmanager = require "wsmanager"
local coroutines = require "wsmanager.run.coroutines"
local certificates = require "support.certificates"
local ours = require "support.ours"

local run = wsmanager.run
local serve = ours.serve
local LONG, await = ours.LONG, ours.await

-- A server that says which target was asked for, and the ends that it saw.
local function teller ()
  local ends = {}
  local _, url = serve(function (ws, request)
    ws:send(request.target)
    local code, reason = ws:closed(LONG)
    ends[#ends + 1] = {code, reason}
  end)
  return url, ends
end

describe("reconnect()", function ()
  after_each(ours.stop)

  it("gives the peer a code and a reason, and awaits no answer", function ()
    local url, ends = teller()
    run(function ()
      local ws = wsmanager.new {url = url .. "/a"}
      assert.equal("/a", ws:receive(LONG))
      ws:reconnect {code = 4000, reason = "again"}
      assert.equal("connecting", ws.state)
      assert.equal("/a", ws:receive(LONG))
      await(function () return #ends == 1 end)
      assert.same({4000, "again"}, ends[1])
      ws:reconnect {reason = "and again"}
      assert.equal("/a", ws:receive(LONG))
      await(function () return #ends == 2 end)
      assert.same({1000, "and again"}, ends[2])
      ws:reconnect()
      assert.equal("/a", ws:receive(LONG))
      await(function () return #ends == 3 end)
      assert.equal(1006, ends[3][1])
      ws:close()
    end)
  end)

  it("is not held up by a peer that never answers the close frame", function ()
    local peers = require "support.peers"
    local peer = peers.start("scripted", {script = {
      {"accept"}, {"stall"},
    }})
    finally(peers.stop)
    local url = teller()
    run(function ()
      local ws = wsmanager.new {url = "ws://127.0.0.1:" .. peer.port}
      assert(ws:opened(LONG))
      ws:reconnect {code = 4000, url = url .. "/b"}
      assert.equal("/b", ws:receive(LONG))
      ws:close()
    end)
  end)

  it("keeps what was not sent, in order", function ()
    local got = {}
    local _, url = serve(function (ws)
      while true do
        local message = ws:receive(LONG)
        if not message then return end
        got[#got + 1] = message
      end
    end)
    run(function ()
      local ws = wsmanager.new {url = url}
      ws:send "1"
      ws:reconnect {code = 4000}
      ws:send "2"
      assert(ws:opened(LONG))
      ws:reconnect {code = 4000}
      ws:send "3"
      assert(ws:drain(LONG))
      await(function () return #got == 3 end)
      assert.same({"1", "2", "3"}, got)
      ws:close()
    end)
  end)

  it("gives the code over TLS, too", function ()
    local made = certificates.make()
    finally(function () made:remove() end)
    local ends = {}
    local server = serve {
      tls = {cert = made:path "good.pem", key = made:path "leaf.key"},
      handler = function (ws)
        ws:send "hello"
        ends[#ends + 1] = {ws:closed(LONG)}
      end,
    }
    run(function ()
      local ws = wsmanager.new {
        url = "wss://localhost:" .. server.port, tls = {ca = made:path "ca.pem"},
      }
      assert.equal("hello", ws:receive(LONG))
      ws:reconnect {code = 4000, reason = "again"}
      assert.equal("hello", ws:receive(LONG))
      await(function () return #ends == 1 end)
      assert.same({4000, "again"}, {ends[1][1], ends[1][2]})
      ws:close()
    end)
  end)

  it("cuts a login short, and the next connection has its own", function ()
    local url, ends = teller()
    run(function ()
      local logins, cut = 0, nil
      local ws = wsmanager.new {
        url = url .. "/a",
        login = function (handle)
          logins = logins + 1
          if logins > 1 then return true end
          handle:receive(LONG)
          cut = {handle:receive(LONG)}
        end,
      }
      await(function () return logins == 1 end)
      wsmanager.sleep(0)
      ws:reconnect {code = 4000, reason = "at once"}
      assert(ws:opened(LONG))
      assert.equal(2, logins)
      await(function () return cut and #ends == 1 end)
      assert.same({"closed", 4000}, {cut[2], ends[1][1]})
      ws:close()
    end)
  end)

  it("forgets the other URL with a close()", function ()
    local url = teller()
    run(function ()
      local asked = 0
      local ws = wsmanager.new {
        url = url .. "/a", reconnect = {rate = {1, per = 0.3}},
      }
      assert.equal("/a", ws:receive(LONG))
      ws.onreconnecting = function () asked = asked + 1 end
      ws:reconnect {url = url .. "/b"}      -- waits for the rate
      await(function () return asked == 1 end)
      ws:close()
      ws:closed(LONG)
      ws:reconnect()
      assert(ws:opened(LONG))
      assert.equal("/a", ws:receive(LONG))
      ws:close()
    end)
  end)

  local function given ()
    return {
      ["a fixed URL"] = function (url) return url .. "/a" end,
      ["a list of URLs"] = function (url) return {url .. "/a"} end,
      ["a function"] = function (url) return function () return url .. "/a" end end,
    }
  end

  for name, make in pairs(given()) do
    it("goes to another URL once, with " .. name, function ()
      local headers, protocols = {}, {}
      local _, url = serve {
        protocols = {"p"},
        handler = function (ws, request)
          headers[#headers + 1] = request.headers["x-a"]
          protocols[#protocols + 1] = ws.protocol
          ws:send(request.target)
          ws:closed(LONG)
        end,
      }
      run(function ()
        local ws = wsmanager.new {
          url = make(url), headers = {["X-A"] = "b"}, protocols = "p",
        }
        assert.equal("/a", ws:receive(LONG))
        ws:reconnect {url = url .. "/b"}
        assert.equal("/b", ws:receive(LONG))
        assert.equal(url .. "/b", ws.url)
        ws:reconnect()
        assert.equal("/a", ws:receive(LONG))
        assert.same({"b", "b", "b"}, headers)
        assert.same({"p", "p", "p"}, protocols)
        ws:close()
      end)
    end)
  end

  it("goes back to the usual URL when the other one fails", function ()
    local url = teller()
    run(function ()
      local ws = wsmanager.new {
        url = url .. "/a", reconnect = {delay = 0.01, jitter = 0},
      }
      assert.equal("/a", ws:receive(LONG))
      ws:reconnect {url = ours.nowhere()}
      assert.equal("/a", ws:receive(LONG))
      ws:close()
    end)
  end)

  it("gives up an attempt under way for another URL, and a function that waits",
     function ()
    local url = teller()
    run(function ()
      local go, returned
      local ws = wsmanager.new {url = function ()
        await(function () return go end)
        returned = true
        return url .. "/late"
      end}
      wsmanager.sleep(0)
      ws:reconnect {url = url .. "/b"}
      assert.equal("/b", ws:receive(LONG))
      go = true
      await(function () return returned end)
      ours.settle()
      assert.equal("open", ws.state)
      assert.equal(url .. "/b", ws.url)
      ws:close()
    end)
  end)

  -- a coroutine of Lua 5.1 cannot wait in messages()
  local where_it_yields = coroutines.iterators_yield and it or pending

  where_it_yields("lets messages() go on", function ()
    local url = teller()
    run(function ()
      local ws, got = wsmanager.new {url = url .. "/a"}, {}
      local over
      wsmanager.spawn(function ()
        local next_one, state = ws:messages()
        for i = 1, 3 do
          got[i] = next_one(state)
          if not got[i] then break end
        end
        over = next_one(state) == nil
      end)
      await(function () return #got == 1 end)
      ws:reconnect {code = 4000}
      await(function () return #got == 2 end)
      ws:reconnect {url = url .. "/b"}
      await(function () return #got == 3 end)
      assert.same({"/a", "/a", "/b"}, got)
      ws:close()
      await(function () return over end)
    end)
  end)

  where_it_yields("after close() ends messages(), and a new one works", function ()
    local url, ends = teller()
    run(function ()
      local ws, got, over = wsmanager.new {url = url .. "/a"}, {}, nil
      wsmanager.spawn(function ()
        local next_one, state = ws:messages()
        repeat
          local message = next_one(state)
          got[#got + 1] = message
        until not message
        over = true
      end)
      await(function () return #got == 1 end)
      ws:close(4000, "again")
      ws:reconnect {url = url .. "/b", code = 4001}
      await(function () return over end)
      assert.same({"/a"}, got)
      local next_one, state = ws:messages()
      assert.equal("/b", (next_one(state)))
      assert.same({4000, "again"}, ends[1])
      ws:close()
    end)
  end)

  it("raises for bad arguments, and changes nothing", function ()
    local url = teller()
    run(function ()
      local ws = wsmanager.new {url = url .. "/a"}
      assert.equal("/a", ws:receive(LONG))
      for _, case in ipairs {
        {4001, "bad argument #1 to 'reconnect' %(table expected, got number%)"},
        {{after = 1}, "unknown option 'after' of 'reconnect'"},
        {{code = "1"}, "bad argument 'code' of 'reconnect' %(integer expected"},
        {{code = 4000.5}, "bad argument 'code' of 'reconnect' %(integer expected"},
        {{code = 1001}, "InvalidAccessError: the close code must be"},
        {{reason = 5}, "bad argument 'reason' of 'reconnect' %(string expected"},
        {{reason = ("x"):rep(124)}, "SyntaxError: the close reason has 124 bytes"},
        {{reason = "\255"}, "SyntaxError: the close reason must be UTF%-8"},
        {{url = 5}, "bad argument 'url' of 'reconnect' %(string expected"},
        {{url = "htp:/"}, "bad URL \"htp:/\""},
      } do
        ours.fails(case[2], ws.reconnect, ws, case[1])
      end
      assert.equal("open", ws.state)
      assert.equal(1, ws:stats().opens)
      ws:close()
    end)
  end)
end)

describe("what successive connections leave untaken", function ()
  after_each(ours.stop)

  it("is bounded together, and a new one is read when there is room", function ()
    local MESSAGE, INBOX = ("x"):rep(50000), 200000
    local served = 0
    local _, url = serve(function (ws)
      served = served + 1
      for _ = 1, 20 do
        if not ws:send(MESSAGE, "binary", 1) then return end
      end
      ws:send("last " .. served)
      ws:closed(LONG)
    end)
    run(function ()
      local ws = wsmanager.new {url = url, inbox = INBOX}
      local most = 0
      for i = 1, 20 do
        await(function () return ws:stats().opens == i end)
        most = math.max(most, ws:stats().unread)
        ws:reconnect()
      end
      await(function () return ws:stats().opens == 21 end)
      -- one message more, and what one read brought behind it
      assert.is_true(most <= INBOX + #MESSAGE + 2^19, most)
      local took, last = 0, nil
      repeat
        local data, kind = ws:receive(LONG)
        if kind == "text" then last = data else took = took + 1 end
      until last == "last 21"
      assert.is_true(took < 21 * 20)
      ws:close()
    end)
  end)
end)
