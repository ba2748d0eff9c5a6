-- `wsm probe`: each step, with real peers.

local certificates = require "support.certificates"
local peers = require "support.peers"
local wsm = require "support.wsm"

describe("wsm probe", function()
  local certs

  setup(function() certs = certificates.make() end)
  teardown(function() certs:remove() end)
  after_each(function() peers.stop() end)

  -- Each of these lines is there, in this order.
  local function shows(text, lines)
    local at = 1
    for _, line in ipairs(lines) do
      local _, after = text:find(line, at)
      assert.is_number(after, line .. " in " .. text)
      at = after
    end
  end

  local function secure(name, more)
    local options = { tls = { cert = certs:path(name .. ".pem"), key = certs:path "leaf.key" } }
    for key, value in pairs(more or {}) do options[key] = value end
    return "wss://localhost:" .. peers.start("python_server", options).port .. "/echo"
  end

  it("shows each step of a connection with its time, the certificate and the response", function()
    local url = secure("chain", { protocols = { "chat" }, compress = true })
    local output, errors, code = wsm.run("probe -z -s chat --ca " .. certs:path "ca.pem"
      .. " " .. url)
    assert.equal("", errors)
    assert.equal(0, code, output)
    shows(output, {
      "^url wss://localhost:%d+/echo\n", "\nname +[%d.]+ ms  localhost: ", "\ntcp +[%d.]+ ms  ",
      "\ntls +[%d.]+ ms  TLSv1%.3, TLS_",
      "\n101 +[%d.]+ ms  subprotocol chat, extensions permessage",
      "\nping +[%d.]+ ms  [%d.]+, [%d.]+, [%d.]+ ms\n", "\ncertificate\n",
      "  names +DNS:localhost", "  issuer +CN=Inner CA\n",
      "  valid +2020%-01%-01 00:00:00 to 2099%-01%-01 00:00:00 UTC, %d+ days left\n",
      "  key +EC 256, sha256//[%w+/]+=\n", "\nsigned by\n  subject +CN=Inner CA\n",
      "\nresponse\n  HTTP 101 ", "\nclose +[%d.]+ ms  the peer answered with 1000\n",
    })
  end)

  it("shows the certificate of a server that is not trusted, and why", function()
    local output, _, code = wsm.run("probe --ca " .. certs:path "ca.pem" .. " " .. secure "expired")
    assert.equal(4, code)
    shows(output, { "\nfailed +tls: .-expired", "\nnot trusted:\ncertificate\n",
      "valid +2020%-01%-01.- to 2024%-01%-02 00:00:00 UTC, over for %d+ days\n" })
  end)

  it("shows what a server said instead of a 101", function()
    local server = peers.start("python_server", {})
    local output, _, code = wsm.run("probe ws://127.0.0.1:" .. server.port .. "/status/503")
    assert.equal(5, code)
    shows(output, { "\nname +[%d.]+ ms  127%.0%.0%.1: 127%.0%.0%.1\n", "\nfailed +handshake: .-503",
      "\nresponse\n  HTTP 503 ", "  retry%-after: 7\n" })
  end)

  it("says that a name has no address", function()
    local output, _, code = wsm.run "probe ws://nobody.invalid/"
    assert.equal(2, code)
    shows(output, { "\nname +[%d.]+ ms  failed: resolve: " })
  end)

  it("shows the proxy on the way, and no credential", function()
    local proxy = peers.start("proxy", { kind = "tinyproxy" })
    local server = peers.start("python_server", {})
    local output, _, code = wsm.run("probe -x http://me:secret@127.0.0.1:" .. proxy.port
      .. " ws://127.0.0.1:" .. server.port .. "/echo")
    assert.equal(0, code, output)
    shows(output, { "\nproxy +127%.0%.0%.1:%d+\n", "\nproxy +[%d.]+ ms  ", "\n101 " })
    assert.is_nil(output:find "secret")
  end)
end)
