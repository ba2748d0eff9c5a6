local wsmanager = require "wsmanager"
local ours = require "support.ours"
local peers = require "support.peers"
local requests = require "support.requests"

local server

local function serve (options)
  server = ours.serve(options)
end

-- The response to these bytes on a plain TCP connection.
local function ask (text)
  return wsmanager.run(requests.play, server, {{"text", text}})
end

local function get (path, method)
  return ask((method or "GET") .. " " .. path
             .. " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
end

describe("a server that gets a plain HTTP request", function ()
  local reports

  before_each(function () reports = ours.hush() end)

  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  it("responds with 426 when it has no page", function ()
    serve {}
    local answer = get("/")
    assert.matches("^HTTP/1.1 426 Upgrade Required\r\n", answer)
    assert.matches("\r\nUpgrade: websocket\r\n", answer)
    assert.matches("this is a WebSocket", answer)
  end)

  it("serves a file at /, with its type, and 404 elsewhere", function ()
    local name = os.tmpname()
    local file = assert(io.open(name .. ".html", "wb"))
    file:write("<h1>hello</h1>")
    file:close()
    serve {page = name .. ".html"}
    local answer = get("/?x=1")
    assert.matches("^HTTP/1.1 200 OK\r\n", answer)
    assert.matches("\r\nContent%-Type: text/html; charset=utf%-8\r\n", answer)
    assert.matches("\r\nContent%-Length: 14\r\n", answer)
    assert.matches("\r\n\r\n<h1>hello</h1>$", answer)
    answer = get("/", "HEAD")
    assert.matches("\r\nContent%-Length: 14\r\n.*\r\n\r\n$", answer)
    assert.matches("^HTTP/1.1 404 Not Found\r\n", get("/other"))
    assert.matches("^HTTP/1.1 405 .*\r\nAllow: GET, HEAD\r\n",
                   get("/", "DELETE"))
    os.remove(name .. ".html")
    os.remove(name)
    assert.matches("^HTTP/1.1 404 Not Found\r\n", get("/"))
  end)

  it("serves no file that is not in the table", function ()
    serve {page = {["/a"] = "README.md"}}
    for _, path in ipairs {
      "/../../etc/passwd", "/a/../../etc/passwd", "/%2e%2e/etc/passwd",
      "//etc/passwd", "/README.md", "/a%00",
    } do
      assert.matches("^HTTP/1.1 404 Not Found\r\n", get(path))
    end
  end)

  it("calls a function", function ()
    serve {
      page = function (request)
        if request.path == "/json" then
          return 201, "{}", {["Content-Type"] = "application/json"}
        elseif request.path == "/text" then
          return "only text"
        elseif request.path == "/bad" then
          error("spilt")
        end
      end,
      }
    local answer = get("/json")
    assert.matches("^HTTP/1.1 201 Created\r\n", answer)
    assert.matches("\r\nContent%-Type: application/json\r\n", answer)
    assert.matches("\r\nContent%-Type: text/plain.*only text$", get("/text"))
    assert.matches("^HTTP/1.1 404 ", get("/none"))
    assert.matches("^HTTP/1.1 500 ", get("/bad"))
    assert.matches("spilt", reports[1].text)
  end)

  it("reports what a function may not return", function ()
    local results
    serve {page = function () return results[1], results[2], results[3] end}
    for what, given in pairs {
      ["status from 200 to 599, or a body alone; it returned 20$"] = {20},
      ["status from 200 to 599, or a body alone; it returned table"] = {{}},
      ["status from 200 to 599, or a body alone; it returned true"] = {true, "x"},
      ["string as the body; it returned a table"] = {200, {}},
      ["table as the headers; it returned a number"] = {200, "x", 5},
    } do
      results = given
      assert.matches("^HTTP/1.1 500 ", get("/"))
      assert.matches("^page must return a " .. what, reports[#reports].why)
    end
  end)

  it("responds to a broken opening handshake with the reason", function ()
    serve {page = "README.md"}
    local answer = ask("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                       .. "Connection: Upgrade\r\n"
                       .. "Sec-WebSocket-Version: 13\r\n\r\n")
    assert.matches("^HTTP/1.1 400 Bad Request\r\n", answer)
    assert.matches("Sec%-WebSocket%-Key", answer)
  end)

  -- The responses to these texts on one connection, each asked for when the one
  -- before is there; `ends` are texts at the end of each.
  local function converse (texts, ends)
    local script = {}
    for i, text in ipairs(texts) do
      script[#script + 1] = {"text", text}
      script[#script + 1] = {"until", ends[i]}
    end
    local peer = peers.start("scripted", {
      connect = {host = "127.0.0.1", port = server.port}, script = script,
    })
    local answers
    wsmanager.run(ours.await, function ()
      answers = {}
      for _, event in ipairs(peer:events()) do
        if event.event == "read" then
          answers[#answers + 1] = event.hex:gsub("%x%x", function (hex)
            return string.char(tonumber(hex, 16))
          end)
        end
      end
      return #answers >= #texts
    end)
    peer:stop()
    return answers
  end

  it("keeps the connection, and gives a function each body", function ()
    local addresses = {}
    serve {
      page = function (request)
        addresses[#addresses + 1] = request.port
        return "<" .. request.method .. request.body .. ">"
      end,
    }
    local answers = converse({
      "GET / HTTP/1.1\r\nHost: x\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n\0\1\2\3",
      "PUT / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      .. "2\r\nab\r\n1\r\nc\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n",
    }, {"<GET>", "<POST\0\1\2\3>", "<GET>"})
    assert.matches("\r\nDate: %a%a%a, %d%d %a%a%a 20%d%d %d%d:%d%d:%d%d GMT\r\n",
                   answers[1])
    assert.matches("<PUTabc>.*<GET>$", answers[3])
    assert.equal(4, #addresses)
    for i = 2, 4 do assert.equal(addresses[1], addresses[i]) end
  end)

  it("answers a request whose function fails, and the next one", function ()
    serve {
      page = function (request)
        if request.path == "/bad" then error "spilt" end
        return "<" .. request.path .. ">"
      end,
    }
    local answers = converse({
      "GET /bad HTTP/1.1\r\nHost: x\r\n\r\n", "GET /good HTTP/1.1\r\nHost: x\r\n\r\n",
    }, {"Server Error\n", "</good>"})
    assert.matches("^HTTP/1.1 500 ", answers[1])
    assert.matches("^HTTP/1.1 200 ", answers[2])
    assert.equal(1, #reports)
  end)

  it("answers 413 to a body that is too large", function ()
    serve {page = function () return "x" end, limits = {body = 1000}}
    for _, text in ipairs {
      "Content-Length: 1001\r\n\r\n",
      "Transfer-Encoding: chunked\r\n\r\n3e9\r\n" .. ("x"):rep(1001),
      "Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n",
    } do
      assert.matches("^HTTP/1.1 413 Content Too Large\r\n",
                     ask("POST / HTTP/1.1\r\nHost: x\r\n" .. text))
    end
  end)

  it("has the peer send its body with a 100", function ()
    serve {page = function (request) return "<" .. request.body .. ">" end}
    local answers = converse({
      "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
      .. "Content-Length: 3\r\n\r\n", "abc",
    }, {"\r\n\r\n", "<abc>"})
    assert.equal("HTTP/1.1 100 Continue\r\n\r\n", answers[1])
  end)

  it("answers 304 to who has it already", function ()
    serve {
      page = {
        ["/file"] = "README.md",
        ["/own"] = function ()
          return 200, "own", {ETag = '"v1"', ["Cache-Control"] = "no-cache"}
        end,
        ["/list"] = function () return 200, "x", {'etag: W/"v2"', "Vary: a"} end,
        ["/made"] = function () return 201, "made" end,
      },
    }
    local function etag (path, method)
      return get(path, method):match("\r\n[eE][tT][aA][gG]: ([^\r]*)\r\n")
    end
    local function status (path, known, method)
      return ask((method or "GET") .. " " .. path .. " HTTP/1.1\r\nHost: x\r\n"
                 .. "Connection: close\r\nIf-None-Match: " .. known .. "\r\n\r\n")
    end
    local tag = etag("/file")
    assert.matches('^"%x+"$', tag)
    assert.equal(tag, etag("/file", "HEAD"))
    assert.is_nil(etag("/made"))
    for _, known in ipairs {tag, "W/" .. tag, '"x", ' .. tag, "*"} do
      local answer = status("/file", known)
      assert.matches("^HTTP/1.1 304 Not Modified\r\n", answer)
      assert.matches("\r\n\r\n$", answer)
      assert.is_nil(answer:match("\r\nContent%-Type"))
      assert.truthy(answer:find("\r\nETag: " .. tag, 1, true))
      assert.matches("^HTTP/1.1 304 ", status("/file", known, "HEAD"))
      assert.matches("^HTTP/1.1 405 ", status("/file", known, "POST"))
    end
    assert.matches("^HTTP/1.1 200 ", status("/file", '"x"'))
    assert.matches("^HTTP/1.1 304 .*\r\nCache%-Control: no%-cache\r\n",
                   status("/own", '"v1"'))
    assert.matches("^HTTP/1.1 304 .*\r\nVary: a\r\n", status("/list", '"v2"'))
    assert.matches("^HTTP/1.1 201 ", status("/made", "*"))
    assert.matches("^HTTP/1.1 404 ", status("/none", "*"))
  end)

  for what, size in pairs {["a short"] = 10, ["a long"] = 8 * 2^20} do
    it("answers a client that sends no more with " .. what .. " page", function ()
      serve {
        page = function ()
          wsmanager.sleep(0.05)    -- its client has sent its end before the answer
          return ("x"):rep(size)
        end,
      }
      local peer = peers.start("scripted", {
        connect = {host = "127.0.0.1", port = server.port},
        script = {
          {"text", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"}, {"shutdown"}, {"drain"},
        },
      })
      wsmanager.run(ours.await, function ()
        local events = peer:events()
        return events[#events] and events[#events].event == "ended"
      end)
      local got, how = 0
      for _, event in ipairs(peer:events()) do
        got, how = event.n or got, event.how
      end
      assert.is_true(got > size, got)
      assert.equal("end", how)
      peer:stop()
      wsmanager.run(ours.await, function () return server.core:count() == 0 end)
    end)
  end

  it("has no page for CONNECT and TRACE", function ()
    serve {page = function () return "x" end}
    assert.matches("^HTTP/1.1 501 ", get("/", "TRACE"))
    local answer = ask("CONNECT h:1 HTTP/1.1\r\nHost: h:1\r\nConnection: close\r\n\r\n")
    assert.matches("^HTTP/1.1 [45]", answer)
  end)

  it("answers 503 where its functions take longer than timeouts.open", function ()
    local function slow ()
      wsmanager.sleep(0.3)    -- longer than timeouts.open
      return "late"
    end
    serve {page = slow, authorize = slow, timeouts = {open = 0.1, close = 1}}
    assert.matches("^HTTP/1.1 503 ", get("/"))
    local answer = ask("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                       .. "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                       .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
    assert.matches("^HTTP/1.1 503 ", answer)
    assert.same({}, reports)
  end)

  for _, persistent in ipairs {true, false} do
    it("is patient with a steady reader, persistent: " .. tostring(persistent), function ()
      local size = 24 * 2^20
      serve {
        page = function () return ("x"):rep(size) end, timeouts = {close = 3, open = 3},
      }
      local peer = peers.start("scripted", {
        connect = {host = "127.0.0.1", port = server.port},
        script = {
          {"text", "GET / HTTP/1.1\r\nHost: x\r\n"
           .. (persistent and "" or "Connection: close\r\n") .. "\r\n"},
          {"sip", 131072, 0.03},         -- in all longer than the timeouts
        },
      })
      local got
      wsmanager.run(ours.await, function ()
        for _, event in ipairs(peer:events()) do
          if event.event == "read" then got = event.n end
        end
        return got
      end)
      peer:stop()
      assert.truthy(got > size, got)
    end)
  end

  it("stops with idle connections at once", function ()
    serve {page = function () return "<x>" end}
    local peer = peers.start("scripted", {
      connect = {host = "127.0.0.1", port = server.port},
      script = {
        {"text", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"}, {"until", "<x>"}, {"drain"},
      },
    })
    local seen
    wsmanager.run(function ()
      ours.await(function ()
        for _, event in ipairs(peer:events()) do seen = seen or event.event == "read" end
        return seen
      end)
      local began = wsmanager.now()
      server:stop(ours.LONG)
      assert.is_true(wsmanager.now() - began < ours.LONG)
    end)
    peer:stop()
  end)

  it("keeps no connection where that keeps another one out", function ()
    serve {page = function () return "x" end, connections = 1}
    local answer = ask("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    assert.matches("\r\nConnection: close\r\n", answer)
  end)

  it("answers below a path what a table there says, the longest path first", function ()
    local function at (name)
      return function (request) return 200, name .. " " .. request.path end
    end
    local loud = setmetatable({}, {__call = function (_, request)
      return 200, "called " .. request.path
    end})
    serve {page = {
      ["/a"] = {[""] = at "itself", ["/"] = at "root", ["/x"] = at "x",
                ["/deep"] = {["/y"] = at "y"}},
      ["/a/b"] = {["/x"] = at "longer"}, ["/a/own"] = at "own", ["/called"] = loud,
      ["/slash/"] = {["/z"] = at "z"},
    }}
    for path, text in pairs {
      ["/a"] = "itself /a", ["/a/"] = "root /a/", ["/a/x?q=1"] = "x /a/x",
      ["/a/deep/y"] = "y /a/deep/y", ["/a/b/x"] = "longer /a/b/x", ["/a/own"] = "own /a/own",
      ["/called"] = "called /called", ["/slash/z"] = "z /slash/z",
    } do
      assert.matches("\r\n\r\n" .. text:gsub("%p", "%%%0") .. "$", get(path))
    end
    for _, path in ipairs {"/ax", "/a/none", "/a/deep", "/a/deep/", "/a/b", "/a/b/c", "/",
                           "/a//x", "/slash", "/" .. ("a/"):rep(500)} do
      assert.matches("^HTTP/1.1 404 ", get(path))
    end
    assert.equal(0, #reports)
  end)

  it("has a table at / for every path that nothing else has", function ()
    serve {page = {
      ["/"] = {["/"] = function () return "home" end, ["/b"] = function () return "b" end},
      ["/b/c"] = function () return "c" end,
    }}
    assert.matches("home$", get "/")
    assert.matches("\r\n\r\nb$", get "/b")
    assert.matches("\r\n\r\nc$", get "/b/c")
    assert.matches("^HTTP/1.1 404 ", get "/b/d")
  end)

  it("raises for a page that is none", function ()
    local function fails (what, given)
      ours.fails("bad option 'page' %(" .. what, ours.serve, {page = given})
    end
    fails("file name, function or table expected at '/a/b', got number",
          {["/a"] = {["/b"] = 1}})
    fails("a path, as '/a/', expected, got number", {["/a"] = {"index.html"}})
    local circle = {}
    circle["/a"] = circle
    fails("tables are nested too deep", circle)
  end)
end)
