local wsmanager = require "wsmanager"
local certificates = require "support.certificates"
local ours = require "support.ours"
local peers = require "support.peers"
local web = require "support.web"

local run = wsmanager.run

local made, server, other

setup(function()
  made = certificates.make()
  server, other = web.serve(), web.serve()
end)

teardown(function()
  peers.stop()
  made:remove()
end)

before_each(ours.hush)
after_each(ours.stop)

local function it_runs(title, fn)
  it(title, function() run(fn) end)
end

local function quote(text)
  return (text:gsub("[^%w]", function(c) return ("%%%02X"):format(c:byte()) end))
end

-- A URL of `from` that redirects to that one.
local function to(where, status, from)
  return (from or server).url .. "/to/" .. (status or 302) .. "/" .. quote(where)
end

describe("a redirect of fetch", function()
  it_runs("is followed up to ten times", function()
    local said, response = web.echo(server.url .. "/redirect/10")
    assert.equal("/echo", said.path)
    assert.equal(server.url .. "/echo", response.url)
    local detail = web.fails("handshake", server.url .. "/redirect/11")
    assert.matches("more than 10 redirects", detail)
    web.fails("handshake", server.url .. "/loop")
    web.echo(server.url .. "/redirect/20", { redirects = 20 })
    web.fails("handshake", server.url .. "/redirect/3", { redirects = 2 })
  end)

  it_runs("is the response where none is to be followed", function()
    for _, none in ipairs { false, 0 } do
      local response = web.get(server.url .. "/redirect/1", { redirects = none })
      assert.equal(302, response.status)
      assert.equal("/echo", response.headers.location)
      assert.equal("moved", response.body)
    end
    assert.equal(302, web.get(server.url .. "/status/302").status) -- leads nowhere
    assert.equal(304, web.get(server.url .. "/to/304/%2F").status)
  end)

  it_runs("has one time for all of them", function()
    web.fails("timeout", to(server.url .. "/silent"), { timeout = 0.2 })
  end)

  it_runs("is relative to where it comes from, and has no fragment", function()
    local function path(location)
      return web.echo(server.url .. "/to/302/" .. quote(location)).path
    end
    assert.equal("/x", path "../../x")
    assert.equal("/x?y", path "/x?y#z")
    assert.equal("/a/c", path "../.././a/b/../c")
    assert.equal("/a", path("//127.0.0.1:" .. server.port .. "/b/../a"))
  end)

  it_runs("asks by GET after 303, and 301 and 302 for POST", function()
    local options = { json = { a = 1 }, headers = { ["Content-Language"] = "en", ["X-A"] = "b" } }
    for status, method in pairs {
      [301] = "GET", [302] = "GET", [303] = "GET", [307] = "POST", [308] = "POST",
    } do
      local said = web.echo(to("/echo", status), options)
      assert.equal(method, said.method)
      assert.equal("b", said.headers["x-a"])
      local kept = method == "POST"
      assert.equal(kept and '{"a":1}' or "", said.body)
      assert.equal(kept and "application/json" or nil, said.headers["content-type"])
      assert.equal(kept and "en" or nil, said.headers["content-language"])
    end
    options.method = "PUT"
    assert.equal("PUT", web.echo(to("/echo", 302), options).method)
    assert.equal("GET", web.echo(to("/echo", 303), options).method)
    local seen = web.get(to("/echo", 303), { method = "HEAD" })
    assert.equal("", seen.body)
  end)

  it_runs("keeps credentials within its origin", function()
    local options = { headers = {
      Authorization = "Bot secret", Cookie = "a=b", ["X-Api-Key"] = "secret", ["X-A"] = "b",
    } }
    local headers = web.echo(to("/echo"), options).headers
    assert.equal("Bot secret", headers.authorization)
    assert.equal("a=b", headers.cookie)
    headers = web.echo(to(other.url .. "/echo"), options).headers
    assert.is_nil(headers.authorization)
    assert.is_nil(headers.cookie)
    assert.is_nil(headers["x-api-key"])
    assert.equal("b", headers["x-a"])
    local back = to(to(server.url .. "/echo", 302, other))
    assert.is_nil(web.echo(back, options).headers.authorization)
  end)

  it_runs("keeps a URL's user within its origin", function()
    local url = to("/echo"):gsub("//", "//name:secret@", 1)
    assert.is_string(web.echo(url).headers.authorization)
    url = to(other.url .. "/echo"):gsub("//", "//name:secret@", 1)
    assert.is_nil(web.echo(url).headers.authorization)
  end)

  it_runs("leads to http and https alone", function()
    for _, url in ipairs {
      "ftp://127.0.0.1/", "file:///etc/passwd", "ws://127.0.0.1/", "gopher://x/", "javascript:1",
    } do
      assert.matches("it leads to no http or https URL", web.fails("handshake", to(url)))
    end
    assert.matches("the host has", web.fails("handshake", to("http://[::1/")))
  end)

  it_runs("never leads from https to http", function()
    local tls = { cert = made:path "good.pem", key = made:path "leaf.key" }
    local secure = web.serve { tls = tls }
    local options = { tls = { ca = made:path "ca.pem" } }
    local detail = web.fails("handshake", to(server.url .. "/echo", 302, secure), options)
    assert.matches("it leads from https to http", detail)
    assert.equal("/echo", web.echo(to(secure.url .. "/echo"), options).path)
  end)

  it_runs("shows a client's certificate to its origin alone", function()
    local function serve()
      return web.serve { tls = {
        cert = made:path "good.pem", key = made:path "leaf.key", ca = made:path "ca.pem",
      } }
    end
    local first, second = serve(), serve()
    local options = { tls = {
      ca = made:path "ca.pem", cert = made:path "client.pem", key = made:path "client.key",
    } }
    -- a server may end the connection before its alert is read
    local function refused(url)
      local response, token = wsmanager.fetch(url, { tls = options.tls, timeout = ours.LONG })
      assert.is_nil(response)
      assert.is_true(token == "tls" or token == "closed", token)
    end
    assert.equal("client", web.echo(first.url .. "/echo", options).certificate)
    assert.equal("client", web.echo(to("/echo", 302, first), options).certificate)
    refused(to(second.url .. "/echo", 302, first))
    assert.equal("client", web.echo(second.url .. "/echo", options).certificate)
    -- not even on a connection that was opened with it
    refused(to(second.url .. "/echo", 302, first))
  end)
end)
