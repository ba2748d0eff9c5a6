-- Peers that stall, cut, drip or lie in the opening handshake, over real
-- sockets: what a program hears of a server, and what a client is answered.
-- Runs once: C, the same under each Lua.

local certificates = require "support.certificates"
local core = require "wsmanager.core"
local echoes = require "support.echoes"
local peers = require "support.peers"
local turns = require "support.turns"
local wsmanager = require "wsmanager"

local SOON = 0.2         -- the deadline for the peers that stall
local LATE = 60          -- and for those that do something

local function to_hex(text)
  return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

local await_request = { "until", "\r\n\r\n" }
local drain, stall, cut, close = { "drain" }, { "stall" }, { "cut" }, { "close" }

-- An answer that is no text for JSON goes over as hex.
local function answers(text)
  return { await_request, { "send", to_hex(text) }, drain }
end

local start = "HTTP/1.1 101 Switching Protocols\r\n"
local upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
local wrong = "Sec-WebSocket-Accept: dGhlIHNhbXBsZSBub25jZQ==\r\n"

-- name, script, token, detail; the deadline
local servers = {
  { "drips its answer", { await_request, { "drip", to_hex(start .. upgrade), 0.1 } },
    "timeout", "opening handshake within 0.2 s" },
  { "accepts and says nothing", { stall }, "timeout", "within 0.2 s" },
  { "reads the request and says nothing", { await_request, stall }, "timeout",
    "opening handshake within 0.2 s" },
  { "stalls in its status line", { await_request, { "text", "HTTP/1.1 10" }, stall },
    "timeout", "opening handshake within 0.2 s" },
  { "stalls in its headers", { await_request, { "text", start .. "Upgr" }, stall },
    "timeout", "opening handshake within 0.2 s" },
  { "stalls before the empty line",
    { await_request, { "text", start .. upgrade .. wrong }, stall },
    "timeout", "opening handshake within 0.2 s" },
  { "sends endless headers",
    { await_request, { "text", start }, { "flood", "413a20620d0a", 60000 }, drain },
    "toobig", "header" },
  { "sends an endless line",
    { await_request, { "text", start .. "A: " }, { "flood", "61", 200000 }, drain },
    "toobig", "16384 bytes" },
  { "sends an endless status line",
    { await_request, { "text", "HTTP/1.1 101 " }, { "flood", "61", 200000 }, drain },
    "toobig", "16384 bytes" },
  { "sends a header without a colon", answers(start .. "nonsense\r\n\r\n"),
    "handshake", 'without a colon: "nonsense"' },
  { "sends a header without a name", answers(start .. ": x\r\n\r\n"),
    "handshake", "without a name" },
  { "sends a space before the colon", answers(start .. "Upgrade : websocket\r\n\r\n"),
    "handshake", "space before the colon" },
  { "folds a header", answers(start .. "A: b\r\n c\r\n\r\n"), "handshake", "folded" },
  { "ends a line in a bare LF", answers(start .. "A: b\n\r\n"), "handshake", "bare LF" },
  { "ends all lines in bare LFs", answers((start .. upgrade .. "\r\n"):gsub("\r", "")),
    "handshake", "bare LF" },
  { "sends a NUL", answers(start .. "A: b\0c\r\n\r\n"), "handshake",
    "control character" },
  { "sends a bare CR", answers(start .. "A: b\rc\r\n\r\n"), "handshake",
    "control character" },
  { "speaks HTTP/1.0", answers("HTTP/1.0 101 OK\r\n" .. upgrade .. "\r\n"),
    "handshake", "HTTP/1.0" },
  { "speaks HTTP/2", answers "HTTP/2 101\r\n\r\n", "handshake", "HTTP" },
  { "sends no number", answers "HTTP/1.1 abc OK\r\n\r\n", "handshake", "status line" },
  { "speaks SSH", answers "SSH-2.0-OpenSSH_9.2\r\n", "handshake", "HTTP/1.1" },
  { "sends 101 without Upgrade", answers(start .. "Connection: Upgrade\r\n\r\n"),
    "handshake", "no Upgrade" },
  { "sends 101 without Connection", answers(start .. "Upgrade: websocket\r\n\r\n"),
    "handshake", "no Connection" },
  { "upgrades to something else",
    answers(start .. "Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n"),
    "handshake", "no Upgrade: websocket" },
  { "sends no accept", answers(start .. upgrade .. "\r\n"), "handshake",
    "no Sec%-WebSocket%-Accept" },
  { "sends a wrong accept", answers(start .. upgrade .. wrong .. "\r\n"), "handshake",
    "does not answer our key" },
  { "sends two accepts", { { "accept", wrong }, drain }, "handshake",
    'more than one header: "Sec%-WebSocket%-Accept"' },
  { "chooses a subprotocol nobody offered",
    { { "accept", "Sec-WebSocket-Protocol: chat\r\n" }, drain },
    "handshake", 'not offered: "chat"' },
  { "chooses an extension nobody offered",
    { { "accept", "Sec-WebSocket-Extensions: permessage-deflate\r\n" }, drain },
    "handshake", "extension that was not offered" },
  { "answers 200", answers "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
    "handshake", '200 "OK"' },
  { "answers 403", answers "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n",
    "handshake", "403" },
  { "stalls in the body of its 503",
    { await_request, { "text", "HTTP/1.1 503 Busy\r\nContent-Length: 100\r\n\r\nx" },
      stall }, "handshake", "503", 0.5 },
  { "ends at once", { { "shutdown" }, drain }, "handshake", "before it answered" },
  { "ends after the request", { await_request, close }, "handshake",
    "before it answered" },
  { "resets after the request", { await_request, cut }, "closed", "reset" },
  { "ends in its status line", { await_request, { "text", "HTTP/1.1 10" }, close },
    "handshake", "before it answered" },
  { "resets in its headers", { await_request, { "text", start .. "Upgr" }, cut },
    "closed", "reset" },
}

local get = "GET /x HTTP/1.1\r\nHost: example.com\r\n"
local version = "Sec-WebSocket-Version: 13\r\n"
local key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
local whole = get .. upgrade .. version .. key

local function asks(text)
  return { { "send", to_hex(text) }, drain }
end

-- name, script, status, and what the answer says
local clients = {
  { "says nothing", { drain }, 408 },
  { "stalls in its request line", asks "GET /x HT", 408 },
  { "stalls before the empty line", asks(whole), 408 },
  { "sends an endless line", { { "text", "GET /" }, { "flood", "61", 200000 }, drain },
    431 },
  { "sends endless headers",
    { { "text", get }, { "flood", "413a20620d0a", 60000 }, drain }, 431 },
  { "sends a header without a colon", asks(whole .. "nonsense\r\n\r\n"), 400 },
  { "sends a space before the colon", asks(whole .. "A : b\r\n\r\n"), 400 },
  { "folds a header", asks(whole .. " more\r\n\r\n"), 400 },
  { "ends a line in a bare LF", asks(whole .. "A: b\n\r\n"), 400 },
  { "ends all lines in bare LFs", asks((whole .. "\r\n"):gsub("\r", "")), 400 },
  { "sends a NUL", asks(whole .. "A: b\0c\r\n\r\n"), 400 },
  { "speaks SSH", asks "SSH-2.0-OpenSSH_9.2\r\n", 400 },
  { "posts", asks((whole:gsub("^GET", "POST")) .. "\r\n"), 405, "Allow: GET" },
  { "speaks HTTP/1.0", asks((whole:gsub("1%.1", "1.0")) .. "\r\n"), 426,
    "Upgrade: websocket" },
  { "speaks version 8", asks((whole:gsub("13", "8")) .. "\r\n"), 426,
    "Sec%-WebSocket%-Version: 13" },
  { "sends two versions", asks(whole .. version .. "\r\n"), 400 },
  { "sends no key", asks(get .. upgrade .. version .. "\r\n"), 400, "no Sec" },
  { "sends two keys", asks(whole .. key .. "\r\n"), 400, "more than one" },
  { "sends a short key",
    asks(get .. upgrade .. version .. "Sec-WebSocket-Key: YWJj\r\n\r\n"), 400, "16 bytes" },
  { "sends no host", asks((whole:gsub("Host: [^\r]*\r\n", "")) .. "\r\n"), 400, "Host" },
  { "sends two hosts", asks(whole .. "Host: example.org\r\n\r\n"), 400, "Host" },
  { "sends a body", asks(whole .. "Content-Length: 2\r\n\r\nhi"), 400, "body" },
  { "sends chunks", asks(whole .. "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400,
    "body" },
  { "asks for no upgrade", asks(get .. "\r\n"), 426 },
}

-- Clients that leave: script
local leavers = {
  { "ends at once", { close } },
  { "resets at once", { cut } },
  { "ends in its request", { { "text", get }, close } },
  { "resets in its request", { { "text", get }, cut } },
  { "says no more in its request", { { "text", get }, { "shutdown" }, drain } },
  { "drips and leaves", { { "drip", to_hex(get), 0.01 }, close } },
}

-- Clients that do not finish TLS's handshake: script
local half_record = "1603010200010001fc0303"
local silent_in_tls = {
  { "sends no byte of TLS", { drain } },
  { "sends half a record of TLS", { { "send", half_record }, drain } },
  { "sends half a record of TLS, then its end",
    { { "send", half_record }, { "shutdown" }, drain } },
}

local function ending_of(list)
  for _, event in ipairs(list) do
    if event.event == "ended" then return event end
  end
end

describe("in the opening handshake", function()
  after_each(peers.stop)

  describe("a server that", function()
    local function visit(script, deadline)
      local peer = peers.start("scripted", { script = script })
      return echoes.visit({ "ws://127.0.0.1:" .. peer.port .. "/x" }, 1,
                          { timeouts = { open = deadline } })[1]
    end

    for _, row in ipairs(servers) do
      it(row[1] .. " ends in " .. row[3], function()
        local ending = visit(row[2], row[3] == "timeout" and SOON or row[5] or LATE)
        assert.equal(row[3], ending.token, ending.detail)
        assert.matches(row[4], ending.detail)
        assert.same({ 1006, "", false }, { ending.code, ending.reason, ending.clean })
      end)
    end
  end)

  describe("a client that", function()
    local server

    after_each(function() server:stop(0) end)

    local function play(script, deadline)
      server = echoes.serve { timeouts = { open = deadline, close = deadline } }
      local peer = peers.start("scripted", { script = script,
        connect = { port = server.port } })
      return ending_of(echoes.until_said(peer, "ended")), peer:events()
    end

    local function answer_in(events)
      for _, event in ipairs(events) do
        if event.event == "read" then
          return (event.hex:gsub("%x%x", function(digits)
            return string.char(tonumber(digits, 16))
          end))
        end
      end
    end

    for _, row in ipairs(clients) do
      it(row[1] .. " is answered " .. row[3], function()
        local ended, events = play(row[2], row[3] == 408 and SOON or LATE)
        local answer = answer_in(events)
        assert.matches("^HTTP/1.1 " .. row[3] .. " ", answer)
        assert.matches(row[4] or "Connection: close", answer)
        assert.equal("end", ended.how)
      end)
    end

    it("drips its request is cut off", function()
      local request = whole .. ("A: b\r\n"):rep(200)    -- 20 s and more
      assert.equal("reset", play({ { "drip", to_hex(request), 0.02 } }, SOON).how)
    end)

    local function until_gone()
      local last = wsmanager.now() + 60
      while server.core:count() > 0 do
        assert(wsmanager.now() < last, "the connection is still counted")
        wsmanager.step(0.05)
      end
    end

    for _, row in ipairs(leavers) do
      it(row[1] .. " leaves nothing behind", function()
        play(row[2], LATE)
        until_gone()
      end)
    end

    -- It cannot be answered: nothing waits for it to take its end.
    for _, row in ipairs(silent_in_tls) do
      it(row[1] .. " is dropped", function()
        local made = certificates.make()
        server = echoes.serve {
          timeouts = { open = SOON, close = 3600 },
          tls = { cert = made:path "good.pem", key = made:text "leaf.key" },
        }
        local peer = peers.start("scripted", { script = row[2],
          connect = { port = server.port } })
        echoes.until_said(peer, "ended")
        until_gone()
        made:remove()
      end)
    end
  end)

  it("leaves no descriptor behind", function()
    collectgarbage()
    collectgarbage()
    local before, blocks = turns.descriptors(), core.memory().blocks
    local scripts, urls = {}, {}
    for i, row in ipairs(servers) do scripts[i] = row[2] end
    local peer = peers.start("scripted", { scripts = scripts })
    for i = 1, #servers do urls[i] = "ws://127.0.0.1:" .. peer.port .. "/x" end
    echoes.visit(urls, 1, { timeouts = { open = 0.1 } })
    peer:stop()
    collectgarbage()
    collectgarbage()
    assert.equal(before, turns.descriptors())
    assert.is_true(core.memory().blocks < blocks + #servers / 4)
  end)
end)
