-- examples/gateways/mqtt.lua with a real Mosquitto.

if not require "support.json".is_there "the examples" then return end

local bots = require "support.bots"
local peers = require "support.peers"

describe("MQTT's packets", function ()
  it("are found wherever their bytes are cut", function ()
    local parse = bots.pure("mqtt.lua", "parse")
    local packet = bots.pure("mqtt.lua", "packet")
    for _, size in ipairs {0, 1, 127, 128, 16383, 16384} do
      local bytes = packet(48, ("x"):rep(size))
      local at = 1 + size % 7
      for cut = 0, math.min(#bytes - 1, 200) do
        assert.is_nil((parse(("y"):rep(at - 1) .. bytes:sub(1, cut), at)))
      end
      local first, body, after = parse(("y"):rep(at - 1) .. bytes .. "z", at)
      assert.same({48, size, at + #bytes}, {first, #body, after})
    end
  end)
end)

describe("the bot on MQTT", function ()
  after_each(function () bots.stop() end)

  local function serve (folder, port)
    local server = peers.start("daemon", {
      server = "mosquitto", user = "bot", password = "secret", folder = folder, port = port,
    })
    return server, "ws://127.0.0.1:" .. server.port
  end

  local function start (url, ...)
    return bots.start("mqtt.lua", {MQTT_PASSWORD = "secret"}, url, "bot", ...)
  end

  it("prints what is published, short and long", function ()
    local _, url = serve()
    local bot = start(url, "bots/#")
    assert.equal("listening on bots/#", bot:line())
    assert.equal("", start(url, "bots/news", "hello"):rest())
    assert.equal("bots/news: hello", bot:line())
    assert.equal("", start(url, "bots/news", ("x"):rep(40000)):rest())
    assert.equal("bots/news: " .. ("x"):rep(40000), bot:line())
  end)

  it("gets what was published while it was away", function ()
    local _, url = serve()
    local bot = start(url, "bots/#")
    bot:until_line "listening"
    bot:stop()
    start(url, "bots/news", "missed"):rest()
    start(url, "bots/#"):until_line "bots/news: missed"
  end)

  it("goes on after the broker was restarted, and so does who publishes", function ()
    local folder = bots.folder()
    local server, url = serve(folder)
    local bot = start(url, "bots/#")
    bot:until_line "listening"
    server:stop()
    local publisher = start(url, "bots/news", "after it")
    publisher:until_line "refused"
    serve(folder, server.port)
    bot:until_line "bots/news: after it"
    publisher:rest()
  end)

  it("publishes again when the connection is cut before the answer", function ()
    local server, url = serve()
    local bot = start(url, "bots/#")
    bot:until_line "listening"
    local proxy = peers.start("cutting_proxy", {
      target = server.port, seed = 3, faults = 3, least = 300, most = 600,
    })
    local publisher = start("ws://127.0.0.1:" .. proxy.port, "bots/news", ("x"):rep(400))
    bot:until_line "bots/news: x+$"
    publisher:rest()
  end)

  it("ends with the broker's answer where its password is wrong", function ()
    local _, url = serve()
    local output = bots.start("mqtt.lua", {MQTT_PASSWORD = "wrong"}, url, "bot", "bots/#"):rest()
    assert.matches("not authorized\n", output)
  end)

  -- Mosquitto itself refuses no subscription, and cuts no packet.
  it("ends where a broker that cuts its packets lets it subscribe to nothing", function ()
    local server = peers.start("scripted", {script = {
      {"accept", "Sec-WebSocket-Protocol: mqtt\r\n"}, {"frame"},
      {"send", "820120"}, {"send", "820102"}, {"send", "82020000"}, {"frame"},
      {"send", "82029003"}, {"send", "8203000180"}, {"drain"},
    }})
    local output = start("ws://127.0.0.1:" .. server.port, "bots/#"):rest()
    assert.equal("the broker does not let us hear bots/#\n", output)
  end)
end)
