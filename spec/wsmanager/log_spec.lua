-- The option `log` and wsmanager.log: which sentences there are, and that nothing secret
-- is in them.

local wsmanager = require "wsmanager"
local certificates = require "support.certificates"
local ours = require "support.ours"
local peers = require "support.peers"

local run, await, fails, LONG = wsmanager.run, ours.await, ours.fails, ours.LONG

-- A log function, and what it was told.
local function logbook ()
  local book = {}
  return function (level, text, fields)
    book[#book + 1] = {level = level, text = text, fields = fields}
  end, book
end

-- The first entry whose text has the pattern.
local function find (book, pattern)
  for _, entry in ipairs(book) do
    if entry.text:find(pattern) then return entry end
  end
end

local function texts (book)
  local list = {}
  for i, entry in ipairs(book) do list[i] = entry.level .. " " .. entry.text end
  return table.concat(list, "\n")
end

local function told (book, level, pattern)
  local entry = find(book, pattern)
  assert(entry, "no '" .. pattern .. "' in:\n" .. texts(book))
  assert.equal(level, entry.level)
  return entry.fields
end

describe("the option log", function ()
  after_each(function ()
    wsmanager.log = nil
    peers.stop()
    ours.stop()
  end)

  it("tells a life from the first attempt to the end, with reasons", function ()
    local log, book = logbook()
    run(function ()
      local _, url = ours.serve(function (ws)
        ws:receive()
        ws:close(4000, "go away")
      end)
      local ws = wsmanager.new {
        url = url, log = log, reconnect = {delay = 0.01, limit = 1, stable = 0, pause = 0},
      }
      assert(ws:opened(LONG))
      ws:send "x"
      await(function () return ws:stats().opens == 2 end)
      ours.stop()
      assert.equal("exhausted", select(2, ws:closed(LONG)))
    end)
    local fields = told(book, "info", "^connecting to ws://127%.0%.0%.1:%d+$")
    assert.equal("connecting", fields.event)
    assert.is_number(fields.at)
    assert.is_number(fields.id)
    assert.equal(0, fields.attempt)
    told(book, "debug", "^TCP is connected to 127%.0%.0%.1:%d+$")
    told(book, "debug", "^the opening handshake is done: no subprotocol, no extension$")
    assert.equal(1, told(book, "info", "^open: 127%.0%.0%.1:%d+$").epoch)
    assert.equal(4000, told(book, "info", "^the peer closes with 4000 %(.*%): go away$").code)
    told(book, "info", "^ended: close 4000 by 127%.0%.0%.1:%d+: go away$")
    fields = told(book, "warn",
      "^waiting [%d.e-]+ s: attempt 1, after close 4000 by 127%.0%.0%.1:%d+: go away$")
    assert.equal(1, fields.attempt)
    assert.is_number(fields.delay)
    told(book, "info", "^connecting to ws://127%.0%.0%.1:%d+: attempt 1$")
    told(book, "warn", "^ended: a failed attempt %(refused%): connection to .* refused")
    told(book, "error", "^exhausted, until reconnect%(%): no attempt is left of 1")
  end)

  it("tells why a connection without a close frame ended", function ()
    local log, book = logbook()
    local peer = peers.start("scripted", {script = {{"accept", ""}, {"cut"}}})
    local ws = wsmanager.new {
      url = "ws://127.0.0.1:" .. peer.port, log = log, reconnect = {delay = 30},
    }
    await(function () return find(book, "^waiting") ~= nil end)
    told(book, "warn", "^waiting .*, after close 1006 by 127%.0%.0%.1:%d+: .*reset")
    ws:close()
    assert(ws:closed(LONG))
    told(book, "info", "^closed for good$")
  end)

  it("tells what a login did", function ()
    local log, book = logbook()
    local tries = 0
    local _, url = ours.serve()
    local ws = wsmanager.new {
      url = url, log = log, reconnect = {delay = 0.01},
      login = function ()
        tries = tries + 1
        if tries == 1 then return nil, "bad \27password=abc" end
      end,
    }
    assert(ws:opened(LONG))
    told(book, "debug", "^the login begins$")
    told(book, "warn", "^the login failed: bad \\x1Bpassword=%*%*%*$")
    told(book, "debug", "^the login is done$")
    ws:close()
  end)

  it("tells of heartbeats and of a dead peer", function ()
    local log, book = logbook()
    local peer = peers.start("scripted", {script = {{"accept", ""}, {"drain"}}})
    local ws = wsmanager.new {
      url = "ws://127.0.0.1:" .. peer.port, log = log, reconnect = false,
      heartbeat = {interval = 0.02, timeout = 0.2, mode = "always"},
    }
    assert(ws:closed(LONG))
    told(book, "debug", "^heartbeat: a ping$")
    assert.is_number(told(book, "warn", "^heartbeat: .*; the one before is unanswered for ")
                     .unanswered)
    told(book, "warn", "^ended: close 1006 by .*: the peer sent nothing for 0%.2 s")
    assert.equal(1, ws:stats().timeouts)
  end)

  it("tells of a slow consumer, a full outbox and dropped messages", function ()
    local log, book = logbook()
    run(function ()
      local _, url = ours.serve(ours.sayer(("x"):rep(5000), ("y"):rep(5000)))
      local ws = wsmanager.new {url = url, inbox = 1000, reconnect = false, log = log}
      await(function () return find(book, "^slow consumer") ~= nil end)
      ws:receive(LONG)
      ws:receive(LONG)
      await(function () return find(book, "^reading goes on") ~= nil end)
      ws:close()
      ws = wsmanager.new {
        url = ours.nowhere(), reconnect = {delay = 30}, log = log, outbox = {messages = 2},
      }
      for _ = 1, 5 do ws:send("x", "text", 0) end
      await(function () return find(book, "^no room to send: 2 messages") ~= nil end)
      ws:close()
      ws = wsmanager.new {
        url = ours.nowhere(), reconnect = {delay = 30}, log = log,
        outbox = {messages = 2, full = "oldest"},
      }
      for _ = 1, 5 do ws:send "x" end
      await(function () return find(book, "dropped: no room$") ~= nil end)
      ws:close()
      await(function () return find(book, "^closed for good: 2 messages were never") end)
    end)
    told(book, "warn", "^slow consumer: %d+ bytes received and not taken")
    told(book, "warn", "^1 message %(1 byte%) dropped: no room$")
  end)

  it("says that the peer confirms nothing, and how much it has not in the end", function ()
    local log, book = logbook()
    run(function ()
      local _, url = ours.serve()
      local ws = wsmanager.new {
        url = url, log = log, reconnect = false, outbox = {messages = 2},
        acknowledge = function () end, identify = function (text) return text end,
      }
      assert(ws:opened(LONG))
      for i = 1, 4 do assert(ws:send(tostring(i), "text", 0)) end
      assert.is_nil((ws:send("5", "text", 0)))
      ws:close()
      await(function () return find(book, "^closed for good") end)
    end)
    told(book, "warn", "^no room to send: 2 messages in the outbox, %d+ bytes not written; the "
                       .. "peer is to confirm 2 messages$")
    assert.equal(2, told(book, "warn", "^closed for good: 2 messages were never sent, and 2 "
                                       .. "were not confirmed$").unacknowledged)
  end)

  it("tells of Retry-After, and of a lock", function ()
    local log, book = logbook()
    local answers = 0
    local peer = peers.start("scripted", {script = {
      {"until", "\r\n\r\n"},
      {"text", "HTTP/1.1 503 Later\r\nRetry-After: 30\r\nContent-Length: 0\r\n\r\n"},
    }})
    local ws = wsmanager.new {
      url = function ()
        answers = answers + 1
        if answers > 1 then return nil, "no session" end
        return "ws://127.0.0.1:" .. peer.port
      end,
      log = log, reconnect = {delay = 0.01},
    }
    await(function () return find(book, "^waiting") ~= nil end)
    assert.equal(30, told(book, "info", "asks to wait 30 s$").retry_after)
    assert.equal(30, told(book, "warn", "^waiting 30 s: .*%(it asked for 30 s%)$").retry_after)
    ws:reconnect()
    await(function () return find(book, "^locked until") ~= nil end)
    told(book, "error", "^locked until reconnect%(%): no session")
    ws:close()
  end)

  it("tells of a migration", function ()
    local log, book = logbook()
    run(function ()
      local _, url = ours.serve()
      local ws = wsmanager.new {url = url, log = log, reconnect = false}
      assert(ws:opened(LONG))
      assert(ws:migrate(url .. "/other"))
      told(book, "info", "^migrated: ")
      assert.is_nil(ws:migrate(ours.nowhere()))
      told(book, "warn", "^not migrated %(refused%)")
      local id = told(book, "info", "^connecting to [^ ]+/other$").id
      assert.is_true(id ~= ws.id)
      ws:send "x"
      assert.equal("x", (ws:receive(LONG)))
      ws:close()
    end)
  end)

  it("is a server's too, for itself and its connections", function ()
    local log, book = logbook()
    run(function ()
      local server, url = ours.serve {
        log = log,
        authorize = function (request)
          if request.path == "/no" then return nil, 401 end
          return true
        end,
        handler = function (ws)
          ws:receive()
          error "broken"
        end,
        onerror = function () end,
      }
      local ws = wsmanager.new {url = url .. "/no?token=abc", reconnect = false}
      assert(ws:closed(LONG))
      ws = wsmanager.new {url = url, reconnect = false}
      assert(ws:opened(LONG))
      ws:send "x"
      assert.equal(1011, (ws:closed(LONG)))
      server:stop()
    end)
    told(book, "info", "^listening on 127%.0%.0%.1, port %d+$")
    assert.equal(401, told(book, "info", "^refused with 401: /no of ").status)
    told(book, "info", "^open: 127%.0%.0%.1:%d+$")
    told(book, "error", "^the server's handler failed: .*broken$")
    told(book, "info", "^the server has stopped$")
  end)

  it("is told by a server of those who never sent a request", function ()
    local log, book = logbook()
    local made = certificates.make()
    finally(function () made:remove() end)
    run(function ()
      local server = ours.serve {
        log = log, tls = {cert = made:path "good.pem", key = made:path "leaf.key"},
      }
      for _, url in ipairs {"ws://127.0.0.1:", "wss://127.0.0.1:"} do
        local ws = wsmanager.new {url = url .. server.port, reconnect = false}
        assert(ws:closed(LONG))
      end
      await(function ()
        local count = 0
        for _, entry in ipairs(book) do
          if entry.text:find "has no WebSocket" then count = count + 1 end
        end
        return count == 2
      end)
    end)
    local fields = told(book, "warn", "^ended: 127%.0%.0%.1:%d+ has no WebSocket: .*TLS")
    assert.equal("tls", fields.token)
    assert.is_nil(fields.id)
  end)

  it("has no credentials, whatever the peer makes of them", function ()
    local log, book = logbook()
    run(function ()
      local _, url = ours.serve {
        handler = function (ws)
          ws:receive()
          ws:close(4001, "bad token=SECRET1 \27[2J")
        end,
      }
      local ws = wsmanager.new {
        url = url:gsub("//", "//user:SECRET2@") .. "/?access_token=SECRET3", log = log,
        headers = {Authorization = "Bearer SECRET4", Cookie = "a=SECRET5"},
        protocols = {"access_token", "SECRET6", optional = true}, reconnect = false,
      }
      assert(ws:opened(LONG))
      ws:send "x"
      assert(ws:closed(LONG))
    end)
    assert.is_true(#book > 5)
    for _, entry in ipairs(book) do
      local all = {entry.text}
      for _, value in pairs(entry.fields) do all[#all + 1] = tostring(value) end
      local text = table.concat(all, " ")
      assert.is_nil(text:find("SECRET", 1, true), text)
      assert.is_nil(text:find "%c", text)
    end
  end)

  it("is wsmanager.log where none is given, and false is none", function ()
    local log, book = logbook()
    wsmanager.log = log
    run(function ()
      local _, url = ours.serve {log = false}
      local ws = wsmanager.new {url = url, reconnect = false, log = false}
      assert(ws:opened(LONG))
      ws:close()
      assert.equal(0, #book)
      ws = wsmanager.WebSocket(url)
      await(function () return find(book, "^open: ") ~= nil end)
      ws:close()
    end)
  end)

  it("reports an error in the function, and goes on", function ()
    local reports = ours.hush()
    local _, url = ours.serve()
    local ws = wsmanager.new {
      url = url, reconnect = false, log = function () error "in the log" end,
    }
    assert(ws:opened(LONG))
    ws:send "x"
    assert.equal("x", (ws:receive(LONG)))
    ws:close()
    assert(ws:closed(LONG))
    assert.is_true(#reports > 3)
    assert.matches("in the log", reports[1].text)
  end)

  it("may use the connection that it tells of", function ()
    local _, url = ours.serve()
    local sent = 0
    local ws = wsmanager.new {
      url = url, reconnect = false,
      log = function (_, _, fields)
        sent = sent + 1
        if sent < 50 then fields.target:send "from the log" end
        if fields.event == "open" then fields.target:ping() end
      end,
    }
    assert(ws:opened(LONG))
    assert.equal("from the log", (ws:receive(LONG)))
    ws:close()
    assert(ws:closed(LONG))
  end)

  it("costs a connection without it nothing", function ()
    local core = require "wsmanager.core"
    local _, url = ours.serve()
    local ws = wsmanager.new {url = url, reconnect = false}
    assert(ws:opened(LONG))
    assert.is_nil(core.link.notes(ws))
    local dispatch = require "wsmanager.run.dispatch"
    assert.is_nil(dispatch.record(ws).sinks)
    ws:close()
  end)

  it("raises for what is no log", function ()
    for _, bad in ipairs {"loud", 5, {}} do
      fails("bad option 'log' %(function, 'debug', 'info', 'warn', 'error' or false "
            .. "expected", wsmanager.new, {url = "ws://localhost", log = bad})
      fails("bad option 'log'", wsmanager.serve, {log = bad, handler = print})
    end
    wsmanager.log = "loud"
    fails("bad wsmanager.log %(function, .* expected, got 'loud'%)", wsmanager.new,
          {url = "ws://localhost"})
    fails("bad wsmanager.log", wsmanager.serve, {handler = print, host = "127.0.0.1"})
    fails("bad argument #1 to 'logger'", wsmanager.logger, "loud")
    fails("bad argument #2 to 'logger' %(function expected, got number", wsmanager.logger,
          "info", 5)
  end)
end)

describe("wsmanager.logger", function ()
  after_each(ours.stop)

  it("writes a line for each sentence of its level or a graver one", function ()
    local lines = {}
    local function write (line) lines[#lines + 1] = line end
    local url = ours.nowhere()
    local ws = wsmanager.new {url = url, reconnect = false, log = wsmanager.logger("warn", write)}
    assert(ws:closed(LONG))
    assert.equal(1, #lines)
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ warn  #%d+ ended: "
                   .. "a failed attempt %(refused%): [^\n]+\n$", lines[1])
    ws = wsmanager.new {url = url, reconnect = false, log = wsmanager.logger("info", write)}
    assert(ws:closed(LONG))
    assert.is_true(#lines > 2)
  end)
end)
