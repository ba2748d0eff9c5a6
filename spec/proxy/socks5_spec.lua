local bytes = require "support.bytes"
local protocol = require "wsmanager.core".protocol
local proxies = require "support.proxies"

local hex = bytes.hex
local feed, begin, opens, fails = proxies.feed, proxies.begin, proxies.opens, proxies.fails

describe("SOCKS5", function()
  local PROXY, KNOWN = "socks5h://p", "socks5h://user:p%40ss@p"
  local REQUEST = hex "05 01 00 03 10" .. "chat.example.com" .. hex "01 BB"
  local AUTH = hex "01 04" .. "user" .. hex "04" .. "p@ss"
  local REPLY = hex "05 00 00 01 00 00 00 00 00 00"
  local function detail(text) return "the proxy p:1080 " .. text end

  it("offers a user and password when there is one", function()
    local _, first = begin(PROXY)
    assert.equal(hex "05 01 00", first)
    _, first = begin(KNOWN)
    assert.equal(hex "05 02 00 02", first)
  end)

  it("lets the proxy resolve the target's name", function()
    opens(PROXY, { hex "05 00", REPLY }, REQUEST)
  end)

  it("sends a numeric address as one", function()
    for host, address in pairs {
      ["192.0.2.33"] = "01 C0 00 02 21",
      ["2001:db8::1:2"] = "04 20 01 0D B8 00 00 00 00 00 00 00 00 00 01 00 02",
      ["::ffff:192.0.2.1"] = "04 00 00 00 00 00 00 00 00 00 00 FF FF C0 00 02 01",
      ["1.2.3"] = "03 05 31 2E 32 2E 33",
    } do
      local exchange = begin("socks5://p", host, 80)
      local _, told = exchange:feed(hex "05 00")
      assert.equal(hex("05 01 00" .. address .. "00 50"), told)
    end
  end)

  it("authenticates when the proxy wants it", function()
    opens(KNOWN, { hex "05 02", hex "01 00", REPLY }, AUTH .. REQUEST)
    opens(KNOWN, { hex "05 00", REPLY }, REQUEST)
    local exchange = begin "socks5h://user@p"
    local _, told = exchange:feed(hex "05 02")
    assert.equal(hex "01 04" .. "user" .. hex "00", told)
  end)

  it("reads whatever address the proxy is bound to", function()
    opens(PROXY, { hex "05 00", hex "05 00 00 04 00000000 00000000 00000000 00000001 04 38" },
      REQUEST)
    opens(PROXY, { hex "05 00", hex "05 00 00 03 03" .. "a.b" .. hex "04 38" }, REQUEST)
    opens(PROXY, { hex "05 00", hex "05 00 00 03 00 04 38" }, REQUEST)
    opens(PROXY, { hex "05 00", hex "05 00 00 03 FF" .. ("x"):rep(255) .. hex "04 38" }, REQUEST)
  end)

  it("tells the code of an error reply", function()
    local names = {
      [0] = nil,
      "general SOCKS server failure", "connection not allowed by ruleset", "network unreachable",
      "host unreachable", "connection refused", "TTL expired", "command not supported",
      "address type not supported", "an unknown reply code",
    }
    local final = { [2] = true, [7] = true, [8] = true }
    for code, name in ipairs(names) do
      fails(PROXY, { hex "05 00", "\5" .. string.char(code) .. hex "00 01 00 00 00 00 00 00" },
        detail(("answered 0x%02X, %s, for chat.example.com:443"):format(code, name)),
        final[code] or false)
    end
    fails(PROXY, { hex "05 00", hex "05 FF" },
      detail "answered 0xFF, an unknown reply code, for chat.example.com:443", false)
  end)

  it("fails for methods it did not offer", function()
    fails(PROXY, hex "05 FF", detail "does not let one in without a user and password", true)
    fails(KNOWN, hex "05 FF", detail "accepts none of the offered authentication methods", true)
    fails(PROXY, hex "05 02", detail "chose the SOCKS5 method 0x02, which was not offered", true)
    fails(KNOWN, hex "05 01", detail "chose the SOCKS5 method 0x01, which was not offered", true)
  end)

  it("fails for a wrong user", function()
    for _, status in ipairs { hex "01", hex "FF" } do
      fails(KNOWN, { hex "05 02", hex "01" .. status },
        detail "does not take this user and password", true)
    end
  end)

  it("fails for another version in every step", function()
    local text = "does not speak SOCKS5: its answer begins with byte 0x%02X%s"
    fails(PROXY, hex "04 5A", detail(text:format(4, "")), true)
    fails(PROXY, hex "00 5A", detail(text:format(0, "")), true)
    fails(PROXY, "HTTP/1.1 400 Bad", detail(text:format(72, " (is it an HTTP proxy?)")), true)
    fails(KNOWN, { hex "05 02", hex "05 00" }, detail(text:format(5, "")), true)
    fails(PROXY, { hex "05 00", hex "04 00" }, detail(text:format(4, "")), true)
  end)

  it("fails for an address of unknown type", function()
    fails(PROXY, { hex "05 00", hex "05 00 00 02 00" }, detail
      "answered with an address of the unknown type 0x02", true)
  end)

  it("fails for a proxy that responds before a request", function()
    for _, turns in ipairs {
      { hex "05 00" .. REPLY }, { hex "05 02 01 00" }, { hex "05 02", hex "01 00" .. REPLY },
    } do
      local status, token, text = feed(begin(KNOWN), turns)
      assert.is_nil(status)
      assert.equal("proxy", token)
      assert.equal(detail "answers in SOCKS5 before it is asked", text)
    end
  end)

  it("tells that the proxy ended the connection", function()
    local _, token, text = begin(PROXY):ended()
    assert.equal("proxy", token)
    assert.equal(detail "ended the connection before it answered in SOCKS5", text)
  end)

  it("takes host names of up to 255 bytes", function()
    assert.truthy(protocol.exchange(PROXY, ("a"):rep(255), 1):start())
    local first, token, text = protocol.exchange(PROXY, ("a"):rep(256), 1):start()
    assert.is_nil(first)
    assert.equal("proxy", token)
    assert.equal(detail "takes host names of up to 255 bytes", text)
  end)
end)
