-- examples/gateways/nats.lua with a real nats-server.

if not require "support.json".is_there "the examples" then return end

local bots = require "support.bots"
local files = require "support.files"
local ours = require "support.ours"
local peers = require "support.peers"

local SECRET = {NATS_TOKEN = "secret"}

describe("the parser of NATS", function ()
  it("finds each message, wherever the bytes are cut", function ()
    local each = bots.pure("nats.lua", "each")
    local bytes = "PING\r\nMSG a.b 1 5\r\nab\r\nc\r\n"
                  .. "HMSG a 2 r 12 14\r\nNATS/1.0\r\n\r\nhi\r\n+OK\r\n"
    local messages = {
      "PING|", "MSG a.b 1 5|ab\r\nc", "HMSG a 2 r 12 14|NATS/1.0\r\n\r\nhi", "+OK|",
    }
    for cut = 0, #bytes do
      local seen = {}
      local function note (words, payload)
        seen[#seen + 1] = words.line .. "|" .. (payload or "")
      end
      local rest = each(bytes:sub(1, cut), note)
      assert.equal("", each(rest .. bytes:sub(cut + 1), note))
      assert.same(messages, seen)
    end
  end)
end)

describe("the bot on NATS", function ()
  after_each(function () bots.stop() end)

  local function serve (options)
    options = options or {}
    options.server, options.token = "nats", "secret"
    local server = peers.start("daemon", options)
    return server, "ws://127.0.0.1:" .. server.port
  end

  local function ask (url, question)
    local output = bots.start("nats.lua", SECRET, url, "questions", question):rest()
    assert.truthy(output:find("you said: " .. question .. "\n", 1, true), output:sub(1, 300))
  end

  it("answers requests, long ones, too", function ()
    local _, url = serve()
    local bot = bots.start("nats.lua", SECRET, url, "questions")
    assert.equal("listening on questions", bot:line())
    ask(url, "who is there?")
    assert.equal("who is there?", bot:line())
    ask(url, ("long "):rep(8000))
    assert.equal(40000, #bot:line())
  end)

  it("asks until somebody listens", function ()
    local _, url = serve()
    local asking = bots.start("nats.lua", SECRET, url, "questions", "anybody?")
    bots.start("nats.lua", SECRET, url, "questions"):until_line "anybody%?"
    assert.equal("you said: anybody?", asking:until_line "you said")
  end)

  it("listens again after the server was restarted", function ()
    local server, url = serve()
    local bot = bots.start("nats.lua", SECRET, url, "questions")
    bot:until_line "listening"
    server:kill()
    serve {port = server.port}
    bot:until_line "listening"
    ask(url, "still there?")
    bot:until_line "^still there%?$"
  end)

  it("answers the server's PING", function ()
    local folder = bots.folder()
    local _, url = serve {trace = true, folder = folder}
    bots.start("nats.lua", SECRET, url, "questions"):until_line "listening"
    local function has_answered ()
      return files.read(folder .. "/log"):find("->> [PING]", 1, true)
             and files.read(folder .. "/log"):find("<<- [PONG]", 1, true)
    end
    ours.await(has_answered)
  end)

  it("ends with the server's words where its token is wrong", function ()
    local _, url = serve()
    local output = bots.start("nats.lua", {NATS_TOKEN = "wrong"}, url, "questions"):rest()
    assert.matches("%-ERR 'Authorization Violation'\n", output)
  end)

  it("shows the server's other errors, and goes on", function ()
    local _, url = serve()
    local bot = bots.start("nats.lua", SECRET, url, "a..b")
    assert.equal("-ERR 'Invalid Subject'", bot:until_line "ERR")
  end)
end)
