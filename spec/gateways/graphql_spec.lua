-- examples/gateways/graphql.lua with a real server of graphql-transport-ws.

if not require "support.json".is_there "the examples" then return end

local bots = require "support.bots"
local peers = require "support.peers"

describe("the client of GraphQL", function ()
  after_each(function () bots.stop() end)

  local function serve (port)
    local server = peers.start("graphql_server", {token = "secret", port = port})
    return server, "ws://127.0.0.1:" .. server.port .. "/graphql"
  end

  local function start (...)
    return bots.start("graphql.lua", {GRAPHQL_TOKEN = "secret"}, ...)
  end

  local function wait_for (server, name)
    repeat until server:event().event == name
  end

  it("prints what is said", function ()
    local server, url = serve()
    local bot = start(url)
    assert.equal("listening", bot:line())
    wait_for(server, "subscribed")
    for _, text in ipairs {"hello", 'quotes " and ü', ("long "):rep(8000)} do
      assert.equal("", start(url, text):rest())
      assert.equal(text, bot:line())
    end
  end)

  it("subscribes again after a cut", function ()
    local server, url = serve()
    local proxy = peers.start("cutting_proxy", {target = server.port})
    local bot = start("ws://127.0.0.1:" .. proxy.port .. "/graphql")
    bot:until_line "listening"
    wait_for(server, "subscribed")
    proxy:cut()
    wait_for(server, "subscribed")
    start(url, "after it"):rest()
    bot:until_line "after it"
  end)

  it("subscribes again after the server was restarted", function ()
    local server, url = serve()
    local bot = start(url)
    bot:until_line "listening"
    server:kill()
    local speaker = start(url, "it waits")
    speaker:until_line "refused"
    server = serve(server.port)
    wait_for(server, "subscribed")
    start(url, "after it"):rest()
    bot:until_line "after it"
    speaker:rest()
  end)

  it("shows the errors of what it asked", function ()
    local _, url = serve()
    assert.equal("nothing to say\n", start(url, ""):rest())
  end)

  it("ends with the server's reason where its token is wrong", function ()
    local _, url = serve()
    local output = bots.start("graphql.lua", {GRAPHQL_TOKEN = "wrong"}, url):rest()
    assert.matches("^4403 Forbidden\n$", output)
  end)
end)
