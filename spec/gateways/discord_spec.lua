-- examples/gateways/discord.lua with a scripted gateway and REST.

if not require "support.json".is_there "the examples" then return end

local bots = require "support.bots"
local peers = require "support.peers"
local services = require "support.services"

describe("the bot on Discord", function ()
  local service

  before_each(function () service = nil end)
  after_each(bots.stop)

  local function serve (options) service = peers.start("discord", options) end

  local function tell (what, more) services.tell(service, what, more) end

  local function start (token)
    return bots.start("discord.lua", {DISCORD_TOKEN = token or "secret"},
                      services.url(service, "/api/v10"))
  end

  local function start_ready (options)
    serve(options)
    local bot = start()
    assert.equal("ready as ping", bot:line())
    return bot
  end

  local function answers ()
    tell("say", {content = "!ping"})
    local message = service:await "message"
    assert.same({"42", "pong"}, {message.channel, message.content})
  end

  it("identifies itself and answers", function ()
    start_ready()
    assert.equal(33280, service:await "identify".intents)
    answers()
  end)

  it("sends heartbeats with the sequence number", function ()
    start_ready {interval = 100}
    local event
    repeat event = service:await "heartbeat" until event.d == 1
    tell("say", {content = "hello"})
    repeat event = service:await "heartbeat" until event.d == 2
  end)

  it("resumes after a cut and hears what it missed", function ()
    local bot = start_ready()
    tell "cut"
    tell("say", {content = "!ping"})
    assert.equal(1, service:await "resume".seq)
    bot:until_line "^resumed$"
    assert.equal("pong", service:await "message".content)
    answers()
  end)

  it("resumes elsewhere when it is told to reconnect", function ()
    local bot = start_ready()
    tell("op", {op = 7})
    assert.equal("resumed", bot:line())
    answers()
    assert.same({4000}, services.all(service, "closed", "code"))
    assert.matches("^/resume/%?v=10&encoding=json", services.all(service, "open", "path")[2])
  end)

  it("keeps its session when it is sent away before HELLO", function ()
    local bot = start_ready()
    tell("early", {op = 7})
    tell "cut"
    bot:until_line "^resumed$"
    assert.same({1006, 4000}, services.all(service, "closed", "code"))
    answers()
  end)

  it("resumes at the gateway where nobody is at the session's own address", function ()
    local bot = start_ready()
    tell "lost"
    tell "cut"
    bot:until_line "^resumed$"
    answers()
    tell "cut"
    bot:until_line "^resumed$"
  end)

  it("begins a new session when its own is invalid", function ()
    local bot = start_ready()
    tell "forget"
    tell("op", {op = 9, d = false})
    bot:until_line "^ready as ping$"
    answers()
  end)

  it("begins a new session when the gateway does not know it any more", function ()
    local bot = start_ready()
    tell "forget"
    tell "cut"
    bot:until_line "the session is invalid"
    bot:until_line "^ready as ping$"
    answers()
  end)

  it("begins a new session after 4009", function ()
    local bot = start_ready()
    tell("close", {code = 4009})
    bot:until_line "^ready as ping$"
    answers()
  end)

  it("resumes when its heartbeats are not answered", function ()
    local bot = start_ready {interval = 300}
    service:await "heartbeat"
    tell "deaf"
    bot:until_line "^resumed$"
  end)

  it("ends when its token is wrong, at the REST", function ()
    serve()
    assert.matches("401: Unauthorized", start "wrong":rest())
  end)

  it("ends when its token is wrong, at the gateway", function ()
    local bot = start_ready()
    tell("close", {code = 4004})
    local output = bot:rest()
    assert.matches("4004", output)
    assert.falsy(output:find "ready")
  end)

  it("honours the rate limits", function ()
    start_ready {remaining = 2, too_many = 1}
    for _ = 1, 6 do tell("say", {content = "!ping"}) end
    for _ = 1, 6 do service:await "message" end
    assert.same({}, services.all(service, "over_the_rate", "event"))
  end)
end)
