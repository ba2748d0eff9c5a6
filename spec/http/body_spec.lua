local protocol = require "wsmanager.core".protocol

local CHUNKED = "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"

-- Body and status of these bytes whole; the same however they are cut.
local function decode(head, bytes, kind)
  local body, status = protocol.body(head, kind or "answer", { bytes })
  for n = 0, #bytes do
    assert.same({ body, status },
                { protocol.body(head, kind, { bytes:sub(1, n), bytes:sub(n + 1) }) })
  end
  local each = {}
  for i = 1, #bytes do each[i] = bytes:sub(i, i) end
  if bytes ~= "" then assert.same({ body, status }, { protocol.body(head, kind, each) }) end
  return body, status
end

describe("a chunked body", function()
  it("is its chunks, up to the empty line after the last", function()
    local cases = {
      ["0\r\n\r\n"] = "",
      ["5\r\nhello\r\n0\r\n\r\n"] = "hello",
      ["1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"] = "abc",
      ["a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n"] = ("0123456789"):rep(2),
      ["0005\r\n\r\n0\r\n\r\n000\r\n\r\n"] = "\r\n0\r\n",
      ["5;a\r\nhello\r\n0;b=c\r\n\r\n"] = "hello",
      ['5 ; a = "x;\\"y" ; b\r\nhello\r\n0 \t\r\n\r\n'] = "hello",
      ["5\r\nhello\r\n0\r\nA: b\r\nC: d\r\n\r\n"] = "hello",
    }
    for bytes, wanted in pairs(cases) do
      assert.same({ wanted, "end" }, { decode(CHUNKED, bytes) }, bytes)
      assert.same({ wanted, "end" }, { decode(CHUNKED, bytes .. "HTTP/1.1 200") })
      for n = 0, #bytes - 1 do
        local body, status = protocol.body(CHUNKED, "answer", { bytes:sub(1, n) })
        assert.equal("more", status)
        assert.equal(wanted:sub(1, #body), body)
      end
    end
  end)

  it("ends at a chunk that is none, and keeps what came before", function()
    for _, bad in ipairs {
      "\r\n", "x\r\n", " 5\r\nhello", ";a\r\n", "-1\r\n", "0x5\r\n", "5\nhello", "5\r\r",
      "5 5\r\n", "5\0\r\n", "5;a\0\r\n", "5;a\nhello", "2\r\nabc\r\n", "2\r\nab\n",
      "2\r\nab\rx", "11111111111111111\r\n", "0\r\nA: b\n\r\n", "0\r\n\r\r", "0\r\n\n",
      "0\r\nA\1\r\n", "\228", "5,\r\n", "+5\r\n",
    } do
      local body, status = decode(CHUNKED, "3\r\nabc\r\n" .. bad .. "5\r\nhello\r\n0\r\n\r\n")
      assert.equal("bad", status, bad)
      assert.equal("abc", body:sub(1, 3))
      assert.is_nil(body:find "hello")
    end
  end)

  it("has no more than 16 KiB of extensions and trailers", function()
    local function status(bytes)
      return (select(2, protocol.body(CHUNKED, "answer", { bytes })))
    end
    assert.equal("end", status("0;" .. ("a"):rep(16000) .. "\r\n\r\n"))
    assert.equal("bad", status("0;" .. ("a"):rep(17000)))
    assert.equal("bad", status("5 " .. (" "):rep(17000)))
    assert.equal("bad", status(("0"):rep(17000)))
    assert.equal("bad", status(("1;abcdefg\r\nx\r\n"):rep(2100)))
    assert.equal("bad", status("0\r\nA: " .. ("b"):rep(17000)))
    assert.equal("bad", status("0\r\n" .. ("A: b\r\n"):rep(5000)))
    assert.equal("end", status(("1\r\nx\r\n"):rep(50000) .. "0\r\n\r\n"))
  end)

  it("may be huge", function()
    assert.same({ "ab", "more" }, { decode(CHUNKED, "ffffffffffffffff\r\nab") })
  end)

  it("is one when chunked is the last coding", function()
    local bytes = "1\r\na\r\n0\r\n\r\n"
    local cases = {
      ["Transfer-Encoding: gzip, chunked"] = { "a", "end" },
      ["Transfer-Encoding: gzip\r\ntransfer-encoding: CHUNKED"] = { "a", "end" },
      ["Transfer-Encoding: chunked\r\nContent-Length: 3"] = { "a", "end" },
      ["Content-Length: x\r\nTransfer-Encoding: , chunked ,"] = { "a", "end" },
      ["Transfer-Encoding: chunked, gzip"] = { bytes, "more" },
      ["Transfer-Encoding: gzip"] = { bytes, "more" },
      ["Transfer-Encoding: xchunked"] = { bytes, "more" },
    }
    for lines, wanted in pairs(cases) do
      assert.same(wanted, { decode("HTTP/1.1 500 A\r\n" .. lines .. "\r\n\r\n", bytes) }, lines)
    end
  end)
end)

describe("a body", function()
  local function answer(lines, bytes)
    return { decode("HTTP/1.1 " .. lines .. "\r\n\r\n", bytes) }
  end

  it("has a length", function()
    assert.same({ "hello", "end" }, answer("403 A\r\nContent-Length: 5", "hello world"))
    assert.same({ "he", "more" }, answer("403 A\r\nContent-Length: 5", "he"))
    assert.same({ "", "end" }, answer("403 A\r\nContent-Length: 0", "hello"))
    assert.same({ "hello", "end" },
                answer("403 A\r\nContent-Length: 5, 005\r\nContent-Length: 5", "hello"))
    assert.same({ "hello", "more" },
                answer("403 A\r\nContent-Length: 1844674407370955160", "hello"))
  end)

  it("of a length that is none is none", function()
    for _, value in ipairs {
      "x", "", "-1", "+5", "5x", "5, 6", "0x5", "5.0", "99999999999999999999",
      "5\r\nContent-Length: 6",
    } do
      assert.same({ "", "bad" }, answer("403 A\r\nContent-Length: " .. value, "hello"), value)
    end
  end)

  it("ends with the connection, or is none, by its status", function()
    assert.same({ "hello", "more" }, answer("200 OK", "hello"))
    for _, status in ipairs { "204 B", "304 C" } do
      assert.same({ "", "end" }, answer(status .. "\r\nContent-Length: 5", "hello"))
      assert.same({ "", "end" }, answer(status .. "\r\nTransfer-Encoding: chunked", "hello"))
    end
  end)

  it("of a request needs to be announced", function()
    local function request(lines, bytes)
      return { decode("POST / HTTP/1.1\r\n" .. lines .. "\r\n", bytes, "request") }
    end
    assert.same({ "", "end" }, request("", "hello"))
    assert.same({ "hel", "end" }, request("Content-Length: 3\r\n", "hello"))
    assert.same({ "a", "end" },
                request("Transfer-Encoding: chunked\r\n", "1\r\na\r\n0\r\n\r\n"))
    assert.same({ "", "bad" }, request("Transfer-Encoding: gzip\r\n", "hello"))
  end)
end)
