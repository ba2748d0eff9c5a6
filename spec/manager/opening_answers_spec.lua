-- The answers to an opening handshake that decide nothing, or tell of TLS.

local managers = require "support.managers"

local events, event_names = managers.events, managers.event_names

local asking, refused = managers.asking, managers.answered

describe("a plain request to a server that may speak TLS", function()
  local function detail(m)
    return events(m)[1][3]
  end

  local function asking_tls()
    local m = managers.new()
    m:start(0)
    m:target({ url = "wss://example.com/", nonce = managers.nonce }, 0)
    m:connected(0)
    m:write(0)
    return m
  end

  it("says so when nothing came before the end", function()
    local m = asking()
    m:lost(nil, nil, nil, 1)
    assert.matches("before it answered the opening handshake; perhaps it speaks TLS: "
                   .. "wss instead of ws?", detail(m), 1, true)
    m = asking()
    m:lost("closed", "the peer reset the connection", false, 1)
    assert.matches("reset the connection; perhaps it speaks TLS", detail(m), 1, true)
  end)

  it("says so of an alert", function()
    local m = refused "\21\3\1\0\2\2\70"
    assert.matches("the server speaks TLS, not plain HTTP (wss instead of ws?)",
                   detail(m), 1, true)
  end)

  it("says so when the response does, however it is cut", function()
    for _, body in ipairs {
      "Client sent an HTTP request to an HTTPS server.\n",
      "<center>The plain HTTP request was sent to HTTPS port</center>",
      "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
    } do
      local text = "HTTP/1.0 400 Bad Request\r\n\r\n" .. body
      for cut = 1, #text - 1 do
        local m = refused(text:sub(1, cut))
        m:feed(text:sub(cut + 1), 1)
        if cut % 2 == 0 then m:lost(nil, nil, nil, 2) else m:tick(1500) end
        assert.matches("400 .*; it speaks TLS: wss instead of ws?", detail(m))
        assert.equal("closed", m:state())
      end
    end
  end)

  it("says nothing where it cannot be", function()
    local m = asking_tls()
    m:lost(nil, nil, nil, 1)
    assert.is_nil(detail(m):find "wss")
    m = asking_tls()
    m:feed("HTTP/1.1 400 No\r\nContent-Length: 5\r\n\r\nHTTPS", 1)
    assert.is_nil(detail(m):find "wss")
    for _, text in ipairs {
      "HTTP/1.1 40", "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 400 No\r\n\r\nhttps",
    } do
      m = refused(text)
      m:lost(nil, nil, nil, 1)
      assert.is_nil(detail(m):find "wss", text)
    end
    m = managers.new { role = "server" }
    m:lost(nil, nil, nil, 1)
    assert.is_nil(detail(m):find "wss")
  end)
end)

describe("an interim response", function()
  local interims = {
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 102 Processing\r\nX: y\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n"
      .. "Upgrade: x\r\nContent-Length: 7\r\n\r\n",
    "HTTP/1.1 199\r\n\r\n",
  }

  it("is skipped before a 101, each alone and all of them", function()
    local text = table.concat(interims)
    for _, interim in ipairs(interims) do
      assert.equal("open", refused(interim .. managers.response):state())
    end
    local m = refused(text .. text .. managers.response .. managers.text "early")
    assert.equal("open", m:state())
    assert.same({ "early" }, managers.messages(m, 0))
    assert.equal(managers.response, (m:head()))
    assert.equal("open", event_names(m))
  end)

  it("is skipped however it is cut", function()
    local text = interims[1] .. interims[3] .. managers.response
    for cut = 1, #text - 1 do
      local m = refused(text:sub(1, cut))
      assert.same({ "connecting", nil }, { m:state(), (m:event()) })
      m:feed(text:sub(cut + 1), 1)
      assert.equal("open", m:state())
      assert.equal(managers.response, (m:head()))
    end
    local m = asking()
    for i = 1, #text do m:feed(text:sub(i, i), i) end
    assert.equal("open", m:state())
  end)

  it("is skipped before a response that rejects, and before a redirect", function()
    local m = refused(interims[3] .. "HTTP/1.1 404 No\r\nContent-Length: 3\r\n\r\nabc")
    assert.equal("closed", m:state())
    assert.matches("404", events(m)[1][3])
    assert.equal("abc", (select(2, m:head())))
    m = refused(interims[1] .. "HTTP/1.1 302 F\r\nLocation: /b\r\n\r\n", 0, { redirects = 1 })
    assert.equal("redirect", m:want())
  end)

  it("is bounded by the limit of the head, all of them together", function()
    local limit = 16384
    local enough = math.floor((limit - #managers.response) / #interims[1])
    assert.equal("open", refused(interims[1]:rep(enough) .. managers.response):state())
    local m = refused(interims[1]:rep(enough + 1) .. managers.response)
    assert.is_not.equal("open", m:state())
    assert.equal("toobig", events(m)[1][2])
    m = asking()
    for i = 1, limit / #interims[1] + 1 do m:feed(interims[1], i) end
    assert.equal("toobig", events(m)[1][2])
    m = refused("HTTP/1.1 100 " .. ("x"):rep(limit))
    assert.equal("toobig", events(m)[1][2])
  end)

  it("does not extend the deadline, nor is it an answer", function()
    local m = refused(interims[1], 9000)
    assert.equal(10000, m:deadline())
    m:tick(10000)
    assert.equal("timeout", events(m)[1][2])
    m = refused(interims[1])
    m:lost(nil, nil, nil, 1)
    assert.matches("before it answered", events(m)[1][3], 1, true)
    assert.equal("", (m:head()))
  end)

  it("is counted anew for each connection", function()
    local m = refused(interims[1]:rep(600))
    m:lost(nil, nil, nil, 1)
    event_names(m)
    m:tick(m:deadline())
    managers.target(m, 60000)
    m:connected(60000)
    m:write(60000)
    m:feed(interims[1]:rep(600) .. managers.response, 60000)
    assert.equal("open", m:state())
  end)
end)
