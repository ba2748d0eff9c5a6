local headers = require "wsmanager.base.handshake_headers"

local function why_not (check, given)
  local ok, why = pcall(check, given)
  assert.is_false(ok)
  return why
end

describe("protocols", function ()
  it("become the list of the header", function ()
    assert.equal("chat, superchat", headers.protocols {"chat", "superchat"})
    assert.equal("chat, superchat", headers.protocols "chat,superchat")
    assert.is_nil(headers.protocols {})
    assert.is_nil(headers.protocols(nil))
    assert.same({"a", true}, {headers.protocols {"a", optional = true}})
    assert.same({"a, b", false}, {headers.protocols {"a", "b", optional = false}})
  end)

  it("must be tokens, each once", function ()
    assert.matches("'a b' is not a token",
                   why_not(headers.protocols, {"a b"}))
    assert.matches("is not a token", why_not(headers.protocols, "a\r\nb"))
    assert.matches("unknown name 'optionl'", why_not(headers.protocols, {"a", optionl = true}))
    assert.matches("optional is true or false, got string",
                   why_not(headers.protocols, {"a", optional = "yes"}))
    assert.matches("'chat' is there twice",
                   why_not(headers.protocols, {"chat", "chat"}))
    assert.matches("string or list of strings expected, got number",
                   why_not(headers.protocols, 5))
  end)
end)

describe("headers", function ()
  it("become lines, by name or in the order given", function ()
    assert.equal("A: 1\r\nB: two\r\n", headers.lines {B = "two", A = 1})
    assert.equal("X: 1\r\nX: 2\r\n", headers.lines {"X: 1", "X:2 "})
    assert.equal("X: a\r\nX: b\r\n", headers.lines {X = {"a", "b"}})
    assert.is_nil(headers.lines {})
  end)

  it("take no CR, LF or NUL in a name or a value", function ()
    for _, bad in ipairs {"\r", "\n", "\0", "\r\nEvil: 1", "\127"} do
      assert.matches("the value of 'A' has a control character",
                     why_not(headers.lines, {A = "x" .. bad}))
      assert.matches("is not a header name",
                     why_not(headers.lines, {["A" .. bad] = "x"}))
      assert.matches("bad option 'headers'",
                     why_not(headers.lines, {"A: x" .. bad .. "y"}))
    end
  end)

  it("take a tab and bytes beyond ASCII in a value", function ()
    assert.equal("A: x\ty\195\164\r\n", headers.lines {A = "x\ty\195\164"})
  end)

  it("are for the server, not for a proxy", function ()
    for _, given in ipairs {
      {["Proxy-Authorization"] = "Basic x"}, {"proxy-authorization: Basic x"},
    } do
      assert.matches("'proxy' to http://user:password@host", why_not(headers.lines, given), 1, true)
    end
  end)

  it("may not be those of the handshake", function ()
    for _, name in ipairs {"Sec-WebSocket-Key", "connection", "UPGRADE",
                           "sec-websocket-x"} do
      assert.matches("belongs to the handshake",
                     why_not(headers.lines, {[name] = "x"}))
    end
  end)

  it("have a name and a text", function ()
    assert.matches("'Name: value' expected, got 'nons%.%.%.' without a colon",
                   why_not(headers.lines, {"nonsense"}))
    assert.matches("is not a header name",
                   why_not(headers.lines, {[""] = "x"}))
    assert.matches("the value of 'A' is a boolean",
                   why_not(headers.lines, {A = true}))
    assert.matches("table expected, got string",
                   why_not(headers.lines, "A: 1"))
  end)
end)
