local protocol = require "wsmanager.core".protocol

local ANSWER = "HTTP/1.1 101 Switching Protocols\r\n"
  .. "Upgrade: websocket\r\n"
  .. "Connection:Upgrade\r\n"
  .. "X-Empty:\r\n"
  .. "X-Tabs:\t a\tb \t\r\n"
  .. "x-latin: \228\r\n"
  .. "\r\n"

local REQUEST = "GET /chat?x=1 HTTP/1.1\r\n"
  .. "Host: server.example.com\r\n"
  .. "Upgrade: websocket\r\n"
  .. "\r\n"

-- Offers text one byte longer each time: how many bytes it took to be refused.
local function refused_at(text, kind)
  for n = 1, #text do
    local length, token, detail = protocol.head(text:sub(1, n), kind)
    if length == false then return n, token, detail end
    assert.is_nil(length)
  end
end

local function detail_of(text, kind)
  local length, token, detail = protocol.head(text, kind)
  assert.is_false(length)
  assert.equal("handshake", token)
  return detail
end

describe("the head of a response", function()
  it("is parsed whole", function()
    local length, head = protocol.head(ANSWER)
    assert.equal(#ANSWER, length)
    assert.equal(101, head.status)
    assert.equal(1, head.minor)
    assert.equal("Switching Protocols", head.reason)
    assert.same({
      { "Upgrade", "websocket" },
      { "Connection", "Upgrade" },
      { "X-Empty", "" },
      { "X-Tabs", "a\tb" },
      { "x-latin", "\228" },
    }, head.headers)
  end)

  it("needs more at every offset before its end", function()
    for n = 0, #ANSWER - 1 do
      local values = { protocol.head(ANSWER:sub(1, n)) }
      assert.same({}, values)
    end
  end)

  it("has its length, whatever follows", function()
    for _, rest in ipairs { "\129\5hello", "\r\n", "\n", "\0", "HTTP/1.1" } do
      assert.equal(#ANSWER, (protocol.head(ANSWER .. rest)))
    end
  end)

  it("may have no reason and no headers", function()
    for _, line in ipairs { "HTTP/1.1 101", "HTTP/1.1 101 " } do
      local length, head = protocol.head(line .. "\r\n\r\n")
      assert.equal(#line + 4, length)
      assert.equal(101, head.status)
      assert.equal("", head.reason)
      assert.same({}, head.headers)
    end
  end)

  it("names its minor version", function()
    for minor = 0, 9 do
      local _, head = protocol.head("HTTP/1." .. minor .. " 200 OK\r\n\r\n")
      assert.equal(minor, head.minor)
    end
  end)

  it("has a status line", function()
    for _, line in ipairs {
      "HTTP/1.1", "HTTP/1.1 ", "HTTP/1.1 1", "HTTP/1.1 10", "HTTP/1.1 1010",
      "HTTP/1.1 10x OK", "HTTP/1.1 099 OK", "HTTP/1.1  101 OK", "HTTP/1.x 101 OK",
      "HTTP/1.11 101 OK", "HTTP/1.1 101\tOK", "HTTP/1.1\t101 OK",
    } do
      assert.matches("status line", detail_of(line .. "\r\n\r\n"), 1, true)
    end
  end)

  it("fails at the first byte that is not HTTP", function()
    local strangers = {
      ["SSH-2.0-OpenSSH_9.2\r\n"] = 1,
      ["<html>"] = 1,
      ["\r\n"] = 1,
      ["HTTP/2 200"] = 6,
      ["http/1.1 101"] = 1,
      ["HELO"] = 2,
      [" HTTP/1.1 101"] = 1,
      ["\0"] = 1,
    }
    for text, at in pairs(strangers) do
      local n, token, detail = refused_at(text)
      assert.equal(at, n, text)
      assert.equal("handshake", token)
      assert.matches("the server does not speak HTTP/1.1", detail, 1, true)
    end
  end)

  it("tells when the peer speaks TLS", function()
    assert.matches("the server speaks TLS", detail_of "\21\3\1\0\2\2\70", 1, true)
    assert.matches("the client speaks TLS", detail_of("\22\3\1", "request"), 1, true)
  end)
end)

describe("the head of a request", function()
  it("is parsed whole", function()
    local length, head = protocol.head(REQUEST, "request")
    assert.equal(#REQUEST, length)
    assert.equal("GET", head.method)
    assert.equal("/chat?x=1", head.target)
    assert.equal(1, head.minor)
    assert.same({
      { "Host", "server.example.com" }, { "Upgrade", "websocket" },
    }, head.headers)
  end)

  it("needs more at every offset before its end", function()
    for n = 0, #REQUEST - 1 do
      assert.is_nil((protocol.head(REQUEST:sub(1, n), "request")))
    end
  end)

  it("may follow empty lines", function()
    for lines = 1, 5 do
      local text = ("\r\n"):rep(lines) .. REQUEST
      for n = 0, #text - 1 do
        assert.is_nil((protocol.head(text:sub(1, n), "request")))
      end
      local length, head = protocol.head(text .. "\r\n", "request")
      assert.equal(#text, length)
      assert.equal("/chat?x=1", head.target)
      assert.same({ "Host", "server.example.com" }, head.headers[1])
    end
  end)

  it("has a request line", function()
    for _, line in ipairs {
      "GET ", "GET /", "GET / ", "GET / HTTP", "GET / HTTP/1.", "GET / HTTP/1.x",
      "GET / HTTP/1.10", "GET / HTTP/2.0", "GET  HTTP/1.1", "GET  / HTTP/1.1",
      "GET /a b HTTP/1.1", "GET /\t HTTP/1.1", "GET / HTTP/1.1 ", "GET /\195\182 HTTP/1.1",
      "GET / http/1.1", "GET HTTP/1.1",
    } do
      assert.matches("request line", detail_of(line .. "\r\n\r\n", "request"), 1, true)
    end
  end)

  it("fails at the first byte that is not HTTP", function()
    local strangers = {
      ["\22\3\1\2\0\1"] = 1,
      ["\0\0"] = 1,
      [" GET"] = 1,
      ["\n"] = 1,
      ["\r\r"] = 2,
      ["\r\n\n"] = 3,
      ["\r\n GET"] = 3,
      ["\r\n\22\3\1"] = 3,
      ["GET\t/"] = 4,
      ["GE/T /"] = 3,
      [("A"):rep(40)] = 32,
    }
    for text, at in pairs(strangers) do
      assert.equal(at, (refused_at(text, "request")), text)
    end
  end)
end)

describe("a line of a head", function()
  local starts = { answer = "HTTP/1.1 200 OK\r\n", request = "GET / HTTP/1.1\r\n" }

  local function each(check)
    for kind, start in pairs(starts) do check(start, kind) end
  end

  it("does not end in a bare LF", function()
    each(function(start, kind)
      local line = start:gsub("\r", "")
      assert.equal(#line, (refused_at(line, kind)))
      assert.equal(#start + 5, (refused_at(start .. "a: b\n", kind)))
      assert.equal(#start + 1, (refused_at(start .. "\n", kind)))
      assert.equal(#start + 7, (refused_at(start .. "a: b\r\n\n", kind)))
      assert.matches("bare LF", detail_of(start .. "a: b\n\r\n", kind), 1, true)
    end)
  end)

  it("has no bare CR", function()
    each(function(start, kind)
      assert.equal(#start + 5, (refused_at(start .. "a: \rb", kind)))
      assert.equal(#start + 2, (refused_at(start .. "\r\r\n", kind)))
    end)
  end)

  it("has no control character but tab, and fails at once", function()
    each(function(start, kind)
      for code = 0, 127 do
        local control = (code < 32 and code ~= 9) or code == 127
        if control and code ~= 10 and code ~= 13 then
          for at = 0, 17 do
            local text = start .. "a: " .. ("b"):rep(at) .. string.char(code)
            assert.equal(#text, (refused_at(text, kind)))
            assert.matches("control character", detail_of(text .. "c", kind), 1, true)
          end
        end
      end
      assert.is_nil((protocol.head(start .. "a: \tb\t" .. ("\255"):rep(20), kind)))
    end)
  end)

  it("is not folded", function()
    each(function(start, kind)
      for _, line in ipairs { " b\r\n", "\tb\r\n", " b: c\r\n" } do
        assert.matches("folded", detail_of(start .. "a: b\r\n" .. line, kind), 1, true)
        assert.matches("folded", detail_of(start .. line, kind), 1, true)
      end
    end)
  end)

  it("has a colon right after its name", function()
    each(function(start, kind)
      assert.matches("a space before the colon", detail_of(start .. "a : b\r\n", kind), 1, true)
      assert.matches("a space before the colon", detail_of(start .. "a\t: b\r\n", kind), 1, true)
      assert.matches("without a colon", detail_of(start .. "a\r\n", kind), 1, true)
      assert.matches("without a name", detail_of(start .. ": b\r\n", kind), 1, true)
    end)
  end)

  it("has a token for a name", function()
    each(function(start, kind)
      for c in ('"(),/;<=>?@[\\]{}\128'):gmatch "." do
        local detail = detail_of(start .. "a" .. c .. ": b\r\n", kind)
        assert.matches("not a token", detail, 1, true)
      end
    end)
  end)

  it("is one of at most 128", function()
    each(function(start, kind)
      local length, head = protocol.head(start .. ("a: b\r\n"):rep(128) .. "\r\n", kind)
      assert.equal(#start + 128 * 6 + 2, length)
      assert.equal(128, #head.headers)
      local refused, token = protocol.head(start .. ("a: b\r\n"):rep(129), kind)
      assert.is_false(refused)
      assert.equal("toobig", token)
      refused, token = protocol.head(start .. ("a: b\r\n"):rep(60000) .. "\r\n", kind)
      assert.is_false(refused)
      assert.equal("toobig", token)
    end)
  end)
end)

describe("a token", function()
  it("is made of the characters of RFC 9110 5.6.2", function()
    local tchar = "!#$%&'*+-.^_`|~"
    for code = 0, 255 do
      local c = string.char(code)
      local expected = code < 128 and (c:match "[%w]" ~= nil or tchar:find(c, 1, true) ~= nil)
      assert.equal(expected, protocol.istoken(c), code)
      assert.equal(expected, protocol.istoken("a" .. c .. "b"), code)
    end
    assert.is_false(protocol.istoken "")
  end)
end)

describe("a header's value", function()
  it("has no control character but tab, in any position", function()
    for code = 0, 255 do
      local expected = code == 9 or (code >= 32 and code ~= 127)
      for length = 1, 20 do
        for at = 1, length do
          local text = ("a"):rep(at - 1) .. string.char(code) .. ("\200"):rep(length - at)
          assert.equal(expected, protocol.isvalue(text))
        end
      end
    end
    assert.is_true(protocol.isvalue "")
  end)
end)
