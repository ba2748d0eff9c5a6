local core = require "wsmanager.core"
local protocol = core.protocol

local function follow(from, location)
  local url, changed = protocol.redirect(from, location)
  assert.is_string(url, changed)
  return url, changed
end

local function why(from, location)
  local url, token, detail, final = protocol.redirect(from, location)
  assert.is_nil(url)
  assert.equal("handshake", token)
  assert.is_true(final)
  return detail
end

describe("a redirect", function()
  it("is a response with one of five statuses", function()
    local followed = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }
    for status = 0, 599 do
      assert.equal(followed[status] or false, protocol.isredirect(status))
    end
  end)

  it("resolves a reference as RFC 3986 5.4 does", function()
    local cases = {
      { "g", "/b/c/g" }, { "./g", "/b/c/g" }, { "g/", "/b/c/g/" }, { "/g", "/g" },
      { "?y", "/b/c/d;p?y" }, { "g?y", "/b/c/g?y" }, { "#s", "/b/c/d;p?q" }, { "g#s", "/b/c/g" },
      { "g?y#s", "/b/c/g?y" }, { ";x", "/b/c/;x" }, { "g;x", "/b/c/g;x" },
      { "g;x?y#s", "/b/c/g;x?y" }, { ".", "/b/c/" }, { "./", "/b/c/" }, { "..", "/b/" },
      { "../", "/b/" }, { "../g", "/b/g" }, { "../..", "/" }, { "../../", "/" },
      { "../../g", "/g" }, { "../../../g", "/g" }, { "../../../../g", "/g" }, { "/./g", "/g" },
      { "/../g", "/g" }, { "g.", "/b/c/g." }, { ".g", "/b/c/.g" }, { "g..", "/b/c/g.." },
      { "..g", "/b/c/..g" }, { "./../g", "/b/g" }, { "./g/.", "/b/c/g/" },
      { "g/./h", "/b/c/g/h" }, { "g/../h", "/b/c/h" }, { "g;x=1/./y", "/b/c/g;x=1/y" },
      { "g;x=1/../y", "/b/c/y" }, { "g?y/./x", "/b/c/g?y/./x" }, { "g?y/../x", "/b/c/g?y/../x" },
      { "g#s/../x", "/b/c/g" }, { "%2e%2E/g", "/b/g" }, { "%2e/g", "/b/c/g" }, { ".%2e", "/b/" },
      { "...", "/b/c/..." }, { "g//h", "/b/c/g//h" },
    }
    for _, case in ipairs(cases) do
      local url, changed = follow("ws://a/b/c/d;p?q", case[1])
      assert.equal("ws://a" .. case[2], url, case[1])
      assert.is_false(changed)
    end
  end)

  it("starts at the root of a URL without a path", function()
    assert.equal("ws://a/g", (follow("ws://a", "g")))
    assert.equal("ws://a/g", (follow("ws://a?q", "g")))
    assert.equal("ws://a/g", (follow("ws://a?q", "/g")))
    assert.equal("ws://a/?y", (follow("ws://a?q", "?y")))
    assert.equal("ws://a/?q", (follow("ws://a?q", "#s")))
    assert.equal("ws://a/", (follow("ws://a", "#s")))
  end)

  it("names another host with a scheme or two slashes", function()
    assert.equal("ws://h/", (follow("ws://a/b", "//h")))
    assert.equal("wss://h:8443/x?y", (follow("wss://a/b", "//h:8443/x?y#z")))
    assert.equal("wss://h/x", (follow("wss://a/b", "https://h/x")))
    assert.equal("wss://h/x", (follow("ws://a/b", "HTTPS://h:443/a/../x")))
    assert.equal("ws://h/", (follow("ws://a/b", "http://h:80")))
    assert.equal("ws://[::1]:9/x", (follow("ws://a/b", "ws://[::1]:9/x")))
    assert.equal("ws://h/?x", (follow("ws://a/b", "ws://h?x")))
  end)

  it("tells whether the origin is another", function()
    local same = { "/x", "ws://a/", "http://a:80/x", "//A/", "?y" }
    local other = {
      "//a:81/", "wss://a/", "https://a/", "ws://b/", "ws://b.a/", "ws://a.b/", "ws://a./",
    }
    for _, location in ipairs(same) do
      assert.is_false(select(2, follow("ws://a/b", location)), location)
    end
    for _, location in ipairs(other) do
      assert.is_true(select(2, follow("ws://a/b", location)), location)
    end
  end)

  it("keeps the user within one origin", function()
    assert.equal("ws://u:p@a/x", (follow("ws://u:p@a/b", "/x")))
    assert.equal("ws://u:p@a/x", (follow("ws://u:p@a/b", "http://a/x")))
    assert.equal("ws://v@a/x", (follow("ws://u:p@a/b", "ws://v@a/x")))
    assert.equal("ws://b/x", (follow("ws://u:p@a/b", "ws://b/x")))
    assert.equal("wss://a/x", (follow("ws://u:p@a/b", "wss://a/x")))
    assert.equal("ws://v@b/x", (follow("ws://u:p@a/b", "ws://v@b/x")))
  end)

  it("never leads from wss to ws", function()
    for _, location in ipairs { "ws://a/", "http://a/", "ws://a:443/", "HTTP://b" } do
      assert.matches("it leads from wss to ws", why("wss://a/", location), 1, true)
    end
    assert.equal("wss://a/", (follow("ws://a/", "wss://a/")))
  end)

  it("of http leads from http or https to one of them", function()
    local function url(from, location) return (protocol.redirect(from, location, true)) end
    assert.equal("http://a/x", url("http://a/b", "x"))
    assert.equal("https://a/x", url("https://a/b", "/x"))
    assert.equal("https://h/", url("https://a/b", "//h"))
    assert.equal("https://h/x", url("http://a/b", "HTTPS://h:443/x#y"))
    assert.is_true(select(2, protocol.redirect("http://a/", "https://a/", true)))
    for _, location in ipairs { "ws://a/", "wss://a/", "ftp://a/", "mailto:a@b", "data:,x" } do
      local none, token, detail, final = protocol.redirect("http://a/b", location, true)
      assert.is_nil(none)
      assert.equal("handshake", token)
      assert.is_true(final)
      assert.matches("is not followed: it leads to no http or https URL$", detail)
    end
    local _, _, detail = protocol.redirect("https://a/", "http://a/", true)
    assert.matches("it leads from https to http$", detail)
  end)

  it("fails without a URL to follow", function()
    assert.equal('the redirect to "ftp://***@h/?***" is not followed: ',
      why("ws://a/", "ftp://u:p@h/?token=x"):match "^.-: ")
    assert.equal('the redirect to "" is not followed: there is no Location', why("ws://a/", ""))
    for _, location in ipairs {
      "ftp://h/", "mailto:a@b", "javascript:0", "ws:/h", "http:", "//", "///x", "//h:0/", "//h:x",
      "//a b/", "/a b", "http://[::1", "\\\\h", "/\195\164 ", "//b\195\188/", "//a@b@c/", ":x",
    } do
      assert.matches('^the redirect to "', why("ws://a/b", location))
    end
  end)

  it("is followed or fails wherever its Location is cut", function()
    local location = "https://u:p@[2001:db8::1]:8443/a/./b/../c?d#e"
    for n = 1, #location do
      local url, token = protocol.redirect("ws://a/b/c", location:sub(1, n))
      assert.is_true(url ~= nil or token == "handshake")
      local again = protocol.redirect("ws://a/b/c", location:sub(n))
      if again then assert.truthy(protocol.url(again)) end
    end
  end)

  it("reports a lack of memory, and loses nothing", function()
    local before = core.memory().blocks
    for calls = 0, 1 do
      core.failmemory(calls)
      local url, token = protocol.redirect("ws://a/", "/" .. ("b"):rep(5000))
      core.failmemory(-1)
      assert.is_nil(url)
      assert.equal("full", token)
    end
    assert.equal(before, core.memory().blocks)
  end)
end)

describe("the headers sent to another origin", function()
  it("have no credentials and no Host", function()
    local lines = "Authorization: Basic dTpw\r\nX-Tenant: 7\r\ncookie: a=b\r\nOrigin: https://a\r\n"
      .. "PROXY-AUTHORIZATION: Basic x\r\nHost: a\r\nCookies: no\r\nX-Cookie: yes\r\n"
    assert.equal("X-Tenant: 7\r\nOrigin: https://a\r\nCookies: no\r\nX-Cookie: yes\r\n",
      protocol.withoutcredentials(lines))
    assert.equal("", protocol.withoutcredentials "")
    assert.equal("", protocol.withoutcredentials "Cookie: a\r\n")
  end)

  it("take no subprotocols along of which one carries a credential", function()
    for _, list in ipairs {
      "base64url.bearer.authorization.k8s.io.YWJj, v4.channel.k8s.io", "access_token, abc",
      "graphql, eyJhbGciOiJIUzI1NiJ9.e30.abc", "aws-appsync-event-ws, header-eyJob3N0Ijoi",
      "x, quarkus-http-upgrade%23Authorization%23Bearer%20abc", "API-KEY.1", "jwt",
    } do
      assert.is_true(protocol.protocolscredential(list), list)
    end
    for _, list in ipairs {
      "graphql-transport-ws, graphql-ws", "mqtt", "v12.stomp", "ocpp1.6", "wamp.2.json",
      "monkey, tokenizer, keyboard", "they, greyJ", "soap, xmpp",
    } do
      assert.is_false(protocol.protocolscredential(list), list)
    end
    assert.is_false(protocol.protocolscredential(nil))
    assert.is_false(protocol.protocolscredential "")
  end)

  it("go without what a name tells to be a credential", function()
    for _, name in ipairs {
      "X-Api-Key", "x_api_key", "APIKEY", "X-Auth-Token", "Private-Token", "Token",
      "X-Amz-Security-Token", "X-Session-Id", "X-CSRF-Token", "Cookie2", "X-Secret",
      "Ocp-Apim-Subscription-Key", "Client-Password", "X-JWT-Assertion", "X-Signature",
      "X-Authorization", "-key-", "x--token",
    } do
      assert.equal("A: b\r\n", protocol.withoutcredentials(name .. ": x\r\nA: b\r\n"), name)
    end
    for _, name in ipairs {
      "X-Author", "X-Keyboard", "Monkey", "User-Agent", "X-Tokenizer", "Accept", "-", "X-",
    } do
      local line = name .. ": x\r\n"
      assert.equal(line, protocol.withoutcredentials(line), name)
    end
  end)
end)
