local protocol = require "wsmanager.core".protocol

local function proxy(env, url)
  return protocol.environment(env, url or "ws://chat.example.com/")
end

local function excepts(list, url)
  return proxy({ http_proxy = "p", https_proxy = "p", no_proxy = list }, url) == nil
end

describe("a proxy from the environment", function()
  it("depends on the scheme", function()
    local env = { http_proxy = "http://plain", https_proxy = "http://secure" }
    assert.equal("http://plain", proxy(env, "ws://h/"))
    assert.equal("http://secure", proxy(env, "wss://h/"))
    assert.is_nil(proxy({ http_proxy = "http://plain" }, "wss://h/"))
    assert.is_nil(proxy({ https_proxy = "http://secure" }, "ws://h/"))
  end)

  it("is all_proxy when the scheme has none", function()
    for _, name in ipairs { "all_proxy", "ALL_PROXY" } do
      local env = { [name] = "socks5://all" }
      assert.equal("socks5://all", proxy(env, "ws://h/"))
      assert.equal("socks5://all", proxy(env, "wss://h/"))
      env.http_proxy = "http://plain"
      assert.equal("http://plain", proxy(env, "ws://h/"))
      assert.equal("socks5://all", proxy(env, "wss://h/"))
    end
  end)

  it("comes from the lower-case name first", function()
    assert.equal("a", proxy({ https_proxy = "a", HTTPS_PROXY = "b" }, "wss://h/"))
    assert.equal("b", proxy({ HTTPS_PROXY = "b" }, "wss://h/"))
    assert.equal("a", proxy({ all_proxy = "a", ALL_PROXY = "b" }, "wss://h/"))
    assert.equal("b", proxy({ HTTPS_PROXY = "b", all_proxy = "a" }, "wss://h/"))
  end)

  it("never comes from HTTP_PROXY", function()
    assert.is_nil(proxy({ HTTP_PROXY = "http://evil" }, "ws://h/"))
  end)

  it("is none when the variable is empty", function()
    assert.is_nil(proxy({ http_proxy = "" }, "ws://h/"))
    assert.equal("b", proxy({ https_proxy = "", HTTPS_PROXY = "b" }, "wss://h/"))
    assert.is_nil(proxy({}, "wss://h/"))
  end)

  it("is none for the hosts that no_proxy or NO_PROXY lists", function()
    assert.is_nil(proxy({ http_proxy = "p", no_proxy = "h" }, "ws://h/"))
    assert.is_nil(proxy({ http_proxy = "p", NO_PROXY = "h" }, "ws://h/"))
    assert.equal("p", proxy({ http_proxy = "p", no_proxy = "x", NO_PROXY = "h" }, "ws://h/"))
    assert.is_nil(proxy({ http_proxy = "p", no_proxy = "", NO_PROXY = "h" }, "ws://h/"))
  end)
end)

describe("no_proxy", function()
  it("matches a name and its subdomains", function()
    for _, entry in ipairs {
      "example.com", ".example.com", "*.example.com", "EXAMPLE.com",
      "example.com.", "..example.com",
    } do
      for _, host in ipairs {
        "example.com", "chat.example.com", "a.b.example.com", "Chat.Example.Com", "example.com.",
      } do
        assert.is_true(excepts(entry, "ws://" .. host .. "/"), entry .. " " .. host)
      end
      for _, host in ipairs { "badexample.com", "example.com.evil", "example.org", "com", "e" } do
        assert.is_false(excepts(entry, "ws://" .. host .. "/"), entry .. " " .. host)
      end
    end
  end)

  it("is a list with commas or spaces", function()
    for _, list in ipairs { "a,b,h", "a, b ,h", "a b h", "h", ",,h,", "\th,", "h b" } do
      assert.is_true(excepts(list, "ws://h/"), list)
    end
    for _, list in ipairs { "a,b", "", ",", " ", ".", ":", "/", "[", "]", "[]", "a.h", "h.a" } do
      assert.is_false(excepts(list, "ws://h/"), list)
    end
  end)

  it("matches everything with a star", function()
    for _, url in ipairs { "ws://h/", "wss://a.b:9/", "ws://10.0.0.1/", "ws://[::1]/" } do
      assert.is_true(excepts("*", url))
      assert.is_true(excepts("x, *", url))
    end
    assert.is_false(excepts("*x", "ws://h/"))
  end)

  it("matches one port when it has it", function()
    assert.is_true(excepts("h:8080", "ws://h:8080/"))
    assert.is_true(excepts(".h:8080", "ws://a.h:8080/"))
    assert.is_true(excepts("h:80", "ws://h/"))
    assert.is_true(excepts("h:443", "wss://h/"))
    assert.is_true(excepts("192.0.2.1:80", "ws://192.0.2.1/"))
    assert.is_true(excepts("[::1]:80", "ws://[::1]/"))
    assert.is_false(excepts("h:80", "ws://h:81/"))
    assert.is_false(excepts("192.0.2.1:80", "wss://192.0.2.1/"))
    assert.is_false(excepts("[::1]:80", "ws://[::1]:81/"))
    for _, entry in ipairs { "h:", "h:x", "h:65536", "h:99999999999999999999", "h:-1" } do
      assert.is_false(excepts(entry, "ws://h:1/"), entry)
    end
  end)

  it("matches an address in any spelling", function()
    assert.is_true(excepts("192.0.2.1", "ws://192.0.2.1/"))
    assert.is_true(excepts("::1", "ws://[::1]/"))
    assert.is_true(excepts("[::1]", "ws://[0:0:0:0:0:0:0:1]/"))
    assert.is_true(excepts("2001:DB8::1", "ws://[2001:db8:0:0::1]/"))
    assert.is_false(excepts("192.0.2.1", "ws://192.0.2.11/"))
    assert.is_false(excepts("2.1", "ws://192.0.2.1/"))
    assert.is_false(excepts("0.2.1", "ws://192.0.2.1/"))
    assert.is_false(excepts("::1", "ws://[::2]/"))
    assert.is_false(excepts("192.0.2.1", "ws://a.192.0.2.1/"))
  end)

  it("matches a network", function()
    assert.is_true(excepts("10.0.0.0/8", "ws://10.255.3.4/"))
    assert.is_false(excepts("10.0.0.0/8", "ws://11.0.0.1/"))
    assert.is_true(excepts("192.0.2.128/25", "ws://192.0.2.200/"))
    assert.is_false(excepts("192.0.2.128/25", "ws://192.0.2.127/"))
    assert.is_true(excepts("192.0.2.1/32", "ws://192.0.2.1/"))
    assert.is_false(excepts("192.0.2.1/32", "ws://192.0.2.0/"))
    assert.is_true(excepts("0.0.0.0/0", "ws://192.0.2.1/"))
    assert.is_true(excepts("fd00::/8", "ws://[fdab::1]/"))
    assert.is_false(excepts("fd00::/8", "ws://[fe80::1]/"))
    assert.is_true(excepts("2001:db8::/127", "ws://[2001:db8::1]/"))
    assert.is_false(excepts("2001:db8::/127", "ws://[2001:db8::2]/"))
    assert.is_true(excepts("::/0", "ws://[2001:db8::2]/"))
    assert.is_true(excepts("[fd00::]/8", "ws://[fdab::1]/"))
  end)

  it("does not match names or another family with networks", function()
    for _, entry in ipairs {
      "0.0.0.0/0", "10.0.0.0/33", "10.0.0.1/", "10.0.0.1/x", "10.0.0.1/-1", "h/8", "::/129",
    } do
      assert.is_false(excepts(entry, "ws://[::1]/"), entry)
      assert.is_false(excepts(entry, "ws://h/"), entry)
    end
    assert.is_false(excepts("::/0", "ws://10.0.0.1/"))
    assert.is_false(excepts("10.0.0.1/33", "ws://10.0.0.1/"))
    assert.is_false(excepts("10.0.0.1/", "ws://10.0.0.1/"))
  end)

  it("is read to its end, however it is cut", function()
    local list = "*.example.com:8080,[2001:db8::]/32,10.0.0.0/8 localhost,.x"
    for n = 0, #list do
      assert.is_boolean(excepts(list:sub(1, n), "ws://10.1.2.3/"))
      assert.is_boolean(excepts(list:sub(n), "ws://[2001:db8::1]:8080/"))
      assert.is_boolean(excepts(list:sub(n), "ws://localhost/"))
    end
  end)
end)
