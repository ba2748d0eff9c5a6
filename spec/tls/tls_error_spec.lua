local ends = require "support.ends"

describe("a TLS error about", function()
  setup(ends.setup)
  teardown(ends.teardown)

  describe("a version", function()
    it("of 1.3 is chosen where both ends need it", function()
      local client, server = ends.join({ min = "1.3" }, { min = "1.3" })
      assert.equal("open", client.status)
      assert.equal("TLSv1.3", server.pipe:version())
    end)

    -- RFC 8446 4.2.1: without supported_versions a hello means TLS 1.2.
    local function without_13(hello)
      local versions = "\0\43\0\5\4\3\4\3\3"
      local at = assert(hello:find(versions, 1, true))
      return hello:sub(1, at - 1) .. "\250\250" .. hello:sub(at + 2)
    end

    it("of 1.2 is used with a peer that has no other", function()
      local client = ends.new(ends.client(), "localhost")
      local server = ends.new(ends.server())
      client:start()
      server:feed(without_13(client.pipe:take()))
      -- RFC 5246 7.4.2: after the ServerHello the certificate is readable
      assert.equal("handshake", server.status)
      assert.truthy(server.pipe:take():find("localhost", 1, true))
      assert.equal("TLSv1.2", server.pipe:version())
    end)

    it("of 1.2 is refused by a server that needs 1.3", function()
      local client = ends.new(ends.client(), "localhost")
      local server = ends.new(ends.server { min = "1.3" })
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
        local client = ends.new(ends.client(), "chat.example.com")
        client:start()
        client:feed(server_hello(minor, "\192\19"))
        assert.equal("failed", client.status)
        assert.equal("chat.example.com allows only TLS " .. name,
                     client.detail)
        assert.is_false(client.final)
      end
      local client = ends.new(ends.client { min = "1.3" }, "localhost")
      client:start()
      client:feed(server_hello(3, "\192\43"))
      assert.equal("localhost allows only TLS 1.2", client.detail)
    end)
  end)

  describe("a peer that does not speak TLS", function()
    it("is recognised by its first bytes", function()
      local client = ends.new(ends.client(), "chat.example.com")
      client:start()
      client:feed("HTTP/1.1 400 Bad Request\r\n\r\n")
      assert.equal("failed", client.status)
      assert.equal("tls", client.token)
      assert.equal('chat.example.com does not speak TLS (its first bytes ' ..
                   'were "HTTP/1.1"); is it the right port, or ws instead of wss?', client.detail)
      assert.is_false(client.final)
    end)

    it("is recognised one byte at a time", function()
      local client = ends.new(ends.client(), "localhost")
      client:start()
      client:feed("HTTP/1.1 400 Bad Request\r\n\r\n", 1)
      assert.matches('first bytes were "HTTP/"', client.detail, 1, true)
    end)

    it("has its strange bytes escaped", function()
      local server = ends.new(ends.server())
      server:feed('\0\255\1"\\\n\127z and more')
      assert.equal('the client does not speak TLS (its first bytes were ' ..
                   [["\x00\xff\x01\x22\x5c\x0a\x7fz"); is it the right port, ]]
                   .. "or ws instead of wss?",
                   server.detail)
    end)

    it("gets an error for whatever follows", function()
      local server = ends.new(ends.server())
      server:feed("GET / HTTP/1.1\r\n\r\n")
      local status, plain, token = server.pipe:feed("more")
      assert.equal("failed", status)
      assert.equal("", plain)
      assert.equal("tls", token)
    end)

    it("leaves no error in OpenSSL's queue", function()
      local bad = ends.new(ends.server())
      local client, server = ends.join()
      for _ = 1, 3 do
        bad:feed("GET / HTTP/1.1\r\n\r\n")
        client.pipe:seal("a question")
        ends.settle(client, server)
        assert.equal("open", server.status)
      end
    end)
  end)

  describe("an alert", function()
    it("is named", function()
      for code, name in pairs {
        [40] = "handshake failure", [80] = "internal error",
        [109] = "missing extension", [112] = "unrecognized name",
        [116] = "certificate required; pass tls.cert and tls.key"
      } do
        local client = ends.new(ends.client(), "localhost")
        client:start()
        client:feed("\21\3\3\0\2\2" .. string.char(code))
        assert.equal("failed", client.status)
        assert.equal("localhost sent the alert: " .. name, client.detail)
      end
    end)

    it("to close in the middle of a handshake ends it", function()
      local client = ends.new(ends.client(), "localhost")
      client:start()
      client:feed("\21\3\3\0\2\1\0")
      assert.equal("ended", client.status)
    end)
  end)
end)
