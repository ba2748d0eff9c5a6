local wsmanager = require "wsmanager"
local ours = require "support.ours"
local peers = require "support.peers"

local server

local function serve (options)
  server = ours.serve(options)
end

-- The response to these bytes on a plain TCP connection.
local function ask (text)
  local peer = peers.start("scripted", {
    connect = {host = "127.0.0.1", port = server.port},
    script = {{"text", text}, {"drain"}},
  })
  local answer
  wsmanager.run(ours.await, function ()
    for _, event in ipairs(peer:events()) do
      if event.event == "read" then answer = event.hex end
    end
    return answer
  end)
  peer:stop()
  return (answer:gsub("%x%x", function (hex)
    return string.char(tonumber(hex, 16))
  end))
end

local function get (path, method)
  return ask((method or "GET") .. " " .. path
             .. " HTTP/1.1\r\nHost: localhost\r\n\r\n")
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

  it("responds to a broken opening handshake with the reason", function ()
    serve {page = "README.md"}
    local answer = ask("GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
                       .. "Connection: Upgrade\r\n"
                       .. "Sec-WebSocket-Version: 13\r\n\r\n")
    assert.matches("^HTTP/1.1 400 Bad Request\r\n", answer)
    assert.matches("Sec%-WebSocket%-Key", answer)
  end)
end)
