-- TLS on real sockets, in every way that it fails.
-- Runs once: C, the same under each Lua.

local certificates = require "support.certificates"
local core = require "wsmanager.core"
local ours = require "support.ours"
local peers = require "support.peers"
local turns = require "support.turns"
local wsmanager = require "wsmanager"

local link = core.link
local OLD = { min = "TLSv1_2", max = "TLSv1_2" } -- allows weak keys, too

describe("a link over TLS", function()
  local files, made

  setup(function() files = certificates.make() end)
  teardown(function() files:remove() end)

  after_each(function()
    if made then made:close() end
    made = nil
    peers.stop()
  end)

  local function rules(options)
    options = options or {}
    options.ca = options.ca or files:path("ca.pem")
    return assert(core.tls(options, false))
  end

  -- A server that plays a script on each connection.
  local function server(name, script, versions, key)
    versions = versions or {}
    return peers.start("scripted", {
      script = script or { { "accept", "" }, { "drain" } },
      tls = { cert = files:path(name .. ".pem"),
              key = files:path((key or "leaf") .. ".key"),
              min = versions.min, max = versions.max },
    })
  end

  local function dial(peer, options, config)
    config = config or {}
    config.url = "wss://" .. (options and options.host or "localhost") .. ":"
                 .. peer.port .. "/"
    if options then options.host = nil end
    config.tls = rules(options)
    if config.reconnect == nil then config.reconnect = false end
    made = turns.new(config)
    return made
  end

  local function count(c, name)
    local n = 0
    for _, event in ipairs(c.events) do
      if event[1] == name then n = n + 1 end
    end
    return n
  end

  describe("opens when the certificate", function()
    for what, row in pairs {
      ["names the host"] = { "good" },
      ["names the address"] = { "good", { host = "127.0.0.1" } },
      ["has a wildcard for the host"] =
        { "wildcard", { hostname = "chat.example.org" } },
      ["is pinned by its key"] = { "good", { pin = true } },
      ["is not verified"] = { "expired", { verify = false } },
      ["is not verified, but its key is pinned"] =
        { "unknown", { verify = false, pin = true } },
    } do
      it(what, function()
        local options = {}
        for k, v in pairs(row[2] or {}) do options[k] = v end
        if options.pin then options.pin = files:text("leaf.pin") end
        local c = dial(server(row[1]), options)
        c:event("open")
        assert.matches("^TLSv1%.[23]$", link.stats(c.ws).tls.version)
      end)
    end
  end)

  describe("is refused for good when the certificate", function()
    for what, row in pairs {
      ["expired"] = { "expired", nil, "localhost expired on 2024-01-02" },
      ["is not valid yet"] =
        { "early", nil, "localhost is not valid before 2090-02-03" },
      ["is self-signed"] = { "selfsigned", nil, "localhost is self-signed" },
      ["is for another name"] =
        { "wrong", nil, "is for other.example, www.other.example, " ..
          "192.0.2.1, not localhost" },
      ["is for another address"] =
        { "wrong", { host = "127.0.0.1" }, "192.0.2.1, not 127.0.0.1" },
      ["has a wildcard for fewer labels"] =
        { "wildcard", { hostname = "a.b.example.org" },
          "is for *.example.org, example.org, not a.b.example.org" },
      ["is by an unknown CA"] = { "unknown", nil, "unknown CA (CN=Other CA)" },
      ["has an RSA key of 512 bits"] =
        { "weak512", nil, "localhost has a key that is too weak: 512 bits",
          OLD, "rsa512" },
      ["has an RSA key of 1024 bits"] =
        { "weak1024", nil, "localhost has a key that is too weak: 1024 bits",
          OLD, "rsa1024" },
      ["has a key that is not pinned"] =
        { "good", { pin = "sha256//" .. ("A"):rep(43) .. "=" },
          "which is none of the pinned ones" },
    } do
      it(what, function()
        local options = {}
        for k, v in pairs(row[2] or {}) do options[k] = v end
        local c = dial(server(row[1], nil, row[4], row[5]), options,
                       { reconnect = { delay = 0.01, jitter = 0 } })
        local event = c:event("error")
        assert.equal("tls", event[2])
        assert.truthy(event[3]:find(row[3], 1, true), event[3])
        assert.same({ "close", 1006, "", false }, c:event("close"))
        assert.equal("closed", c.ws.state)
        assert.equal(0, count(c, "reconnecting"))
        assert.equal(1, link.stats(c.ws).dials)
      end)
    end
  end)

  it("warns once when neither chain nor key is checked", function()
    local pipe = io.popen("exec " .. os.getenv "LUA" .. [[ -e '
      local wsmanager = require "wsmanager"
      local function dial (pin)
        wsmanager.new { url = "wss://127.0.0.1:9", reconnect = false,
                        tls = { verify = false, pin = pin } }:close()
      end
      dial("sha256//" .. ("A"):rep(43) .. "=") io.stderr:write "pinned\n"
      dial() dial()' 2>&1]])
    local said = pipe:read("*a")
    pipe:close()
    assert.equal("pinned\nwsmanager: tls.verify = false: anybody can pose as " ..
                 "the server\n", said)
  end)

  it("is refused by a server of TLS 1.1, and names the version", function()
    local c = dial(server("good", nil, { min = "TLSv1_1", max = "TLSv1_1" }))
    local event = c:event("error")
    assert.equal("tls", event[2])
    assert.matches("^localhost .*version", event[3])
  end)

  it("is refused for good by a server that asks for a certificate", function()
    local loop = assert(core.loop())
    local listening = assert(core.server(loop, {
      host = "127.0.0.1", port = 0, tls = assert(core.tls({
        cert = files:path("good.pem"), key = files:path("leaf.key"),
        ask = true, ca = files:path("ca.pem") }, true)) }))
    local ws = core.connection(loop, { tls = rules(), reconnect = false,
      url = "wss://127.0.0.1:" .. listening:port() .. "/" })
    local detail
    link.start(ws)
    local last = core.now() + 60
    while not detail and core.now() < last do
      loop:turn(0.1)
      while loop:ready() do
        for name, _, b in link.event, ws do
          if name == "error" then detail = b end
        end
      end
    end
    assert.equal("127.0.0.1 sent the alert: certificate required; pass " ..
                 "tls.cert and tls.key", detail)
    listening:close()
    link.drop(ws)
    loop:close()
  end)

  describe("when the server ends the handshake", function()
    local hello = "160303007a020000760303" -- of a ServerHello, the first bytes
    local says_nothing = { ["at once"] = true, ["before its hello with a reset"] = true }
    for what, script in pairs {
      ["at once"] = { { "close" } },
      ["before its hello with a reset"] = { { "await", 1 }, { "cut" } },
      ["after the first byte"] = { { "await", 5 }, { "send", "16" },
                                   { "close" } },
      ["in its hello"] = { { "await", 100 }, { "send", hello }, { "close" } },
      ["in its hello with a reset"] =
        { { "await", 100 }, { "send", hello }, { "cut" } },
      ["with a close_notify"] =
        { { "await", 100 }, { "send", "15030300020100" }, { "drain" } },
    } do
      it(what .. ", says so", function()
        local c = dial(peers.start("scripted", { script = script }))
        local event = c:event("error")
        assert.equal("tls", event[2])
        assert.equal("localhost ended the connection during the TLS handshake" ..
                     (says_nothing[what] and "; is it the right port, or ws instead of wss?" or ""),
                     event[3])
        assert.same({ "close", 1006, "", false }, c:event("close"))
      end)
    end
  end)

  describe("that is cut short", function()
    for what, step in pairs {
      ["without close_notify"] = "close", ["after close_notify"] = "notify",
    } do
      it(what .. ", is no clean close", function()
        local c = dial(server("good", { { "accept", "" },
          { "send", "8103616263" }, { step } }))
        local event = c:event("error")
        assert.equal("closed", event[2])
        assert.matches("^the peer ended the connection without a close frame, "
                       .. "after %d+%.%d s without traffic$", event[3])
        assert.same({ "close", 1006, "", false }, c:event("close"))
        assert.same({ { "abc", "text" } }, c.messages)
      end)

      it(what .. ", hands over no half message", function()
        local c = dial(server("good", { { "accept", "" },
          { "send", "810361" }, { step } }))
        assert.equal("closed", c:event("error")[2])
        assert.same({ "close", 1006, "", false }, c:event("close"))
        assert.same({}, c.messages)
      end)

      it(what .. ", harms no closing handshake", function()
        local c = dial(server("good", { { "accept", "" },
          { "send", "880203e8" }, { "frame" }, { step } }))
        assert.same({ "close", 1000, "", true }, c:event("close"))
        assert.equal(0, count(c, "error"))
      end)

      it(what .. ", harms no closing handshake of ours", function()
        local c = dial(server("good", { { "accept", "" }, { "frame" },
          { "send", "880203e8" }, { step } }))
        c:event("open")
        link.close(c.ws, 1000)
        assert.same({ "close", 1000, "", true }, c:event("close"))
        assert.equal(0, count(c, "error"))
      end)
    end
  end)

  describe("that the peer reads slower than it is sent", function()
    local COUNT, data = 128, ("0123456789abcdef"):rep(8192)
    local LENGTH = COUNT * (#data + 14) -- with the headers of masked frames
    local config = { buffer = 2 * LENGTH, outbox = { messages = 2 * COUNT,
                     bytes = 2 * LENGTH } }

    local function send_all(c)
      for _ = 1, COUNT do assert.is_true(link.send(c.ws, data)) end
    end

    it("loses nothing of 16 MiB", function()
      local peer = server("good", { { "accept", "" }, { "await", LENGTH },
        { "send", "880203e8" }, { "drain" } })
      local c = dial(peer, nil, config)
      c:event("open")
      send_all(c)
      assert.same({ "close", 1000, "", true }, c:event("close"))
      assert.equal(0, c.ws.bufferedAmount)
    end)

    it("and that is then cut, sends the rest on another one", function()
      local peer = peers.start("scripted", {
        scripts = { { { "accept", "" }, { "await", 100000 }, { "cut" } },
                    { { "accept", "" }, { "drain" } } },
        tls = { cert = files:path("good.pem"), key = files:path("leaf.key") } })
      config.reconnect = { delay = 0.01, jitter = 0 }
      local c = dial(peer, nil, config)
      c:event("open")
      send_all(c)
      c:till(function() return count(c, "open") == 2 end)
      send_all(c)
      c:till(function() return c.ws.bufferedAmount == 0 end)
      assert.equal("open", c.ws.state)
    end)
  end)

  it("does not let a server of TLS 1.2 renegotiate", function()
    local peer = peers.start("node_server", { tls = { max = "TLSv1.2",
      cert = files:path("good.pem"), key = files:path("leaf.key") } })
    made = turns.new { url = "wss://localhost:" .. peer.port .. "/renegotiate",
                       tls = rules(), reconnect = false }
    made:till(function(c) return c.messages[1] or count(c, "close") == 1 end)
    assert.not_same({ "renegotiated", "text" }, made.messages[1])
  end)

  -- a ticket is used once, and node gives no new one for it
  for name, least in pairs { python_server = 2, node_server = 1 } do
    it("takes up its session again with " .. name, function()
      local peer = peers.start(name, { tls = {
        cert = files:path("good.pem"), key = files:path("leaf.key") } })
      made = turns.new {
        url = "wss://localhost:" .. peer.port .. "/close/1001/again",
        tls = rules(), reconnect = { delay = 0.01, jitter = 0, pause = 0 } }
      made:till(function(c) return count(c, "close") == 3 end)
      local stats = link.stats(made.ws)
      assert.equal(3, stats.opens)
      assert.is_true(stats.resumed >= least)
    end)
  end
end)

describe("a server over TLS", function()
  after_each(function()
    ours.stop()
    peers.stop()
  end)

  it("reads what came together with the end of the handshake", function()
    local files = certificates.make()
    local server = ours.serve {
      handler = ours.echo,
      tls = { cert = files:path "good.pem", key = files:text "leaf.key" },
    }
    local peer = peers.start("scripted", {
      connect = { port = server.port }, tls = { early = true }, script = {
        { "request" }, { "until", "\r\n\r\n" }, { "masked", 0x81, "6869" }, { "frame" },
      },
    })
    wsmanager.run(ours.await, function()
      local events = peer:events()
      return events[#events] and events[#events].event == "ended"
    end)
    local got
    for _, event in ipairs(peer:events()) do got = event.hex and event or got end
    assert.same({ "frame", "6869" }, { got and got.event, got and got.hex })
    files:remove()
  end)
end)
