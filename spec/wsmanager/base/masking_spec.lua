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
      assert.equal(expected, (masking.url(given)))
    end
  end)

  it("leaves out what is secret in JSON, also where it is cut", function ()
    for given, expected in pairs {
      ['{"op":2,"d":{"token":"a\\"b","intents":1}}'] =
        '{"op":2,"d":{"token":"***","intents":1}}',
      ['{"password" : "abc'] = '{"password" : "***"',
      ['{"password" : "abc\\'] = '{"password" : "***"',
      ['{"pass":12345,"user":"me"}'] = '{"pass":***,"user":"me"}',
      ['{"session_id":"x","author":"me","code":200}'] =
        '{"session_id":"***","author":"me","code":200}',
      ['{"auth":{"token":["a"]}}'] = '{"auth":{"token":["a"]}}',
      ['{"note":"a: b"}'] = '{"note":"a: b"}',
    } do
      assert.equal(expected, (masking.text(given)))
    end
  end)

  it("leaves out what is secret in lines", function ()
    for given, expected in pairs {
      ["PASS oauth:abc\r\nNICK me"] = "PASS ***\r\nNICK me",
      ["CONNECT\nlogin:me\npasscode:abc\n\n"] = "CONNECT\nlogin:me\npasscode:***\n\n",
      ["use Bearer abc.def now"] = "use Bearer *** now",
      ["see https://me:it@example.com/?sig=1"] = "see https://***@example.com/?sig=***",
      ["hello"] = "hello",
      [""] = "",
    } do
      assert.equal(expected, (masking.text(given)))
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
      "=" .. ("x"):rep(2^20), ("x"):rep(2^20) .. "=", ("http"):rep(2^18) .. "://",
      ("://"):rep(2^18), ('"a":'):rep(2^18), ("[%"):rep(2^19) .. "=", "a" .. (" "):rep(2^20),
      '"token":"' .. ("\\"):rep(2^20), ("PASS "):rep(2^18), ("a:"):rep(2^19),
    } do
      assert.is_string((masking.line(masking.text(text))))
      assert.is_string(masking.head(text)[1])
    end
  end)

  it("has hexadecimal digits for bytes", function ()
    assert.equal("000aff", masking.hex "\0\10\255")
  end)
end)
