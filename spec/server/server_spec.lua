local core = require "wsmanager.core"

local link = core.link

describe("a core server", function()
  local loop, server

  local function serve(config)
    config.host = "127.0.0.1"
    loop = assert(core.loop())
    server = assert(core.server(loop, config))
  end

  local function dial()
    local ws = core.connection(loop, { reconnect = false,
      url = "ws://127.0.0.1:" .. server:port() })
    link.start(ws)
    return ws
  end

  local function turn_until(done)
    local last = core.now() + 60
    while not done() do
      assert(core.now() < last, "nothing came in time")
      loop:turn(0.1)
      while loop:ready() do end
    end
  end

  -- n connections that are open, and their servers' sides.
  local function connect(n)
    local clients, peers = {}, {}
    for i = 1, n do clients[i] = dial() end
    turn_until(function()
      local asked = server:next()
      if asked then
        link.accept(asked)
        peers[#peers + 1] = asked
      end
      return #peers == n
    end)
    turn_until(function()
      for _, ws in ipairs(clients) do
        if ws.state ~= "open" then return false end
      end
      return true
    end)
    return clients, peers
  end

  local function drain(ws)
    while link.event(ws) do end
    return ws.state
  end

  after_each(function()
    collectgarbage("restart")
    server:close()
    loop:close()
  end)

  it("takes a new connection for each that is over, collected or not", function()
    collectgarbage("stop")
    serve { connections = 2 }
    local kept = {}
    for round = 1, 6 do
      local ws, peer = dial(), nil
      turn_until(function() peer = server:next() return peer end)
      link.accept(peer)
      turn_until(function() return ws.state == "open" end)
      assert.equal(1, server:count())
      link.close(ws, 1000)
      turn_until(function()
        drain(peer)
        return drain(ws) == "closed" and peer.state == "closed"
      end)
      assert.equal(0, server:count())
      kept[round] = { ws, peer }
    end
    assert.equal(6, #kept)
  end)

  it("makes the others wait while it is full", function()
    serve { connections = 1 }
    local first, peer = dial(), nil
    turn_until(function() peer = server:next() return peer end)
    link.accept(peer)
    turn_until(function() return first.state == "open" end)
    local second = dial()
    for _ = 1, 10 do loop:turn(0.01) loop:ready() end
    assert.equal("connecting", second.state)
    assert.equal(1, server:count())
    link.drop(first)
    turn_until(function()
      drain(peer)
      local asked = server:next()
      if asked then link.accept(asked) end
      return second.state == "open"
    end)
  end)

  it("frames a broadcast once and reaches all but one", function()
    serve {}
    local clients, peers = connect(5)
    assert.same({ 4, 0 }, { server:broadcast("one", false, peers[1]) })
    assert.same({ 5, 0 }, { server:broadcast(("x"):rep(100000)) })
    local heard, whole = 0, 0
    turn_until(function()
      for _, ws in ipairs(clients) do
        for data in link.receive, ws do
          if data == "one" then heard = heard + 1 end
          if #data == 100000 then whole = whole + 1 end
        end
      end
      return heard == 4 and whole == 5
    end)
    assert.is_false(pcall(server.broadcast, server, "\255"))
  end)

  it("reaches or counts everybody when memory runs out in a broadcast", function()
    -- more than the kernel takes: the rest of each frame needs a block
    local text, reached, counted = ("x"):rep(16 * 2^20), 0, 0
    for calls = 0, 8 do
      serve {}
      local clients, peers = connect(4)
      core.failmemory(calls)
      local ok, sent, full = pcall(server.broadcast, server, text)
      core.failmemory(-1)
      if ok then
        assert.equal(#peers, sent + full)
        reached, counted = reached + sent, counted + full
      end
      for _, ws in ipairs(clients) do link.drop(ws) end
      server:close()
      loop:close()
    end
    serve {}
    assert.is_true(reached > 0 and counted > 4)
  end)

  it("may close with the codes that a server has a use for", function()
    serve {}
    local ws, peer = dial(), nil
    turn_until(function() peer = server:next() return peer end)
    link.accept(peer)
    turn_until(function() return ws.state == "open" end)
    assert.error_matches(function() link.close(peer, 1002) end, "1008, 1009, 1011")
    assert.error_matches(function() link.close(ws, 1008) end,
                         "must be 1000 or 3000 to 4999, not 1008")
    for _, code in ipairs { 1005, 5000, 65536, -1 } do
      local _, why = pcall(link.close, ws, code)
      assert.equal("not " .. code, why:match("not .*$"))
    end
    link.close(peer, 1008, "not here")
    local closed
    turn_until(function()
      for name, code, reason in link.event, ws do
        if name == "close" then closed = code .. " " .. reason end
      end
      return closed
    end)
    assert.equal("1008 not here", closed)
  end)

  it("says where it cannot listen", function()
    serve {}
    local other, token, detail = core.server(loop, { host = "127.0.0.1",
                                                     port = server:port() })
    assert.is_nil(other)
    assert.equal("refused", token)
    assert.matches("127%.0%.0%.1:" .. server:port(), detail)
  end)
end)
