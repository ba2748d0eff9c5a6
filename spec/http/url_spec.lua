local protocol = require "wsmanager.core".protocol

-- What a URL is made of, in one line.
local function parts(text)
  local url = assert(protocol.url(text))
  return table.concat({
    url.secure and "wss" or "ws", url.user, url.host, url.port, url.target,
  }, " ")
end

local function why(text)
  local url, detail = protocol.url(text)
  assert.is_nil(url)
  return detail
end

describe("a URL", function()
  it("is parsed", function()
    local good = {
      ["ws://example.com"] = "ws  example.com 80 ",
      ["ws://example.com/"] = "ws  example.com 80 /",
      ["wss://example.com/chat?mode=1&token=a/b@c:d"] =
        "wss  example.com 443 /chat?mode=1&token=a/b@c:d",
      ["ws://example.com?x"] = "ws  example.com 80 ?x",
      ["ws://example.com:8080/a"] = "ws  example.com 8080 /a",
      ["ws://example.com:/a"] = "ws  example.com 80 /a",
      ["wss://example.com:"] = "wss  example.com 443 ",
      ["ws://h:1"] = "ws  h 1 ",
      ["ws://h:65535"] = "ws  h 65535 ",
      ["ws://h:00080"] = "ws  h 80 ",
      ["ws://127.0.0.1:9/x"] = "ws  127.0.0.1 9 /x",
      ["ws://a-b.c_d.e~f./"] = "ws  a-b.c_d.e~f. 80 /",
      ["ws://user:p%40ss@h/"] = "ws user:p%40ss h 80 /",
      ["ws://user@h:81"] = "ws user h 81 ",
      ["ws://@h"] = "ws  h 80 ",
      ["ws://h/\195\182?\"<>`{}|^"] = "ws  h 80 /\195\182?\"<>`{}|^",
    }
    for text, expected in pairs(good) do
      assert.equal(expected, parts(text), text)
    end
  end)

  it("has the scheme ws, wss, http or https, in any case", function()
    local ports = { ws = 80, http = 80, wss = 443, https = 443 }
    for scheme, port in pairs(ports) do
      for _, written in ipairs { scheme, scheme:upper(), (scheme:gsub("^.", string.upper)) } do
        local url = assert(protocol.url(written .. "://h/"))
        assert.equal(port, url.port)
        assert.equal(port == 443, url.secure)
        assert.equal(written, url.scheme)
      end
    end
  end)

  it("is quoted when the scheme is another", function()
    assert.equal('bad URL "ftp://x": the scheme must be ws or wss', why "ftp://x")
    for _, text in ipairs { "ws+unix:///run/x", "wsss://h", "w://h", "://h", "wss\195\169://h" } do
      assert.matches("the scheme must be ws or wss", why(text), 1, true)
    end
  end)

  it("begins with a scheme and two slashes", function()
    for _, text in ipairs {
      "", "ws", "ws:", "ws:/", "ws:h", "ws:/h", "example.com", "/chat", "//h/", "h:80/",
    } do
      assert.matches("it must begin with ws:// or wss://", why(text), 1, true)
    end
  end)

  it("has a host", function()
    for _, text in ipairs { "ws://", "ws:///a", "ws://?x", "ws://:80", "ws://u@", "ws://u@:1/" } do
      assert.matches("it has no host", why(text), 1, true)
    end
    assert.matches("longer than 253 bytes", why("ws://" .. ("a"):rep(254)), 1, true)
    assert.truthy(protocol.url("ws://" .. ("a"):rep(253)))
  end)

  it("asks for punycode when the host is not ASCII", function()
    assert.matches("punycode", why "ws://b\195\188cher.example/", 1, true)
  end)

  it("tells the position of a character that no host may have", function()
    for c in ("%!$&'()*+,;=\"<>^`{|}[]"):gmatch "." do
      assert.matches("no host may have at byte 7", why("ws://a" .. c .. "b"), 1, true)
    end
  end)

  it("has a port from 1 to 65535", function()
    local bad = {
      ["ws://h:0"] = "the port is 0",
      ["ws://h:000"] = "the port is 0",
      ["ws://h:65536"] = "the port is over 65535",
      ["ws://h:99999999999999999999"] = "the port is over 65535",
      ["ws://h:8a"] = "the port is not a number",
      ["ws://h:-1"] = "the port is not a number",
      ["ws://h:+1"] = "the port is not a number",
      ["ws://h:1:2"] = "the port is not a number",
      ["ws://[::1]:x"] = "the port is not a number",
      ["ws://[::1]80"] = "only a port may follow",
    }
    for text, expected in pairs(bad) do
      assert.matches(expected, why(text), 1, true)
    end
  end)

  it("has no fragment", function()
    for _, text in ipairs { "ws://h/#a", "ws://h#", "ws://h/a?b#c", "#" } do
      assert.matches("no fragment", why(text), 1, true)
    end
  end)

  it("tells the position of a byte that no URL may have", function()
    local names = { [" "] = "a space", ["\\"] = "a backslash" }
    for code = 0, 31 do names[string.char(code)] = "a control character" end
    names["\127"] = "a control character"
    local url = "ws://u:p@h:1/a?b"
    for byte, name in pairs(names) do
      for at = 0, #url do
        local text = url:sub(1, at) .. byte .. url:sub(at + 1)
        assert.matches(name .. " at byte " .. at + 1 .. "$", why(text))
      end
    end
  end)

  it("has one user at most", function()
    assert.matches("two '@'", why "ws://a@b@h/", 1, true)
    assert.equal("ws a h 80 /@@", parts "ws://a@h/@@")
  end)

  it("is at most 65535 bytes long", function()
    local start = "ws://h/"
    assert.truthy(protocol.url(start .. ("a"):rep(65535 - #start)))
    assert.matches("longer than 65535 bytes", why(start .. ("a"):rep(65536 - #start)), 1, true)
  end)

  it("hides what may be a password or a token in an error", function()
    for given, shown in pairs {
      ["ws://user:SECRET#x@host/"] = "ws://***@host/",
      ["ws://user:SECRET?x@host/"] = "ws://***@host/",
      ["ws://user:SEC@RET@h/"] = "ws://***@h/",
      ["ws://user:SE CRET@h/"] = "ws://***@h/",
      ["user:SECRET@h/"] = "***@h/",
      ["ws://h/?token=SEC RET"] = "ws://h/?***",
      ["ws://" .. ("SECRET"):rep(40) .. " @" .. ("h"):rep(100)]
        = "ws://***@" .. ("h"):rep(71) .. "...",
    } do
      local text = why(given)
      assert.equal('bad URL "' .. shown .. '"', text:match '^bad URL "[^"]*"')
    end
  end)

  it("is quoted without its control characters, and not beyond 80 bytes", function()
    assert.equal('bad URL "ws://h/??": a control character at byte 8', why "ws://h/\r\n")
    local long = why("ftp://" .. ("\195\164"):rep(100))
    assert.equal('bad URL "ftp://' .. ("\195\164"):rep(37)
      .. '...": the scheme must be ws or wss', long)
  end)

  it("is parsed or fails when it is cut at any offset", function()
    local text = "wss://user:pass@[2001:db8::1]:8443/chat?x=1"
    for n = 0, #text do
      local url, detail = protocol.url(text:sub(1, n))
      assert.equal(url == nil, type(detail) == "string")
    end
  end)
end)

describe("an IPv6 host", function()
  it("stands in brackets", function()
    for _, host in ipairs {
      "::", "::1", "1::", "1:2:3:4:5:6:7:8", "2001:db8::1", "FE80::aBcD:0001",
      "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8", "1::8", "::ffff:192.0.2.1",
      "1:2:3:4:5:6:192.0.2.1", "64:ff9b::192.0.2.33", "::0.0.0.0",
    } do
      local url = assert(protocol.url("ws://[" .. host .. "]:9/"))
      assert.equal(host, url.host)
      assert.equal(9, url.port)
      assert.is_true(url.ipv6)
    end
    assert.is_false(protocol.url("ws://h").ipv6)
  end)

  it("fails when it is not an address", function()
    for _, host in ipairs {
      "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:8::",
      "::1:2:3:4:5:6:7:8", "1::2::3", "12345::", "g::", "1:", ":1", "1:2:3:4:5:6:7:",
      "::1.2.3", "::1.2.3.4.5", "::256.0.0.1", "::01.2.3.4", "1.2.3.4", "::1.2.3.4:5",
      "1:2:3:4:5:6:7:1.2.3.4", "::1 ", "v1.x", "::.1.2.3", "[::1",
    } do
      assert.is_nil((protocol.url("ws://[" .. host .. "]/")), host)
    end
  end)

  it("has no zone", function()
    assert.matches("no zone", why "ws://[fe80::1%25eth0]/", 1, true)
    assert.matches("no zone", why "ws://[fe80::1%eth0]/", 1, true)
  end)

  it("has a closing bracket", function()
    assert.matches("no closing ']'", why "ws://[::1/", 1, true)
  end)
end)
