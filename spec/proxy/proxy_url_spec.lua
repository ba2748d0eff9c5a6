local protocol = require "wsmanager.core".protocol

-- The parts of a proxy's URL, in one line.
local function parts(text)
  local proxy = assert(protocol.proxy(text))
  return table.concat({ proxy.kind, proxy.user, proxy.host, proxy.port }, " ")
end

local function why(text)
  local proxy, token, detail, final = protocol.proxy(text)
  assert.is_nil(proxy)
  assert.equal("proxy", token)
  assert.is_true(final)
  return detail
end

describe("a proxy's URL", function()
  it("is parsed", function()
    local good = {
      ["http://proxy.example.com:3128"] = "http  proxy.example.com 3128",
      ["http://proxy.example.com/"] = "http  proxy.example.com 80",
      ["HTTPS://p"] = "https  p 443",
      ["socks5://p"] = "socks5  p 1080",
      ["socks5h://p:9050/"] = "socks5h  p 9050",
      ["http://user:pass@p:1"] = "http user:pass p 1",
      ["http://user:p%40ss@p:1"] = "http user:p%40ss p 1",
      ["http://user:p@ss:/w@p:1"] = "http user:p@ss:/w p 1",
      ["http://user@p"] = "http user p 80",
      ["http://@p"] = "http  p 80",
      ["proxy.example.com:3128"] = "http  proxy.example.com 3128",
      ["user:pass@p"] = "http user:pass p 80",
      ["[::1]:8080"] = "http  ::1 8080",
      ["socks5h://[2001:db8::1]"] = "socks5h  2001:db8::1 1080",
    }
    for text, expected in pairs(good) do assert.equal(expected, parts(text)) end
    assert.is_true(protocol.proxy("http://[::1]").ipv6)
    assert.is_false(protocol.proxy("http://p").ipv6)
  end)

  it("fails with the reason", function()
    local bad = {
      ["socks4://p"] = 'bad proxy "socks4": the scheme must be http, https, socks5 or socks5h',
      ["ftp://p"] = "the scheme must be http, https, socks5 or socks5h",
      ["://p"] = "the scheme must be",
      [""] = "it has no host",
      ["http://"] = "it has no host",
      ["http://:80"] = "it has no host",
      ["http://u@"] = "it has no host",
      ["http://p:0"] = "the port is 0",
      ["http://p:65536"] = "the port is over 65535",
      ["http://p:x"] = "the port is not a number",
      ["http://p/path"] = "a proxy has no path",
      ["http://p?x"] = "a character no host may have",
      ["http://p#x"] = "no fragment",
      ["http://p q"] = "a space",
      ["http://p\r\nX: y"] = "a control character",
      ["http://[::1"] = "no closing ']'",
      ["http://[1]"] = "no IPv6 address",
      ["socks5://:secret@p"] = "it has no user name",
    }
    for text, expected in pairs(bad) do
      assert.matches(expected, why(text), 1, true)
    end
  end)

  it("never shows the password", function()
    for _, text in ipairs {
      "http://user:secret@p:0", "http://user:secret@", "socks5://:secret@p", "ftp://a:secret@p",
      "http://user:secret@p/path", "socks5://user:" .. ("secret"):rep(50) .. "@p",
    } do
      assert.is_nil(why(text):find("secret", 1, true), text)
    end
  end)

  it("has a name and a password of at most 255 bytes for SOCKS5", function()
    local escaped = ("%41"):rep(255)
    for _, scheme in ipairs { "socks5", "socks5h" } do
      assert.truthy(protocol.proxy(scheme .. "://" .. escaped .. ":" .. escaped .. "@p"))
      assert.matches("up to 255 bytes", why(scheme .. "://" .. escaped .. "a@p"), 1, true)
      assert.matches("up to 255 bytes", why(scheme .. "://u:" .. escaped .. "a@p"), 1, true)
    end
    assert.truthy(protocol.proxy("http://u:" .. escaped .. "a@p"))
  end)

  it("is parsed or fails when it is cut at any offset", function()
    local text = "socks5h://user:p%40ss@[2001:db8::1]:1080/"
    for n = 0, #text do
      local proxy, token = protocol.proxy(text:sub(1, n))
      assert.equal(proxy == nil, token == "proxy")
    end
  end)
end)
