local protocol = require "wsmanager.core".protocol

describe("a user's headers", function()
  it("are lines of names and values", function()
    for _, lines in ipairs { "", "a: b\r\n", "a:\r\n", "A-1: b, c\td\r\nx:\t\228 \r\n" } do
      assert.is_true(protocol.checkheaders(lines))
    end
    for lines, expected in pairs {
      ["a: b"] = "without CRLF",
      ["a: b\n"] = "bare LF",
      ["a: b\rc: d\r\n"] = "control character",
      ["a: b\0\r\n"] = "control character",
      ["a: b\r\n\r\n"] = "empty line",
      ["\r\nGET / HTTP/1.1\r\n"] = "empty line",
      ["a b: c\r\n"] = "a space before the colon",
      ["a: b\r\n c\r\n"] = "folded",
      ["a\r\n"] = "without a colon",
    } do
      local ok, detail = protocol.checkheaders(lines)
      assert.is_nil(ok)
      assert.matches(expected, detail, 1, true)
    end
  end)

  it("have no name that only the handshake sets", function()
    for _, name in ipairs {
      "Upgrade", "connection", "CONTENT-LENGTH", "Transfer-Encoding", "Sec-WebSocket-Key",
      "sec-websocket-accept", "Sec-WebSocket-Protocol", "Sec-WebSocket-", "Sec-Websocket-Foo",
    } do
      local ok, detail = protocol.checkheaders("a: b\r\n" .. name .. ": x\r\n")
      assert.is_nil(ok)
      assert.matches('"' .. name .. '"', detail, 1, true)
    end
    assert.is_true(protocol.checkheaders "Sec-WebSocket: x\r\nUpgrades: y\r\n")
  end)
end)
