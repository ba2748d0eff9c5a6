local certificates = require "support.certificates"
local core = require "wsmanager.core"
local managers = require "support.managers"
local peers = require "support.peers"
local turns = require "support.turns"

local link = core.link

local HEADERS = "Authorization: Bearer x\r\nCookie: a=b\r\nX-Tenant: 7\r\nOrigin: http://o\r\n"

local function answer(status, location)
  return "HTTP/1.1 " .. status .. " Moved\r\n"
    .. (location and "Location: " .. location .. "\r\n" or "") .. "Content-Length: 0\r\n\r\n"
end

-- A client that asked for a URL with HEADERS.
local function asking(url, options)
  local m = managers.new(options or { redirects = 3 })
  m:start(0)
  m:target({ url = url, headers = HEADERS, nonce = managers.nonce }, 0)
  m:connected(0)
  m:write(0)
  return m
end

-- Lets the driver do what a redirect wants; the request that follows.
local function follow(m, now)
  assert.same({ "connecting", "redirect" }, { m:state(), m:want() })
  m:redirect(managers.nonce)
  assert.equal("connect", m:want())
  m:connected(now or 0)
  return m:write(now or 0)
end

local function why(m)
  for _, event in ipairs(managers.events(m)) do
    if event[1] == "error" then return event[3], event[2] end
  end
end

describe("a redirect", function()
  it("is followed for five statuses, to where it leads", function()
    for _, status in ipairs { 301, 302, 303, 307, 308 } do
      local m = asking "ws://example.com/chat"
      m:feed(answer(status, "ws://example.com:81/b?c"), 0)
      local request = follow(m)
      assert.matches("^GET /b%?c HTTP/1.1\r\nHost: example.com:81\r\n", request)
      m:feed(managers.response, 0)
      assert.equal("open", m:state())
      assert.equal("open", managers.event_names(m))
    end
    for _, status in ipairs { 300, 304, 305, 306, 404 } do
      local m = asking "ws://example.com/chat"
      m:feed(answer(status, "/b"), 0)
      assert.is_not.equal("redirect", m:want())
    end
  end)

  it("is followed however its answer is cut", function()
    local text = answer(302, "/b")
    for n = 1, #text - 1 do
      local m = asking "ws://example.com/chat"
      m:feed(text:sub(1, n), 0)
      assert.is_not.equal("redirect", m:want())
      m:feed(text:sub(n + 1), 0)
      assert.matches("^GET /b ", follow(m))
    end
  end)

  it("is not followed unless it was asked for", function()
    local m = asking("ws://example.com/chat", {})
    m:feed(answer(302, "/b"), 0)
    assert.equal("waiting", m:state())
    assert.matches('redirect to "/b"; redirects are not followed', why(m), 1, true)
  end)

  it("says where to connect", function()
    for location, place in pairs {
      ["wss://other.example/"] = { "other.example", 443, true },
      ["http://[::1]:81/"] = { "::1", 81, false },
      ["/b"] = { "example.com", 80, false },
    } do
      local m = asking "ws://example.com/chat"
      m:feed(answer(302, location), 0)
      assert.same(place, { m:endpoint() })
    end
  end)

  it("keeps the headers within one origin", function()
    local m = asking "ws://u:p@example.com/chat"
    m:feed(answer(302, "b"), 0)
    local request = follow(m)
    assert.matches("^GET /b ", request)
    assert.matches("\r\n" .. HEADERS .. "\r\n", request, 1, true)
  end)

  it("drops credentials with the origin, and never takes them up again", function()
    for _, location in ipairs {
      "ws://other.example/", "ws://example.com:81/", "wss://example.com/",
    } do
      local m = asking "ws://u:p@example.com/chat"
      m:feed(answer(302, location), 0)
      for _ = 1, 2 do
        local request = follow(m)
        assert.is_nil(request:find("Authorization", 1, true))
        assert.is_nil(request:find("Cookie", 1, true))
        assert.matches("\r\nX-Tenant: 7\r\nOrigin: http://o\r\n\r\n", request, 1, true)
        m:feed(answer(302, location:gsub("^wss?", "wss") .. "back"), 0)
      end
    end
  end)

  -- As node's ws and python websockets do; a browser follows no redirect.
  it("asks for the same subprotocols, but not elsewhere with a credential", function()
    for protocols, elsewhere in pairs {
      ["chat, mqtt"] = true, ["bearer.abc, chat"] = false,
    } do
      for location, same in pairs { ["/b"] = true, ["ws://other.example/"] = false } do
        local m = managers.new { redirects = 2 }
        m:start(0)
        m:target({ url = managers.url, protocols = protocols, nonce = managers.nonce }, 0)
        m:connected(0)
        assert.matches("Protocol: " .. protocols, m:write(0), 1, true)
        m:feed(answer(302, location), 0)
        for _ = 1, 2 do
          local line = follow(m):match "\r\nSec%-WebSocket%-Protocol: ([^\r]*)"
          assert.equal((same or elsewhere) and protocols or nil, line)
          if m:counters().attempts < 3 then m:feed(answer(302, "/c"), 0) end
        end
        m:feed(managers.response, 0)
        assert.equal(not same and not elsewhere and "open" or "closed", m:state())
      end
    end
  end)

  it("has the credential again with the next attempt", function()
    local m, now = managers.new { redirects = 1 }, 0
    m:start(now)
    for _ = 1, 2 do
      m:target({ url = managers.url, protocols = "jwt", nonce = managers.nonce }, now)
      m:connected(now)
      assert.matches("Protocol: jwt", m:write(now), 1, true)
      m:feed(answer(302, "ws://other.example/"), now)
      assert.is_nil(follow(m, now):find "Protocol")
      m:lost(nil, nil, nil, now)
      managers.event_names(m)
      now = m:deadline()
      m:tick(now)
    end
  end)

  it("carries the URL's user within one origin", function()
    local m = managers.new { redirects = 1 }
    m:start(0)
    m:target({ url = "ws://u:p@example.com/chat", nonce = managers.nonce }, 0)
    m:connected(0)
    m:write(0)
    m:feed(answer(302, "b"), 0)
    assert.matches("\r\nAuthorization: Basic dTpw\r\n", follow(m), 1, true)
  end)

  it("never leads from wss to ws", function()
    local m = asking "wss://example.com/chat"
    m:feed(answer(302, "ws://example.com/"), 0)
    assert.equal("closed", m:state())
    local detail, token = why(m)
    assert.equal("handshake", token)
    assert.matches('"ws://example.com/" is not followed: it leads from wss to ws', detail, 1, true)
  end)

  it("is followed so many times and not once more", function()
    for limit = 1, 3 do
      local m = asking("ws://example.com/", { redirects = limit })
      for i = 1, limit do
        m:feed(answer(302, "/" .. i), 0)
        assert.matches("^GET /" .. i .. " ", follow(m))
      end
      m:feed(answer(302, "/more"), 0)
      assert.equal("waiting", m:state())
      assert.matches('302, a redirect to "/more", after ' .. limit .. " redirects", why(m), 1, true)
    end
  end)

  it("is counted anew for each attempt", function()
    local m = asking("ws://example.com/", { redirects = 1 })
    m:feed(answer(302, "/1"), 0)
    follow(m)
    m:feed(answer(302, "/2"), 0)
    managers.event_names(m)
    m:tick(m:deadline())
    assert.equal("target", m:want())
    m:target({ url = "ws://example.com/", nonce = managers.nonce }, 2000)
    m:connected(2000)
    m:write(2000)
    m:feed(answer(302, "/1"), 2000)
    assert.equal("redirect", m:want())
  end)

  it("leads to one place", function()
    local several = answer(302, "/b"):gsub("Content", "Location: /c\r\nContent", 1)
    for text, expected in pairs {
      [answer(302)] = "there is no Location",
      [answer(302, "")] = "there is no Location",
      [answer(302, "ftp://x/")] = "the scheme must be ws or wss",
      [answer(302, "//")] = "it has no host",
      [several] = "a redirect to several places",
    } do
      local m = asking "ws://example.com/chat"
      m:feed(text, 0)
      assert.equal("closed", m:state())
      assert.matches(expected, why(m), 1, true)
    end
  end)

  it("does not put off the open deadline", function()
    local m = asking "ws://example.com/chat"
    assert.equal(10000, m:deadline())
    m:feed(answer(302, "/b"), 4000)
    follow(m, 5000)
    assert.equal(10000, m:deadline())
    m:tick(10000)
    assert.equal("timeout", (select(2, why(m))))
  end)

  it("ends with close()", function()
    local m = asking "ws://example.com/chat"
    m:feed(answer(302, "/b"), 0)
    m:close(nil, nil, 0)
    assert.same({ "closed", "disconnect" }, { m:state(), m:want() })
    m:redirect(managers.nonce)
    assert.same({ "closed", "disconnect" }, { m:state(), m:want() })
  end)

  it("fails without memory, and leaks nothing", function()
    collectgarbage()
    local before = core.memory().blocks
    for calls = 0, 8 do
      local m = asking "ws://example.com/chat"
      core.failmemory(calls)
      m:feed(answer(302, "//other/b"), 0)
      core.failmemory(-1)
      if m:want() ~= "redirect" then assert.equal("full", (select(2, why(m)))) end
      m:free()
    end
    assert.equal(before, core.memory().blocks)
  end)
end)

describe("a link that is redirected", function()
  local made

  after_each(function()
    if made then made:close() end
    made = nil
    peers.stop()
  end)

  local function connect(config)
    config.reconnect = false
    made = turns.new(config)
    return made
  end

  local function moves(location)
    return peers.start("scripted", { script = {
      { "until", "\r\n\r\n" }, { "text", answer(307, location) }, { "drain" },
    } })
  end

  it("opens where it is led", function()
    local server = peers.start "python_server"
    local second = moves("ws://127.0.0.1:" .. server.port .. "/echo")
    local first = moves("//127.0.0.1:" .. second.port .. "/x")
    local c = connect { url = "ws://127.0.0.1:" .. first.port, redirects = 2, headers = HEADERS }
    assert.same({ "open" }, c:event "open")
    link.send(c.ws, "here")
    assert.equal("here", (c:message(1)))
    first:event()
    assert.matches("436f6f6b6965", first:event().hex, 1, true)
    second:event()
    assert.is_nil(second:event().hex:find("436f6f6b6965", 1, true))
    assert.equal(3, link.stats(c.ws).dials)
  end)

  it("opens over TLS behind plain HTTP", function()
    local files = certificates.make()
    local server = peers.start("python_server", { tls = {
      cert = files:path "good.pem", key = files:path "leaf.key" } })
    local first = moves("https://localhost:" .. server.port .. "/echo")
    local c = connect { url = "ws://127.0.0.1:" .. first.port, redirects = 1,
                     tls = core.tls({ ca = files:path "ca.pem" }, false) }
    c:event "open"
    assert.truthy(link.stats(c.ws).tls)
    c:close()
    c = connect { url = "ws://127.0.0.1:" .. first.port, redirects = 1 }
    assert.equal("tls", c:event "error"[2])
    files:remove()
  end)

  it("is led on by an answer that ends with close_notify", function()
    local files = certificates.make()
    local cert = { cert = files:path "good.pem", key = files:path "leaf.key" }
    local server = peers.start("python_server", { tls = cert })
    local place = "wss://localhost:" .. server.port .. "/echo"
    for _, ending in ipairs { "notify", "close" } do
      local first = peers.start("scripted", { tls = cert, script = {
        { "until", "\r\n\r\n" }, { "text", answer(307, place) }, { ending },
      } })
      local c = connect { url = "wss://localhost:" .. first.port, redirects = 1,
                       tls = core.tls({ ca = files:path "ca.pem" }, false) }
      assert.same({ "open" }, c:event "open")
      c:close()
      made = nil
    end
    files:remove()
  end)

  it("goes through the proxy again", function()
    local proxy = peers.start("proxy", { kind = "microsocks" })
    local server = peers.start "python_server"
    local first = moves("ws://127.0.0.1:" .. server.port .. "/echo")
    local c = connect { url = "ws://127.0.0.1:" .. first.port, redirects = 1,
                     proxy = "socks5://127.0.0.1:" .. proxy.port }
    c:event "open"
    assert.equal(2, #proxy:events())
  end)

  it("reports what is wrong with the last location, not with the first", function()
    local gone = peers.start "python_server"
    gone:stop()
    local first = moves("ws://127.0.0.1:" .. gone.port)
    local c = connect { url = "ws://127.0.0.1:" .. first.port, redirects = 1 }
    local event = c:event "error"
    assert.equal("refused", event[2])
    assert.matches("127.0.0.1:" .. gone.port, event[3], 1, true)
    assert.is_nil(link.response(c.ws))
  end)

  it("leaves neither memory nor descriptors behind", function()
    local first = moves("ws://127.0.0.1:1/")
    local before
    for _ = 1, 3 do
      connect({ url = "ws://127.0.0.1:" .. first.port, redirects = 1 }):event "close"
      made:close()
      made = nil
      collectgarbage()
      collectgarbage()
      local now = { core.memory().blocks, turns.descriptors() }
      if before then assert.same(before, now) end
      before = now
    end
  end)
end)

describe("the options of the module", function()
  local wsmanager = require "wsmanager"

  after_each(peers.stop)

  it("name a proxy and a number of redirects", function()
    local proxy = peers.start("proxy", { kind = "tinyproxy" })
    local server = peers.start "python_server"
    local first = peers.start("scripted", { script = {
      { "until", "\r\n\r\n" },
      { "text", answer(302, "ws://127.0.0.1:" .. server.port .. "/echo") }, { "drain" },
    } })
    local got
    wsmanager.run(function()
      local ws = wsmanager.new {
        url = "ws://127.0.0.1:" .. first.port, redirects = 3, reconnect = false,
        proxy = "http://127.0.0.1:" .. proxy.port,
      }
      ws:send "through"
      got = ws:receive(60)
      ws:close()
      ws:closed()
    end)
    assert.equal("through", got)
    assert.equal(2, #proxy:events())
  end)

  it("are checked", function()
    for _, options in ipairs {
      { proxy = 5 }, { proxy = "ftp://p" }, { redirects = -1 }, { redirects = "3" },
      { redirects = 1.5 }, { proxy_tls = { cafile = "x" } },
    } do
      options.url = "ws://h"
      local ok, text = pcall(wsmanager.new, options)
      assert.is_false(ok)
      assert.matches(options.redirects and "redirects" or "prox", text, 1, true)
    end
  end)
end)
