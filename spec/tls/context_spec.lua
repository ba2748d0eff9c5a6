local core = require "wsmanager.core"
local ends = require "support.ends"

describe("a TLS context", function()
  setup(ends.setup)
  teardown(ends.teardown)

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
                   refused({ cert = ends.path("good.pem"),
                             key = "/nowhere/k.pem" }, true))
      assert.equal("tls.keylog: cannot write /nowhere/log: " ..
                   "No such file or directory",
                   refused({ keylog = "/nowhere/log" }, false))
    end)

    it("without what it should hold says so", function()
      local key = ends.path("leaf.key")
      assert.equal("tls.ca: there is no certificate in " .. key,
                   refused({ ca = key }, false))
      assert.equal("tls.cert: there is no certificate in " .. key,
                   refused({ cert = key, key = key }, true))
      assert.equal("tls.key: there is no private key in the PEM text",
                   refused({ cert = ends.path("good.pem"),
                             key = ends.text("ca.pem") }, true))
      assert.equal("tls.key is neither PEM text nor the path of a file",
                   refused({ cert = ends.path("good.pem"), key = "MIIE\nAB" },
                           true))
    end)

    it("cut in the middle of a certificate is refused", function()
      local cut = ends.text("ca.pem") .. ends.text("other.pem"):sub(1, 200)
      assert.matches("^tls.ca: the PEM text: ", refused({ ca = cut }, false))
      local cert = ends.text("good.pem"):sub(1, 200)
      assert.matches("^tls.cert: the PEM text: ", refused(
        { cert = cert, key = ends.path("leaf.key") }, true))
    end)

    it("for a key that belongs to another certificate is refused", function()
      assert.equal("tls.key does not belong to tls.cert: they are not of " ..
                   "one pair",
                   refused({ cert = ends.path("good.pem"),
                             key = ends.path("client.key") }, true))
    end)

    it("for a key that is too weak is refused", function()
      for _, bits in ipairs { 512, 1024 } do
        local cert = ends.path("weak" .. bits .. ".pem")
        local key = ends.path("rsa" .. bits .. ".key")
        assert.equal("tls.cert: " .. cert .. ": ee key too small",
                     refused({ cert = cert, key = key }, true))
      end
    end)

    it("for a key with a password is refused without a question", function()
      local locked = ends.path("locked.key")
      assert.equal("tls.key: " .. locked .. " is encrypted; pass a key " ..
                   "without a password",
                   refused({ cert = ends.path("good.pem"), key = locked },
                           true))
    end)

    it("that lacks its other half is refused", function()
      assert.equal("a server needs tls.cert and tls.key", refused({}, true))
      assert.equal("tls.cert needs tls.key",
                   refused({ cert = ends.path("client.pem") }, false))
      assert.equal("tls.key needs tls.cert",
                   refused({ key = ends.path("client.key") }, false))
      assert.equal("tls.ask needs tls.ca: the CA of the clients", refused(
        { cert = ends.path("good.pem"), key = ends.path("leaf.key"),
          ask = true }, true))
    end)

    it("for a version other than 1.2 and 1.3 raises", function()
      assert.has_error(function() core.tls({ min = "1.1" }, false) end,
                       'tls.min must be "1.2" or "1.3", not "1.1"')
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
    it("can be read by its owner alone, whatever the umask", function()
      local log = ends.path("private.log")
      ends.join({ keylog = log })
      local pipe = io.popen("ls -l " .. log)
      local mode = pipe:read("*a")
      pipe:close()
      assert.matches("^%-rw%-%-%-%-%-%-%-", mode)
      assert.matches("SECRET", ends.text("private.log"))
    end)

    it("gets the lines that other tools decrypt with", function()
      local log = ends.path("keys.log")
      ends.join({ keylog = log })
      ends.join({ keylog = log })
      local lines = ends.text("keys.log")
      local _, count = lines:gsub("CLIENT_HANDSHAKE_TRAFFIC_SECRET %x+ %x+\n",
                                  "")
      assert.equal(2, count)
      assert.matches("SERVER_TRAFFIC_SECRET_0 %x+ %x+\n", lines)
    end)
  end)
end)
