-- connection.lua: close() with much to send or to receive, over real sockets.

local certificates = require "support.certificates"
local ours = require "support.ours"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

local LONG = ours.LONG

describe("close() with an inbox that is full", function()
  after_each(ours.stop)

  it("counts and tells what comes beyond it", function()
    local message, count = ("x"):rep(1000), 200
    local sent = 0
    local server, url = ours.serve(function(ws)
      for _ = 1, count do
        if not ws:send(message) then break end
        sent = sent + 1
      end
      ws:receive()
    end)
    wsmanager.run(function()
      local dropped = {}
      local ws = wsmanager.new { url = url, inbox = 10000, reconnect = false }
      ws:addEventListener("dropped", function(event) dropped[#dropped + 1] = event end)
      ours.await(function() return ws:stats().pauses > 0 and sent == count end)
      ws:close()
      assert.equal(1005, (ws:closed(LONG)))
      local kept, lost, bytes = 0, 0, 0
      while ws:receive(0) do kept = kept + 1 end
      for _, event in ipairs(dropped) do
        assert.same({ "full", true }, { event.token, event.received })
        lost, bytes = lost + event.count, bytes + event.bytes
      end
      assert.is_true(kept >= 10)
      assert.equal(count, kept + lost)
      assert.equal(lost * #message, bytes)
      assert.equal(bytes, ws:stats().unread_dropped)
      server:stop(0)
    end)
  end)
end)

describe("close() with much to send", function()
  local files

  setup(function() files = certificates.make() end)
  teardown(function() files:remove() end)
  after_each(function()
    ours.stop()
    peers.stop()
  end)

  -- More than the kernel takes, to a peer that takes a piece now and then: what
  -- it got of `count` pieces, and how the connection ended.
  local function upload(tls)
    local count, got, piece, over = 24, 0, ("x"):rep(2^20), false
    local server = assert(wsmanager.serve {
      host = "127.0.0.1", inbox = 2^20, limits = { message = 2^21 },
      tls = tls and { cert = files:path "good.pem", key = files:path "leaf.key" } or nil,
      handler = function(ws)
        while ws:receive() do
          got = got + 1
          wsmanager.sleep(0.03)    -- a slow reader
        end
        over = true
      end,
    })
    local ws = wsmanager.new {
      url = (tls and "wss" or "ws") .. "://127.0.0.1:" .. server.port,
      tls = tls and { ca = files:path "ca.pem" } or nil,
      buffer = 64 * 2^20, reconnect = false, timeouts = { close = 0.3 },
    }
    assert.is_true(ws:opened(LONG))
    for _ = 1, count do assert(ws:send(piece, "binary")) end
    ws:close(1000)
    local code, _, clean = ws:closed(LONG)
    ours.await(function() return over end)
    server:stop(0)
    return count - got, code, clean
  end

  for _, tls in ipairs { false, true } do
    it("loses nothing to a slow reader" .. (tls and " over TLS" or ""), function()
      wsmanager.run(function()
        assert.same({ 0, 1000, true }, { upload(tls) })
      end)
    end)
  end

  it("ends when the peer reads nothing", function()
    wsmanager.run(function()
      local peer = peers.start("scripted", { script = { { "accept", "" }, { "stall" } } })
      local ws = wsmanager.new { url = "ws://127.0.0.1:" .. peer.port, reconnect = false,
        buffer = 64 * 2^20, timeouts = { close = 0.2 }, onerror = function() end }
      assert.is_true(ws:opened(LONG))
      assert(ws:send(("x"):rep(16 * 2^20), "binary"))
      ws:close(1000)
      assert.equal(1006, (ws:closed(LONG)))
    end)
  end)
end)
