local protocol = require "wsmanager.core".protocol

-- Host, path and query of a request, or nil and what is wrong with it.
local function parse(target, hosts, line)
  local lines = ""
  for _, host in ipairs(hosts or { "a" }) do lines = lines .. "Host: " .. host .. "\r\n" end
  return protocol.requesttarget(
    ((line or "GET %s HTTP/1.1\r\n"):gsub("%%s", function() return target end))
    .. lines .. "\r\n")
end

describe("a request's target", function()
  it("is a path and a query, of the Host", function()
    local cases = {
      ["/"] = { "/", "" }, ["/room"] = { "/room", "" }, ["/?"] = { "/", "" },
      ["/a/b?x=1&y"] = { "/a/b", "x=1&y" }, ["/a?b?c"] = { "/a", "b?c" },
      ["//a"] = { "//a", "" }, ["/http://b/c"] = { "/http://b/c", "" },
      ["/a%2Fb?%3F"] = { "/a%2Fb", "%3F" },
    }
    for target, wanted in pairs(cases) do
      assert.same({ "h:81", wanted[1], wanted[2] }, { parse(target, { "h:81" }) }, target)
    end
  end)

  it("may be absolute, and then replaces the Host", function()
    local cases = {
      ["http://h/room?x=1"] = { "h", "/room", "x=1" },
      ["HTTPS://H:8080/"] = { "H:8080", "/", "" },
      ["ws://[::1]:80/a"] = { "[::1]:80", "/a", "" },
      ["wss://h"] = { "h", "/", "" },
      ["http://h?x"] = { "h", "/", "x" },
      ["http://h?x=/y"] = { "h", "/", "x=/y" },
      ["http://h/a?http://i/b"] = { "h", "/a", "http://i/b" },
    }
    for target, wanted in pairs(cases) do
      for _, host in ipairs { "other", "" } do
        assert.same(wanted, { parse(target, { host }) }, target)
      end
    end
  end)

  it("of OPTIONS may be an asterisk, of CONNECT is an authority", function()
    assert.same({ "a", "*", "" }, { parse("*", nil, "OPTIONS %s HTTP/1.1\r\n") })
    assert.same({ "a", "b:443", "" }, { parse("b:443", nil, "CONNECT %s HTTP/1.1\r\n") })
    assert.is_nil((parse("*")))
    assert.is_nil((parse("b:443")))
  end)

  it("is nothing else", function()
    for _, target in ipairs {
      "room", "?x=1", "http:/h", "http:h", "http://", "http:///a", "ftp://h/", "://h",
      "http://u@h/", "http://u:p@h/", "http://h:x/", "http://[::1/", "http://h\\/a",
      "http://h:1:2/", "\\", "*a", "%2F",
    } do
      local host, why = parse(target)
      assert.is_nil(host, target)
      assert.equal("the request's target is none", why)
    end
  end)
end)

describe("a request's Host", function()
  it("is there once, except in HTTP/1.0", function()
    assert.equal("a request has exactly one Host", (select(2, parse("/", {}))))
    for _, version in ipairs { 0, 1 } do
      local line = "GET %s HTTP/1." .. version .. "\r\n"
      assert.is_nil((parse("/", { "a", "a" }, line)))
      assert.is_nil((parse("http://h/", { "a", "a" }, line)))
    end
    assert.same({ "", "/", "" }, { parse("/", {}, "GET %s HTTP/1.0\r\n") })
    assert.same({ "h", "/", "" }, { parse("http://h/", {}, "GET %s HTTP/1.0\r\n") })
  end)

  it("is a host and perhaps a port", function()
    for _, host in ipairs {
      "", "a", "a.example:80", "A_b~c-d.", "127.0.0.1:", "[::1]", "[::ffff:1.2.3.4]:65535",
      "[fe80::1%25eth0]:1", "a%20b", "!$&'()*+,;=", ":80",
    } do
      assert.equal(host, (parse("/", { host })))
    end
    for _, host in ipairs {
      "a b", "a/", "http://a", "a@b", "a:b", "a:80:80", "[::1", "::1", "[::1]a", "a?",
      "a#", "a\\b", "<a>", '"a"', "\228", "[/]",
    } do
      assert.same({ nil, "Host is no host" }, { parse("/", { host }) }, host)
    end
  end)
end)
