local wsmanager = require "wsmanager"
local ours = require "support.ours"
local peers = require "support.peers"
local web = require "support.web"

local fetch, run, spawn = wsmanager.fetch, wsmanager.run, wsmanager.spawn

local server

setup(function() server = web.serve() end)
teardown(peers.stop)

before_each(ours.hush)
after_each(ours.stop)

-- Runs `it` in a coroutine of ours.
local function it_runs(title, fn)
  it(title, function() run(fn) end)
end

describe("fetch", function()
  it_runs("answers status, reason, headers, body and JSON", function()
    local response = web.get(server.url .. "/echo?a=b")
    assert.equal(200, response.status)
    assert.is_true(response.ok)
    assert.equal("OK", response.reason)
    assert.equal("1.1", response.version)
    assert.equal(server.url .. "/echo?a=b", response.url)
    assert.equal("application/json", response.headers["content-type"])
    assert.equal("application/json", response.headers["Content-Type"])
    local said = response:json()
    assert.equal("GET", said.method)
    assert.equal("/echo?a=b", said.path)
    assert.equal("wsmanager", said.headers["user-agent"])
    assert.is_nil(said.headers["content-type"])
  end)

  it("waits outside of run, too", function()
    assert.equal(200, web.get(server.url .. "/status/200").status)
    assert.equal(200, fetch(server.url .. "/status/200", { timeout = false }).status)
  end)

  it_runs("lets everything else go on", function()
    local order = {}
    spawn(function() order[#order + 1] = "other" end)
    web.get(server.url .. "/slow/20")
    order[#order + 1] = "response"
    assert.same({ "other", "response" }, order)
  end)

  it_runs("answers any status", function()
    for _, status in ipairs { 201, 204, 304, 400, 404, 429, 500, 503 } do
      local response = web.get(server.url .. "/status/" .. status)
      assert.equal(status, response.status)
      assert.equal(status < 300, response.ok)
      assert.equal("", response.body)
    end
    assert.equal("Odd One", web.get(server.url .. "/status/299/Odd%20One").reason)
  end)

  it_runs("answers HEAD without a body", function()
    local response = web.get(server.url .. "/bytes/1000", { method = "HEAD" })
    assert.equal("1000", response.headers["content-length"])
    assert.equal("", response.body)
  end)

  it_runs("joins headers of one name, but not cookies with commas", function()
    local headers = web.get(server.url .. "/headers").headers
    assert.equal("a, b", headers["X-Twice"])
    assert.equal("a=1; Path=/\nb=2", headers["Set-Cookie"])
    assert.equal("", headers["x-empty"])
    assert.equal("caf\233", headers["x-latin"])
    assert.is_nil(headers["x-none"])
  end)

  it_runs("takes the last of several heads, and no trailers for headers", function()
    local response = web.get(server.url .. "/early")
    assert.is_true(response:json().hinted)
    assert.is_nil(response.headers["x-hint"])
    response = web.get(server.url .. "/trailer")
    assert.equal("body", response.body)
    assert.is_nil(response.headers["x-after"])
  end)

  it_runs("decompresses what libcurl asks for", function()
    local accepted = web.get(server.url .. "/encoded/gzip"):json().accepted
    assert.matches("gzip", accepted)
    assert.equal(accepted, web.get(server.url .. "/encoded/deflate"):json().accepted)
    local raw = web.get(server.url .. "/encoded/gzip",
      { headers = { ["Accept-Encoding"] = "gzip" } })
    assert.equal("\31\139", raw.body:sub(1, 2))
  end)

  it_runs("reads ten thousand chunks", function()
    assert.equal(("c"):rep(1000000), web.get(server.url .. "/chunks/10000/100").body)
  end)

  it_runs("shows a body that is no JSON by a token", function()
    local response = web.get(server.url .. "/text/%7Bno")
    local value, token, why = response:json()
    assert.is_nil(value)
    assert.equal("codec", token)
    assert.is_string(why)
    assert.equal(wsmanager.null, web.get(server.url .. "/text/null"):json())
    assert.has_error(function() response.json() end, "call it with ':', as in response:json()")
  end)
end)

describe("a request", function()
  local url

  before_each(function() url = server.url .. "/echo" end)

  it_runs("has the method, the headers and the body that it is given", function()
    local said = web.echo(url, {
      method = "put", body = "b\0dy", headers = {
        ["X-One"] = 1, ["X-List"] = { "a", "b" }, ["X-Empty"] = "", "X-Line: there",
      },
    })
    assert.equal("PUT", said.method)
    assert.equal("b\0dy", said.body)
    assert.equal("1", said.headers["x-one"])
    assert.equal("a, b", said.headers["x-list"])
    assert.equal("", said.headers["x-empty"])
    assert.equal("there", said.headers["x-line"])
    assert.equal("4", said.headers["content-length"])
    assert.is_nil(said.headers["content-type"])
    assert.is_nil(said.headers.expect)
  end)

  it_runs("posts a body", function()
    assert.equal("POST", web.echo(url, { body = "" }).method)
    assert.equal("0", web.echo(url, { method = "POST" }).headers["content-length"])
    assert.equal("DELETE", web.echo(url, { method = "DELETE" }).method)
    local said = web.echo(url, { method = "PATCH", body = ("x"):rep(3000000) })
    assert.equal(3000000, #said.body)
  end)

  it_runs("sends a value as JSON", function()
    local said = web.echo(url, { json = { list = wsmanager.array {}, n = 12345678901234 } })
    assert.equal("POST", said.method)
    assert.equal("application/json", said.headers["content-type"])
    assert.matches('"list":%[%]', said.body)
    said = web.echo(url, { json = false, headers = { ["content-type"] = "text/x" } })
    assert.equal("false", said.body)
    assert.equal("text/x", said.headers["content-type"])
    assert.matches("", web.fails("codec", url, { json = { f = print } }))
  end)

  it_runs("sends a form and a query", function()
    local said = web.echo(url .. "?first", {
      query = { ["a b"] = "c&d", list = { 1, true } }, form = { x = "\195\169 +", y = "" },
    })
    assert.equal("/echo?first&a%20b=c%26d&list=1&list=true", said.path)
    assert.equal("x=%C3%A9%20%2B&y=", said.body)
    assert.equal("application/x-www-form-urlencoded", said.headers["content-type"])
  end)

  it_runs("takes its URL as it is, but for the fragment and what is not ASCII", function()
    assert.equal("/a/../b%2Fc?d", web.echo(server.url .. "/a/../b%2Fc?d#e").path)
    assert.equal("/caf%C3%A9", web.echo(server.url .. "/caf\195\169").path)
    assert.equal("/?x", web.echo(server.url .. "?x").path)
    assert.equal("Basic bmFtZTpwQHNz",
      web.echo((url:gsub("//", "//name:p%%40ss@"))).headers.authorization)
  end)
end)

describe("a wrong call of fetch", function()
  local function raises(what, url, options) ours.fails(what, fetch, url, options) end

  it("raises for a URL that is none of http or https", function()
    raises("bad URL \"ftp://example.com/\": fetch takes http and https",
      "ftp://user:secret@example.com/?token")
    raises("bad URL \"ftp://example.com/\"", "ftp://user:SECRET?x@example.com/")
    raises("bad URL \"ws://x\": fetch takes http and https; wsmanager.new takes", "ws://x")
    raises("bad URL \"example.com\"", "example.com")
    raises("bad URL", "http://")
    raises("bad URL", "http://exa mple/")
    raises("bad argument #1 to 'fetch' %(string expected, got nil%)", nil)
    raises("bad argument #2 to 'fetch' %(table expected, got string%)", "http://x/", "GET")
  end)

  it("raises for options", function()
    local url = "http://127.0.0.1:1/"
    raises("unknown option 'methd' %(did you mean 'method'%?%)", url, { methd = "GET" })
    raises("bad option 'timeout' %(number or false expected, got %-?nan%)", url,
      { timeout = 0 / 0 })
    raises("bad option 'limits.body'", url, { limits = { body = 0 } })
    raises("bad option 'method' %('A B' is not a token%)", url, { method = "a b" })
    raises("bad option 'method' %(CONNECT", url, { method = "connect" })
    raises("bad option 'json' %(with 'body': a request has one body%)", url,
      { body = "", json = {} })
    raises("bad option 'body' %(string expected, got table%)", url, { body = {} })
    raises("bad option 'form' %(the value of 'a' is a table%)", url, { form = { a = { {} } } })
    raises("bad option 'query' %(names expected, got number%)", url, { query = { "a" } })
    raises("unknown option 'tls.keylog'", url, { tls = { keylog = "x" } })
    raises("bad option 'tls.ca' %(with 'tls.verify' = false", url,
      { tls = { ca = "x", verify = false } })
    raises("tls.pin must be", url, { tls = { pin = "no" } })
    raises("bad option 'proxy_tls'", url, { proxy_tls = {} })
    raises("bad proxy \"ftp\": the scheme must be http", url, { proxy = "ftp://x" })
  end)

  it("raises for headers that would be more than one, or are libcurl's", function()
    local url = "http://127.0.0.1:1/"
    for _, value in ipairs { "a\r\nX-B: c", "a\nb", "a\rb", "a\0b" } do
      raises("bad option 'headers' %(the value of 'X%-A' has a control character%)", url,
        { headers = { ["X-A"] = value } })
    end
    raises("bad option 'headers' %('X%-A%.%.%.' is not a header name%)", url,
      { headers = { ["X-A\r\nX-B"] = "c" } })
    raises("bad option 'headers' %('Content%-Length' belongs to libcurl%)", url,
      { headers = { ["Content-Length"] = 1 } })
    raises("bad option 'headers' %('Proxy%-Authorization' is for a proxy", url,
      { headers = { ["Proxy-Authorization"] = "x" } })
  end)

  it("says it for a certificate that cannot be read", function()
    local detail = web.fails("tls", "https://127.0.0.1:1/", { tls = { ca = "/none" } })
    assert.matches("tls.ca: cannot read /none", detail)
  end)
end)

describe("a bound of fetch", function()
  it_runs("is that of the body, whatever the server says of its length", function()
    local bound = { limits = { body = 1000 } }
    assert.equal(1000, #web.get(server.url .. "/bytes/1000", bound).body)
    assert.matches("larger than limits.body, 1000 bytes",
      web.fails("toobig", server.url .. "/bytes/1001", bound))
    web.fails("toobig", server.url .. "/chunks/11/100", bound)
    local head = { method = "HEAD", limits = { body = 1000 } }
    assert.equal("", web.get(server.url .. "/bytes/5000", head).body)
  end)

  it_runs("is that of what is decompressed", function()
    assert.matches("16777216", web.fails("toobig", server.url .. "/bomb/64"))
  end)

  it_runs("is that of the head", function()
    assert.equal(200, web.get(server.url .. "/head_of/14000").status)
    assert.matches("limits.header, 16384 bytes",
      web.fails("toobig", server.url .. "/head_of/20000"))
    web.get(server.url .. "/head_of/20000", { limits = { header = 65536 } })
  end)

  it_runs("is that of a header that never ends, and of heads without a response", function()
    web.fails("toobig", server.url .. "/line/300000")
    web.fails("toobig", server.url .. "/line/300000", { limits = { header = 1000000 } })
    web.fails("toobig", server.url .. "/continues/20000")
  end)

  it_runs("is that of the fields after the body, with the head", function()
    assert.equal("body", web.get(server.url .. "/trailers/12000").body)
    assert.matches("head and what follows its body are larger than limits.header, 16384",
      web.fails("toobig", server.url .. "/trailers/20000"))
  end)

  it_runs("is that of the number of headers", function()
    web.fails("toobig", server.url .. "/head_of/130000", { limits = { header = 1000000 } })
  end)
end)

describe("a request that nobody awaits any more", function()
  it_runs("is given up with its task", function()
    local result
    local task = spawn(function() result = { fetch(server.url .. "/silent/cancelled") } end)
    web.await(server, { event = "request", path = "/silent/cancelled" })
    task:cancel()
    web.await(server, { event = "gone", path = "/silent/cancelled" })
    ours.await(function() return result end)
    assert.equal("cancelled", result[2])
    assert.matches("GET", result[3])
  end)

  local it_closes = coroutine.close and it_runs or function() end

  it_closes("is given up with its coroutine", function()
    local task = spawn(fetch, server.url .. "/silent/closed", { timeout = false })
    web.await(server, { event = "request", path = "/silent/closed" })
    coroutine.close(task.thread)
    web.await(server, { event = "gone", path = "/silent/closed" })
  end)
end)

describe("a failure of fetch", function()
  it_runs("is a token and a sentence", function()
    local url = ours.nowhere():gsub("^ws", "http")
    local detail = web.fails("refused", url .. "/x?token=secret")
    assert.matches("^GET " .. url:gsub("%p", "%%%0") .. "/x: .*[Rr]efused", detail)
    assert.matches("none.invalid", web.fails("resolve", "http://none.invalid/"))
    web.fails("closed", server.url .. "/cut")
    web.fails("closed", server.url .. "/reset")
    web.fails("protocol", server.url .. "/raw/this%20is%20no%20HTTP")
    web.fails("protocol", server.url .. "/nonsense")
    web.fails("protocol", server.url
      .. "/raw/HTTP%2F1.1%20200%20OK%0D%0Abad%20name%3A%20x%0D%0A%0D%0A")
    web.fails("protocol", server.url
      .. "/raw/HTTP%2F1.1%20200%20OK%0D%0ATransfer-Encoding%3A%20chunked%0D%0A%0D%0Azz%0D%0A")
  end)

  it_runs("is that the head is cut, wherever, and that there is none but interim ones", function()
    local function raw(text)
      return server.url .. "/raw/" .. text:gsub("[^%w]", function(c)
        return ("%%%02X"):format(c:byte())
      end)
    end
    local early, head = "HTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n", "HTTP/1.1 200 OK\r\nA: b\r\n"
    for length = 0, #head do
      web.fails("closed", raw(head:sub(1, length)))
      web.fails("closed", raw(early .. head:sub(1, length)))
    end
    assert.equal("", web.get(raw(early .. head .. "\r\n")).body)
    assert.equal(200, web.get(raw(early .. head:lower() .. "\r\n")).status)
    web.fails("protocol", raw "HTTP/one 100 Continue\r\n\r\nmore")
    web.fails("protocol", raw "HTTP/1.1 101 Switching Protocols\r\n\r\nmore")
  end)

  it_runs("is none where the response came before the connection was reset", function()
    for _ = 1, 10 do
      local response = web.get(server.url .. "/refuse", { body = ("x"):rep(30000000) })
      assert.equal(413, response.status)
      assert.equal("too big", response.body)
    end
  end)

  it_runs("is none of a kept connection that is reset: another one is made", function()
    local ports = {}
    for i = 1, 10 do ports[i] = web.get(server.url .. "/renew"):json().port end
    for i = 2, 10 do assert.not_equal(ports[i - 1], ports[i]) end
  end)

  it_runs("is that it took too long", function()
    assert.matches("^no response within 0.05 s: GET http://127.0.0.1:%d+/silent$",
      web.fails("timeout", server.url .. "/silent", { timeout = 0.05 }))
    local detail, timeout = "", 0.1
    while not detail:find "body" do -- on a slow machine nothing has come yet
      timeout = 2 * timeout
      detail = web.fails("timeout", server.url .. "/stall", { timeout = timeout })
    end
    assert.matches("^no whole response within [%d.]+ s: .*/stall, 10 bytes of the body had come$",
      detail)
  end)
end)
