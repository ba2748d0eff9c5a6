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
  it("is an answer of five statuses", function()
    local followed = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }
    for status = 0, 599 do
      assert.equal(followed[status] or false, protocol.isredirect(status))
    end
  end)

  it("names a place as RFC 3986 5.4 does", function()
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

  it("names another place with a scheme or two slashes", function()
    assert.equal("ws://h/", (follow("ws://a/b", "//h")))
    assert.equal("wss://h:8443/x?y", (follow("wss://a/b", "//h:8443/x?y#z")))
    assert.equal("wss://h/x", (follow("wss://a/b", "https://h/x")))
    assert.equal("wss://h/x", (follow("ws://a/b", "HTTPS://h:443/a/../x")))
    assert.equal("ws://h/", (follow("ws://a/b", "http://h:80")))
    assert.equal("ws://[::1]:9/x", (follow("ws://a/b", "ws://[::1]:9/x")))
    assert.equal("ws://h/?x", (follow("ws://a/b", "ws://h?x")))
  end)

  it("says whether the origin is another", function()
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

  it("is refused when it names no place", function()
    assert.equal('the redirect to "" is not followed: there is no Location', why("ws://a/", ""))
    for _, location in ipairs {
      "ftp://h/", "mailto:a@b", "javascript:0", "ws:/h", "http:", "//", "///x", "//h:0/", "//h:x",
      "//a b/", "/a b", "http://[::1", "\\\\h", "/\195\164 ", "//b\195\188/", "//a@b@c/", ":x",
    } do
      assert.matches('^the redirect to "', why("ws://a/b", location))
    end
  end)

  it("is followed or refused wherever its Location is cut", function()
    local location = "https://u:p@[2001:db8::1]:8443/a/./b/../c?d#e"
    for n = 1, #location do
      local url, token = protocol.redirect("ws://a/b/c", location:sub(1, n))
      assert.is_true(url ~= nil or token == "handshake")
      local again = protocol.redirect("ws://a/b/c", location:sub(n))
      if again then assert.truthy(protocol.url(again)) end
    end
  end)

  it("says so without memory, and loses nothing", function()
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

describe("what goes to another origin", function()
  it("is without credentials and without the old host", function()
    local lines = "Authorization: Basic dTpw\r\nX-Tenant: 7\r\ncookie: a=b\r\nOrigin: https://a\r\n"
      .. "PROXY-AUTHORIZATION: Basic x\r\nHost: a\r\nCookies: no\r\nX-Cookie: yes\r\n"
    assert.equal("X-Tenant: 7\r\nOrigin: https://a\r\nCookies: no\r\nX-Cookie: yes\r\n",
      protocol.withoutcredentials(lines))
    assert.equal("", protocol.withoutcredentials "")
    assert.equal("", protocol.withoutcredentials "Cookie: a\r\n")
  end)
end)

describe("an HTTP date", function()
  it("comes in three forms", function()
    for _, text in ipairs {
      "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994", " Sun, 06 Nov 1994 08:49:37 GMT\t",
    } do
      assert.equal(784111777, protocol.httpdate(text, 1700000000), text)
    end
  end)

  it("knows the calendar", function()
    for text, expected in pairs {
      ["Thu, 01 Jan 1970 00:00:00 GMT"] = 0,
      ["Wed, 31 Dec 1969 23:59:59 GMT"] = -1,
      ["Thu, 29 Feb 2024 12:00:00 GMT"] = 1709208000,
      ["Fri, 01 Mar 2024 00:00:00 GMT"] = 1709251200,
      ["Tue, 29 Feb 2000 00:00:00 GMT"] = 951782400,
      ["Tue, 19 Jan 2038 03:14:08 GMT"] = 2147483648,
      ["Fri, 31 Dec 9999 23:59:59 GMT"] = 253402300799,
      ["Sat, 31 Dec 2016 23:59:60 GMT"] = 1483228800,
    } do
      assert.equal(expected, protocol.httpdate(text, 0), text)
    end
  end)

  it("of two digits is at most 50 years ahead", function()
    local now = 1700000000 -- 2023
    local function year(two)
      local s = assert(protocol.httpdate("Monday, 15-Jun-" .. two .. " 00:00:00 GMT", now))
      return math.floor(1970 + s / 31556952)
    end
    assert.equal(2073, year "73")
    assert.equal(1974, year "74")
    assert.equal(2000, year "00")
    assert.equal(1999, year "99")
  end)

  it("of two digits has a century, whatever the clock says", function()
    for now, expected in pairs { [-1e15] = 784111777, [9e15] = 253239727777 } do
      assert.equal(expected, protocol.httpdate("Sunday, 06-Nov-94 08:49:37 GMT", now))
    end
  end)

  it("is refused when it is none", function()
    for _, text in ipairs {
      "", "now", "Sun", "Sun,", "Sun, 6 Nov 1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
      "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49 GMT",
      "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:60:00 GMT",
      "Sun, 06 Nov 1994 08:49:61 GMT", "Sun, 00 Nov 1994 08:49:37 GMT",
      "Fri, 31 Nov 1994 08:49:37 GMT", "Wed, 29 Feb 2023 12:00:00 GMT",
      "Mon, 29 Feb 1900 12:00:00 GMT", "Sun, 06 Nov 1994 08:49:37 GMT x",
      "Sunday, 06-Nov-1994 08:49:37 GMT", "Sun Nov 6 08:49:37 1994", "Sun Nov  6 08:49:37 94",
      "06 Nov 1994 08:49:37 GMT", "S, 06 Nov 1994 08:49:37 GMT", "Sun, -6 Nov 1994 08:49:37 GMT",
    } do
      assert.is_nil(protocol.httpdate(text, 0), text)
    end
  end)

  it("is refused wherever it is cut", function()
    for _, text in ipairs {
      "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    } do
      for n = 0, #text - 1 do assert.is_nil(protocol.httpdate(text:sub(1, n), 0)) end
    end
  end)
end)

describe("Retry-After", function()
  local NOW = 784111777

  it("is a number of seconds, up to the limit", function()
    for text, expected in pairs {
      ["0"] = 0, ["1"] = 1, ["120"] = 120, ["599"] = 599, ["600"] = 600, ["601"] = 600,
      ["007"] = 7, [("9"):rep(400)] = 600, [" 5 "] = 5,
    } do
      assert.equal(expected, protocol.retryafter(text, NOW, 600), text)
    end
  end)

  it("is a moment, seen from now", function()
    for text, expected in pairs {
      ["Sun, 06 Nov 1994 08:49:38 GMT"] = 1,
      ["Sun, 06 Nov 1994 08:51:37 GMT"] = 120,
      ["Sun, 06 Nov 1994 08:49:37 GMT"] = 0,
      ["Sat, 05 Nov 1994 08:49:37 GMT"] = 0,
      ["Fri, 31 Dec 9999 23:59:59 GMT"] = 600,
      ["Sunday, 06-Nov-94 08:50:00 GMT"] = 23,
      ["Sun Nov  6 08:50:00 1994"] = 23,
    } do
      assert.equal(expected, protocol.retryafter(text, NOW, 600), text)
    end
  end)

  it("is nothing when it is neither", function()
    for _, text in ipairs { "", " ", "-1", "1.5", "1s", "+3", "0x10", "Sun, 06 Nov 1994" } do
      assert.is_nil(protocol.retryafter(text, NOW, 600), text)
    end
  end)
end)
