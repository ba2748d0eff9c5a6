-- examples/gateways/socketio.lua with a real server of Socket.IO.

if not require "support.json".is_there "the examples" then return end

local bots = require "support.bots"
local peers = require "support.peers"

describe("the bot on Socket.IO", function ()
  after_each(function () bots.stop() end)

  local function serve (port)
    local server = peers.start("socket_io_server", {
      token = "secret", ping = 500, port = port,
    })
    return server, "ws://127.0.0.1:" .. server.port
  end

  local function start (...)
    return bots.start("socketio.lua", {SOCKETIO_TOKEN = "secret"}, ...)
  end

  it("hears what others say, and tells when it has said something", function ()
    local _, url = serve()
    local bot = start(url)
    assert.equal("listening", bot:line())
    assert.equal("", start(url, "hello"):rest())
    assert.equal("hello", bot:line())
    local text = [[quotes " and ü, brackets ], and 12 ]] .. ("long "):rep(8000)
    assert.equal("", start(url, text):rest())
    assert.equal(text, bot:line())
  end)

  it("answers the server's pings", function ()
    local server, url = serve()
    start(url):until_line "listening"
    for _ = 1, 3 do
      local event = server:event()
      while event.event ~= "pong" do event = server:event() end
    end
  end)

  it("gets what it missed after a cut", function ()
    local server, url = serve()
    local proxy = peers.start("cutting_proxy", {target = server.port})
    local bot = start("ws://127.0.0.1:" .. proxy.port)
    bot:until_line "listening"
    start(url, "before"):rest()
    bot:until_line "before"
    proxy:cut()
    start(url, "one"):rest()
    start(url, "two"):rest()
    local seen = {}
    repeat
      local line = bot:line()
      if line == "one" or line == "two" then seen[#seen + 1] = line end
    until seen[2]
    assert.same({"one", "two"}, seen)
    local recovered = 0
    for _, event in ipairs(server:events()) do
      if event.event == "connected" and event.recovered then recovered = recovered + 1 end
    end
    assert.equal(1, recovered)
  end)

  it("begins a new session after the server was restarted", function ()
    local server, url = serve()
    local bot = start(url)
    bot:until_line "listening"
    server:kill()
    local speaker = start(url, "after it")
    speaker:until_line "refused"
    serve(server.port)
    bot:until_line "listening"
    start(url, "again"):rest()
    bot:until_line "again"
    speaker:rest()
  end)

  it("comes back when the server has ended its session", function ()
    local _, url = serve()
    local bot = start(url)
    bot:until_line "listening"
    start(url, "everybody out"):rest()
    assert.equal("everybody out", bot:line())
    bot:until_line "listening"
  end)

  it("ends with the server's words where its token is wrong", function ()
    local _, url = serve()
    local output = bots.start("socketio.lua", {SOCKETIO_TOKEN = "wrong"}, url):rest()
    assert.matches("no such token\n", output)
  end)
end)
