local core = require "wsmanager.core"
local ends = require "support.ends"

describe("TLS", function()
  setup(ends.setup)
  teardown(ends.teardown)

  describe("a handshake", function()
    it("opens both ends with TLS 1.3", function()
      local client, server = ends.join()
      assert.equal("open", client.status)
      assert.equal("open", server.status)
      assert.equal("TLSv1.3", client.pipe:version())
      assert.equal("TLSv1.3", server.pipe:version())
      assert.equal(client.pipe:cipher(), server.pipe:cipher())
      assert.matches("^TLS_", client.pipe:cipher())
    end)

    it("opens one byte at a time", function()
      local client, server = ends.join(nil, nil, { size = 1 })
      assert.equal("open", client.status)
      assert.equal("open", server.status)
    end)

    it("has the status handshake until it is done", function()
      local client = ends.new(ends.client(), "localhost")
      client:start()
      assert.equal("handshake", client.status)
      assert.equal(22, client.pipe:take():byte(1))
      local server = ends.new(ends.server())
      server:feed("\22\3\1")
      assert.equal("handshake", server.status)
      assert.equal("", server.pipe:take())
    end)

    it("cut at any offset opens as well", function()
      local rules = { client = ends.client(), server = ends.server() }
      local length = (function()
        local client = ends.new(rules.client, "localhost")
        client:start()
        return #client.pipe:take()
      end)()
      for cut = 1, length - 1 do
        local client = ends.new(rules.client, "localhost")
        local server = ends.new(rules.server)
        client:start()
        local hello = client.pipe:take()
        server:feed(hello:sub(1, cut))
        assert.equal("handshake", server.status)
        server:feed(hello:sub(cut + 1))
        ends.settle(client, server)
        assert.equal("open", client.status)
        assert.equal("open", server.status)
      end
    end)

    it("sends the name of the host, but no address", function()
      local named = ends.new(ends.client(), "chat.example.com")
      named:start()
      assert.truthy(named.pipe:take():find("chat.example.com", 1, true))
      for _, address in ipairs { "127.0.0.1", "::1" } do
        local numeric = ends.new(ends.client(), address)
        numeric:start()
        assert.falsy(numeric.pipe:take():find(address, 1, true))
      end
    end)

    it("sends a name without its trailing dot", function()
      local client = ends.new(ends.client(), "localhost.")
      client:start()
      assert.falsy(client.pipe:take():find("localhost.", 1, true))
      client = ends.join(nil, nil, { host = "localhost." })
      assert.equal("open", client.status)
    end)

    it("offers http/1.1 and nothing else", function()
      local client = ends.new(ends.client(), "localhost")
      client:start()
      -- RFC 7301 3.1: type 16, its length, the list's length, one name
      local extension = "\0\16\0\11\0\9\8http/1.1"
      assert.truthy(client.pipe:take():find(extension, 1, true))
    end)

    it("is refused to a client that offers no http/1.1", function()
      local client = ends.new(ends.client(), "localhost")
      local server = ends.new(ends.server())
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
      local client, server = ends.join()
      for _, size in ipairs { 1, 2, 7, 4096 } do
        client.plain, server.plain = "", ""
        assert.is_true(client.pipe:seal("a question"))
        assert.is_true(server.pipe:seal("an answer"))
        ends.settle(client, server, size)
        assert.equal("a question", server.plain)
        assert.equal("an answer", client.plain)
      end
    end)

    it("pass in mebibytes", function()
      local client, server = ends.join()
      local piece = {}
      for i = 0, 255 do piece[#piece + 1] = string.char(i) end
      local large = table.concat(piece):rep(4096)
      assert.is_true(client.pipe:seal(large))
      assert.is_true(server.pipe:seal(large:reverse()))
      ends.settle(client, server, 65536)
      assert.is_true(server.plain == large)
      assert.is_true(client.plain == large:reverse())
    end)

    it("of many records come out in one feed, in order", function()
      local client, server = ends.join()
      local sent = {}
      for i = 1, 1000 do
        sent[i] = i .. ";"
        client.pipe:seal(sent[i])
      end
      ends.settle(client, server)
      assert.equal(table.concat(sent), server.plain)
    end)

    it("that came with the end of a handshake are not lost", function()
      local client = ends.new(ends.client(), "localhost")
      local server = ends.new(ends.server())
      client:start()
      server:feed(client.pipe:take())
      client:feed(server.pipe:take())
      client.pipe:seal("early bird")
      server:feed(client.pipe:take())
      assert.equal("open", server.status)
      assert.equal("early bird", server.plain)
    end)

    it("cannot be encrypted before the handshake", function()
      local client = ends.new(ends.client(), "localhost")
      local sealed, token = client.pipe:seal("too soon")
      assert.is_nil(sealed)
      assert.equal("closed", token)
    end)

    it("that were changed in transit are an error", function()
      local client, server = ends.join()
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
    it("sends close_notify, which the peer can answer", function()
      local client, server = ends.join()
      client.pipe:seal("last words")
      client.pipe:close()
      ends.settle(client, server)
      assert.equal("last words", server.plain)
      assert.equal("ended", server.status)
      assert.equal("open", client.status)
      server.pipe:close()
      ends.settle(client, server)
      assert.equal("ended", client.status)
    end)

    it("encrypts nothing more, but still decrypts", function()
      local client, server = ends.join()
      client.pipe:close()
      assert.is_nil((client.pipe:seal("more")))
      server.pipe:seal("an answer")
      client:feed(server.pipe:take())
      assert.equal("open", client.status)
      assert.equal("an answer", client.plain)
    end)

    it("twice, or before the handshake, does nothing", function()
      local client, server = ends.join()
      client.pipe:close()
      ends.settle(client, server)
      client.pipe:close()
      assert.equal("", client.pipe:take())
      local fresh = ends.new(ends.client(), "localhost")
      fresh.pipe:close()
      assert.equal("", fresh.pipe:take())
    end)

    it("discards what comes after", function()
      local client, server = ends.join()
      client.pipe:close()
      server:feed(client.pipe:take() .. "garbage")
      assert.equal("ended", server.status)
      server:feed("more garbage")
      assert.equal("ended", server.status)
      assert.equal("", server.plain)
    end)
  end)

  describe("a TLS session", function()
    local rules

    before_each(function()
      rules = { client = ends.client(), server = ends.server() }
    end)

    it("is resumed with the same host", function()
      local first = ends.join(nil, nil, rules)
      assert.is_false(first.pipe:resumed())
      for _ = 1, 3 do
        local client, server = ends.join(nil, nil, rules)
        assert.equal("open", client.status)
        assert.is_true(client.pipe:resumed())
        assert.is_true(server.pipe:resumed())
      end
    end)

    it("is resumed after a connection that was lost", function()
      local first = ends.join(nil, nil, rules)
      first.pipe = nil
      collectgarbage()
      collectgarbage()
      assert.is_true((ends.join(nil, nil, rules)).pipe:resumed())
    end)

    it("of TLS 1.3 is resumed once (RFC 8446 C.4)", function()
      ends.join(nil, nil, rules)
      local first = ends.new(rules.client, "localhost")
      first:start()
      local second = ends.join(nil, nil, rules)
      local server = ends.new(rules.server)
      ends.settle(first, server)
      assert.equal("open", first.status)
      assert.is_true(first.pipe:resumed())
      assert.is_false(second.pipe:resumed())
    end)

    it("is not resumed with another host", function()
      ends.join(nil, nil, rules)
      rules.host = "127.0.0.1"
      assert.is_false((ends.join(nil, nil, rules)).pipe:resumed())
    end)

    it("that the server forgot is replaced", function()
      ends.join(nil, nil, rules)
      rules.server = ends.server()
      local client = ends.join(nil, nil, rules)
      assert.equal("open", client.status)
      assert.is_false(client.pipe:resumed())
      assert.is_true((ends.join(nil, nil, rules)).pipe:resumed())
    end)

    it("with a client's certificate is resumed too", function()
      rules.client = ends.client { cert = ends.path("client.pem"),
                                      key = ends.path("client.key") }
      rules.server = ends.server { ask = true, ca = ends.path("ca.pem") }
      ends.join(nil, nil, rules)
      local client, server = ends.join(nil, nil, rules)
      assert.equal("open", server.status)
      assert.is_true(client.pipe:resumed())
    end)
  end)

  describe("memory", function()
    it("is all freed", function()
      collectgarbage()
      collectgarbage()
      local before = core.memory().blocks
      do
        local client, server = ends.join()
        client.pipe:seal(("x"):rep(100000))
        ends.settle(client, server)
      end
      ends.join(nil, { name = "expired" })
      collectgarbage()
      collectgarbage()
      assert.equal(before, core.memory().blocks)
    end)

    it("that runs out is an error, never a crash", function()
      local rules = { client = ends.client(), server = ends.server() }
      finally(function() core.failmemory(-1) end)
      for calls = 0, 40 do
        core.failmemory(calls)
        local opened, client = pcall(ends.join, nil, nil, rules)
        core.failmemory(-1)
        if opened and client.status == "failed" then
          assert.is_truthy(client.token == "full" or client.token == "tls")
        end
      end
      assert.equal("open", (ends.join(nil, nil, rules)).status)
    end)
  end)
end)
