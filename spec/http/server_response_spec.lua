local protocol = require "wsmanager.core".protocol

local function map(text)
  local _, head = protocol.head(text)
  return head.map
end

describe("a response without an upgrade", function()
  it("ends the connection", function()
    assert.equal("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 4\r\n"
      .. "Content-Type: text/plain; charset=utf-8\r\n\r\nnone",
      protocol.reply { status = 404, body = "none" })
    assert.equal("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      protocol.reply { status = 200 })
    assert.equal("HTTP/1.1 599 \r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
      protocol.reply { status = 599 })
  end)

  it("has the given headers", function()
    assert.equal("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n"
      .. "content-type: text/html\r\nX: y\r\n\r\n\0\r\n",
      protocol.reply {
        status = 200, headers = "content-type: text/html\r\nX: y\r\n", body = "\0\r\n",
      })
  end)

  it("keeps the body from a HEAD request and from 204 and 304", function()
    assert.equal("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 4\r\n"
      .. "Content-Type: text/plain; charset=utf-8\r\n\r\n",
      protocol.reply { status = 200, body = "page", head_only = true })
    for _, status in ipairs { 204, 304 } do
      assert.matches("^HTTP/1.1 %d+ [%a ]+\r\nConnection: close\r\n\r\n$",
        protocol.reply { status = status, body = "page" })
    end
  end)

  it("names the version with 426 and the method with 405", function()
    local headers = map(protocol.reply { status = 426 })
    assert.equal("13", headers["sec-websocket-version"])
    assert.equal("websocket", headers.upgrade)
    assert.equal("close, Upgrade", headers.connection)
    assert.equal("GET", map(protocol.reply { status = 405 }).allow)
    local own = protocol.reply { status = 405, headers = "Allow: GET, HEAD\r\n" }
    assert.equal("GET, HEAD", map(own).allow)
  end)

  it("raises for bad fields", function()
    for _, reply in ipairs {
      {}, { status = 101 }, { status = 600 }, { status = "x" }, { status = 0 / 0 },
      { status = 200, body = 1 }, { status = 200, headers = "Connection: x\r\n" },
    } do
      assert.has_error(function() protocol.reply(reply) end)
    end
  end)
end)
