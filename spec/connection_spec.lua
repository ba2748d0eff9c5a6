local core = require "wsmanager.core"
local wsmanager = require "wsmanager"
local peers = require "support.peers"

local run, spawn = wsmanager.run, wsmanager.spawn

local LONG = 5       -- seconds: no spec waits so long unless it fails
local QUICK = {delay = 0.1, pause = 0, jitter = 0}

local servers = {}

-- A server of ours; it answers each message with itself unless told otherwise.
local function serve (handler)
  local server = assert(wsmanager.serve {
    host = "127.0.0.1",
    handler = handler or function (ws)
      while true do
        local data, kind = ws:receive()
        if data == nil then return end
        ws:send(data, kind)
      end
    end,
  })
  servers[#servers + 1] = server
  return server, "ws://127.0.0.1:" .. server.port
end

local function sayer (...)
  local texts = {...}
  return function (ws)
    for _, text in ipairs(texts) do ws:send(text) end
  end
end

local function refused (token, ...)
  assert.same({nil, token}, {(...), (select(2, ...))})
  assert.equal("string", type((select(3, ...))))
end

-- What a program would hear on stderr.
local function hush ()
  local heard = {}
  wsmanager.onerror = function (why, text)
    heard[#heard + 1] = {why = why, text = text}
  end
  return heard
end

describe("a connection", function ()
  after_each(function ()
    wsmanager.onerror = nil
    peers.stop()
    for _, server in ipairs(servers) do server:stop(0) end
    servers = {}
  end)

  it("opens, exchanges messages and closes", function ()
    local _, url = serve()
    run(function ()
      local ws = wsmanager.new {url = url}
      assert.equal("connecting", ws.state)
      assert.is_true(ws:opened(LONG))
      assert.equal("open", ws.state)
      assert.is_true(ws:send("hello"))
      assert.same({"hello", "text"}, {ws:receive(LONG)})
      assert.is_true(ws:send("\0\255", "binary"))
      assert.same({"\0\255", "binary"}, {ws:receive(LONG)})
      ws:close(1000, "done")
      local code, _, clean = ws:closed(LONG)
      assert.equal(1000, code)
      assert.is_true(clean)
      assert.equal("closed", ws.state)
      ws:close()
      refused("closed", ws:send("late"))
    end)
  end)

  it("sends before it is open", function ()
    local _, url = serve()
    run(function ()
      local ws = wsmanager.new {url = url}
      for i = 1, 100 do assert(ws:send(tostring(i))) end
      for i = 1, 100 do assert.equal(tostring(i), ws:receive(LONG)) end
    end)
  end)

  it("does all of it on the main thread, with no coroutine", function ()
    local peer = peers.start("python_server")
    local ws = wsmanager.new {url = "ws://127.0.0.1:" .. peer.port .. "/echo"}
    assert.is_true(ws:opened(LONG))
    assert.is_true(ws:send("hello"))
    assert.equal("hello", ws:receive(LONG))
    ws:close()
    assert.equal(1005, (ws:closed(LONG)))
    refused("closed", ws:receive())
  end)

  it("waits in a coroutine of somebody else by turning the loop", function ()
    local _, url = serve(sayer("one", "two"))
    run(function ()
      local ws = wsmanager.new {url = url, reconnect = false}
      local heard = {}
      for data in coroutine.wrap(function ()
        local data = ws:receive(LONG)
        while data do
          coroutine.yield(data)
          data = ws:receive(LONG)
        end
      end) do
        heard[#heard + 1] = data
      end
      assert.same({"one", "two"}, heard)
    end)
  end)

  it("goes with node and python alike", function ()
    for _, name in ipairs {"node_server", "python_server"} do
      local peer = peers.start(name, {protocols = {"chat"}})
      run(function ()
        local ws = wsmanager.new {
          url = "ws://127.0.0.1:" .. peer.port .. "/echo",
          protocols = {"other", "chat"},
        }
        assert.is_true(ws:opened(LONG))
        assert.equal("chat", ws.protocol)
        ws:send("héllo")
        assert.equal("héllo", ws:receive(LONG))
        ws:close(3001, "enough")
        assert.same({3001, "enough", true}, {ws:closed(LONG)})
      end)
      peer:stop()
    end
  end)

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
      assert.matches("connection_spec.lua:%d+: bad argument #1 to 'receive' "
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

  describe("sending", function ()
    -- A peer that reads only when it is told to.
    local function stopped ()
      local gate = {}
      local _, url = serve(function (ws)
        while not gate.open do wsmanager.sleep(0.005) end
        while true do
          local data = ws:receive()
          if data == nil then return end
          gate.bytes = (gate.bytes or 0) + #data
        end
      end)
      return url, gate
    end

    local BLOCK = ("x"):rep(1024 * 1024)

    it("says full when it must not wait", function ()
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
        repeat wsmanager.sleep(0.005) until ws.bufferedAmount > 1024 * 1024
        assert.is_true(sent < 32)
        gate.open = true
        repeat wsmanager.sleep(0.005) until gate.bytes == 32 * #BLOCK
        assert.equal(32, sent)
      end)
    end)

    it("waits for room on the main thread", function ()
      local url, gate = stopped()
      local ws = wsmanager.new {url = url, buffer = 1024 * 1024}
      assert(ws:opened(LONG))
      spawn(function ()
        repeat wsmanager.sleep(0.005) until ws.bufferedAmount > 1024 * 1024
        gate.open = true
      end)
      for _ = 1, 32 do assert(ws:send(BLOCK, "binary")) end
      repeat wsmanager.step(LONG) until gate.bytes == 32 * #BLOCK
    end)

    it("tells who waits for room that the connection closed", function ()
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
        repeat wsmanager.sleep(0.005) until ws.bufferedAmount > 1024 * 1024
        ws:close()
        assert(ws:closed(LONG))
        assert.is_nil(ok)
        assert.equal("closed", token)
      end)
    end)

    it("says full when the outbox is, at once", function ()
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
        assert.same({{"1", "2"}, {"text", "binary"}}, {ws:unsent()})
        assert.same({{}, {}}, {ws:unsent()})
        ws:close()
      end)
    end)

    it("raises for what cannot be sent, at the line that did", function ()
      local _, url = serve()
      local ws = wsmanager.new {url = url}
      local function fails (what, ...)
        local arguments = {...}
        local _, why = pcall(function ()
          local unpack = table.unpack or unpack
          ws:send(unpack(arguments, 1, 3))
        end)
        assert.matches("connection_spec.lua:%d+: " .. what, why)
      end
      fails("bad argument #1 to 'send' %(string expected, got nil%)")
      fails("bad argument #1 to 'send' %(string expected, got table%)", {})
      fails("bad argument #1 to 'send' %(string expected, got number%)", 5)
      fails("bad argument #1 to 'send' %(text must be UTF%-8", "\255")
      fails("bad argument #2 to 'send' %('text' or 'binary' expected, got blob",
            "x", "blob")
    end)
  end)

  describe("closing", function ()
    it("raises the W3C's errors for a bad code or reason", function ()
      local _, url = serve()
      local ws = wsmanager.new {url = url}
      local function fails (what, ...)
        local arguments = {...}
        local _, why = pcall(function ()
          ws:close(arguments[1], arguments[2])
        end)
        assert.matches("connection_spec.lua:%d+: " .. what, why)
      end
      for _, code in ipairs {0, 999, 1001, 1005, 2999, 5000, 70000} do
        fails("InvalidAccessError: ", code)
      end
      fails("SyntaxError: ", 1000, ("x"):rep(124))
      fails("SyntaxError: ", 1000, "\255")
      fails("bad argument #1 to 'close' %(integer expected, got string", "1000")
      fails("bad argument #2 to 'close' %(string expected, got table", 1000, {})
      assert.equal("connecting", ws.state)
    end)

    it("wins over a reconnect", function ()
      local _, url = serve(sayer("bye"))
      run(function ()
        local ws = wsmanager.new {
          url = url, reconnect = {pause = 60}, timeouts = {close = 0.02},
        }
        local waiting = false
        ws.onreconnecting = function () waiting = true end
        repeat wsmanager.sleep(0.001) until waiting
        assert.equal("waiting", ws.state)
        ws:close()
        assert.equal("closed", ws.state)
        assert.equal(1000, (ws:closed(LONG)))
        assert.equal("bye", ws:receive())
        refused("closed", ws:receive())
      end)
    end)

    it("ends a wait for opening", function ()
      run(function ()
        local ws = wsmanager.new {url = function () wsmanager.sleep(LONG) end}
        spawn(function () ws:close() end)
        local ok, token = ws:opened(LONG)
        assert.is_nil(ok)
        assert.equal("closed", token)
      end)
    end)

    it("is what happens to one that is dropped", function ()
      local code
      local _, url = serve(function (ws)
        while ws:receive() ~= nil do code = nil end
        code = ws:closed(LONG)
      end)
      run(function ()
        do
          local ws = wsmanager.new {url = url}
          assert(ws:opened(LONG))
        end
        repeat
          collectgarbage()
          wsmanager.sleep(0.001)
        until code
        assert.equal(1006, code)
      end)
    end)

    it("does not happen to one that somebody listens to", function ()
      local server, url = serve()
      run(function ()
        local heard
        local function start ()
          local ws = wsmanager.new {url = url}
          ws.onmessage = function (event) heard = event.data end
          assert(ws:opened(LONG))
        end
        start()
        collectgarbage()
        collectgarbage()
        server:broadcast("anybody there?")
        repeat wsmanager.sleep(0.001) until heard
        assert.equal("anybody there?", heard)
      end)
    end)
  end)

  describe("failing", function ()
    local function attempt (given)
      given.reconnect = given.reconnect or false
      return run(function ()
        local ws = assert(wsmanager.new(given))
        local ok, token, detail = ws:opened(LONG)
        assert.is_nil(ok)
        return token, detail, ws
      end)
    end

    it("raises a bad URL at the line that gave it", function ()
      for _, bad in ipairs {
        "", "localhost", "ftp://x", "ws://", "ws://x:0", "ws://x:70000",
        "ws://x/#fragment", "ws://x/a b", "ws://x/\r\nEvil: 1",
      } do
        local ok, why = pcall(function () wsmanager.new {url = bad} end)
        assert.is_false(ok, bad)
        assert.matches("connection_spec.lua:%d+: ", why)
      end
    end)

    it("names a host that does not exist", function ()
      local token, detail = attempt {url = "ws://no-such-host.invalid/"}
      assert.equal("resolve", token)
      assert.matches("no%-such%-host.invalid", detail)
    end)

    it("names an address that refuses", function ()
      local server, url = serve()
      server:stop()
      local token, detail = attempt {url = url}
      assert.equal("refused", token)
      assert.matches("127.0.0.1", detail)
    end)

    it("gives up on a peer that says nothing", function ()
      local peer = peers.start("scripted", {script = {{"stall"}}})
      local token = attempt {
        url = "ws://127.0.0.1:" .. peer.port, timeouts = {open = 0.1},
      }
      assert.equal("timeout", token)
    end)

    it("keeps the page that came instead of a 101", function ()
      local server = assert(wsmanager.serve {
        host = "127.0.0.1",
        authorize = function () return nil, 404, "nobody here\n" end,
      })
      servers[#servers + 1] = server
      local token, detail, ws =
        attempt {url = "ws://127.0.0.1:" .. server.port .. "/x"}
      assert.equal("handshake", token)
      assert.matches("404", detail)
      local answer = ws:answer()
      assert.equal(404, answer.status)
      assert.equal("nobody here\n", answer.body)
    end)

    it("is exhausted when the budget is used up", function ()
      local server, url = serve()
      server:stop()
      run(function ()
        local attempts = {}
        local ws = wsmanager.new {
          url = url,
          reconnect = {delay = 0.001, jitter = 0, limit = 3},
          onreconnecting = function (event)
            attempts[#attempts + 1] = event.attempt
          end,
        }
        local exhausted = false
        ws:addEventListener("exhausted", function () exhausted = true end)
        refused("exhausted", ws:opened(LONG))
        assert.is_true(exhausted)
        assert.same({1, 2, 3}, attempts)
        assert.equal("exhausted", ws.state)
        refused("exhausted", ws:receive())
        refused("exhausted", ws:send("x"))
        refused("exhausted", ws:closed(LONG))
      end)
    end)
  end)

  describe("asked where to dial", function ()
    it("waits for the function, and tells it the attempt", function ()
      local _, url = serve(sayer("hello"))
      run(function ()
        local asked = {}
        local ws = wsmanager.new {
          url = function (attempt, last)
            asked[#asked + 1] = {attempt, last and last.code}
            wsmanager.sleep(0.001)
            return url
          end,
          reconnect = QUICK,
        }
        assert.equal("hello", ws:receive(LONG))
        assert.equal("hello", ws:receive(LONG))
        ws:close()
        assert.is_nil(asked[1][2])
        assert.equal(1000, asked[2][2])
      end)
    end)

    it("locks without a session, until reconnect()", function ()
      local _, url = serve()
      run(function ()
        local session, why
        local ws = wsmanager.new {
          url = function ()
            if session then return url end
            return nil, "log in first"
          end,
          onlocked = function (event) why = event.message end,
        }
        local ok, token, detail = ws:opened(LONG)
        assert.is_nil(ok)
        assert.equal("locked", token)
        assert.equal("log in first", detail)
        assert.equal("log in first", why)
        assert.equal("locked", ws.state)
        assert.same({nil, "locked", "log in first"}, {ws:receive()})
        session = true
        ws:reconnect()
        assert.is_true(ws:opened(LONG))
      end)
    end)

    it("locks when the function fails, and reports it", function ()
      local heard = hush()
      run(function ()
        local ws = wsmanager.new {url = function () error("no brain") end}
        local _, token, detail = ws:opened(LONG)
        assert.equal("locked", token)
        assert.matches("no brain", detail)
        assert.matches("no brain.*traceback", heard[1].text)
      end)
    end)

    it("locks when the function gives a bad URL", function ()
      local heard = hush()
      run(function ()
        local ws = wsmanager.new {url = function () return "gopher://x" end}
        local _, token, detail = ws:opened(LONG)
        assert.equal("locked", token)
        assert.matches("gopher", detail)
        assert.equal(1, #heard)
      end)
    end)

    it("asks for headers and subprotocols each time", function ()
      local requests = {}
      local server = assert(wsmanager.serve {
        host = "127.0.0.1", protocols = {"b", "a"},
        handler = function (ws, request)
          requests[#requests + 1] = request.headers.authorization
          ws:send(ws.protocol)
        end,
      })
      servers[#servers + 1] = server
      run(function ()
        local tokens = 0
        local ws = wsmanager.new {
          url = "ws://127.0.0.1:" .. server.port,
          headers = function ()
            tokens = tokens + 1
            return {Authorization = "Bearer " .. tokens}
          end,
          protocols = function () return {"a", "b"} end,
          reconnect = QUICK,
        }
        assert.equal("b", ws:receive(LONG))
        assert.equal("b", ws:receive(LONG))
        ws:close()
        assert.same({"Bearer 1", "Bearer 2"}, {requests[1], requests[2]})
      end)
    end)

    it("ignores an answer that comes after close()", function ()
      local _, url = serve()
      run(function ()
        local answered = false
        local ws = wsmanager.new {url = function ()
          wsmanager.sleep(0.01)
          answered = true
          return url
        end}
        wsmanager.sleep(0)
        wsmanager.sleep(0)
        ws:close()
        repeat wsmanager.sleep(0.001) until answered
        wsmanager.sleep(0)
        assert.equal("closed", ws.state)
      end)
    end)
  end)

  describe("asked whether to reconnect", function ()
    it("knows how it ended, and stops with false", function ()
      local _, url = serve(function (ws) ws:close(4001, "banned") end)
      run(function ()
        local info
        local ws = wsmanager.new {url = url, reconnect = {
          when = function (ending)
            info = ending
            return false
          end,
        }}
        assert.same({4001, "banned", true}, {ws:closed(LONG)})
        assert.equal(4001, info.code)
        assert.equal("banned", info.reason)
        assert.is_false(info.final)
      end)
    end)

    it("dials after the seconds it answers", function ()
      local _, url = serve(sayer("again"))
      run(function ()
        local delays = {}
        local ws = wsmanager.new {
          url = url, reconnect = {delay = 60, when = function () return 0 end},
          onreconnecting = function (event)
            delays[#delays + 1] = event.delay
          end,
        }
        assert.equal("again", ws:receive(LONG))
        assert.equal("again", ws:receive(LONG))
        ws:close()
        assert.equal(0, delays[1])
      end)
    end)

    it("keeps the default with nil", function ()
      local server = assert(wsmanager.serve {
        host = "127.0.0.1", authorize = function () return nil, 403 end,
      })
      servers[#servers + 1] = server
      run(function ()
        local status
        local ws = wsmanager.new {
          url = "ws://127.0.0.1:" .. server.port,
          reconnect = {when = function (info)
            status = info.status
            assert.is_true(info.final)
          end},
        }
        refused("handshake", ws:opened(LONG))
        assert.equal(403, status)
        assert.equal("closed", ws.state)
      end)
    end)
  end)

  it("reconnects when it is told to while open", function ()
    local _, url = serve(function (ws)
      ws:send("hello")
      ws:receive()
    end)
    run(function ()
      local ws = wsmanager.new {url = url}
      assert.equal("hello", ws:receive(LONG))
      ws:reconnect()
      assert.equal("hello", ws:receive(LONG))
      assert.equal(2, ws:stats().opens)
    end)
  end)

  it("pings, and measures the beats that are pings", function ()
    local _, url = serve()
    run(function ()
      local ws = wsmanager.new {url = url, heartbeat = {interval = 0.01}}
      refused("closed", ws:ping())
      assert(ws:opened(LONG))
      assert.is_true(ws:ping("hello"))
      assert.error_matches(function () ws:ping(("x"):rep(126)) end, "125 bytes")
      repeat wsmanager.sleep(0.001) until ws:stats().latency
      assert.is_true(ws:stats().latency < LONG)
      assert.is_true(ws:stats().pongs >= 2)
    end)
  end)

  it("shows its state and place, and no secret", function ()
    local server = serve()
    run(function ()
      local place = "127.0.0.1:" .. server.port .. "/ws/42"
      local ws = wsmanager.new {
        url = "ws://user:password@" .. place .. "?token=secret",
      }
      assert.equal("wsmanager: connecting ws://" .. place, tostring(ws))
      assert(ws:opened(LONG))
      assert.equal("wsmanager: open ws://" .. place, tostring(ws))
    end)
  end)

  it("has the W3C's constants and fields", function ()
    local _, url = serve()
    local ws = wsmanager.new {url = url}
    assert.same({0, 1, 2, 3}, {ws.CONNECTING, ws.OPEN, ws.CLOSING, ws.CLOSED})
    assert.equal(0, ws.readyState)
    assert.equal(0, ws.bufferedAmount)
    assert.equal(url, ws.url)
    assert.equal("", ws.protocol)
    assert.equal("", ws.extensions)
    ws.mine = "kept"
    assert.equal("kept", ws.mine)
    assert.is_nil(ws.other)
  end)

  it("refuses assignments that mean nothing", function ()
    local _, url = serve()
    local ws = wsmanager.new {url = url}
    assert.error_matches(function () ws.state = "open" end,
                         "'state' cannot be assigned")
    assert.error_matches(function () ws.send = print end,
                         "'send' cannot be assigned")
    assert.error_matches(function () ws.onmesage = print end,
      "unknown event property 'onmesage' %(did you mean 'onmessage'%?%)")
    assert.error_matches(function () ws.onmessage = "x" end,
      "bad handler 'onmessage' %(function or nil expected, got string%)")
  end)

  it("leaves no memory behind when all of it is dropped", function ()
    local function round ()
      local server, url = serve()
      run(function ()
        local ws = wsmanager.new {url = url, onopen = function () end}
        assert(ws:opened(LONG))
        ws:send("x")
        assert.equal("x", ws:receive(LONG))
        ws:close()
        assert(ws:closed(LONG))
      end)
      server:stop()
      servers = {}
    end
    local function blocks ()
      for _ = 1, 3 do collectgarbage() end
      wsmanager.step(0)
      return core.memory().blocks
    end
    round()
    local before = blocks()
    for _ = 1, 5 do round() end
    assert.equal(before, blocks())
  end)
end)
