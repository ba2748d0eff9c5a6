-- examples/gateways/stomp.lua with a real RabbitMQ.

if not require "support.json".is_there "the examples" then return end

local bots = require "support.bots"
local peers = require "support.peers"

local SECRET = {STOMP_PASSWORD = "secret"}

describe("STOMP's frames", function ()
  local codec

  setup(function () codec = bots.pure("stomp.lua", "codec") end)

  it("are read as they were written", function ()
    local frame = {command = "SEND", body = "a\0b\n\n", headers = {
      destination = "/queue/a:b\\c\nd", ["content-length"] = "5",
    }}
    local data = codec.encode(frame)
    assert.same(frame, codec.decode(data))
    assert.same(frame, codec.decode("\n" .. data .. "\n"))
    assert.same({command = "heart-beat", headers = {}}, codec.decode "\n")
    assert.same({command = "MESSAGE", headers = {a = "first"}, body = "x"},
                codec.decode "MESSAGE\r\na:first\r\na:second\r\n\r\nx\0")
    for cut = 1, #data - 1 do assert.is_false((pcall(codec.decode, data:sub(1, cut)))) end
  end)

  it("have the names of CONNECT as they are", function ()
    local data = codec.encode {command = "CONNECT", headers = {passcode = "a:b"}}
    assert.equal("CONNECT\npasscode:a:b\n\n\0", data)
  end)
end)

describe("the bot on STOMP", function ()
  local server, url, number = nil, nil, 0

  setup(function ()
    server = peers.start("daemon", {server = "rabbitmq", user = "bot", password = "secret"})
    url = "ws://127.0.0.1:" .. server.port .. "/ws"
  end)

  teardown(function () peers.stop() end)

  before_each(function () number = number + 1 end)

  after_each(function () bots.stop(server) end)

  local function start (where, ...)
    return bots.start("stomp.lua", SECRET, where, "bot", "/queue/" .. number, ...)
  end

  it("prints what comes, and confirms it", function ()
    local bot = start(url)
    bot:until_line "listening"
    assert.equal("", start(url, "hello"):rest())
    assert.equal("hello", bot:line())
    assert.equal("", start(url, ("x"):rep(40000)):rest())
    assert.equal(("x"):rep(40000), bot:line())
    bot:stop()
    bot = start(url)
    bot:until_line "listening"
    start(url, "the next one"):rest()
    assert.equal("the next one", bot:line())
  end)

  it("subscribes again after a cut", function ()
    local proxy = peers.start("cutting_proxy", {target = server.port})
    local bot = start("ws://127.0.0.1:" .. proxy.port .. "/ws")
    bot:until_line "listening"
    proxy:cut()
    start(url, "meanwhile"):rest()
    bot:until_line "listening"
    bot:until_line "meanwhile"
  end)

  it("sends again what was not confirmed when the connection was cut", function ()
    local proxy = peers.start("cutting_proxy", {
      target = server.port, seed = 3, faults = 3, least = 1000, most = 2000,
    })
    local bot = start(url)
    bot:until_line "listening"
    local sender = start("ws://127.0.0.1:" .. proxy.port .. "/ws", ("x"):rep(1500))
    bot:until_line "x+$"
    sender:rest()
  end)

  it("ends with the broker's words where its password is wrong", function ()
    local wrong = {STOMP_PASSWORD = "wrong"}
    local output = bots.start("stomp.lua", wrong, url, "bot", "/queue/a"):rest()
    assert.matches("Bad CONNECT: Access refused for user 'bot'\n", output)
  end)

  it("ends with the broker's words where there is no such place", function ()
    local output = bots.start("stomp.lua", SECRET, url, "bot", "/nowhere/a"):rest()
    assert.matches("Unknown destination: '/nowhere/a'", output)
  end)

  it("shows the broker's error for what it sent", function ()
    local sender = bots.start("stomp.lua", SECRET, url, "bot", "/nowhere/a", "hello")
    sender:until_line "Unknown destination: '/nowhere/a'"
  end)
end)
