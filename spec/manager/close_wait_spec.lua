local certificates = require "support.certificates"
local managers = require "support.managers"
local ours = require "support.ours"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

local LONG = ours.LONG

describe("the end of a connection", function()
  local function closing(role, options)
    local m = role == "server" and managers.serve(options) or managers.open(options)
    m:close(1000, "", 0)
    return m
  end

  for _, role in ipairs { "client", "server" } do
    it("begins anew while the peer acknowledges bytes of a " .. role, function()
      local m = closing(role)
      m:delivered(0, false, 0)
      assert.equal(1250, m:deadline()) -- looks four times in 5 s
      for at = 1250, 60000, 1250 do
        m:delivered(at, false, at)
        m:tick(at)
        assert.same({ "closing", at + 1250 }, { m:state(), m:deadline() })
      end
      for at = 61250, 65000, 1250 do -- it has stopped
        assert.equal("closing", m:state())
        m:delivered(60000, false, at)
        m:tick(at)
      end
      assert.equal("closed", m:state())
    end)

    it("is waited for once when the peer has it all, by a " .. role, function()
      local m = closing(role)
      local ping = role == "server" and managers.masked(9, "x") or managers.frame(9, "x")
      m:delivered(10, false, 0)
      m:delivered(20, false, 1250)
      m:delivered(30, true, 2500) -- at some time after 1250
      assert.equal(6250, m:deadline())
      for at = 2500, 6000, 500 do
        m:feed(ping, at)
        m:delivered(at, at % 1000 == 0, at)
        m:tick(at)
        assert.same({ "closing", 6250 }, { m:state(), m:deadline() })
      end
      m:tick(6250)
      assert.equal("closed", m:state())
    end)
  end

  it("is the one that was given when everything is with the peer at once", function()
    local m = closing "client"
    m:delivered(10, true, 0)
    assert.equal(5000, m:deadline())
  end)

  it("is waited for without an end when timeouts.close is off", function()
    local m = closing("client", { close_ms = 0 })
    m:delivered(0, false, 0)
    assert.is_nil(m:deadline())
    m:delivered(0, true, 1e9)
    m:tick(1e9)
    assert.same({ "closing", nil }, { m:state(), m:deadline() })
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
          wsmanager.sleep(0.03)
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
