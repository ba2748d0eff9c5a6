-- Runs once: C, the same under each Lua.

local certificates = require "support.certificates"
local core = require "wsmanager.core"
local peers = require "support.peers"
local turns = require "support.turns"

local link = core.link
local SOON, LATE = 0.2, 60    -- seconds to open: of what stalls, of what does not

local function merged(...)
  local all = {}
  for _, each in ipairs { ... } do
    for k, v in pairs(each) do all[k] = v end
  end
  return all
end

local function hex(text)
  return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

describe("a tunnel", function()
  local made, files

  setup(function() files = certificates.make() end)
  teardown(function() files:remove() end)

  after_each(function()
    if made then made:close() end
    made = nil
    peers.stop()
  end)

  local function dial(url, config)
    made = turns.new(merged({ reconnect = false, url = url }, config))
    return made
  end

  local function pair() return { cert = files:path "good.pem", key = files:path "leaf.key" } end
  local function trust() return core.tls({ ca = files:path "ca.pem" }, false) end

  -- An echo server behind a real proxy: what c.events begins with.
  local function through(proxy, scheme, more)
    local peer = peers.start("proxy", merged({ kind = proxy.kind }, proxy.options or {},
      proxy.secure and { tls = pair() } or {}))
    local host = proxy.target or "localhost"
    local server = peers.start("python_server", {
      host = host, tls = scheme == "wss" and pair() or nil,
    })
    local target = host .. ":" .. server.port
    local c = dial(scheme .. "://" .. target .. "/echo", merged({
      tls = trust(), proxytls = trust(),
      proxy = proxy.scheme .. (proxy.user or "") .. "localhost:" .. peer.port,
    }, more or {}))
    c:till(function() return #c.events > 0 end)
    return c, peer, server
  end

  local HTTP = { kind = "tinyproxy", scheme = "http://" }
  local HTTPS = { kind = "tinyproxy", scheme = "https://", secure = true }
  local SOCKS = { kind = "microsocks", scheme = "socks5://" }
  local SOCKSH = { kind = "microsocks", scheme = "socks5h://" }

  describe("through a real proxy", function()
    for _, proxy in ipairs { HTTP, HTTPS, SOCKS, SOCKSH } do
      for _, scheme in ipairs { "ws", "wss" } do
        it("echoes over " .. scheme .. " with " .. proxy.scheme, function()
          local c = through(proxy, scheme)
          assert.same({ "open" }, c.events[1])
          assert.is_true(link.send(c.ws, "héllo"))
          assert.same({ "héllo", "text" }, { c:message(1) })
          assert.equal(scheme == "wss", link.stats(c.ws).tls ~= nil)
          link.close(c.ws, 1000, "done")
          assert.same({ "close", 1000, "done", true }, c:event "close")
        end)

        it("moves 4 MiB both ways over " .. scheme .. " with " .. proxy.scheme, function()
          local c = through(proxy, scheme)
          local data = ("0123456789abcdef"):rep(16384)
          for _ = 1, 16 do
            c:till(function() return link.send(c.ws, data) end)
          end
          for i = 1, 16 do assert.equal(data, (c:message(i))) end
          link.close(c.ws, 1000)
          assert.is_true(c:event "close"[4])
        end)
      end
    end

    it("uses CONNECT for ws, too, and names the target", function()
      local _, peer, server = through(HTTP, "ws")
      assert.matches("^" .. hex("CONNECT localhost:" .. server.port .. " HTTP/1.1\r\n"),
        peer:event().first)
    end)

    it("logs in", function()
      local options = { user = "me", password = "pass" }
      for _, proxy in ipairs { HTTP, SOCKS, SOCKSH } do
        local c = through(merged(proxy, { options = options, user = "me:p%61ss@" }), "ws")
        assert.same({ "open" }, c.events[1])
        c:close()
        made = nil
      end
    end)

    it("says what it wants when nobody logs in", function()
      local options = { user = "me", password = "secret" }
      for text, proxy in pairs {
        ['answered 407: it wants a user and password for the realm "Tinyproxy"'] = HTTP,
        ["does not let one in without a user and password"] = SOCKSH,
      } do
        local c = through(merged(proxy, { options = options }), "ws")
        assert.equal("error", c.events[1][1])
        assert.equal("proxy", c.events[1][2])
        assert.matches("^the proxy localhost:%d+ ", c.events[1][3])
        assert.matches(text, c.events[1][3], 1, true)
        c:close()
        made = nil
      end
    end)

    it("says that a user is wrong, and does not try it again", function()
      local options = { user = "me", password = "secret" }
      for said, proxy in pairs {
        ['answered 401 "Unauthorized"'] = HTTP, ["does not take this user and password"] = SOCKS,
      } do
        local c = through(merged(proxy, { options = options, user = "me:wrong@" }), "ws",
          { reconnect = { delay = 0.01 } })
        assert.equal("proxy", c.events[1][2])
        assert.matches(said, c.events[1][3], 1, true)
        assert.is_nil(c.events[1][3]:find("wrong", 1, true))
        assert.equal("closed", c.ws.state)
        c:close()
        made = nil
      end
    end)

    it("says what the proxy does not allow", function()
      local c = through(merged(HTTP, { options = { deny = "localhost" } }), "ws")
      assert.equal("proxy", c.events[1][2])
      assert.matches('answered 403 "Filtered" to CONNECT localhost:', c.events[1][3], 1, true)
    end)

    it("says that the proxy cannot reach the target", function()
      local gone = peers.start "python_server"
      gone:stop()
      local peer = peers.start("proxy", { kind = "microsocks" })
      local c = dial("ws://127.0.0.1:" .. gone.port, { proxy = "socks5://127.0.0.1:" .. peer.port })
      local event = c:event "error"
      assert.equal("proxy", event[2])
      assert.matches("answered 0x05, connection refused, for 127.0.0.1:", event[3], 1, true)
    end)

    it("verifies the target's certificate, whatever the proxy's", function()
      local c = through(merged(HTTPS, { target = "127.0.0.1" }), "wss",
        { tls = core.tls({}, false) })
      assert.equal("tls", c.events[1][2])
      assert.is_nil(c.events[1][3]:find("proxy", 1, true))
    end)

    it("verifies the proxy's certificate", function()
      local c = through(HTTPS, "ws", { proxytls = core.tls({}, false) })
      assert.equal("tls", c.events[1][2])
      assert.matches("^TLS with the proxy localhost:%d+: ", c.events[1][3])
    end)
  end)

  local function scripted(script, options)
    return peers.start("scripted", merged({ script = script }, options or {}))
  end

  local function dial_by(scheme, peer, config)
    return dial("ws://target.example:81/x", merged({
      proxy = scheme .. "127.0.0.1:" .. peer.port, timeouts = { open = LATE },
    }, config or {}))
  end

  -- The error that a proxy of that script causes.
  local function error_of(scheme, script, options)
    local is_stalling = script[#script][1] == "stall"
    local c = dial_by(scheme, scripted(script, options), {
      proxytls = options and trust(), timeouts = { open = is_stalling and SOON or LATE } })
    local event = c:event "error"
    assert.equal("close", c:event "close"[1])
    c:close()
    made = nil
    return event[2], event[3]
  end

  local FIRST = { "until", "\r\n\r\n" }
  local YES = { "text", "HTTP/1.1 200 OK\r\n\r\n" }

  describe("through a proxy that keeps a script", function()
    it("carries the target's bytes from the first on", function()
      local c = dial_by("http://", scripted {
        FIRST, YES, { "accept" }, { "send", "81026869" }, { "frame" }, { "drain" },
      })
      assert.equal("hi", (c:message(1)))
      assert.is_true(link.send(c.ws, "ho"))
    end)

    it("reads an answer that comes byte by byte", function()
      local c = dial_by("http://", scripted {
        FIRST, { "drip", hex "HTTP/1.0 200 Connection established\r\nVia: x\r\n\r\n" },
        { "accept" }, { "drain" },
      })
      c:event "open"
      c:close()
      c = dial_by("socks5h://u:p@", scripted {
        { "await", 4 }, { "drip", "0502" }, { "await", 5 }, { "drip", "0100" }, { "await", 21 },
        { "drip", "05000004000000000000000000000000000000000050" }, { "accept" }, { "drain" },
      })
      c:event "open"
    end)

    it("hands on what came with the proxy's answer", function()
      local token, detail = error_of("http://", {
        FIRST, { "text", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 403 No\r\n\r\n" }, { "drain" },
      })
      assert.equal("handshake", token)
      assert.matches("403", detail, 1, true)
    end)

    it("sends the target's name with socks5h only", function()
      local peer = scripted { { "await", 3 }, { "send", "0500" }, { "await", 21 }, { "stall" } }
      dial_by("socks5h://", peer):till(function() return #peer:events() >= 3 end)
      assert.equal("050100030e" .. hex "target.example" .. "0051", peer:events()[3].hex)
    end)
  end)

  describe("through a proxy that lies", function()
    it("names what it said", function()
      for said, script in pairs {
        ['answered 502 "Bad Gateway" to CONNECT target.example:81'] = { "http://",
          { FIRST, { "text", "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 2\r\n\r\nno" } } },
        ["did not answer CONNECT in HTTP: "] = { "http://",
          { FIRST, { "text", "SSH-2.0-OpenSSH_9.2\r\n" } } },
        ["does not speak SOCKS5: its answer begins with byte 0x48 (is it an HTTP proxy?)"] = {
          "socks5h://", { { "await", 3 }, { "text", "HTTP/1.1 400 Bad Request\r\n\r\n" } } },
        ["answered 0x04, host unreachable, for target.example:81"] = { "socks5h://",
          { { "await", 3 }, { "send", "0500" }, { "await", 21 }, { "send", "0504" } } },
      } do
        script[2][#script[2] + 1] = { "drain" }
        local token, detail = error_of(script[1], script[2])
        assert.equal("proxy", token)
        assert.matches("^the proxy 127.0.0.1:%d+ ", detail)
        assert.matches(said, detail, 1, true)
      end
    end)

    it("stops at 16 KiB of an endless answer", function()
      local token, detail = error_of("http://", {
        FIRST, { "text", "HTTP/1.1 200 OK\r\nA: " }, { "flood", "61", 1000000 }, { "drain" },
      })
      assert.equal("toobig", token)
      assert.matches("^the proxy 127.0.0.1:%d+ answers CONNECT with a head over 16384 ", detail)
    end)

    it("says that it speaks no TLS", function()
      local c = dial_by("https://", scripted { { "text", "HTTP/1.1 400 No\r\n\r\n" }, { "drain" } },
        { proxytls = trust() })
      local event = c:event "error"
      assert.equal("tls", event[2])
      assert.matches("^TLS with the proxy 127.0.0.1:%d+: .*does not speak TLS", event[3])
    end)
  end)

  -- In which phase, how it is asked for, and what is read before.
  local phases = {
    { "before the answer to CONNECT", "http://", { FIRST } },
    { "in the answer to CONNECT", "http://", { FIRST, { "text", "HTTP/1.1 200 OK\r\nVia: " } } },
    { "before the answer to CONNECT in TLS", "https://", { FIRST }, true },
    { "before the method", "socks5h://", { { "await", 3 } } },
    { "in the method", "socks5h://", { { "await", 3 }, { "send", "05" } } },
    { "before the login", "socks5h://u:p@",
      { { "await", 4 }, { "send", "0502" }, { "await", 5 } } },
    { "before the reply", "socks5h://", { { "await", 3 }, { "send", "0500" }, { "await", 21 } } },
    { "in the reply", "socks5h://",
      { { "await", 3 }, { "send", "0500" }, { "await", 21 }, { "send", "050000030a" } } },
  }

  local function script_of(phase, last)
    local script = {}
    for i, step in ipairs(phase[3]) do script[i] = step end
    script[#script + 1] = { last }
    return script, phase[4] and { tls = pair() } or nil
  end

  for _, phase in ipairs(phases) do
    it("does not wait for ever " .. phase[1], function()
      local token, detail = error_of(phase[2], script_of(phase, "stall"))
      assert.equal("timeout", token)
      assert.matches("^no way through the proxy 127.0.0.1:%d+ within 0.2 s$", detail)
    end)

    it("names the proxy when it cuts " .. phase[1], function()
      for _, last in ipairs { "cut", "close" } do
        local token, detail = error_of(phase[2], script_of(phase, last))
        assert.equal("proxy", token)
        assert.matches("^the proxy 127.0.0.1:%d+ ended the connection before it answered ", detail)
      end
    end)
  end

  it("does not wait for ever in TLS with the proxy", function()
    local c = dial_by("https://", scripted { { "stall" } },
      { proxytls = trust(), timeouts = { open = SOON } })
    local event = c:event "error"
    assert.equal("timeout", event[2])
    assert.matches("^no way through the proxy ", event[3])
  end)

  it("names a cut in TLS with the proxy", function()
    local c = dial_by("https://", scripted { { "await", 20 }, { "cut" } }, { proxytls = trust() })
    local event = c:event "error"
    assert.equal("tls", event[2])
    assert.matches("^the proxy 127.0.0.1:%d+ ended the connection during the TLS ", event[3])
  end)

  it("names the target when it cuts behind the proxy", function()
    local c = dial("wss://localhost:81/", { tls = trust(),
      proxy = "http://127.0.0.1:" .. scripted({ FIRST, YES, { "await", 20 }, { "cut" } }).port })
    local event = c:event "error"
    assert.equal("tls", event[2])
    assert.equal("localhost ended the connection during the TLS handshake; "
                 .. "is it the right port, or ws instead of wss?", event[3])
  end)

  it("is cut while it is open", function()
    for _, tls in ipairs { false, true } do
      local peer = scripted({ FIRST, YES, { "accept" }, { "frame" }, { "cut" } },
        tls and { tls = pair() })
      local c = dial_by(tls and "https://" or "http://", peer, { proxytls = trust() })
      assert.same({ "open" }, c:event "open")
      link.send(c.ws, "cut me")
      assert.same({ "close", 1006, "", false }, c:event "close")
      c:close()
      made = nil
    end
  end)

  it("says that the proxy cannot be connected to", function()
    local gone = scripted {}
    gone:stop()
    local event = dial_by("http://", gone):event "error"
    assert.equal("refused", event[2])
    assert.matches("^cannot connect to the proxy 127.0.0.1:%d+: connection to 127.0.0.1", event[3])
    made:close()
    event = dial("ws://h/", { proxy = "http://proxy.invalid" }):event "error"
    assert.equal("resolve", event[2])
    assert.matches("^cannot connect to the proxy proxy.invalid:80: ", event[3])
  end)

  it("says that a target has no address, before it asks a socks5 proxy", function()
    local peer = scripted { { "drain" } }
    local event = dial("ws://target.invalid/",
      { proxy = "socks5://127.0.0.1:" .. peer.port }):event "error"
    assert.equal("resolve", event[2])
    assert.matches("target.invalid", event[3], 1, true)
    assert.same({}, peer:events())
  end)

  it("leaves neither memory nor descriptors behind", function()
    local function round()
      for _, phase in ipairs(phases) do error_of(phase[2], script_of(phase, "cut")) end
      peers.stop()
      collectgarbage()
      collectgarbage()
    end
    round()
    local blocks, descriptors = core.memory().blocks, turns.descriptors()
    round()
    assert.equal(blocks, core.memory().blocks)
    assert.equal(descriptors, turns.descriptors())
  end)

  it("is abandoned in any phase", function()
    for _, phase in ipairs(phases) do
      local script, options = script_of(phase, "stall")
      local peer = scripted(script, options)
      local c = dial_by(phase[2], peer, { proxytls = trust(), timeouts = { open = LATE } })
      c:till(function() return #peer:events() > 1 end)
      link.close(c.ws)
      assert.same({ "close", 1006, "", false }, c:event "close")
      c:close()
      made = nil
    end
  end)
end)
