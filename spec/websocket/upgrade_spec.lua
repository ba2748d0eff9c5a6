local core = require "wsmanager.core"
local protocol = core.protocol

-- RFC 6455 1.3
local KEY = "dGhlIHNhbXBsZSBub25jZQ=="
local ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

local REQUEST = "GET /chat HTTP/1.1\r\n"
  .. "Host: server.example.com\r\n"
  .. "Upgrade: websocket\r\n"
  .. "Connection: Upgrade\r\n"
  .. "Sec-WebSocket-Key: " .. KEY .. "\r\n"
  .. "Origin: http://example.com\r\n"
  .. "Sec-WebSocket-Protocol: chat, superchat\r\n"
  .. "Sec-WebSocket-Version: 13\r\n"
  .. "\r\n"

local ANSWER = "HTTP/1.1 101 Switching Protocols\r\n"
  .. "Upgrade: websocket\r\n"
  .. "Connection: Upgrade\r\n"
  .. "Sec-WebSocket-Accept: " .. ACCEPT .. "\r\n"
  .. "\r\n"

-- The text with a line more, or with lines replaced.
local function with(text, line)
  return (text:gsub("\r\n\r\n$", function() return "\r\n" .. line .. "\r\n\r\n" end))
end

local function swap(text, old, new)
  local from, to = text:find(old, 1, true)
  return text:sub(1, assert(from) - 1) .. new .. text:sub(to + 1)
end

local function fields(options)
  local given = { url = "ws://server.example.com/chat", key = KEY }
  for name, value in pairs(options or {}) do given[name] = value end
  return given
end

local function map(text, kind)
  local length, head = protocol.head(text, kind)
  assert.equal(#text, length)
  return head.map, head
end

describe("a key", function()
  it("is 16 bytes in base64", function()
    assert.equal(KEY, protocol.key "the sample nonce")
    assert.equal("AAAAAAAAAAAAAAAAAAAAAA==", protocol.key(("\0"):rep(16)))
    assert.has_error(function() protocol.key "too short" end)
  end)

  it("has the Sec-WebSocket-Accept of the RFC's example", function()
    assert.equal(ACCEPT, protocol.accept(KEY))
    assert.equal("HSmrc0sMlYUkAGmm5OPpG2HaGWk=", protocol.accept "x3JJHMbDL1EzLkh9GBhXDw==")
    assert.has_error(function() protocol.accept "short" end)
  end)
end)

describe("a client's request", function()
  it("is written", function()
    assert.equal("GET /chat HTTP/1.1\r\n"
      .. "Host: server.example.com\r\n"
      .. "Upgrade: websocket\r\n"
      .. "Connection: Upgrade\r\n"
      .. "Sec-WebSocket-Key: " .. KEY .. "\r\n"
      .. "Sec-WebSocket-Version: 13\r\n"
      .. "User-Agent: wsmanager\r\n"
      .. "\r\n", protocol.request(fields()))
  end)

  it("has the offers", function()
    local headers = map(protocol.request(fields {
      protocols = "chat, superchat", extensions = "permessage-deflate",
    }), "request")
    assert.equal("chat, superchat", headers["sec-websocket-protocol"])
    assert.equal("permessage-deflate", headers["sec-websocket-extensions"])
  end)

  it("has the port when it is not the scheme's default", function()
    local hosts = {
      ["ws://h"] = "h", ["ws://h:80"] = "h", ["wss://h:443"] = "h",
      ["ws://h:443"] = "h:443", ["wss://h:80"] = "h:80", ["ws://h:8080/"] = "h:8080",
      ["ws://[::1]"] = "[::1]", ["wss://[::1]:9"] = "[::1]:9",
    }
    for url, host in pairs(hosts) do
      assert.equal(host, map(protocol.request(fields { url = url }), "request").host)
    end
  end)

  it("has / when the URL has no path", function()
    local targets = {
      ["ws://h"] = "/", ["ws://h?x=1"] = "/?x=1", ["ws://h/"] = "/", ["ws://h/a/b"] = "/a/b",
    }
    for url, target in pairs(targets) do
      local _, head = map(protocol.request(fields { url = url }), "request")
      assert.equal(target, head.target)
    end
  end)

  it("percent-encodes what a request line may not have", function()
    local _, head = map(protocol.request(fields {
      url = 'ws://h/\195\182/%20?"<>`{}|^\255\'!$&()*+,;=:@~',
    }), "request")
    assert.equal("/%C3%B6/%20?%22%3C%3E%60%7B%7D%7C%5E%FF'!$&()*+,;=:@~", head.target)
  end)

  it("has the URL's userinfo as Authorization: Basic", function()
    local users = {
      ["Aladdin:open%20sesame"] = "QWxhZGRpbjpvcGVuIHNlc2FtZQ==",
      ["user"] = "dXNlcjo=",
      ["user:"] = "dXNlcjo=",
      ["a%3Ab"] = "YTpiOg==",
      ["a:%zz%4"] = "YTolenolNA==",
      ["%e2%82%AC:"] = "4oKsOg==",
    }
    for user, text in pairs(users) do
      local headers = map(protocol.request(fields { url = "ws://" .. user .. "@h/" }), "request")
      assert.equal("Basic " .. text, headers.authorization)
    end
    assert.is_nil(map(protocol.request(fields { url = "ws://@h/" }), "request").authorization)
  end)

  it("lets the user's headers replace ours", function()
    local request = protocol.request(fields {
      url = "ws://u:p@h/",
      headers = "host: other\r\nORIGIN: http://o\r\nUser-Agent: me\r\nauthorization: Bearer x\r\n"
        .. "Cookie: a=b\r\n",
    })
    local headers, head = map(request, "request")
    assert.equal("other", headers.host)
    assert.equal("http://o", headers.origin)
    assert.equal("me", headers["user-agent"])
    assert.equal("Bearer x", headers.authorization)
    assert.equal("a=b", headers.cookie)
    assert.equal(9, #head.headers)
  end)

  it("raises for texts that would break the request", function()
    for _, options in ipairs {
      { url = "ftp://h" }, { url = 1 }, { url = "ws://h/\r\n" }, { key = "short" },
      { key = ("\r"):rep(24) }, { protocols = "a\r\nb: c" }, { extensions = "a\0" },
      { headers = "a: b" }, { headers = "Upgrade: x\r\n" }, { headers = {} },
    } do
      assert.has_error(function() protocol.request(fields(options)) end)
    end
  end)

  it("leaves nothing behind when there is no memory", function()
    collectgarbage()
    local blocks = core.memory().blocks
    local long = fields { url = "ws://" .. ("u"):rep(9000) .. "@h/" .. ("p"):rep(20000) }
    local failed = 0
    for calls = 0, 20 do
      core.failmemory(calls)
      local ok, why = pcall(protocol.request, long)
      core.failmemory(-1)
      if ok then break end
      failed = failed + 1
      assert.matches("not enough memory", why, 1, true)
    end
    assert.is_true(failed > 0 and failed < 20)
    collectgarbage()
    collectgarbage()
    assert.equal(blocks, core.memory().blocks)
  end)
end)

describe("checking a response", function()
  local function refusal(text, options)
    local agreed, token, detail, final = protocol.checkresponse(text, fields(options))
    assert.is_nil(agreed)
    assert.equal("handshake", token)
    return detail, final
  end

  it("accepts the 101", function()
    assert.same({ protocol = "", extensions = "" }, protocol.checkresponse(ANSWER, fields()))
  end)

  it("accepts the headers in it that browsers accept", function()
    for _, line in ipairs {
      "Content-Length: 0", "Content-Length: 12", "Transfer-Encoding: chunked",
      "Connection: keep-alive", "Upgrade: h2c", "Server: nginx", "Set-Cookie: a=b",
      "Sec-WebSocket-Version: 13",
    } do
      assert.truthy(protocol.checkresponse(with(ANSWER, line), fields()))
    end
    for _, connection in ipairs {
      "upgrade", "UPGRADE", "keep-alive, Upgrade", "close\r\nConnection: upgrade",
      "\r\nconnection: keep-alive\r\nCONNECTION:,,Upgrade ,",
    } do
      assert.truthy(protocol.checkresponse(swap(ANSWER, "Connection: Upgrade",
        "Connection: " .. connection), fields()))
    end
    assert.truthy(protocol.checkresponse(swap(ANSWER, "websocket", "WebSocket"), fields()))
  end)

  it("tells a status that is not 101", function()
    local detail = refusal "HTTP/1.1 403 Forbidden\r\n\r\n"
    assert.equal('the server answered 403 "Forbidden" instead of 101', detail)
    assert.matches("200", refusal(swap(ANSWER, "101", "200")), 1, true)
    assert.matches("200", refusal "HTTP/1.0 200 OK\r\n\r\n", 1, true)
  end)

  it("is final for 4xx but 408, 425 and 429", function()
    for status, expected in pairs {
      [400] = true, [401] = true, [403] = true, [404] = true, [410] = true, [426] = true,
      [499] = true, [408] = false, [425] = false, [429] = false,
      [200] = false, [301] = false, [500] = false, [502] = false, [503] = false,
    } do
      local _, final = refusal("HTTP/1.1 " .. status .. " x\r\n\r\n")
      assert.equal(expected, final, status)
    end
  end)

  it("tells the Location of a redirect", function()
    assert.equal('the server answered 301, a redirect to "https://x/"; redirects are not followed',
      (refusal "HTTP/1.1 301 Moved\r\nLocation: https://x/\r\n\r\n"))
  end)

  it("fails for what is no agreement, finally", function()
    local bad = {
      ["in HTTP/1.0"] = swap(ANSWER, "HTTP/1.1", "HTTP/1.0"),
      ["no Upgrade: websocket"] = swap(ANSWER, "Upgrade: websocket\r\n", ""),
      ["no Connection: Upgrade"] = swap(ANSWER, "Connection: Upgrade\r\n", ""),
      ["no Sec-WebSocket-Accept"] = swap(ANSWER, "Sec-WebSocket-Accept", "Sec-WebSocket-Except"),
      ["does not answer our key"] = swap(ANSWER, ACCEPT, ACCEPT:lower()),
      ["more than one header"] = with(ANSWER, "sec-websocket-accept: " .. ACCEPT),
      ["control character"] = with(ANSWER, "a: \0"),
    }
    for expected, text in pairs(bad) do
      local detail, final = refusal(text)
      assert.matches(expected, detail, 1, true)
      assert.is_true(final)
    end
    local other = protocol.accept(("A"):rep(24))
    for _, accept in ipairs { "", ACCEPT:sub(1, -2), ACCEPT .. "=", other } do
      assert.matches("does not answer our key", refusal(swap(ANSWER, ACCEPT, accept)), 1, true)
    end
    for _, upgrade in ipairs { "websockets", "web socket", "h2c", "" } do
      local text = swap(ANSWER, "Upgrade: websocket", "Upgrade: " .. upgrade)
      assert.matches("no Upgrade", refusal(text), 1, true)
    end
  end)

  it("agrees on a subprotocol that was offered, and no other", function()
    local offer = { protocols = "chat, superchat,v1.x" }
    for _, name in ipairs { "chat", "superchat", "v1.x" } do
      local answer = with(ANSWER, "Sec-WebSocket-Protocol: " .. name)
      assert.equal(name, protocol.checkresponse(answer, fields(offer)).protocol)
    end
    for _, name in ipairs { "Chat", "chat, superchat", "super", "", "other" } do
      local answer = with(ANSWER, "Sec-WebSocket-Protocol: " .. name)
      assert.matches("subprotocol that was not offered", refusal(answer, offer), 1, true)
    end
    local answer = with(ANSWER, "Sec-WebSocket-Protocol: chat")
    assert.matches("not offered", refusal(answer), 1, true)
    answer = with(answer, "Sec-WebSocket-Protocol: chat")
    assert.matches("more than one header", refusal(answer, offer), 1, true)
  end)

  it("insists on one of the subprotocols that were offered, unless that is optional", function()
    local why, final = refusal(ANSWER, { protocols = "chat, v1.x" })
    assert.equal('the server chose none of the subprotocols: "chat, v1.x"', why)
    assert.is_true(final)
    local lax = { protocols = "chat, v1.x", optional = true }
    assert.equal("", protocol.checkresponse(ANSWER, fields(lax)).protocol)
    local answer = with(ANSWER, "Sec-WebSocket-Protocol: v1.x")
    assert.equal("v1.x", protocol.checkresponse(answer, fields(lax)).protocol)
    for _, name in ipairs { "other", "" } do
      answer = with(ANSWER, "Sec-WebSocket-Protocol: " .. name)
      assert.matches("not offered", refusal(answer, lax), 1, true)
    end
    assert.equal("", protocol.checkresponse(ANSWER, fields()).protocol)
  end)

  it("agrees on an extension that was offered, and no other", function()
    local offer = { extensions = "permessage-deflate; client_max_window_bits, x-a" }
    for _, answered in ipairs {
      "permessage-deflate", "permessage-deflate;server_no_context_takeover",
      "permessage-deflate ; a=1, x-a", "",
    } do
      local answer = with(ANSWER, "Sec-WebSocket-Extensions: " .. answered)
      assert.equal(answered, protocol.checkresponse(answer, fields(offer)).extensions)
    end
    for _, answered in ipairs { "x-b", "permessage", "x-a, x-b; c", "client_max_window_bits" } do
      local answer = with(ANSWER, "Sec-WebSocket-Extensions: " .. answered)
      assert.matches("extension that was not offered", refusal(answer, offer), 1, true)
    end
    assert.matches("not offered",
      refusal(with(ANSWER, "Sec-WebSocket-Extensions: permessage-deflate")), 1, true)
  end)
end)

describe("checking a request", function()
  local function status(text)
    local code, why = protocol.checkrequest(text)
    assert.equal(code ~= 0, type(why) == "string")
    return code, why
  end

  it("accepts the RFC's example", function()
    assert.equal(0, protocol.checkrequest(REQUEST))
  end)

  it("accepts the other headers that clients send", function()
    for _, connection in ipairs { "keep-alive, Upgrade", "upgrade", "x\r\nConnection: UPGRADE" } do
      assert.equal(0, status(swap(REQUEST, "Connection: Upgrade", "Connection: " .. connection)))
    end
    assert.equal(0, status(swap(REQUEST, "websocket", "h2c, WebSocket")))
    assert.equal(0, status(swap(REQUEST, "HTTP/1.1", "HTTP/1.2")))
    assert.equal(0, status(with(REQUEST, "Content-Length: 0")))
  end)

  it("rejects with the fitting status", function()
    local key = "Sec-WebSocket-Key: " .. KEY
    local version = "Sec-WebSocket-Version: 13"
    local bad = {
      { 405, swap(REQUEST, "GET", "POST"), "not GET" },
      { 405, swap(REQUEST, "GET", "get"), "not GET" },
      { 400, swap(REQUEST, "Host:", "Most:"), "one Host" },
      { 400, with(REQUEST, "host: b"), "one Host" },
      { 426, swap(REQUEST, "HTTP/1.1", "HTTP/1.0"), "HTTP/1.0" },
      { 426, "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "no Upgrade" },
      { 426, swap(REQUEST, "websocket", "h2c"), "no Upgrade" },
      { 426, swap(REQUEST, "Connection: Upgrade", "Connection: close"), "no Connection" },
      { 400, swap(REQUEST, key .. "\r\n", ""), "no Sec-WebSocket-Key" },
      { 400, with(REQUEST, key), "more than one header" },
      { 400, swap(REQUEST, KEY, KEY:sub(1, -2)), "16 bytes" },
      { 400, swap(REQUEST, KEY, KEY .. "="), "16 bytes" },
      { 400, swap(REQUEST, KEY, ("A"):rep(23) .. "="), "16 bytes" },
      { 400, swap(REQUEST, KEY, ("A"):rep(24)), "16 bytes" },
      { 400, swap(REQUEST, KEY, ("A"):rep(21) .. "-=="), "16 bytes" },
      { 400, swap(REQUEST, KEY, ""), "16 bytes" },
      { 426, swap(REQUEST, version .. "\r\n", ""), "not 13" },
      { 426, swap(REQUEST, version, "Sec-WebSocket-Version: 8"), "not 13" },
      { 426, swap(REQUEST, version, "Sec-WebSocket-Version: 13, 8"), "not 13" },
      { 400, with(REQUEST, version), "more than one header" },
      { 400, with(REQUEST, "Content-Length: 5"), "no body" },
      { 400, with(REQUEST, "Content-Length: 0\r\nContent-Length: 1"), "no body" },
      { 400, with(REQUEST, "Transfer-Encoding: chunked"), "no body" },
      { 400, with(REQUEST, "a b: c"), "a space before the colon" },
      { 400, "\22\3\1", "TLS" },
      { 431, with(REQUEST, ("a: b\r\n"):rep(130) .. "a: b"), "more than 128" },
    }
    for _, case in ipairs(bad) do
      local code, why = status(case[2])
      assert.equal(case[1], code, case[3])
      assert.matches(case[3], why, 1, true)
    end
  end)

  it("rejects every part of one", function()
    for n = 0, #REQUEST - 1 do
      assert.equal(400, status(REQUEST:sub(1, n)))
    end
  end)
end)

describe("choosing a subprotocol", function()
  it("takes the first of the server's that the client offers", function()
    assert.equal("chat", protocol.chooseprotocol(REQUEST, "chat, superchat"))
    assert.equal("superchat", protocol.chooseprotocol(REQUEST, "superchat, chat"))
    assert.equal("superchat", protocol.chooseprotocol(REQUEST, "x,,superchat"))
    local more = with(REQUEST, "sec-websocket-protocol: x")
    assert.equal("x", protocol.chooseprotocol(more, "x, chat"))
  end)

  it("takes none that the client does not offer", function()
    for _, supported in ipairs { "", "Chat", "super", "chat superchat", "," } do
      assert.is_nil((protocol.chooseprotocol(REQUEST, supported)))
    end
    local short = with(REQUEST, "sec-websocket-protocol: x")
    assert.is_nil((protocol.chooseprotocol(short, "y")))
    assert.is_nil((protocol.chooseprotocol("GET / HTTP/1.1\r\n\r\n", "chat")))
  end)
end)

describe("accepting a request", function()
  it("writes the 101", function()
    assert.equal(ANSWER, protocol.response(REQUEST))
    assert.equal(swap(ANSWER, "\r\n\r\n", "\r\nSec-WebSocket-Protocol: chat\r\n"
      .. "Sec-WebSocket-Extensions: x\r\nSet-Cookie: a\r\n\r\n"),
      protocol.response(REQUEST, "chat", "x", "Set-Cookie: a\r\n"))
  end)

  it("raises for texts that would break the response", function()
    assert.has_error(function() protocol.response(REQUEST, "a\r\n") end)
    assert.has_error(function() protocol.response(REQUEST, nil, "a\0") end)
    assert.has_error(function() protocol.response(REQUEST, nil, nil, "Upgrade: x\r\n") end)
    assert.has_error(function() protocol.response "GET / HTTP/1.1\r\n\r\n" end)
  end)
end)

describe("both roles", function()
  it("agree with each other", function()
    for _, options in ipairs {
      {}, { url = "wss://u:p@[::1]:9/\195\182?x" }, { headers = "Origin: http://o\r\n" },
      { protocols = "a, b", extensions = "permessage-deflate; client_max_window_bits" },
    } do
      local given = fields(options)
      local request = protocol.request(given)
      assert.equal(0, protocol.checkrequest(request))
      local chosen = protocol.chooseprotocol(request, "b, a")
      local extension = given.extensions and "permessage-deflate"
      local response = protocol.response(request, chosen, extension)
      local agreed = assert(protocol.checkresponse(response, given))
      assert.equal(given.protocols and "b" or "", agreed.protocol)
      assert.equal(extension or "", agreed.extensions)
    end
  end)

  it("fail when the response is for another key", function()
    local request = protocol.request(fields { key = protocol.key(("\1"):rep(16)) })
    assert.is_nil((protocol.checkresponse(protocol.response(request), fields())))
  end)
end)
