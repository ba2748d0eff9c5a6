-- wsmanager.serve: handlers, requests, and the end of a server.

local wsmanager = require "wsmanager"
local certificates = require "support.certificates"
local core = require "wsmanager.core"
local ours = require "support.ours"
local peers = require "support.peers"

local unpack = table.unpack or unpack
local run, sleep, spawn = wsmanager.run, wsmanager.sleep, wsmanager.spawn

local await, echo, refused = ours.await, ours.echo, ours.refused

local server, url, reports

local function serve (options)
  server, url = ours.serve(options)
end

local function connect (options)
  options = options or {}
  options.url = options.url or url
  if options.reconnect == nil then options.reconnect = false end
  return wsmanager.new(options)
end

before_each(function () reports = ours.hush() end)

after_each(function ()
  peers.stop()
  ours.stop()
end)

describe("a server", function ()
  -- Before Lua 5.4 a finalizer may not wait, as stop() does.
  if _VERSION == "Lua 5.4" then
    it("may be stopped by a finalizer while it accepts", function ()
      assert.equal("each came once\n", ours.finalizers("stop"))
    end)
  end

  it("runs a handler for each connection, with its request", function ()
    local request
    serve {handler = function (ws, asked)
      request = asked
      echo(ws)
    end}
    run(function ()
      local ws = connect {
        url = url .. "/chat/42?mode=1&name=a%20b",
        headers = {["X-Trace"] = "7"},
      }
      ws:send("hello")
      assert.equal("hello", ws:receive(60))
      assert.equal("GET", request.method)
      assert.equal("/chat/42", request.path)
      assert.equal("/chat/42?mode=1&name=a%20b", request.target)
      assert.same({mode = "1", name = "a b"}, request.query)
      assert.equal("7", request.headers["x-trace"])
      assert.matches("^127.0.0.1", request.address)
      ws:close()
    end)
  end)

  it("serves python and node", function ()
    serve {handler = echo, protocols = "chat"}
    for _, name in ipairs {"python_client", "node_client"} do
      local peer = peers.start(name, {
        url = url, protocols = {"chat"},
        script = {{"send", "hällo"}, {"receive"}, {"close", 1000, "bye"}},
      })
      run(await, function ()
        local events = peer:events()
        local last = events[#events]
        return last and last.event == "closed"
      end)
      local opened, said
      for _, event in ipairs(peer:events()) do
        if event.event == "open" then opened = event end
        if event.event == "message" then said = event end
      end
      assert.equal("chat", opened.protocol, name)
      assert.equal("hällo", said.text, name)
      peer:stop()
    end
  end)

  it("closes with 1000 when the handler returns", function ()
    serve {handler = function () end}
    run(function ()
      assert.same({1000, "", true}, {connect():closed(60)})
    end)
  end)

  it("keeps a connection open whose handler listens to events", function ()
    serve {handler = function (ws)
      ws.onmessage = function (event) ws:send(event.data .. "!") end
    end}
    run(function ()
      local ws = connect()
      ws:send("hey")
      assert.equal("hey!", ws:receive(60))
      assert.equal("open", ws.state)
      ws:close()
    end)
  end)

  it("closes with 1011 when the handler fails, and reports it", function ()
    serve {handler = function (ws)
      if ws:receive() == "fail" then error("butterfingers") end
      echo(ws)
    end}
    run(function ()
      local good, bad = connect(), connect()
      good:send("first")
      bad:send("fail")
      assert.equal(1011, (bad:closed(60)))
      good:send("still here")
      assert.equal("still here", good:receive(60))
      assert.equal(1, #reports)
      assert.matches("butterfingers.*traceback.*serve_spec", reports[1].text)
      good:close()
    end)
  end)

  it("calls its own onerror for a handler that fails", function ()
    local heard
    serve {
      handler = function () error("oops", 0) end,
      onerror = function (why, ws) heard = {why, ws.state} end,
    }
    run(function ()
      assert.equal(1011, (connect():closed(60)))
      await(function () return heard end)
      assert.equal("oops", heard[1])
      assert.same({}, reports)
    end)
  end)

  it("has connections that cannot reconnect", function ()
    local why
    serve {handler = function (ws)
      local _
      _, why = pcall(ws.reconnect, ws)
    end}
    run(function ()
      connect():closed(60)
      assert.matches("a server's side of a connection cannot reconnect", why)
    end)
  end)

  it("returns why it cannot listen", function ()
    serve {handler = echo}
    local other, token, detail =
      wsmanager.serve {
        host = "127.0.0.1", port = server.port, handler = echo,
      }
    assert.is_nil(other)
    assert.equal("refused", token)
    assert.matches(tostring(server.port), detail)
  end)

  it("listens on a Unix socket and on TLS", function ()
    local path = os.tmpname()
    os.remove(path)
    server = assert(wsmanager.serve {path = path, handler = echo})
    assert.equal(0, server.port)
    assert.equal(path, server.path)
    server:stop()
    local made = certificates.make()
    serve {
      handler = echo, tls = {cert = made:path "good.pem", key = made:text "leaf.key"},
    }
    run(function ()
      local ws = connect {
        url = "wss://127.0.0.1:" .. server.port, tls = {ca = made:text "ca.pem"},
      }
      ws:send("secret")
      assert.equal("secret", ws:receive(60))
      assert.equal("TLSv1.3", ws:stats().tls.version)
      ws:close()
      local stranger = connect {url = "wss://127.0.0.1:" .. server.port}
      refused("tls", stranger:opened(60))
    end)
    made:remove()
    refused("tls", wsmanager.serve {
      tls = {cert = "/no/file", key = "/no/file"}, handler = echo,
    })
    refused("tls", wsmanager.new {url = "wss://x", tls = {ca = "/no/file"}})
  end)

  describe("authorizing", function ()
    it("refuses with a status, a body and headers", function ()
      serve {
        authorize = function (request)
          if request.query.token == "right" then return true end
          return nil, 401, "who are you?", {["WWW-Authenticate"] = "Bearer"}
        end,
        handler = echo,
      }
      run(function ()
        local ws = connect {url = url .. "/?token=wrong"}
        refused("handshake", ws:opened(60))
        local answer = ws:answer()
        assert.equal(401, answer.status)
        assert.equal("who are you?", answer.body)
        assert.equal("Bearer", answer.headers["www-authenticate"])
        assert.is_true(connect {url = url .. "/?token=right"}:opened(60))
      end)
    end)

    it("refuses with 403 by default", function ()
      serve {authorize = function () return false end}
      run(function ()
        local ws = connect()
        assert.is_nil((ws:opened(60)))
        assert.equal(403, ws:answer().status)
      end)
    end)

    it("may choose the subprotocol and add headers", function ()
      serve {
        protocols = {"a", "b"},
        authorize = function (request)
          assert.same({"b", "c"}, request.protocols)
          return "c", {["X-Room"] = "blue"}
        end,
        handler = echo,
      }
      run(function ()
        local ws = connect {protocols = {"b", "c"}}
        assert.is_true(ws:opened(60))
        assert.equal("c", ws.protocol)
        assert.equal("blue", ws:answer().headers["x-room"])
        ws:close()
      end)
    end)

    it("may wait, while others are served", function ()
      local order = {}
      serve {
        authorize = function (request)
          if request.path == "/slow" then await(function () return order[1] end) end
          return true
        end,
        handler = echo,
      }
      run(function ()
        for _, path in ipairs {"/slow", "/fast"} do
          spawn(function ()
            local ws = connect {url = url .. path}
            assert(ws:opened(60))
            order[#order + 1] = path
            ws:close()
          end)
        end
        await(function () return order[2] end)
        assert.same({"/fast", "/slow"}, order)
      end)
    end)

    it("runs no handler for a client that left before the response", function ()
      local asked, left, handled
      serve {
        authorize = function ()
          asked = true
          await(function () return left end)
          asked = nil
          return true
        end,
        handler = function () handled = true end,
      }
      run(function ()
        local ws = connect {timeouts = {close = 0.001}}
        await(function () return asked end)
        ws:close()
        assert(ws:closed(60))
        left = true
        await(function () return not asked end)
        sleep(0)
        sleep(0)
        assert.is_nil(handled)
      end)
    end)

    it("responds with 500 when the function fails, and reports it", function ()
      serve {authorize = function () error("no list") end, handler = echo}
      run(function ()
        local ws = connect()
        assert.is_nil((ws:opened(60)))
        assert.equal(500, ws:answer().status)
        assert.matches("no list", reports[1].text)
      end)
    end)
  end)

  describe("broadcasting", function ()
    it("reaches all but one, and counts them", function ()
      serve {handler = echo}
      run(function ()
        local clients = {}
        for i = 1, 3 do
          clients[i] = connect()
          assert(clients[i]:opened(60))
        end
        clients[1]:send("ping")
        assert.equal("ping", clients[1]:receive(60))
        assert.same({3, 0}, {server:broadcast("all")})
        for _, ws in ipairs(clients) do
          assert.equal("all", ws:receive(60))
        end
        local count, one = 0, nil
        for _, ws in server:clients() do
          count, one = count + 1, ws
        end
        assert.equal(3, count)
        assert.same({2, 0}, {server:broadcast("\255", "binary", one)})
      end)
    end)

    it("raises for what is no text", function ()
      serve {handler = echo}
      assert.error_matches(function () server:broadcast(nil) end,
        "bad argument #1 to 'broadcast' %(string expected, got nil%)")
      assert.error_matches(function () server:broadcast("\255") end, "UTF%-8")
    end)

    it("does nothing once the server has stopped", function ()
      serve {handler = echo}
      server:stop()
      assert.same({0, 0}, {server:broadcast("x")})
    end)
  end)

  describe("stopping", function ()
    it("closes all with 1001, and waits for them", function ()
      serve {handler = echo}
      run(function ()
        local ws = connect()
        assert(ws:opened(60))
        ws:send("x")
        assert.equal("x", ws:receive(60))
        server:stop()
        assert.same({1001, "the server stops", true}, {ws:closed(60)})
        for _ in server:clients() do error("nobody is left") end
        refused("refused", connect():opened(60))
        server:stop()
      end)
    end)

    it("works on the main thread", function ()
      serve {handler = echo}
      local ws = connect()
      assert(ws:opened(60))
      server:stop()
      assert.equal(1001, (ws:closed(60)))
    end)

    it("drops those that take too long, and ends their handlers' waits", function ()
      local token, started
      serve {
        handler = function (ws)
          started = true
          local _
          _, token = ws:receive()
        end,
        timeouts = {close = 60},
      }
      local peer = peers.start("scripted", {
        connect = {host = "127.0.0.1", port = server.port},
        script = {{"request", "/", ""}, {"stall"}},
      })
      run(function ()
        await(function () return started end)
        local before = wsmanager.now()
        server:stop(0.05)
        assert.is_true(wsmanager.now() - before < 30)
        await(function () return token end)
        assert.equal("closed", token)
      end)
      peer:stop()
    end)

    it("drops one whose listener waits, and ends the wait", function ()
      local events, begun, sent = {}, false, nil
      serve {handler = function (ws)
        ws.onmessage = function ()
          begun = true
          await(function () return events[1] end)
          sent = {ws:send("late")}
          ws:close()
          events[#events + 1] = "message"
        end
        ws.onclose = function (event) events[#events + 1] = event.code end
      end}
      run(function ()
        local ws = connect()
        ws:send("x")
        await(function () return begun end)
        server:stop(0)
        assert.is_number((ws:closed(60)))
        await(function () return sent end)
        refused("closed", unpack(sent, 1, 3))
        sleep(0)
        assert.same({1006, "message"}, events)
        assert.same({}, reports)
      end)
    end)

    it("may be called by a listener", function ()
      serve {handler = function (ws)
        ws.onmessage = function () server:stop(0) end
      end}
      run(function ()
        local ws = connect()
        ws:send("one")
        ws:send("two")
        assert.is_number((ws:closed(60)))
        sleep(0)
        assert.same({}, reports)
      end)
    end)

    it("ends a run() that has nothing else to do", function ()
      serve {handler = echo}
      spawn(function ()
        local ws = connect()
        assert(ws:opened(60))
        server:stop()
      end)
      run()
    end)
  end)

  it("drops a connection when there is no memory for the response", function ()
    serve {authorize = function ()
      core.failmemory(0)
      return true, {["X-Long"] = ("x"):rep(100000)}
    end}
    finally(function () core.failmemory(-1) end)
    run(function ()
      local ws = connect {timeouts = {open = 60}}
      local _, token = ws:opened(60)
      core.failmemory(-1)
      assert.is_true(token ~= "timeout")
      assert.matches("memory", reports[1].why)
    end)
  end)

  it("accepts no more connections at once than `connections`", function ()
    serve {handler = echo, connections = 1}
    run(function ()
      local first, second = connect(), connect()
      assert(first:opened(60))
      first:send("1")
      assert.equal("1", first:receive(60))
      assert.equal("connecting", second.state)
      first:close()
      assert.is_true(second:opened(60))
      second:close()
    end)
  end)

  it("drops a peer that does not finish its request in time", function ()
    serve {handler = echo, timeouts = {open = 0.05}}
    local peer = peers.start("scripted", {
      connect = {host = "127.0.0.1", port = server.port},
      script = {{"text", "GET / HT"}, {"drain"}},
    })
    run(await, function ()
      local events = peer:events()
      return events[#events] and events[#events].event == "ended"
    end)
  end)

  it("closes with 1009 on a message over the limit", function ()
    serve {handler = echo, limits = {message = 10}}
    run(function ()
      local ws = connect()
      assert(ws:opened(60))
      ws:send("12345678901")
      assert.equal(1009, (ws:closed(60)))
    end)
  end)
end)
