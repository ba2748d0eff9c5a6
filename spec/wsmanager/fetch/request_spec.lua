local wsmanager = require "wsmanager"
local certificates = require "support.certificates"
local ours = require "support.ours"
local peers = require "support.peers"
local programs = require "support.programs"
local web = require "support.web"

local run, spawn = wsmanager.run, wsmanager.spawn

local made

setup(function() made = certificates.make() end)

teardown(function()
  peers.stop()
  made:remove()
end)

before_each(ours.hush)
after_each(ours.stop)

local function it_runs(title, fn)
  it(title, function() run(fn) end)
end

local function secure(certificate, more)
  local tls = { cert = made:path(certificate or "good.pem"), key = made:path "leaf.key" }
  for name, value in pairs(more or {}) do tls[name] = value end
  return web.serve { tls = tls }
end

describe("a request to a server that leaves another one without an answer", function()
  after_each(peers.stop)

  local function is_answered(options, tls)
    local server = web.serve(options)
    spawn(wsmanager.fetch, server.url .. "/silent", { tls = tls, timeout = ours.LONG })
    web.await(server, { event = "request", path = "/silent" })
    assert.equal(200, web.get(server.url .. "/status/200", { tls = tls, timeout = 10 }).status)
  end

  it_runs("is answered", function() is_answered() end)

  it_runs("is answered over TLS", function()
    local options = { cert = made:path "good.pem", key = made:path "leaf.key" }
    for _, h2 in ipairs { false, true } do
      is_answered({ tls = options, h2 = h2 }, { ca = made:path "ca.pem" })
    end
  end)
end)

describe("https of fetch", function()
  local server

  before_each(function() server = secure() end)
  after_each(peers.stop)

  local function status(tls, at)
    return web.get((at or server).url .. "/status/200", { tls = tls }).status
  end

  local function refuses(tls, at)
    return web.fails("tls", (at or server).url .. "/status/200", { tls = tls })
  end

  it_runs("takes a CA as a file, a folder or a text", function()
    assert.equal(200, status { ca = made:path "ca.pem" })
    assert.equal(200, status { ca = made:path "folder" })
    assert.equal(200, status { ca = made:text "ca.pem" })
  end)

  it_runs("verifies chain, dates and name", function()
    local ca = made:path "ca.pem"
    refuses(nil)
    refuses { ca = made:path "other.pem" }
    for _, bad in ipairs { "expired.pem", "early.pem", "wrong.pem", "unknown.pem" } do
      local detail = refuses({ ca = ca }, secure(bad))
      assert.matches("^GET https://127.0.0.1:%d+/status/200: %u", detail)
    end
    assert.equal(200, status({ verify = false }, secure "expired.pem"))
  end)

  it_runs("takes a name instead of the URL's host, and sends the URL's as Host", function()
    local wrong = secure "wrong.pem"
    local tls = { ca = made:path "ca.pem", hostname = "other.example" }
    assert.equal(200, status(tls, wrong))
    local said = web.echo(wrong.url .. "/echo", { tls = tls })
    assert.equal("127.0.0.1:" .. wrong.port, said.headers.host)
    tls.hostname = "third.example"
    refuses(tls, wrong)
  end)

  it_runs("shows a certificate to a server that asks for one", function()
    local asking = secure("good.pem", { ca = made:path "ca.pem" })
    local tls = { ca = made:path "ca.pem" }
    assert.is_nil((wsmanager.fetch(asking.url, { tls = tls, timeout = ours.LONG })))
    tls.cert, tls.key = made:text "client.pem", made:path "client.key"
    assert.equal("client", web.echo(asking.url .. "/echo", { tls = tls }).certificate)
    tls.cert = made:path "stranger.pem"
    assert.is_nil((wsmanager.fetch(asking.url, { tls = tls, timeout = ours.LONG })))
    tls.key = made:path "locked.key"
    assert.matches("tls.key", refuses(tls, asking))
  end)

  it_runs("takes pinned keys, with and without verification", function()
    local good, bad = made:text "leaf.pin", made:text "client.pin"
    local ca = made:path "ca.pem"
    assert.equal(200, status { ca = ca, pin = good })
    assert.equal(200, status { ca = ca, pin = { bad, good } })
    assert.equal(200, status { verify = false, pin = good })
    refuses { ca = ca, pin = bad }
    refuses { verify = false, pin = bad }
  end)

  it_runs("uses no connection for requests whose checks are others", function()
    assert.equal(200, status { verify = false })
    refuses(nil)
    refuses { verify = false, pin = made:text "client.pin" }
    assert.equal(200, status { ca = made:path "ca.pem" })
    refuses { ca = made:path "other.pem" }
  end)

  it("takes other CAs of the system by the variables that OpenSSL reads", function()
    local function program(name, path)
      return programs.run([[
        local w = require "wsmanager"
        local response, token = w.fetch("]] .. server.url .. [[/status/200", {timeout = 30})
        print(response and response.status or token)]],
        name .. "='" .. made:path(path) .. "' ")
    end
    assert.equal("200\nstatus 0\n", program("SSL_CERT_FILE", "ca.pem"))
    assert.equal("200\nstatus 0\n", program("SSL_CERT_DIR", "folder"))
    assert.equal("tls\nstatus 0\n", program("SSL_CERT_FILE", "other.pem"))
  end)
end)

describe("a proxy of fetch", function()
  local server, https

  before_each(function() server, https = web.serve(), secure() end)
  after_each(peers.stop)

  local ca

  before_each(function() ca = { ca = made:path "ca.pem" } end)

  local function through(proxy, more)
    local options = { proxy = proxy, tls = ca }
    for name, value in pairs(more or {}) do options[name] = value end
    web.echo(server.url .. "/echo", options)
    return web.echo(https.url .. "/echo", options)
  end

  it_runs("may not answer without end, nor be no proxy at all", function()
    local function answers(text, ...)
      local port = peers.start("scripted", {
        host = "127.0.0.1", script = { { "until", "\r\n\r\n" }, { "text", text }, ... },
      }).port
      return web.fails("proxy", https.url, { proxy = "127.0.0.1:" .. port, tls = ca })
    end
    local flood = { "flood", ("78"):rep(1000), 100000 }
    assert.matches("response to CONNECT is larger than 65536 bytes",
      answers("HTTP/1.1 407 No\r\nContent-Length: 100000000\r\n\r\n", flood))
    answers("HTTP/1.1 200 ", flood)
    answers("this is no HTTP\r\n\r\n")
    answers("")
  end)

  it_runs("is HTTP's, with a name and a password", function()
    local proxy = peers.start("proxy", { kind = "tinyproxy", user = "name", password = "p-ss" })
    local detail = web.fails("proxy", https.url, { proxy = "127.0.0.1:" .. proxy.port, tls = ca })
    assert.matches("407", detail)
    assert.equal(407, web.get(server.url, { proxy = "127.0.0.1:" .. proxy.port }).status)
    local at = "n%61me:p%2Dss@127.0.0.1:" .. proxy.port
    assert.is_nil(through("http://" .. at).headers["proxy-authorization"])
    through(at)
  end)

  it_runs("is SOCKS5", function()
    local proxy = peers.start("proxy", { kind = "microsocks", user = "u", password = "p" })
    through("socks5://u:p@127.0.0.1:" .. proxy.port)
    through("socks5h://u:p@127.0.0.1:" .. proxy.port)
    web.fails("proxy", https.url, { proxy = "socks5://u:no@127.0.0.1:" .. proxy.port, tls = ca })
  end)

  it_runs("is HTTP's over TLS, with options of its own", function()
    local proxy = peers.start("proxy", { kind = "tinyproxy",
      tls = { cert = made:path "good.pem", key = made:path "leaf.key" } })
    local url = "https://127.0.0.1:" .. proxy.port
    through(url, { proxy_tls = ca })
    web.fails("tls", server.url, { proxy = url })
    web.fails("tls", server.url, { proxy = url, proxy_tls = { ca = made:path "other.pem" } })
  end)

  it_runs("is a failure where it is not there", function()
    local url = ours.nowhere():gsub("^ws", "http")
    web.fails("refused", server.url, { proxy = url })
  end)

  it("is that of the environment where it is asked for, and else none", function()
    local proxy = peers.start("proxy", { kind = "tinyproxy" })
    local nowhere = ours.nowhere():gsub("^ws", "http")
    local function program(environment, options)
      return programs.run([[
        local w = require "wsmanager"
        local response, token = w.fetch("]] .. server.url .. [[/status/200", ]] .. options .. [[)
        print(response and response.status or token)]], environment)
    end
    local bad = "http_proxy=" .. nowhere .. " all_proxy=" .. nowhere .. " "
    assert.equal("200\nstatus 0\n", program(bad, "{}"))
    assert.equal("refused\nstatus 0\n", program(bad, "{proxy = 'env'}"))
    assert.equal("200\nstatus 0\n", program(bad .. "no_proxy=127.0.0.1 ", "{proxy = 'env'}"))
    assert.equal("200\nstatus 0\n", program("HTTP_PROXY=" .. nowhere .. " ", "{proxy = 'env'}"))
    assert.equal("200\nstatus 0\n",
      program("http_proxy=127.0.0.1:" .. proxy.port .. " ", "{proxy = 'env'}"))
    assert.equal("proxy\nstatus 0\n", program("http_proxy=ftp://x ", "{proxy = 'env'}"))
    assert.is_true(#proxy:events() > 0)
  end)
end)
