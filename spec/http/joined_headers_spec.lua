-- Headers of one name, joined to one value.

local protocol = require "wsmanager.core".protocol

describe("the headers of a head", function()
  it("are a map as well, joined under their lower-case name", function()
    local _, head = protocol.head("HTTP/1.1 200 OK\r\n"
      .. "Vary: a\r\nSet-Cookie: x=1, 2\r\nvary: b\r\nset-cookie: y\r\nVARY:\r\n\r\n")
    assert.same({ vary = "a, b, ", ["set-cookie"] = "x=1, 2\ny" }, head.map)
  end)

  it("join cookies with a semicolon", function()
    local _, head = protocol.head("GET / HTTP/1.1\r\nCookie: a=1\r\nX: 1\r\n"
      .. "cookie: b=2; c=3\r\nX: 2\r\nCOOKIE:\r\nX: 3, 4\r\n\r\n", "request")
    assert.same({ cookie = "a=1; b=2; c=3; ", x = "1, 2, 3, 4" }, head.map)
  end)
end)
