-- The configurations of docs/how-to/reverse-proxies.md, in the real nginx, haproxy and
-- caddy, in front of a server of ours. Only addresses, ports and files are other ones.
-- Runs once: the proxies know no Lua.

local certificates = require "support.certificates"
local files = require "support.files"
local ours = require "support.ours"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

local page = files.read "docs/how-to/reverse-proxies.md"

describe("a server of ours behind", function ()
  local folder, server

  setup(function ()
    folder = certificates.make()
    local both = assert(io.open(folder:path "both.pem", "w"))
    both:write(folder:text "good.pem", folder:text "leaf.key")
    both:close()
  end)
  teardown(function () folder:remove() end)

  before_each(function ()
    server = assert(wsmanager.serve {
      host = "127.0.0.1", port = 0, heartbeat = false,
      page = { ["/"] = function () return 200, "a page" end },
      handler = function (ws, request)
        ws:send(request.headers["x-forwarded-for"] .. " " .. request.headers.host)
        local message, kind = ws:receive()
        while message do
          ws:send(message, kind)
          message, kind = ws:receive()
        end
      end,
    })
  end)
  after_each(function ()
    peers.stop()
    server:stop(0)
    ours.stop()
  end)

  -- The block of that language, for this place. `seconds` is its patience.
  local function config_of (name, seconds)
    local text = assert(page:match("```" .. name .. "\n(.-)```"))
    text = text:gsub("127%.0%.0%.1:8080", "127.0.0.1:" .. server.port)
      :gsub("/etc/ssl/example%.com%.both%.pem", folder:path "both.pem")
      :gsub("/etc/ssl/example%.com%.pem", folder:path "good.pem")
      :gsub("/etc/ssl/example%.com%.key", folder:path "leaf.key")
      :gsub("listen 443", "listen 127.0.0.1:PORT"):gsub("bind :443", "bind 127.0.0.1:PORT")
      :gsub("75s", seconds .. "s")
    if name == "caddy" then
      text = "{\n admin off\n auto_https disable_redirects\n}\n"
        .. text:gsub("example%.com {", "https://localhost:PORT {\n bind 127.0.0.1")
    end
    return text
  end

  local function start (name, seconds)
    local proxy = peers.start("daemon", { server = name, config = config_of(name, seconds or 75) })
    return ("wss://localhost:%d/"):format(proxy.port)
  end

  local function connect (url, options)
    options.url, options.tls = url, { ca = folder:path "ca.pem" }
    options.reconnect = false
    return wsmanager.new(options)
  end

  for _, name in ipairs { "nginx", "haproxy", "caddy" } do
    it(name .. " is reached by wss, and told whose connection it is", function ()
      wsmanager.run(function ()
        local ws = connect(start(name), {})
        local first, token, why = ws:receive(60)
        assert.is_nil(why, token)
        assert.matches("^127%.0%.0%.1 localhost", first)
        ws:send("hello")
        assert.equal("hello", (ws:receive(60)))
        ws:send(("x"):rep(1000000), "binary")
        local data, kind = ws:receive(60)
        assert.same({ 1000000, "binary" }, { #data, kind })
        ws:close(4001, "bye")
        assert.equal(4001, (ws:closed(60)))
      end)
    end)

    it(name .. " passes a page and the end of the server on", function ()
      wsmanager.run(function ()
        local url = start(name)
        local response = assert(wsmanager.fetch((url:gsub("^wss", "https")),
          { tls = { ca = folder:path "ca.pem" } }))
        assert.equal("a page", response.body)
        local ws = connect(url, {})
        assert(ws:receive(60))
        server:stop(60)
        assert.equal(1001, (ws:closed(60)))
      end)
    end)
  end

  for _, name in ipairs { "nginx", "haproxy" } do
    it(name .. " cuts who is silent, and nobody who has heartbeats", function ()
      wsmanager.run(function ()
        local url = start(name, 3)
        local beating = connect(url, { heartbeat = { interval = 0.5, timeout = 100 } })
        local silent = connect(url, { heartbeat = false })
        assert(beating:receive(60) and silent:receive(60))
        assert(silent:closed(60))
        beating:send("still here")
        assert.equal("still here", (beating:receive(60)))
      end)
    end)
  end
end)
