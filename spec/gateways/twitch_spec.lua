-- examples/gateways/twitch.lua with a scripted EventSub, Helix and token service.

if not require "support.json".is_there "the examples" then return end

local bots = require "support.bots"
local files = require "support.files"
local json = require "cjson"
local peers = require "support.peers"
local services = require "support.services"

describe("the bot on Twitch", function ()
  local tokens

  before_each(function ()
    tokens = bots.folder() .. "/tokens.json"
    local file = assert(io.open(tokens, "w"))
    file:write(json.encode {
      client_id = "client", client_secret = "secret", access_token = "access-1",
      refresh_token = "refresh-1", user_id = "2", broadcaster_id = "1",
    })
    file:close()
  end)
  after_each(bots.stop)

  local function start (options)
    local service = peers.start("twitch", options)
    local bot = bots.start("twitch.lua", tokens, services.url(service, "/helix"),
                           services.url(service, "/oauth2"),
                           "ws://127.0.0.1:" .. service.port .. "/ws")
    return bot, service
  end

  local function start_ready (options)
    local bot, service = start(options)
    assert.equal("connected", bot:line())
    service:await "subscribed"
    return bot, service
  end

  local function answers (service)
    services.tell(service, "chat", {text = "!ping"})
    assert.equal("pong", service:await "said".text)
  end

  it("subscribes and answers", function ()
    local _, service = start_ready()
    answers(service)
    services.tell(service, "chat", {text = "hello"})
    answers(service)
    assert.equal(2, #services.all(service, "said", "text"))
  end)

  it("subscribes again after a cut", function ()
    local bot, service = start_ready()
    services.tell(service, "cut")
    bot:until_line "^connected$"
    service:await "subscribed"
    answers(service)
  end)

  it("moves in the middle of traffic, without a message lost or doubled", function ()
    local bot, service = start_ready()
    for i = 1, 20 do
      services.tell(service, "chat", {text = "!ping"})
      if i == 5 then services.tell(service, "reconnect") end
    end
    assert.equal("moved", bot:line())
    for _ = 1, 20 do service:await "said" end
    answers(service)
    assert.equal(21, #services.all(service, "said", "text"))
    assert.equal(1, #services.all(service, "subscribed", "session"))
  end)

  it("answers once what comes twice", function ()
    local _, service = start_ready()
    for _ = 1, 2 do services.tell(service, "chat", {text = "!ping", message_id = "same"}) end
    service:await "said"
    answers(service)
    assert.equal(2, #services.all(service, "said", "text"))
  end)

  it("refreshes a token that has expired, and keeps the new one", function ()
    local _, service = start_ready()
    services.tell(service, "expire")
    answers(service)
    assert.equal(1, #services.all(service, "refreshed", "event"))
    assert.equal("access-2", json.decode(files.read(tokens)).access_token)
  end)

  it("refreshes it before it subscribes, too", function ()
    local bot, service = start_ready()
    services.tell(service, "expire")
    services.tell(service, "cut")
    bot:until_line "^connected$"
    answers(service)
  end)

  it("connects again when no keepalive comes", function ()
    local bot, service = start_ready {keepalive = .2, silent = true}
    bot:until_line "^connected$"
    answers(service)
  end)

  it("waits as long as it is told", function ()
    local _, service = start_ready {too_many = 1}
    answers(service)
  end)

  it("ends when it is no longer allowed", function ()
    local bot, service = start_ready()
    services.tell(service, "revoke")
    assert.matches("no longer allowed: authorization_revoked\nended", bot:rest())
  end)

  it("ends when Twitch says that it broke the rules", function ()
    local bot, service = start_ready()
    services.tell(service, "close", {code = 4001})
    assert.matches("4001", bot:rest())
  end)
end)
