-- What a server tells its program of a request.

local wsmanager = require "wsmanager"
local ours = require "support.ours"
local peers = require "support.peers"
local requests = require "support.requests"

local run, await = wsmanager.run, ours.await

local HANDSHAKE = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
  .. "Sec-WebSocket-Version: 13\r\n"
  .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

local reports

-- The request that authorize gets of these lines on a plain TCP connection to a
-- server with these options.
local function request_of (lines, options)
  local seen
  options = options or {}
  options.authorize = function (request)
    seen = request
    return nil
  end
  local server = ours.serve(options)
  local peer = peers.start("scripted", {
    connect = options.path and {path = options.path}
              or {host = "127.0.0.1", port = server.port},
    script = {{"text", lines .. HANDSHAKE .. "\r\n"}, {"drain"}},
  })
  run(await, function () return seen end)
  peer:stop()
  server:stop(0)
  return seen
end

local function get (target, headers)
  return request_of("GET " .. target .. " HTTP/1.1\r\nHost: Example.com:81\r\n"
                    .. (headers or ""))
end

before_each(function () reports = ours.hush() end)

after_each(function ()
  peers.stop()
  ours.stop()
  assert.same({}, reports)
end)

describe("a request's path", function ()
  it("is decoded, and a plus stays one", function ()
    local request = get "/caf%C3%A9%20+%zz/%7eb%2Fc?x"
    assert.equal("/café +%zz/~b/c", request.path)
    assert.equal("/caf%C3%A9%20+%zz/%7eb%2Fc?x", request.target)
  end)

  it("is that of an absolute target, whose host it is of", function ()
    local request = get "HTTP://H:8080/room%31?x=1"
    assert.same({"/room1", "h:8080", "HTTP://H:8080/room%31?x=1", {x = "1"}},
                {request.path, request.host, request.target, request.query})
    request = get "ws://[::1]?y"
    assert.same({"/", "[::1]", {y = ""}},
                {request.path, request.host, request.query})
    request = get "/room"
    assert.same({"/room", "example.com:81", {}},
                {request.path, request.host, request.query})
  end)
end)

describe("a request's query", function ()
  it("has every value of a name, and the last", function ()
    local request = get "/?a=1&b=x&a=2&a=&%61=3+4&c&&=v&d=e=f&g=%2B%26%3D%"
    assert.same({
      a = "3 4", b = "x", c = "", [""] = "v", d = "e=f", g = "+&=%",
    }, request.query)
    assert.same({
      a = {"1", "2", "", "3 4"}, b = {"x"}, c = {""}, [""] = {"v"},
      d = {"e=f"}, g = {"+&=%"},
    }, request.queries)
  end)

  it("may be empty, and may be large", function ()
    for _, target in ipairs {"/", "/?", "/?&", "/?&&&"} do
      local request = get(target)
      assert.same({"/", {}, {}}, {request.path, request.query, request.queries})
    end
    local request = get("/?" .. ("a&"):rep(5000) .. "b=" .. ("x"):rep(5000))
    assert.equal(5000, #request.queries.a)
    assert.equal(5000, #request.query.b)
    local names = {}
    for i = 1, 1000 do names[i] = "n" .. i .. "=" .. i end
    request = get("/?" .. table.concat(names, "&"))
    assert.equal("1000", request.query.n1000)
    assert.same({"1"}, request.queries.n1)
  end)
end)

describe("a request's headers", function ()
  it("of one name are joined, cookies with a semicolon", function ()
    local headers = get("/", "Cookie: a=1; b=2\r\nX-List: 1\r\ncookie:c=3 \r\n"
                             .. "X-LIST:\t2, 3\r\nX-Empty:\r\n").headers
    assert.equal("a=1; b=2; c=3", headers.cookie)
    assert.equal("1, 2, 3", headers["x-list"])
    assert.equal("", headers["x-empty"])
  end)

  it("of two origins are one that nobody allows", function ()
    local request = get("/", "Origin: http://good\r\nOrigin: http://bad\r\n")
    assert.equal("http://good, http://bad", request.origin)
    assert.equal(request.origin, request.headers.origin)
    assert.is_nil(get("/").origin)
  end)

  it("may have long names", function ()
    local name = "x" .. ("-y"):rep(4000)
    assert.equal("z", get("/", name:upper() .. ": z\r\n").headers[name])
  end)
end)

describe("a request", function ()
  it("may follow empty lines", function ()
    for _, lines in ipairs {"\r\n", ("\r\n"):rep(7)} do
      assert.equal("/x", request_of(lines .. "GET /x HTTP/1.1\r\nHost: a\r\n").path)
    end
  end)

  it("tells the peer's address and port, over IPv4 and IPv6", function ()
    for _, host in ipairs {"127.0.0.1", "::", "0.0.0.0"} do
      local request = request_of("GET / HTTP/1.1\r\nHost: a\r\n", {host = host})
      assert.equal("127.0.0.1", request.address)
      assert.equal("number", type(request.port))
      assert.is_true(request.port > 0 and request.port % 1 == 0)
    end
  end)

  it("tells that of a client of ours as its stats do", function ()
    for _, host in ipairs {"127.0.0.1", "::1"} do
      local request, address
      local server = ours.serve {host = host, handler = function (ws, asked)
        request, address = asked, ws:stats().address
      end}
      run(function ()
        local ws = wsmanager.new {
          url = "ws://" .. (host == "::1" and "[::1]" or host) .. ":" .. server.port,
          reconnect = false,
        }
        await(function () return address end)
        ws:close()
      end)
      assert.equal(host, request.address)
      local shown = host == "::1" and "[::1]" or host
      assert.equal(shown .. ":" .. request.port, address)
    end
  end)

  it("over a Unix socket tells that it is one", function ()
    local path = os.tmpname()
    os.remove(path)
    local seen
    local server = assert(wsmanager.serve {
      path = path,
      authorize = function (request) seen = request end,
      handler = function () end,
    })
    local peer = peers.start("scripted", {
      connect = {path = path},
      script = {
        {"text", "GET / HTTP/1.1\r\nHost:\r\n" .. HANDSHAKE .. "\r\n"}, {"drain"},
      },
    })
    run(await, function () return seen end)
    assert.same({"unix", nil, ""}, {seen.address, seen.port, seen.host})
    peer:stop()
    server:stop(0)
  end)
end)

describe("a request that is wrong", function ()
  -- The status of the response.
  local function status_of (lines)
    local server = ours.serve {page = function () return "page" end}
    local answer = run(requests.play, server, {{"text", lines .. "\r\n"}})
    server:stop(0)
    return answer:sub(10, 12)
  end

  it("is refused before the page is asked", function ()
    local get_1_1 = "GET / HTTP/1.1\r\n"
    assert.equal("400", status_of(get_1_1))
    assert.equal("400", status_of(get_1_1 .. "Host: a\r\nHost: a\r\n"))
    assert.equal("400", status_of(get_1_1 .. "Host: a b\r\n"))
    assert.equal("400", status_of("GET room HTTP/1.1\r\nHost: a\r\n"))
    assert.equal("400", status_of("POST / HTTP/1.1\r\n"))
    assert.equal("400", status_of(("\r\n"):rep(3) .. "\r"))
    assert.equal("431", status_of(("\r\n"):rep(20000)))
  end)

  it("is none where HTTP has a use for it", function ()
    assert.equal("200", status_of("GET / HTTP/1.0\r\n"))
    assert.equal("200", status_of("GET http://a/ HTTP/1.1\r\nHost: a\r\n"))
    assert.equal("200", status_of("GET / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n"
                                  .. "Connection: Upgrade\r\n"))
    assert.equal("426", status_of("GET / HTTP/1.1\r\nHost: a\r\n"
                                  .. "Upgrade: h2c, websocket\r\n"))
  end)
end)
