local core = require "wsmanager.core"
local ends = require "support.ends"

describe("verifying", function()
  setup(ends.setup)
  teardown(ends.teardown)

  local function refusal(name, host, client_options)
    local client, server = ends.join(client_options, { name = name },
                                     { host = host })
    assert.equal("failed", client.status)
    assert.equal("tls", client.token)
    assert.equal("failed", server.status)
    return client.detail, client.final, server.detail
  end

  describe("a certificate", function()
    it("is accepted for its name and its addresses", function()
      for _, host in ipairs { "localhost", "LOCALHOST", "127.0.0.1", "::1" } do
        local client = ends.join(nil, nil, { host = host })
        assert.equal("open", client.status)
      end
    end)

    it("that has expired is refused with the date", function()
      local detail, final, other = refusal("expired")
      assert.equal("the certificate of localhost expired on 2024-01-02",
                   detail)
      assert.is_true(final)
      assert.equal("the client sent the alert: certificate expired", other)
    end)

    it("not yet valid is refused with the date", function()
      local detail, final = refusal("early")
      assert.equal("the certificate of localhost is not valid before " ..
                   "2090-02-03", detail)
      assert.is_true(final)
    end)

    it("that is self-signed is refused as such", function()
      local detail, final = refusal("selfsigned")
      assert.equal("the certificate of localhost is self-signed; pass it as " ..
                   "tls.ca to trust it", detail)
      assert.is_true(final)
    end)

    it("that is self-signed is accepted as a CA", function()
      local client = ends.join({ ca = ends.path("selfsigned.pem") },
                          { name = "selfsigned" })
      assert.equal("open", client.status)
    end)

    it("by an unknown CA is refused with the CA's name", function()
      local detail, final = refusal("unknown")
      assert.equal("the certificate of localhost is signed by an unknown CA " ..
                   "(CN=Other CA); pass that CA as tls.ca", detail)
      assert.is_true(final)
    end)

    it("by a private CA is refused by the system's CAs", function()
      local client = ends.join(nil, nil,
                          { client = assert(core.tls({}, false)) })
      assert.equal("failed", client.status)
      assert.matches("unknown CA (CN=Test CA)", client.detail, 1, true)
    end)

    it("for other names is refused with these", function()
      local detail, final = refusal("wrong", "chat.example.com")
      assert.equal("certificate is for other.example, www.other.example, " ..
                   "192.0.2.1, not chat.example.com", detail)
      assert.is_true(final)
      assert.matches("not 127.0.0.1$", (refusal("wrong", "127.0.0.1")))
    end)

    it("for more names than fit is refused with the first", function()
      local names = {}
      for i = 1, 6 do names[i] = "room-" .. i .. ".chat.example" end
      assert.equal("certificate is for " .. table.concat(names, ", ") ..
                   ", ..., not localhost", (refusal("many")))
    end)

    it("without alternative names is refused with its common name", function()
      local client = ends.join(nil, { name = "unnamed" },
                          { host = "plain.example" })
      assert.equal("open", client.status)
      assert.equal("certificate is for plain.example, not localhost",
                   (refusal("unnamed")))
    end)

    it("with a wildcard is accepted for one label", function()
      for _, host in ipairs { "chat.example.org", "example.org" } do
        local client = ends.join(nil, { name = "wildcard" }, { host = host })
        assert.equal("open", client.status)
      end
      assert.equal("certificate is for *.example.org, example.org, not " ..
                   "a.b.example.org", (refusal("wildcard", "a.b.example.org")))
    end)

    it("with a wildcard inside a label is refused", function()
      assert.equal("certificate is for w*.example.org, not www.example.org",
                   (refusal("partial", "www.example.org")))
    end)

    it("by an intermediate CA is accepted with its chain", function()
      assert.equal("open", (ends.join(nil, { name = "chain" })).status)
      assert.matches("unknown CA (CN=Inner CA)", (refusal("deep")), 1, true)
    end)

    it("by an intermediate CA that expired is refused with its name", function()
      assert.equal("the CA certificate (CN=Past CA) behind localhost " ..
                   "expired on 2024-01-02", (refusal("latechain")))
    end)

    it("of any kind is accepted with verify = false", function()
      for _, name in ipairs { "expired", "selfsigned", "unknown", "wrong" } do
        local client = ends.join({ verify = false }, { name = name })
        assert.equal("open", client.status)
      end
    end)

    it("is verified for the hostname option instead of the host", function()
      local client = ends.join({ hostname = "chat.example.org" },
                          { name = "wildcard" })
      assert.equal("open", client.status)
      assert.matches("not chat.example.org$", (refusal(
        "good", "localhost", { hostname = "chat.example.org" })))
    end)

    it("is never accepted without a name to verify", function()
      for _, host in ipairs { "", ".", "%lo" } do
        local pipe, token, detail = core.protocol.tlspipe(ends.client(), host)
        assert.is_nil(pipe)
        assert.equal("tls", token)
        assert.equal("TLS needs the name of the host", detail)
      end
      assert.is_nil((core.protocol.tlspipe(ends.client())))
    end)

    it("may come as text, and its CA as text or folder", function()
      local client = ends.join({ ca = ends.text("ca.pem") }, {
        cert = ends.text("good.pem"), key = ends.text("leaf.key") })
      assert.equal("open", client.status)
      assert.equal("open", (ends.join({ ca = ends.path("folder") })).status)
    end)

    it("by any CA of a bundle is accepted", function()
      local bundle = ends.text("other.pem") .. ends.text("ca.pem")
      assert.equal("open", (ends.join({ ca = bundle })).status)
      assert.equal("open", (ends.join({ ca = bundle },
                                 { name = "unknown" })).status)
    end)
  end)

  describe("a client's certificate", function()
    local function ask() return { ask = true, ca = ends.path("ca.pem") } end
    local function present(name)
      return { cert = ends.path(name .. ".pem"), key = ends.path("client.key") }
    end

    it("is accepted by a server that requires one", function()
      local client, server = ends.join(present("client"), ask())
      assert.equal("open", client.status)
      assert.equal("open", server.status)
    end)

    it("that is missing is an error of both ends", function()
      local client, server = ends.join(nil, ask())
      assert.equal("failed", server.status)
      assert.equal("the client sent no certificate, and tls.ask requires one",
                   server.detail)
      assert.equal("failed", client.status)
      assert.equal("localhost sent the alert: certificate required; pass " ..
                   "tls.cert and tls.key", client.detail)
      assert.is_true(client.final)
    end)

    it("by an unknown CA is refused by both ends", function()
      local client, server = ends.join(present("stranger"), ask())
      assert.equal("the client's certificate is signed by an unknown CA " ..
                   "(CN=Other CA); pass that CA as tls.ca", server.detail)
      assert.is_true(server.final)
      assert.equal("localhost sent the alert: unknown CA", client.detail)
      assert.is_true(client.final)
    end)

    it("cannot be a server's", function()
      local client, server = ends.join({ cert = ends.path("good.pem"),
                                    key = ends.path("leaf.key") }, ask())
      assert.equal("the client's certificate is not meant for a client",
                   server.detail)
      assert.equal("failed", client.status)
    end)
  end)
end)
