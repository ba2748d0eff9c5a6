local core = require "wsmanager.core"
local certificates = require "support.certificates"

-- One end of a connection: what its pipe answered so far.
local End = {}
End.__index = End

local function new_end(context, host)
  return setmetatable({ pipe = assert(context:pipe(host)), plain = "" }, End)
end

function End:take_in(status, plain, token, detail, final)
  self.status, self.plain = status, self.plain .. plain
  self.token, self.detail, self.final = token, detail, final
end

function End:start()
  self:take_in(self.pipe:start())
end

-- Hands over bytes in pieces of at most `size`.
function End:feed(bytes, size)
  size = size or math.max(#bytes, 1)
  for from = 1, #bytes, size do
    if self.status ~= "failed" then
      self:take_in(self.pipe:feed(bytes:sub(from, from + size - 1)))
    end
  end
end

-- Carries bytes both ways until neither end has any more.
local function settle(client, server, size)
  repeat
    local up = client.pipe:take()
    server:feed(up, size)
    local down = server.pipe:take()
    client:feed(down, size)
  until up == "" and down == ""
end

describe("TLS", function()
  local made

  setup(function() made = certificates.make() end)
  teardown(function() made:remove() end)

  local function path(name) return made:path(name) end

  local function server_context(options)
    options = options or {}
    options.cert = options.cert or path(
      (options.name or "good") .. ".pem")
    options.key = options.key or path("leaf.key")
    options.name = nil
    return assert(core.tls(options, true))
  end

  local function client_context(options)
    options = options or {}
    options.ca = options.ca or path("ca.pem")
    return assert(core.tls(options, false))
  end

  -- Two ends after their handshake, done or failed.
  local function join(client_options, server_options, more)
    more = more or {}
    local client = new_end(more.client or client_context(client_options),
                           more.host or "localhost")
    local server = new_end(more.server or server_context(server_options))
    client:start()
    settle(client, server, more.size)
    return client, server
  end

  local function refusal(name, host, client_options)
    local client, server = join(client_options, { name = name },
                                { host = host })
    assert.equal("failed", client.status)
    assert.equal("tls", client.token)
    assert.equal("failed", server.status)
    return client.detail, client.final, server.detail
  end

  describe("a handshake", function()
    it("opens both ends with TLS 1.3", function()
      local client, server = join()
      assert.equal("open", client.status)
      assert.equal("open", server.status)
      assert.equal("TLSv1.3", client.pipe:version())
      assert.equal("TLSv1.3", server.pipe:version())
      assert.equal(client.pipe:cipher(), server.pipe:cipher())
      assert.matches("^TLS_", client.pipe:cipher())
    end)

    it("opens one byte at a time", function()
      local client, server = join(nil, nil, { size = 1 })
      assert.equal("open", client.status)
      assert.equal("open", server.status)
    end)

    it("says that it is not done yet", function()
      local client = new_end(client_context(), "localhost")
      client:start()
      assert.equal("handshake", client.status)
      assert.equal(22, client.pipe:take():byte(1))
      local server = new_end(server_context())
      server:feed("\22\3\1")
      assert.equal("handshake", server.status)
      assert.equal("", server.pipe:take())
    end)

    it("cut at any offset opens as well", function()
      local rules = { client = client_context(), server = server_context() }
      local length = (function()
        local client = new_end(rules.client, "localhost")
        client:start()
        return #client.pipe:take()
      end)()
      for cut = 1, length - 1 do
        local client = new_end(rules.client, "localhost")
        local server = new_end(rules.server)
        client:start()
        local hello = client.pipe:take()
        server:feed(hello:sub(1, cut))
        assert.equal("handshake", server.status)
        server:feed(hello:sub(cut + 1))
        settle(client, server)
        assert.equal("open", client.status)
        assert.equal("open", server.status)
      end
    end)

    it("sends the name of the host, but no address", function()
      local named = new_end(client_context(), "chat.example.com")
      named:start()
      assert.truthy(named.pipe:take():find("chat.example.com", 1, true))
      for _, address in ipairs { "127.0.0.1", "::1" } do
        local numeric = new_end(client_context(), address)
        numeric:start()
        assert.falsy(numeric.pipe:take():find(address, 1, true))
      end
    end)

    it("sends a name without its trailing dot", function()
      local client = new_end(client_context(), "localhost.")
      client:start()
      assert.falsy(client.pipe:take():find("localhost.", 1, true))
      assert.equal("open", (join(nil, nil, { host = "localhost." })).status)
    end)

    it("offers http/1.1 and nothing else", function()
      local client = new_end(client_context(), "localhost")
      client:start()
      -- RFC 7301 3.1: type 16, its length, the list's length, one name
      local extension = "\0\16\0\11\0\9\8http/1.1"
      assert.truthy(client.pipe:take():find(extension, 1, true))
    end)

    it("is refused to a client that speaks no http/1.1", function()
      local client = new_end(client_context(), "localhost")
      local server = new_end(server_context())
      client:start()
      local hello = client.pipe:take()
      server:feed((hello:gsub("http/1%.1", "http/9.9")))
      assert.equal("failed", server.status)
      assert.equal("the client does not offer http/1.1 (ALPN)", server.detail)
      client:feed(server.pipe:take())
      assert.equal("failed", client.status)
      assert.matches("^localhost sent the alert: ", client.detail)
    end)
  end)

  describe("bytes", function()
    it("pass both ways, one at a time as well", function()
      local client, server = join()
      for _, size in ipairs { 1, 2, 7, 4096 } do
        client.plain, server.plain = "", ""
        assert.is_true(client.pipe:seal("a question"))
        assert.is_true(server.pipe:seal("an answer"))
        settle(client, server, size)
        assert.equal("a question", server.plain)
        assert.equal("an answer", client.plain)
      end
    end)

    it("pass by the mebibyte", function()
      local client, server = join()
      local piece = {}
      for i = 0, 255 do piece[#piece + 1] = string.char(i) end
      local large = table.concat(piece):rep(4096)
      assert.is_true(client.pipe:seal(large))
      assert.is_true(server.pipe:seal(large:reverse()))
      settle(client, server, 65536)
      assert.is_true(server.plain == large)
      assert.is_true(client.plain == large:reverse())
    end)

    it("of many records come out in one feed, in order", function()
      local client, server = join()
      local sent = {}
      for i = 1, 1000 do
        sent[i] = i .. ";"
        client.pipe:seal(sent[i])
      end
      settle(client, server)
      assert.equal(table.concat(sent), server.plain)
    end)

    it("that came with the end of a handshake are not lost", function()
      local client = new_end(client_context(), "localhost")
      local server = new_end(server_context())
      client:start()
      server:feed(client.pipe:take())
      client:feed(server.pipe:take())
      client.pipe:seal("early bird")
      server:feed(client.pipe:take())
      assert.equal("open", server.status)
      assert.equal("early bird", server.plain)
    end)

    it("cannot be sealed before the handshake", function()
      local client = new_end(client_context(), "localhost")
      local sealed, token = client.pipe:seal("too soon")
      assert.is_nil(sealed)
      assert.equal("closed", token)
    end)

    it("that were changed on the way are refused", function()
      local client, server = join()
      client.pipe:seal("a question")
      local bytes = client.pipe:take()
      local last = string.char((bytes:byte(-1) + 1) % 256)
      server:feed(bytes:sub(1, -2) .. last)
      assert.equal("failed", server.status)
      assert.equal("tls", server.token)
      assert.is_false(server.final)
      assert.equal("", server.plain)
      client:feed(server.pipe:take())
      assert.equal("localhost sent the alert: bad record mac", client.detail)
    end)
  end)

  describe("closing", function()
    it("is told to the peer, which can tell it back", function()
      local client, server = join()
      client.pipe:seal("last words")
      client.pipe:close()
      settle(client, server)
      assert.equal("last words", server.plain)
      assert.equal("ended", server.status)
      assert.equal("open", client.status)
      server.pipe:close()
      settle(client, server)
      assert.equal("ended", client.status)
    end)

    it("seals nothing more, but still reads", function()
      local client, server = join()
      client.pipe:close()
      assert.is_nil((client.pipe:seal("more")))
      server.pipe:seal("an answer")
      client:feed(server.pipe:take())
      assert.equal("open", client.status)
      assert.equal("an answer", client.plain)
    end)

    it("twice, or before the handshake, does nothing", function()
      local client, server = join()
      client.pipe:close()
      settle(client, server)
      client.pipe:close()
      assert.equal("", client.pipe:take())
      local fresh = new_end(client_context(), "localhost")
      fresh.pipe:close()
      assert.equal("", fresh.pipe:take())
    end)

    it("throws away what comes after", function()
      local client, server = join()
      client.pipe:close()
      server:feed(client.pipe:take() .. "garbage")
      assert.equal("ended", server.status)
      server:feed("more garbage")
      assert.equal("ended", server.status)
      assert.equal("", server.plain)
    end)
  end)

  describe("a certificate", function()
    it("is good for a name and for addresses", function()
      for _, host in ipairs { "localhost", "LOCALHOST", "127.0.0.1", "::1" } do
        local client = join(nil, nil, { host = host })
        assert.equal("open", client.status)
      end
    end)

    it("that expired says when", function()
      local detail, final, other = refusal("expired")
      assert.equal("the certificate of localhost expired on 2024-01-02",
                   detail)
      assert.is_true(final)
      assert.equal("the client sent the alert: certificate expired", other)
    end)

    it("from the future says from when", function()
      local detail, final = refusal("early")
      assert.equal("the certificate of localhost is not valid before " ..
                   "2090-02-03", detail)
      assert.is_true(final)
    end)

    it("that is self-signed says so", function()
      local detail, final = refusal("selfsigned")
      assert.equal("the certificate of localhost is self-signed; pass it as " ..
                   "tls.ca to trust it", detail)
      assert.is_true(final)
    end)

    it("that is self-signed and given as CA is good", function()
      local client = join({ ca = path("selfsigned.pem") },
                          { name = "selfsigned" })
      assert.equal("open", client.status)
    end)

    it("by an unknown CA names the CA", function()
      local detail, final = refusal("unknown")
      assert.equal("the certificate of localhost is signed by an unknown CA " ..
                   "(CN=Other CA); pass that CA as tls.ca", detail)
      assert.is_true(final)
    end)

    it("by a private CA is not trusted by the system's", function()
      local client = join(nil, nil,
                          { client = assert(core.tls({}, false)) })
      assert.equal("failed", client.status)
      assert.matches("unknown CA (CN=Test CA)", client.detail, 1, true)
    end)

    it("for other names lists them", function()
      local detail, final = refusal("wrong", "chat.example.com")
      assert.equal("certificate is for other.example, www.other.example, " ..
                   "192.0.2.1, not chat.example.com", detail)
      assert.is_true(final)
      assert.matches("not 127.0.0.1$", (refusal("wrong", "127.0.0.1")))
    end)

    it("for more names than fit lists the first", function()
      local names = {}
      for i = 1, 6 do names[i] = "room-" .. i .. ".chat.example" end
      assert.equal("certificate is for " .. table.concat(names, ", ") ..
                   ", ..., not localhost", (refusal("many")))
    end)

    it("without alternative names is for its common name", function()
      local client = join(nil, { name = "unnamed" },
                          { host = "plain.example" })
      assert.equal("open", client.status)
      assert.equal("certificate is for plain.example, not localhost",
                   (refusal("unnamed")))
    end)

    it("with a wildcard is good for one label", function()
      for _, host in ipairs { "chat.example.org", "example.org" } do
        local client = join(nil, { name = "wildcard" }, { host = host })
        assert.equal("open", client.status)
      end
      assert.equal("certificate is for *.example.org, example.org, not " ..
                   "a.b.example.org", (refusal("wildcard", "a.b.example.org")))
    end)

    it("with a wildcard inside a label is good for nothing", function()
      assert.equal("certificate is for w*.example.org, not www.example.org",
                   (refusal("partial", "www.example.org")))
    end)

    it("by an intermediate CA is good with its chain", function()
      assert.equal("open", (join(nil, { name = "chain" })).status)
      assert.matches("unknown CA (CN=Inner CA)", (refusal("deep")), 1, true)
    end)

    it("by an intermediate CA that expired names that CA", function()
      assert.equal("the CA certificate (CN=Past CA) behind localhost " ..
                   "expired on 2024-01-02", (refusal("latechain")))
    end)

    it("of any kind is accepted unverified", function()
      for _, name in ipairs { "expired", "selfsigned", "unknown", "wrong" } do
        local client = join({ verify = false }, { name = name })
        assert.equal("open", client.status)
      end
    end)

    it("is verified for the hostname option instead of the host", function()
      local client = join({ hostname = "chat.example.org" },
                          { name = "wildcard" })
      assert.equal("open", client.status)
      assert.matches("not chat.example.org$", (refusal(
        "good", "localhost", { hostname = "chat.example.org" })))
    end)

    it("is never accepted without a name to verify", function()
      for _, host in ipairs { "", ".", "%lo" } do
        local pipe, token, detail = client_context():pipe(host)
        assert.is_nil(pipe)
        assert.equal("tls", token)
        assert.equal("TLS needs the name of the host", detail)
      end
      assert.is_nil((client_context():pipe()))
    end)

    it("may come as text, and its CA as text or folder", function()
      local client = join({ ca = made:text("ca.pem") }, {
        cert = made:text("good.pem"), key = made:text("leaf.key") })
      assert.equal("open", client.status)
      assert.equal("open", (join({ ca = path("folder") })).status)
    end)

    it("by any CA of a bundle is good", function()
      local bundle = made:text("other.pem") .. made:text("ca.pem")
      assert.equal("open", (join({ ca = bundle })).status)
      assert.equal("open", (join({ ca = bundle },
                                 { name = "unknown" })).status)
    end)
  end)

  describe("a client's certificate", function()
    local function ask() return { ask = true, ca = path("ca.pem") } end
    local function present(name)
      return { cert = path(name .. ".pem"), key = path("client.key") }
    end

    it("opens a server that asks", function()
      local client, server = join(present("client"), ask())
      assert.equal("open", client.status)
      assert.equal("open", server.status)
    end)

    it("that is missing is named by both ends", function()
      local client, server = join(nil, ask())
      assert.equal("failed", server.status)
      assert.equal("the client sent no certificate, and tls.ask requires one",
                   server.detail)
      assert.equal("failed", client.status)
      assert.equal("localhost sent the alert: certificate required; pass " ..
                   "tls.cert and tls.key", client.detail)
      assert.is_true(client.final)
    end)

    it("by an unknown CA is refused by both ends", function()
      local client, server = join(present("stranger"), ask())
      assert.equal("the client's certificate is signed by an unknown CA " ..
                   "(CN=Other CA); pass that CA as tls.ca", server.detail)
      assert.is_true(server.final)
      assert.equal("localhost sent the alert: unknown CA", client.detail)
      assert.is_true(client.final)
    end)

    it("cannot be a server's", function()
      local client, server = join({ cert = path("good.pem"),
                                    key = path("leaf.key") }, ask())
      assert.equal("the client's certificate is not meant for a client",
                   server.detail)
      assert.equal("failed", client.status)
    end)
  end)

  describe("a version", function()
    it("of 1.3 is what two ends choose that need it", function()
      local client, server = join({ min = "1.3" }, { min = "1.3" })
      assert.equal("open", client.status)
      assert.equal("TLSv1.3", server.pipe:version())
    end)

    -- RFC 8446 4.2.1: without supported_versions a hello means TLS 1.2.
    local function without_13(hello)
      local versions = "\0\43\0\5\4\3\4\3\3"
      local at = assert(hello:find(versions, 1, true))
      return hello:sub(1, at - 1) .. "\250\250" .. hello:sub(at + 2)
    end

    it("of 1.2 is spoken with a peer that knows no other", function()
      local client = new_end(client_context(), "localhost")
      local server = new_end(server_context())
      client:start()
      server:feed(without_13(client.pipe:take()))
      -- RFC 5246 7.4.2: after the ServerHello the certificate is readable
      assert.equal("handshake", server.status)
      assert.truthy(server.pipe:take():find("localhost", 1, true))
      assert.equal("TLSv1.2", server.pipe:version())
    end)

    it("of 1.2 is refused by a server that needs 1.3", function()
      local client = new_end(client_context(), "localhost")
      local server = new_end(server_context { min = "1.3" })
      client:start()
      server:feed(without_13(client.pipe:take()))
      assert.equal("failed", server.status)
      assert.equal("the client allows only TLS 1.2", server.detail)
      client:feed(server.pipe:take())
      assert.equal("localhost sent the alert: protocol version; it allows " ..
                   "none of the versions offered", client.detail)
    end)

    -- A ServerHello (RFC 5246 7.4.1.3) of TLS 1.(minor - 1).
    local function server_hello(minor, cipher)
      local version = "\3" .. string.char(minor)
      local body = version .. ("R"):rep(32) .. "\0" .. cipher .. "\0"
      local message = "\2\0\0" .. string.char(#body) .. body
      return "\22" .. version .. "\0" .. string.char(#message) .. message
    end

    it("too old for the client is named", function()
      for minor, name in pairs { [1] = "1.0", [2] = "1.1" } do
        local client = new_end(client_context(), "chat.example.com")
        client:start()
        client:feed(server_hello(minor, "\192\19"))
        assert.equal("failed", client.status)
        assert.equal("chat.example.com allows only TLS " .. name,
                     client.detail)
        assert.is_false(client.final)
      end
      local client = new_end(client_context { min = "1.3" }, "localhost")
      client:start()
      client:feed(server_hello(3, "\192\43"))
      assert.equal("localhost allows only TLS 1.2", client.detail)
    end)

    it("is 1.2 or 1.3", function()
      assert.has_error(function() core.tls({ min = "1.1" }, false) end,
                       'tls.min must be "1.2" or "1.3", not "1.1"')
    end)
  end)

  describe("a peer that does not speak TLS", function()
    it("is told by its first bytes", function()
      local client = new_end(client_context(), "chat.example.com")
      client:start()
      client:feed("HTTP/1.1 400 Bad Request\r\n\r\n")
      assert.equal("failed", client.status)
      assert.equal("tls", client.token)
      assert.equal('chat.example.com does not speak TLS (its first bytes ' ..
                   'were "HTTP/1.1"); is it the right port?', client.detail)
      assert.is_false(client.final)
    end)

    it("is told when its bytes trickle in", function()
      local client = new_end(client_context(), "localhost")
      client:start()
      client:feed("HTTP/1.1 400 Bad Request\r\n\r\n", 1)
      assert.matches('first bytes were "HTTP/"', client.detail, 1, true)
    end)

    it("has its strange bytes escaped", function()
      local server = new_end(server_context())
      server:feed('\0\255\1"\\\n\127z and more')
      assert.equal('the client does not speak TLS (its first bytes were ' ..
                   [["\x00\xff\x01\x22\x5c\x0a\x7fz"); is it the right port?]],
                   server.detail)
    end)

    it("is not fed any more", function()
      local server = new_end(server_context())
      server:feed("GET / HTTP/1.1\r\n\r\n")
      local status, plain, token = server.pipe:feed("more")
      assert.equal("failed", status)
      assert.equal("", plain)
      assert.equal("tls", token)
    end)

    it("leaves nothing for the next connection to trip over", function()
      local bad = new_end(server_context())
      local client, server = join()
      for _ = 1, 3 do
        bad:feed("GET / HTTP/1.1\r\n\r\n")
        client.pipe:seal("a question")
        settle(client, server)
        assert.equal("open", server.status)
      end
    end)
  end)

  describe("an alert", function()
    it("is called by its name", function()
      for code, name in pairs {
        [40] = "handshake failure", [80] = "internal error",
        [109] = "missing extension", [112] = "unrecognized name",
        [116] = "certificate required; pass tls.cert and tls.key"
      } do
        local client = new_end(client_context(), "localhost")
        client:start()
        client:feed("\21\3\3\0\2\2" .. string.char(code))
        assert.equal("failed", client.status)
        assert.equal("localhost sent the alert: " .. name, client.detail)
      end
    end)

    it("to close in the middle of a handshake ends it", function()
      local client = new_end(client_context(), "localhost")
      client:start()
      client:feed("\21\3\3\0\2\1\0")
      assert.equal("ended", client.status)
    end)
  end)

  describe("a session", function()
    local rules

    before_each(function()
      rules = { client = client_context(), server = server_context() }
    end)

    it("is resumed with the same host", function()
      local first = join(nil, nil, rules)
      assert.is_false(first.pipe:resumed())
      for _ = 1, 3 do
        local client, server = join(nil, nil, rules)
        assert.equal("open", client.status)
        assert.is_true(client.pipe:resumed())
        assert.is_true(server.pipe:resumed())
      end
    end)

    it("is resumed after a connection that was just dropped", function()
      local first = join(nil, nil, rules)
      first.pipe = nil
      collectgarbage()
      collectgarbage()
      assert.is_true((join(nil, nil, rules)).pipe:resumed())
    end)

    it("is not taken to another host", function()
      join(nil, nil, rules)
      rules.host = "127.0.0.1"
      assert.is_false((join(nil, nil, rules)).pipe:resumed())
    end)

    it("that the server forgot is replaced", function()
      join(nil, nil, rules)
      rules.server = server_context()
      local client = join(nil, nil, rules)
      assert.equal("open", client.status)
      assert.is_false(client.pipe:resumed())
      assert.is_true((join(nil, nil, rules)).pipe:resumed())
    end)

    it("with a client's certificate is resumed too", function()
      rules.client = client_context { cert = path("client.pem"),
                                      key = path("client.key") }
      rules.server = server_context { ask = true, ca = path("ca.pem") }
      join(nil, nil, rules)
      local client, server = join(nil, nil, rules)
      assert.equal("open", server.status)
      assert.is_true(client.pipe:resumed())
    end)
  end)

  describe("an option", function()
    local function refused(options, server)
      local context, token, detail = core.tls(options, server)
      assert.is_nil(context)
      assert.equal("tls", token)
      return detail
    end

    it("that names no file says which", function()
      assert.equal("tls.ca: cannot read /nowhere/ca.pem: " ..
                   "No such file or directory",
                   refused({ ca = "/nowhere/ca.pem" }, false))
      assert.equal("tls.cert: cannot read /nowhere/c.pem: " ..
                   "No such file or directory",
                   refused({ cert = "/nowhere/c.pem", key = "k" }, true))
      assert.equal("tls.key: cannot read /nowhere/k.pem: " ..
                   "No such file or directory",
                   refused({ cert = path("good.pem"),
                             key = "/nowhere/k.pem" }, true))
      assert.equal("tls.keylog: cannot write /nowhere/log: " ..
                   "No such file or directory",
                   refused({ keylog = "/nowhere/log" }, false))
    end)

    it("without what it should hold says so", function()
      local key = path("leaf.key")
      assert.equal("tls.ca: there is no certificate in " .. key,
                   refused({ ca = key }, false))
      assert.equal("tls.cert: there is no certificate in " .. key,
                   refused({ cert = key, key = key }, true))
      assert.equal("tls.key: there is no private key in the PEM text",
                   refused({ cert = path("good.pem"),
                             key = made:text("ca.pem") }, true))
      assert.equal("tls.key is neither PEM text nor the path of a file",
                   refused({ cert = path("good.pem"), key = "MIIE\nAB" },
                           true))
    end)

    it("cut in the middle of a certificate is refused", function()
      local cut = made:text("ca.pem") .. made:text("other.pem"):sub(1, 200)
      assert.matches("^tls.ca: the PEM text: ", refused({ ca = cut }, false))
      local cert = made:text("good.pem"):sub(1, 200)
      assert.matches("^tls.cert: the PEM text: ", refused(
        { cert = cert, key = path("leaf.key") }, true))
    end)

    it("for a key that belongs to another certificate is refused", function()
      assert.equal("tls.key does not belong to tls.cert: they are not of " ..
                   "one pair",
                   refused({ cert = path("good.pem"),
                             key = path("client.key") }, true))
    end)

    it("for a key with a password is refused without a question", function()
      local locked = path("locked.key")
      assert.equal("tls.key: " .. locked .. " is encrypted; pass a key " ..
                   "without a password",
                   refused({ cert = path("good.pem"), key = locked }, true))
    end)

    it("that lacks its other half is refused", function()
      assert.equal("a server needs tls.cert and tls.key", refused({}, true))
      assert.equal("tls.cert needs tls.key",
                   refused({ cert = path("client.pem") }, false))
      assert.equal("tls.key needs tls.cert",
                   refused({ key = path("client.key") }, false))
      assert.equal("tls.ask needs tls.ca: the CA of the clients", refused(
        { cert = path("good.pem"), key = path("leaf.key"), ask = true },
        true))
    end)

    it("of the wrong type raises", function()
      assert.has_error(function() core.tls({ ca = 7 }, false) end,
                       "tls.ca must be a string, not a number")
      assert.has_error(function() core.tls({ verify = "no" }, false) end,
                       "tls.verify must be true or false, not a string")
      assert.has_error(function() core.tls({ hostname = "a\0b" }, false) end,
                       "tls.hostname contains a zero byte")
      assert.has_error(function() core.tls(nil, false) end)
    end)
  end)

  describe("a key log", function()
    it("gets the lines that other tools decrypt with", function()
      local log = path("keys.log")
      join({ keylog = log })
      join({ keylog = log })
      local lines = made:text("keys.log")
      local _, count = lines:gsub("CLIENT_HANDSHAKE_TRAFFIC_SECRET %x+ %x+\n",
                                  "")
      assert.equal(2, count)
      assert.matches("SERVER_TRAFFIC_SECRET_0 %x+ %x+\n", lines)
    end)
  end)

  describe("memory", function()
    it("is all given back", function()
      collectgarbage()
      collectgarbage()
      local before = core.memory().blocks
      do
        local client, server = join()
        client.pipe:seal(("x"):rep(100000))
        settle(client, server)
      end
      refusal("expired")
      collectgarbage()
      collectgarbage()
      assert.equal(before, core.memory().blocks)
    end)

    it("that runs out is an error, never a crash", function()
      local rules = { client = client_context(), server = server_context() }
      finally(function() core.failmemory(-1) end)
      for calls = 0, 40 do
        core.failmemory(calls)
        local opened, client = pcall(join, nil, nil, rules)
        core.failmemory(-1)
        if opened and client.status == "failed" then
          assert.is_truthy(client.token == "full" or client.token == "tls")
        end
      end
      assert.equal("open", (join(nil, nil, rules)).status)
    end)
  end)
end)
