local bytes = require "support.bytes"
local protocol = require "wsmanager.core".protocol

local hex = bytes.hex

-- What a proxy's address is made of, in one line.
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

-- Feeds an exchange pieces of what the proxy answers: how it ends, all that
-- the proxy is told after the first words, and what is left for the tunnel.
local function feed(exchange, pieces)
  local said, rest, open = "", "", false
  for _, piece in ipairs(pieces) do
    if open then rest = rest .. piece else
      local status, out, left, final = exchange:feed(piece)
      if status == nil then return nil, out, left, final end
      said = said .. out
      if status == "open" then open, rest = true, left end
    end
  end
  return open and "open" or "more", said, rest
end

local function begin(proxy, host, port)
  local exchange = protocol.exchange(proxy, host or "chat.example.com", port or 443)
  return exchange, assert(exchange:start())
end

-- The pieces, cut where a turn of the proxy ends: it waits there.
local function in_turns(pieces, turns)
  local result, left, turn = {}, #turns[1], 1
  for _, piece in ipairs(pieces) do
    while #piece > left and turns[turn + 1] do
      result[#result + 1] = piece:sub(1, left)
      piece, turn = piece:sub(left + 1), turn + 1
      left = #turns[turn]
    end
    left = left - #piece
    result[#result + 1] = piece
  end
  return result
end

-- The same answer in every way it can come ends the same.
local function every_way(proxy, turns, check)
  local answer = table.concat(turns)
  for pieces in bytes.cuts(answer) do
    check(feed(begin(proxy), in_turns(pieces, turns)))
  end
end

local function opens(proxy, turns, told)
  if type(turns) == "string" then turns = { turns } end
  local answer, last = table.concat(turns), turns[#turns]
  turns[#turns] = last .. "\0tunnel"
  every_way(proxy, turns, function(status, said, rest)
    assert.equal("open", status)
    assert.equal(told or "", said)
    assert.equal("\0tunnel", rest)
  end)
  turns[#turns] = last
  for n = 0, #answer - 1 do
    assert.equal("more", (feed(begin(proxy), in_turns({ answer:sub(1, n) }, turns))))
  end
end

local function refuses(proxy, turns, detail, final)
  if type(turns) == "string" then turns = { turns } end
  every_way(proxy, turns, function(status, token, got, last)
    assert.is_nil(status)
    assert.equal("proxy", token)
    assert.equal(detail, got)
    assert.equal(final, last)
  end)
end

describe("a proxy's address", function()
  it("is taken apart", function()
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

  it("is refused with the reason", function()
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

  it("has a name and a password that SOCKS5 can carry", function()
    local escaped = ("%41"):rep(255)
    for _, scheme in ipairs { "socks5", "socks5h" } do
      assert.truthy(protocol.proxy(scheme .. "://" .. escaped .. ":" .. escaped .. "@p"))
      assert.matches("up to 255 bytes", why(scheme .. "://" .. escaped .. "a@p"), 1, true)
      assert.matches("up to 255 bytes", why(scheme .. "://u:" .. escaped .. "a@p"), 1, true)
    end
    assert.truthy(protocol.proxy("http://u:" .. escaped .. "a@p"))
  end)

  it("cut at any offset is taken apart or refused", function()
    local text = "socks5h://user:p%40ss@[2001:db8::1]:1080/"
    for n = 0, #text do
      local proxy, token = protocol.proxy(text:sub(1, n))
      assert.equal(proxy == nil, token == "proxy")
    end
  end)
end)

describe("CONNECT", function()
  local PROXY = "http://p:3128"
  local function detail(text) return "the proxy p:3128 " .. text end

  it("names the target twice", function()
    local _, first = begin(PROXY)
    assert.equal("CONNECT chat.example.com:443 HTTP/1.1\r\nHost: chat.example.com:443\r\n"
      .. "User-Agent: wsmanager\r\n\r\n", first)
    _, first = begin("https://p", "2001:db8::1", 80)
    assert.matches("^CONNECT %[2001:db8::1%]:80 HTTP/1.1\r\nHost: %[2001:db8::1%]:80\r\n", first)
  end)

  it("carries user and password in base64", function()
    local _, first = begin("http://Aladdin:open%20sesame@p")
    assert.matches("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n", first, 1,
      true)
    _, first = begin("http://u@p")
    assert.matches("\r\nProxy-Authorization: Basic dTo=\r\n", first, 1, true)
  end)

  it("is over with any 2xx, and what follows is the tunnel's", function()
    for _, answer in ipairs {
      "HTTP/1.1 200 Connection established\r\n\r\n",
      "HTTP/1.0 200 OK\r\nProxy-Agent: tinyproxy\r\n\r\n",
      "HTTP/1.1 204\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    } do
      opens(PROXY, answer)
    end
  end)

  it("passes over interim answers", function()
    opens(PROXY, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n"
      .. "HTTP/1.1 200 OK\r\n\r\n")
  end)

  it("names what the proxy answered instead", function()
    local target = " to CONNECT chat.example.com:443"
    refuses(PROXY, "HTTP/1.1 403 Filtered\r\n\r\n",
      detail('answered 403 "Filtered"' .. target), true)
    refuses(PROXY, "HTTP/1.1 502 Bad Gateway\r\n\r\n",
      detail('answered 502 "Bad Gateway"' .. target), false)
    refuses(PROXY, "HTTP/1.1 429\r\n\r\n", detail('answered 429 ""' .. target), false)
    refuses(PROXY, "HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n",
      detail('answered 302 "Found"' .. target), true)
    refuses(PROXY, "HTTP/1.1 101 Switching\r\n\r\n",
      detail('answered 101 "Switching"' .. target), true)
  end)

  it("names the realm that wants a user", function()
    local function challenge(...)
      local lines = { "HTTP/1.1 407 Proxy Authentication Required\r\n" }
      for _, value in ipairs { ... } do
        lines[#lines + 1] = "Proxy-Authenticate: " .. value .. "\r\n"
      end
      return table.concat(lines) .. "\r\n"
    end
    refuses(PROXY, challenge 'Basic realm="the corp"',
      detail 'answered 407: it wants a user and password for the realm "the corp"', true)
    refuses(PROXY, challenge('Negotiate', 'Digest realm="d"', 'basic charset="UTF-8", REALM="b"'),
      detail 'answered 407: it wants a user and password for the realm "b"', true)
    refuses(PROXY, challenge 'Digest nonce="1", realm="say \\"hi\\""',
      detail 'answered 407: it wants "Digest" for the realm "say \\"hi\\"", '
        .. "and only Basic is supported", true)
    refuses(PROXY, challenge(),
      detail 'answered 407: it wants a user and password for the realm ""', true)
    refuses(PROXY, challenge 'Basic realm="open', detail
      'answered 407: it wants a user and password for the realm "open"', true)
    refuses(PROXY, challenge 'Basic realm="\\', detail
      'answered 407: it wants a user and password for the realm "\\"', true)
    refuses("http://u:secret@p:3128", challenge 'Basic realm="b"',
      detail 'answered 407: it does not take this user and password for the realm "b"', true)
  end)

  it("is refused from the first byte that is not HTTP's", function()
    for answer, at in pairs {
      ["SSH-2.0-x\r\n"] = 1, ["\5\0"] = 1, ["HTTP/2 200"] = 6, ["\21\3\1"] = 1,
      ["HTTP/1.1 2x0 OK\r\n"] = 17, ["HTTP/1.1 200 OK\n"] = 16, ["HTTP/1.1 200 OK\r\nA\r\n"] = 20,
    } do
      local exchange = begin(PROXY)
      for n = 1, at - 1 do assert.equal("more", (exchange:feed(answer:sub(n, n)))) end
      local status, token, text, final = exchange:feed(answer:sub(at, at))
      assert.is_nil(status)
      assert.equal("proxy", token)
      assert.matches("the proxy p:3128 did not answer CONNECT in HTTP: ", text, 1, true)
      assert.is_true(final)
    end
  end)

  it("reads heads of 16 KiB and not a byte more", function()
    local start, finish = "HTTP/1.1 200 OK\r\nA: ", "\r\n\r\n"
    local room = 16384 - #start - #finish
    local exactly = start .. ("a"):rep(room) .. finish
    assert.equal("open", (feed(begin(PROXY), { exactly })))
    for _, pieces in ipairs {
      { start .. ("a"):rep(room + 1) .. finish },
      { exactly:sub(1, 16380) .. "abcd", "e" },
      { ("HTTP/1.1 100 Continue\r\n\r\n"):rep(656) },
      { ("HTTP/1.1 100 Continue\r\n\r\n"):rep(655), "HTTP/1.1 1" },
    } do
      local status, token, text, final = feed(begin(PROXY), pieces)
      assert.is_nil(status)
      assert.equal("toobig", token)
      assert.equal(detail "answers CONNECT with a head over 16384 bytes", text)
      assert.is_true(final)
    end
  end)

  it("reads 128 header lines and not one more", function()
    local function answer(n) return "HTTP/1.1 200\r\n" .. ("A: b\r\n"):rep(n) .. "\r\n" end
    assert.equal("open", (feed(begin(PROXY), { answer(128) })))
    local status, token, text = feed(begin(PROXY), { answer(129) })
    assert.is_nil(status)
    assert.equal("toobig", token)
    assert.matches("the proxy p:3128 ", text, 1, true)
  end)

  it("says so when the proxy hangs up", function()
    local status, token, text, final = begin(PROXY):ended()
    assert.is_nil(status)
    assert.equal("proxy", token)
    assert.equal(detail "ended the connection before it answered CONNECT", text)
    assert.is_false(final)
  end)
end)

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

  it("logs in when it is asked to", function()
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

  it("names the code of a refusal", function()
    local names = {
      [0] = nil,
      "general SOCKS server failure", "connection not allowed by ruleset", "network unreachable",
      "host unreachable", "connection refused", "TTL expired", "command not supported",
      "address type not supported", "an unknown reply code",
    }
    local final = { [2] = true, [7] = true, [8] = true }
    for code, name in ipairs(names) do
      refuses(PROXY, { hex "05 00", "\5" .. string.char(code) .. hex "00 01 00 00 00 00 00 00" },
        detail(("answered 0x%02X, %s, for chat.example.com:443"):format(code, name)),
        final[code] or false)
    end
    refuses(PROXY, { hex "05 00", hex "05 FF" },
      detail "answered 0xFF, an unknown reply code, for chat.example.com:443", false)
  end)

  it("refuses methods it did not offer", function()
    refuses(PROXY, hex "05 FF", detail "does not let one in without a user and password", true)
    refuses(KNOWN, hex "05 FF", detail "accepts none of the offered authentication methods", true)
    refuses(PROXY, hex "05 02", detail "chose the SOCKS5 method 0x02, which was not offered", true)
    refuses(KNOWN, hex "05 01", detail "chose the SOCKS5 method 0x01, which was not offered", true)
  end)

  it("refuses a wrong user", function()
    for _, status in ipairs { hex "01", hex "FF" } do
      refuses(KNOWN, { hex "05 02", hex "01" .. status },
        detail "does not take this user and password", true)
    end
  end)

  it("refuses another version in every phase", function()
    local text = "does not speak SOCKS5: its answer begins with byte 0x%02X%s"
    refuses(PROXY, hex "04 5A", detail(text:format(4, "")), true)
    refuses(PROXY, hex "00 5A", detail(text:format(0, "")), true)
    refuses(PROXY, "HTTP/1.1 400 Bad", detail(text:format(72, " (is it an HTTP proxy?)")), true)
    refuses(KNOWN, { hex "05 02", hex "05 00" }, detail(text:format(5, "")), true)
    refuses(PROXY, { hex "05 00", hex "04 00" }, detail(text:format(4, "")), true)
  end)

  it("refuses an address of no known type", function()
    refuses(PROXY, { hex "05 00", hex "05 00 00 02 00" }, detail
      "answered with an address of the unknown type 0x02", true)
  end)

  it("refuses a proxy that answers before it is asked", function()
    for _, turns in ipairs {
      { hex "05 00" .. REPLY }, { hex "05 02 01 00" }, { hex "05 02", hex "01 00" .. REPLY },
    } do
      local status, token, text = feed(begin(KNOWN), turns)
      assert.is_nil(status)
      assert.equal("proxy", token)
      assert.equal(detail "answers in SOCKS5 before it is asked", text)
    end
  end)

  it("says so when the proxy hangs up", function()
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

describe("an exchange without memory", function()
  local core = require "wsmanager.core"

  it("says so and loses nothing", function()
    collectgarbage()
    collectgarbage()
    for _, proxy in ipairs { "http://u:p@p", "socks5://u:p@p" } do
      local before = core.memory().blocks
      local exchange = protocol.exchange(proxy, "h", 1)
      core.failmemory(0)
      local first, token = exchange:start()
      core.failmemory(-1)
      assert.is_nil(first)
      assert.equal("full", token)
      assert.equal(before, core.memory().blocks)
    end
  end)
end)
