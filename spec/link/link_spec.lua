local certificates = require "support.certificates"
local core = require "wsmanager.core"
local peers = require "support.peers"
local turns = require "support.turns"

local link = core.link
local once = { reconnect = false }

local function with(config, more)
  local all = {}
  for k, v in pairs(config) do all[k] = v end
  for k, v in pairs(more) do all[k] = v end
  return all
end

local function dial(url, config)
  return turns.new(with(once, with(config or {}, { url = url })))
end

local function url_of(peer, path)
  return "ws://127.0.0.1:" .. peer.port .. (path or "/echo")
end

local function scripted(script, options)
  return peers.start("scripted", with({ script = script }, options or {}))
end

describe("a link", function()
  local made

  local function begin(...)
    made = dial(...)
    return made
  end

  after_each(function()
    if made then made:close() end
    made = nil
    peers.stop()
  end)

  describe("to a real server", function()
    for _, name in ipairs { "python_server", "node_server" } do
      it("echoes text and binary with " .. name, function()
        local c = begin(url_of(peers.start(name)))
        c:event("open")
        assert.is_true(link.send(c.ws, "héllo"))
        assert.is_true(link.send(c.ws, "\0\255", "binary"))
        assert.same({ "héllo", "text" }, { c:message(1) })
        assert.same({ "\0\255", "binary" }, { c:message(2) })
        link.close(c.ws, 1000, "done")
        assert.same({ "close", 1000, "done", true }, c:event("close"))
      end)

      it("reads fragments with " .. name, function()
        local c = begin(url_of(peers.start(name), "/chunks"))
        c:event("open")
        link.send(c.ws, "one message in many pieces")
        assert.equal("one message in many pieces", (c:message(1)))
      end)

      it("moves 4 MiB both ways with " .. name, function()
        local c = begin(url_of(peers.start(name)))
        local data = ("0123456789abcdef"):rep(16384)
        c:event("open")
        for _ = 1, 16 do
          c:till(function() return link.send(c.ws, data) end)
        end
        assert.equal(data, (c:message(16)))
      end)

      it("hears why " .. name .. " closes", function()
        local c = begin(url_of(peers.start(name), "/close/4001/enough"))
        assert.same({ "close", 4001, "enough", true }, c:event("close"))
        assert.equal("closed", c.ws.state)
      end)
    end
  end)

  describe("over TLS", function()
    local files

    setup(function() files = certificates.make() end)
    teardown(function() files:remove() end)

    local function server(name, cert)
      return peers.start(name, { tls = { cert = files:path(cert .. ".pem"),
                                         key = files:path("leaf.key") } })
    end

    local function secure(host, peer)
      return "wss://" .. host .. ":" .. peer.port .. "/echo"
    end

    for _, name in ipairs { "python_server", "node_server" } do
      for _, host in ipairs { "localhost", "127.0.0.1" } do
        it("talks to " .. name .. " on " .. host, function()
          local c = begin(secure(host, server(name, "good")),
            { tls = core.tls({ ca = files:path("ca.pem") }, false) })
          c:event("open")
          link.send(c.ws, ("x"):rep(300000))
          assert.equal(300000, #c:message(1))
          assert.matches("^TLSv1", link.stats(c.ws).tls.version)
          link.close(c.ws, 1000)
          assert.is_true(c:event("close")[4])
        end)
      end
    end

    it("sends a close frame as it is freed", function()
      local peer = server("python_server", "good")
      for _, free in ipairs { function(c) link.drop(c.ws) end,
                              function(c) c.loop:close() end } do
        local c = begin(secure("localhost", peer),
          { tls = core.tls({ ca = files:path("ca.pem") }, false) })
        c:event("open")
        link.send(c.ws, "last")
        free(c)
        local closed = peer:await("closed")
        assert.equal(1001, closed.code)
        assert.equal(1, closed.messages)
      end
    end)

    it("refuses a certificate that expired, and says so", function()
      local c = begin(secure("localhost", server("python_server", "expired")),
        { tls = core.tls({ ca = files:path("ca.pem") }, false) })
      local event = c:event("error")
      assert.equal("tls", event[2])
      assert.matches("expired", event[3])
      assert.same({ "close", 1006, "", false }, c:event("close"))
    end)

    it("does not trust a CA it does not know", function()
      local c = begin(secure("localhost", server("node_server", "good")))
      assert.equal("tls", c:event("error")[2])
    end)

    it("says that the peer speaks no TLS", function()
      local peer = scripted { { "text", "HTTP/1.1 400 Bad Request\r\n\r\n" },
                              { "drain" } }
      local c = begin(secure("localhost", peer))
      local event = c:event("error")
      assert.equal("tls", event[2])
      assert.matches("does not speak TLS", event[3])
    end)

    it("names a cut in the middle of the handshake", function()
      local c = begin(secure("localhost", scripted { { "await", 20 }, { "cut" } }))
      local event = c:event("error")
      assert.equal("tls", event[2])
      assert.matches("TLS handshake", event[3])
    end)

    it("does not wait for ever in the middle of the handshake", function()
      local c = begin(secure("localhost", scripted { { "stall" } }),
        { timeouts = { open = 0.2 } })
      assert.equal("timeout", c:event("error")[2])
    end)
  end)

  describe("that cannot open", function()
    local bad = {
      { "nobody listens", "ws://127.0.0.1:9", "refused", "127%.0%.0%.1:9" },
      { "the host does not exist", "ws://no.such.host.invalid/", "resolve",
        "no%.such%.host%.invalid" },
    }
    for _, row in ipairs(bad) do
      it("says that " .. row[1], function()
        local c = begin(row[2])
        local event = c:event("error")
        assert.equal(row[3], event[2])
        assert.matches(row[4], event[3])
        assert.same({ "close", 1006, "", false }, c:event("close"))
      end)
    end

    local answers = {
      { "an HTTP page", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        "handshake", "200" },
      { "a refusal", "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
        "handshake", "403" },
      { "a wrong accept", "HTTP/1.1 101 S\r\nUpgrade: websocket\r\n"
        .. "Connection: Upgrade\r\nSec-WebSocket-Accept: xxxx\r\n\r\n",
        "handshake", "Accept" },
      { "no HTTP at all", "220 smtp.example.org ESMTP\r\n", "handshake", "HTTP" },
      { "a bare LF", "HTTP/1.1 101 S\nUpgrade: websocket\n\n", "handshake", "." },
      { "endless headers", "HTTP/1.1 101 S\r\n" .. ("A: b\r\n"):rep(4000),
        "toobig", "." },
    }
    for _, row in ipairs(answers) do
      it("says that the answer is " .. row[1], function()
        local c = begin(url_of(scripted { { "until", "\r\n\r\n" },
                                          { "text", row[2] }, { "drain" } }))
        local event = c:event("error")
        assert.equal(row[3], event[2])
        assert.matches(row[4], event[3])
        c:event("close")
      end)
    end

    it("keeps the answer that refused", function()
      local c = begin(url_of(peers.start("python_server"), "/status/503"))
      c:event("error")
      local answer = link.response(c.ws)
      assert.equal(503, answer.status)
      assert.equal("7", answer.headers["retry-after"])
    end)

    it("refuses a subprotocol it did not offer", function()
      local c = begin(url_of(scripted {
        { "accept", "Sec-WebSocket-Protocol: other\r\n" }, { "drain" } }),
        { protocols = "chat" })
      local event = c:event("error")
      assert.equal("handshake", event[2])
      assert.matches("other", event[3])
    end)

    it("takes 60,000 headers for what they are", function()
      local c = begin(url_of(scripted { { "until", "\r\n\r\n" },
        { "text", "HTTP/1.1 101 S\r\n" }, { "flood", "413a20620d0a", 60000 },
        { "drain" } }))
      assert.equal("toobig", c:event("error")[2])
    end)

    local stalls = {
      { "accepts and says nothing", { { "stall" } } },
      { "stops in the middle of its answer",
        { { "until", "\r\n\r\n" }, { "text", "HTTP/1.1 101 Swi" }, { "stall" } } },
    }
    for _, row in ipairs(stalls) do
      it("gives up on a peer that " .. row[1], function()
        local c = begin(url_of(scripted(row[2])), { timeouts = { open = 0.2 } })
        assert.equal("timeout", c:event("error")[2])
        c:event("close")
      end)
    end

    it("gives up as soon under the name limits.handshake", function()
      local c = begin(url_of(scripted { { "stall" } }), { limits = { handshake = 0.2 } })
      assert.equal("timeout", c:event("error")[2])
    end)

    local cuts = {
      { "at once", { { "cut" } } },
      { "after the request", { { "until", "\r\n\r\n" }, { "cut" } } },
      { "in the middle of its answer",
        { { "until", "\r\n\r\n" }, { "text", "HTTP/1.1 101 Swi" }, { "cut" } } },
    }
    for _, row in ipairs(cuts) do
      it("hears a reset " .. row[1], function()
        local c = begin(url_of(scripted(row[2])))
        local event = c:event("error")
        assert.is_truthy(event[2] == "closed" or event[2] == "refused")
        assert.same({ "close", 1006, "", false }, c:event("close"))
      end)
    end
  end)

  describe("that is open", function()
    it("hears a reset", function()
      local c = begin(url_of(scripted { { "accept", "" }, { "frame" },
                                        { "cut" } }))
      c:event("open")
      link.send(c.ws, "cut me off")
      assert.matches("reset", c:event("error")[3])
      assert.same({ "close", 1006, "", false }, c:event("close"))
    end)

    it("hands over what came before a reset", function()
      local peer = scripted { { "accept", "" }, { "frame" },
        { "send", "8103616263" }, { "send", "8103646566" }, { "cut" } }
      local c = begin(url_of(peer))
      c:event("open")
      link.send(c.ws, "go")
      local event
      repeat event = peer:event() until event.event == "ended"
      assert.equal("cut", event.how)
      assert.matches("reset", c:event("error")[3])
      assert.same({ { "abc", "text" }, { "def", "text" } }, c.messages)
    end)

    it("hands over what the kernel had when its inbox was full", function()
      local message = "827e0400" .. ("61"):rep(1024)
      local peer = scripted { { "accept", "" }, { "flood", message, 48 },
        { "frame" }, { "flood", message, 32 }, { "cut" } }
      local c = begin(url_of(peer), { inbox = 8000 })
      local last = core.now() + 60
      while link.stats(c.ws).unread < 8000 and core.now() < last do
        c.loop:turn(0.1)
        while c.loop:ready() do link.event(c.ws) end
      end
      link.send(c.ws, "cut me off")
      local event
      repeat event = peer:event() until event.event == "ended"
      assert.equal("cut", event.how)
      assert.matches("reset", c:event("error")[3])
      assert.equal(80, #c.messages)
    end)

    it("hears an end without a close frame", function()
      local c = begin(url_of(scripted { { "accept", "" }, { "close" } }))
      assert.matches("without a close frame", c:event("error")[3])
    end)

    it("hands over what came before the end", function()
      local c = begin(url_of(scripted { { "accept", "" },
        { "send", "8103616263" }, { "send", "8103646566" }, { "close" } }))
      c:event("close")
      local all = {}
      for i, message in ipairs(c.messages) do all[i] = message[1] end
      assert.equal("abcdef", table.concat(all))
    end)

    it("does not wait for ever for the peer's close", function()
      local c = begin(url_of(scripted { { "accept", "" }, { "stall" } }),
        { timeouts = { close = 0.2 } })
      c:event("open")
      link.close(c.ws, 1000)
      assert.equal("closing", c.ws.state)
      assert.equal("timeout", c:event("error")[2])
      assert.same({ "close", 1006, "", false }, c:event("close"))
    end)

    it("answers a broken rule with the code that names it", function()
      local peer = scripted { { "accept", "" }, { "send", "8300" }, { "frame" },
                              { "close" } }
      local c = begin(url_of(peer))
      local event = c:event("error")
      assert.equal("protocol", event[2])
      assert.matches("0x3", event[3])
      assert.equal(1002, c:event("close")[2])
    end)

    it("answers pings that stand behind unread messages", function()
      local peer = scripted { { "accept", "" }, { "send", "8103616263" },
                              { "send", "890568656c6c6f" }, { "frame" },
                              { "stall" } }
      made = dial(url_of(peer))
      local last, frame = core.now() + 60, nil
      repeat
        assert(core.now() < last, "no pong came")
        made.loop:turn(0.02)
        for _, event in ipairs(peer:events()) do
          if event.event == "frame" then frame = event end
        end
      until frame
      assert.equal("68656c6c6f", frame.hex)
      assert.equal("abc", (link.receive(made.ws)))
    end)

    it("holds the peer to the limits that were given, and to no others", function()
      local c = begin(url_of(scripted { { "accept", "" },
        { "send", "827d" .. ("61"):rep(125) },
        { "send", "827e03e8" .. ("61"):rep(1000) }, { "frame" }, { "close" } }),
        { limits = { message = 500 } })
      assert.equal(125, #c:message(1))
      local event = c:event("error")
      assert.equal("toobig", event[2])
      assert.matches("a message of 1000 bytes or more; the limit is 500", event[3])
      assert.equal(1009, c:event("close")[2])
    end)

    it("drops a peer that says nothing", function()
      local c = begin(url_of(scripted { { "accept", "" }, { "stall" } }),
        { heartbeat = { interval = 0.1, timeout = 0.3 } })
      c:event("open")
      local event = c:event("error")
      assert.equal("timeout", event[2])
      assert.equal(1006, c:event("close")[2])
    end)

    it("stops reading when its inbox is full, and goes on", function()
      local c = begin(url_of(scripted { { "accept", "" },
        { "flood", "827e0400" .. ("61"):rep(1024), 4096 }, { "drain" } }),
        { inbox = 200000 })
      local function unread() return link.stats(c.ws).unread end
      local last = core.now() + 60
      while unread() < 200000 and core.now() < last do
        c.loop:turn(0.1)
        while c.loop:ready() do link.event(c.ws) end
      end
      for _ = 1, 20 do c.loop:turn(0.01) end
      assert.is_true(unread() >= 200000 and unread() < 600000)
      c:message(4096)
    end)
  end)

  it("reads on to the peer's close however full its inbox is", function()
    local c = begin(url_of(scripted { { "accept", "" },
      { "flood", "827e0400" .. ("61"):rep(1024), 1024 }, { "frame" },
      { "send", "880203e8" }, { "close" } }), { inbox = 100000 })
    c.loop:turn(0.1)
    while c.ws.state ~= "open" do c.loop:turn(0.1) end
    while link.stats(c.ws).unread < 100000 do
      c.loop:turn(0.1)
      c.loop:ready()
    end
    link.close(c.ws, 1000)
    assert.same({ "close", 1000, "", true }, c:event("close"))
  end)

  it("reconnects and sends what waited", function()
    local peer = scripted(nil, { scripts = {
      { { "accept", "" }, { "cut" } },
      { { "accept", "" }, { "frame" }, { "frame" }, { "stall" } } } })
    made = turns.new { url = url_of(peer),
                       reconnect = { delay = 0.05, jitter = 0 } }
    made:event("close")
    assert.same({ "reconnecting", 1, 0.05 }, made:event("reconnecting"))
    assert.is_true(link.send(made.ws, "first"))
    assert.is_true(link.send(made.ws, "second"))
    local frames = {}
    made:till(function()
      frames = {}
      for _, event in ipairs(peer:events()) do
        if event.event == "frame" then frames[#frames + 1] = event.hex end
      end
      return #frames == 2
    end)
    assert.same({ "6669727374", "7365636f6e64" }, frames)
  end)

  it("lets go of everything it held", function()
    local before
    collectgarbage()
    for round = 1, 3 do
      local c = dial(url_of(peers.start("python_server")))
      c:event("open")
      link.send(c.ws, "x")
      c:message(1)
      c:close()
      c = dial("ws://127.0.0.1:9")
      c:event("close")
      c:close()
      peers.stop()
      collectgarbage() collectgarbage()
      local now = { core.memory().blocks, turns.descriptors() }
      if round > 2 then
        assert.equal(before[1], now[1])
        assert.is_true(now[2] <= before[2])
      end
      before = now
    end
  end)
end)
