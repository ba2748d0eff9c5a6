-- examples/gateways/slack.lua with a scripted Socket Mode and Web API.

if not require "support.json".is_there "the examples" then return end

local bots = require "support.bots"
local peers = require "support.peers"
local services = require "support.services"

describe("the bot on Slack", function ()
  after_each(bots.stop)

  local function start (options, tokens)
    local service = peers.start("slack", options)
    tokens = tokens or {}
    local bot = bots.start("slack.lua", {
      SLACK_APP_TOKEN = tokens.app or "xapp-1", SLACK_BOT_TOKEN = tokens.bot or "xoxb-1",
    }, services.url(service, "/api"))
    return bot, service
  end

  local function start_ready (options, tokens)
    local bot, service = start(options, tokens)
    assert.equal("connected", bot:line())
    return bot, service
  end

  local function answers (service, text)
    services.tell(service, "mention", {text = text})
    assert.equal("C1", service:await("posted", "text", "you said: " .. text).channel)
  end

  it("acknowledges what comes, and answers", function ()
    local _, service = start_ready()
    services.tell(service, "mention", {text = "hello"})
    service:await "acknowledged"
    answers(service, "hello again")
  end)

  it("asks for another URL after a cut, and gets what it missed", function ()
    local bot, service = start_ready()
    services.tell(service, "cut")
    services.tell(service, "mention", {text = "while you were away"})
    bot:until_line "^connected$"
    assert.equal("you said: while you were away", service:await "posted".text)
    answers(service, "again")
  end)

  it("answers once what comes twice", function ()
    local _, service = start_ready()
    for _ = 1, 2 do services.tell(service, "mention", {text = "once", event_id = "Ev-same"}) end
    for _ = 1, 2 do service:await "acknowledged" end
    answers(service, "last")
    assert.same({"you said: once", "you said: last"}, services.all(service, "posted", "text"))
  end)

  it("moves when it is warned, and hears on both connections", function ()
    local bot, service = start_ready()
    services.tell(service, "disconnect", {reason = "warning"})
    for i = 1, 5 do services.tell(service, "mention", {text = tostring(i)}) end
    assert.equal("moved", bot:line())
    answers(service, "after")
    local texts = services.all(service, "posted", "text")
    assert.equal(6, #texts)
  end)

  it("connects again for a reason that it does not know", function ()
    local bot, service = start_ready()
    services.tell(service, "disconnect", {reason = "something", stays = true})
    bot:until_line "^connected$"
    answers(service, "hello")
  end)

  it("connects again when it is refreshed", function ()
    local bot, service = start_ready()
    services.tell(service, "disconnect", {reason = "refresh_requested"})
    bot:until_line "^connected$"
    answers(service, "hello")
  end)

  it("ends when Socket Mode was switched off", function ()
    local bot, service = start_ready()
    services.tell(service, "disconnect", {reason = "link_disabled"})
    assert.matches("^ended", bot:rest())
  end)

  it("ends when its token is wrong", function ()
    local bot = start(nil, {app = "xapp-2"})
    assert.matches("ended.*locked.*invalid_auth", bot:rest())
  end)

  it("ends when its token was revoked", function ()
    local bot, service = start_ready()
    services.tell(service, "revoke")
    services.tell(service, "cut")
    assert.matches("ended.*locked.*invalid_auth", bot:rest())
  end)

  it("says what it could not answer", function ()
    local bot, service = start_ready(nil, {bot = "xoxb-2"})
    services.tell(service, "mention", {text = "hello"})
    assert.equal("not answered: invalid_auth", bot:line())
  end)

  it("waits as long as it is told", function ()
    local _, service = start_ready {too_many = 2}
    answers(service, "slowly")
    assert.equal(3, #services.all(service, "request", "path", "/api/chat.postMessage"))
  end)
end)
