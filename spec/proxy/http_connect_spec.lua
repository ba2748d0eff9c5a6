local proxies = require "support.proxies"

local feed, begin, opens, fails = proxies.feed, proxies.begin, proxies.opens, proxies.fails

describe("CONNECT", function()
  local PROXY = "http://p:3128"
  local function detail(text) return "the proxy p:3128 " .. text end

  it("has the target twice", function()
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

  it("ends with any 2xx, and what follows is the tunnel's", function()
    for _, answer in ipairs {
      "HTTP/1.1 200 Connection established\r\n\r\n",
      "HTTP/1.0 200 OK\r\nProxy-Agent: tinyproxy\r\n\r\n",
      "HTTP/1.1 204\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    } do
      opens(PROXY, answer)
    end
  end)

  it("skips interim responses", function()
    opens(PROXY, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nA: b\r\n\r\n"
      .. "HTTP/1.1 200 OK\r\n\r\n")
  end)

  it("tells another status of the proxy", function()
    local target = " to CONNECT chat.example.com:443"
    fails(PROXY, "HTTP/1.1 403 Filtered\r\n\r\n",
      detail('answered 403 "Filtered"' .. target), true)
    fails(PROXY, "HTTP/1.1 502 Bad Gateway\r\n\r\n",
      detail('answered 502 "Bad Gateway"' .. target), false)
    fails(PROXY, "HTTP/1.1 429\r\n\r\n", detail('answered 429 ""' .. target), false)
    fails(PROXY, "HTTP/1.1 302 Found\r\nLocation: http://x/\r\n\r\n",
      detail('answered 302 "Found"' .. target), true)
    fails(PROXY, "HTTP/1.1 101 Switching\r\n\r\n",
      detail('answered 101 "Switching"' .. target), true)
  end)

  it("tells the realm that wants a user", function()
    local function challenge(...)
      local lines = { "HTTP/1.1 407 Proxy Authentication Required\r\n" }
      for _, value in ipairs { ... } do
        lines[#lines + 1] = "Proxy-Authenticate: " .. value .. "\r\n"
      end
      return table.concat(lines) .. "\r\n"
    end
    fails(PROXY, challenge 'Basic realm="the corp"',
      detail 'answered 407: it wants a user and password for the realm "the corp"', true)
    fails(PROXY, challenge('Negotiate', 'Digest realm="d"', 'basic charset="UTF-8", REALM="b"'),
      detail 'answered 407: it wants a user and password for the realm "b"', true)
    fails(PROXY, challenge 'Digest nonce="1", realm="say \\"hi\\""',
      detail 'answered 407: it wants "Digest" for the realm "say \\"hi\\"", '
        .. "and only Basic is supported", true)
    fails(PROXY, challenge(),
      detail 'answered 407: it wants a user and password for the realm ""', true)
    fails(PROXY, challenge 'Basic realm="open', detail
      'answered 407: it wants a user and password for the realm "open"', true)
    fails(PROXY, challenge 'Basic realm="\\', detail
      'answered 407: it wants a user and password for the realm "\\"', true)
    fails("http://u:secret@p:3128", challenge 'Basic realm="b"',
      detail 'answered 407: it does not take this user and password for the realm "b"', true)
  end)

  it("fails at the first byte that is not HTTP", function()
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

  it("looks at nothing beyond 16 KiB, however it arrives", function()
    local head = "HTTP/1.1 200 OK\r\nA: "
    local long = head .. ("a"):rep(16384 - #head)
    for cut = 16380, 16386 do
      local text = long .. "\1\r\n\r\n"
      local _, token = feed(begin(PROXY), { text:sub(1, cut), text:sub(cut + 1) })
      assert.equal("toobig", token)
      text = long:sub(1, -2) .. "\1\r\n\r\n"
      _, token = feed(begin(PROXY), { text:sub(1, cut), text:sub(cut + 1) })
      assert.equal("proxy", token)
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

  it("tells that the proxy ended the connection", function()
    local status, token, text, final = begin(PROXY):ended()
    assert.is_nil(status)
    assert.equal("proxy", token)
    assert.equal(detail "ended the connection before it answered CONNECT", text)
    assert.is_false(final)
  end)
end)
