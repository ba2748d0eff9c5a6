local masking = require "wsmanager.base.masking"

describe("masking", function ()
  it("leaves out a URL's user and the secret values of its query", function ()
    for given, expected in pairs {
      ["wss://user:pass@example.com/chat"] = "wss://***@example.com/chat",
      ["wss://example.com/?token=abc&v=10"] = "wss://example.com/?token=***&v=10",
      ["/a?v=1&access_token=a.b-c&x=y"] = "/a?v=1&access_token=***&x=y",
      ["/a?API-Key=abc"] = "/a?API-Key=***",
      ["/a?to%6Ben=abc"] = "/a?to%6Ben=***",
      ["/a?author=me&keyboard=de&monkeys=3"] = "/a?author=me&keyboard=de&monkeys=3",
      ["/a?token=&x=1"] = "/a?token=&x=1",
      ["/ws/sid=5?sid=6"] = "/ws/sid=***",
    } do
      assert.equal(expected, (masking.prose(given)))
    end
  end)

  it("has digits for bytes, until the name of a secret", function ()
    for given, expected in pairs {
      ["\0\10\255"] = "000aff",
      ["\129\165token\166abc"] = "81a5***",
      ["PASS abc"] = "***",
      ["x ws://me:abc@host/"] = "***",
      ["\16\20\0\4MQTT\4\194abc"] = "101400044d515454***",
      ["\16\20\0\6MQIsdp\3\194abc"] = "101400064d514973" .. "6470***",
    } do
      assert.equal(expected, masking.bytes(given))
    end
  end)

  it("leaves out what is secret in a head", function ()
    assert.same({
      "GET /?token=*** HTTP/1.1", "Host: example.com", "Sec-WebSocket-Key: abc==",
      "Authorization: ***", " ***", "cookie: ***", "Proxy-Authorization: ***", "X-API-Key: ***",
      "Sec-WebSocket-Protocol: chat, access_token, ***", "Referer: https://a/?key=***",
    }, masking.head(table.concat({
      "GET /?token=abc HTTP/1.1", "Host: example.com", "Sec-WebSocket-Key: abc==",
      "Authorization: Basic abc", "  folded", "cookie: a=b", "Proxy-Authorization: x",
      "X-API-Key: k", "Sec-WebSocket-Protocol: chat, access_token, abc",
      "Referer: https://a/?key=abc", "", "",
    }, "\r\n")))
    assert.same({"HTTP/1.1 101 Yes", "Set-Cookie: ***", "Sec-WebSocket-Protocol: ***"},
      masking.head("HTTP/1.1 101 Yes\r\nSet-Cookie: a=b\r\nSec-WebSocket-Protocol: "
                   .. ("x"):rep(40)))
  end)

  it("puts everything on one line that moves nothing", function ()
    for given, expected in pairs {
      ["a\nb\rc\td\\e"] = "a\\nb\\rc\\td\\\\e",
      ["\27[31mred\0\127"] = "\\x1B[31mred\\x00\\x7F",
      ["\194\155x"] = "\\xC2\\x9Bx",
      ["a\226\128\174b"] = "a\\xE2\\x80\\xAEb",
      ["gr\195\188n"] = "gr\195\188n",
      ["gr\195"] = "gr",
      ["\226\130"] = "",
      ["\255a\254"] = "\\xFFa\\xFE",
      ["\195\188\255x"] = "\\xC3\\xBC\\xFFx",
    } do
      assert.equal(expected, (masking.line(given)))
    end
    for byte = 0, 31 do
      assert.is_nil(masking.line(string.char(byte)):find "%c")
    end
  end)

  -- of what grows with the square of the length this would take hours
  it("takes long texts of the worst kind", function ()
    for _, text in ipairs {
      ("x"):rep(2^20) .. "=", ("a:"):rep(2^17), ("\195"):rep(2^20), ("a:\r\n"):rep(2^17),
    } do
      assert.is_string((masking.line(masking.text(text))))
      assert.is_string(masking.head(text)[1])
    end
  end)

  it("has hexadecimal digits for bytes", function ()
    assert.equal("000aff", masking.hex "\0\10\255")
  end)
end)
