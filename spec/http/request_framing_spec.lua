local protocol = require "wsmanager.core".protocol

local function ask(lines, version, limit)
  return protocol.requestbody("POST / HTTP/1." .. (version or 1) .. "\r\nHost: x\r\n"
                              .. lines .. "\r\n", limit or 10)
end

describe("a request's body", function()
  it("is refused where it cannot be read", function()
    local cases = {
      [""] = 0, ["Content-Length: 0\r\n"] = 0, ["Content-Length: 10\r\n"] = 0,
      ["Content-Length: 007\r\n"] = 0, ["Content-Length: 5, 5\r\n"] = 0,
      ["Content-Length: 5\r\nContent-Length: 5\r\n"] = 0,
      ["Transfer-Encoding: chunked\r\n"] = 0,
      ["Transfer-Encoding: CHUNKED\r\n"] = 0,
      ["Content-Length: 11\r\n"] = 413,
      ["Content-Length: 99999999999999999999999\r\n"] = 413,
      ["Content-Length: 18446744073709551617\r\n"] = 413,
      ["Content-Length: -1\r\n"] = 400, ["Content-Length: +1\r\n"] = 400,
      ["Content-Length: 1 1\r\n"] = 400, ["Content-Length: 0x1\r\n"] = 400,
      ["Content-Length:\r\n"] = 400, ["Content-Length: 5, 6\r\n"] = 400,
      ["Content-Length: 5\r\nContent-Length: 6\r\n"] = 400,
      ["Content-Length: 5\r\nContent-Length:\r\n"] = 400,
      ["Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"] = 400,
      ["Transfer-Encoding:\r\n"] = 400,
      ["Transfer-Encoding: gzip, chunked\r\n"] = 501,
      ["Transfer-Encoding: chunked, chunked\r\n"] = 501,
      ["Transfer-Encoding: identity\r\n"] = 501,
      ["Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n"] = 501,
      ["Transfer-Encoding: xchunked\r\n"] = 501,
      ["Expect: 100-continue\r\n"] = 0, ["Expect: 200-ok\r\n"] = 417,
      ["Expect: 100-continue, x\r\n"] = 417,
    }
    for lines, status in pairs(cases) do
      local got, why = ask(lines)
      assert.equal(status, got, lines)
      assert.equal(status == 0, why == "", lines)
    end
    assert.equal(400, (ask("Transfer-Encoding: chunked\r\n", 0)))
  end)

  it("is awaited with a 100 where the client asks for it", function()
    local function awaits(...) return (select(3, ask(...))) end
    assert.is_true(awaits "Expect: 100-Continue\r\n")
    assert.is_false(awaits "")
    assert.is_false(awaits("Expect: 100-continue\r\n", 0))
  end)
end)

describe("a connection", function()
  it("persists by default since HTTP/1.1 (RFC 9112 9.3)", function()
    local function persists(...) return (select(4, ask(...))) end
    assert.is_true(persists "")
    assert.is_true(persists "Connection: foo, keep-alive\r\n")
    assert.is_false(persists "Connection: Close\r\n")
    assert.is_false(persists "Connection: keep-alive\r\nConnection: x, close\r\n")
    assert.is_false(persists("", 0))
    assert.is_true(persists("Connection: keep-alive\r\n", 0))
    assert.is_false(persists("Connection: keep-alive, close\r\n", 0))
  end)
end)
