-- What a message costs, counted and never timed: allocations in C and in Lua,
-- system calls. A client and a server of ours in one process.

local core = require "wsmanager.core"
local turns = require "support.turns"

local link = core.link
local TEXT = ("0123456789abcdef"):rep(4)
local COUNT, FLIGHT = 100000, 250

describe("the path of a message", function()
  local loop, server, client, peer

  local function pump(done)
    local last = core.now() + 20
    while not done() do
      assert(core.now() < last, "nothing came in time")
      loop:turn(0.1)
      while loop:ready() do end
    end
  end

  local function open(tls)
    local scheme = tls and "wss" or "ws"
    loop = assert(core.loop())
    server = assert(core.server(loop, {
      host = "127.0.0.1", tls = tls and core.tls(tls.server, true) }))
    client = core.connection(loop, {
      url = scheme .. "://127.0.0.1:" .. server:port(), reconnect = false,
      tls = tls and core.tls(tls.client, false) })
    link.start(client)
    pump(function() peer = server:next() return peer end)
    assert(link.accept(peer))
    pump(function() return client.state == "open" end)
    while link.event(client) or link.event(peer) do end
  end

  -- Every message goes there and back; FLIGHT of them are under way.
  local function echo(count)
    local receive, send = link.receive, link.send
    local sent, got = 0, 0
    local function serve()
      local data = receive(peer)
      while data do
        send(peer, data)
        data = receive(peer)
      end
    end
    local function read()
      local data = receive(client)
      while data do
        got = got + 1
        if sent < count then
          sent = sent + 1
          send(client, TEXT)
        end
        data = receive(client)
      end
    end
    loop:cork(true)
    for _ = 1, FLIGHT do send(client, TEXT) end
    sent = FLIGHT
    while got < count do
      loop:turn()
      while loop:ready() do end
      serve()
      read()
    end
    loop:cork(false)
  end

  before_each(function() open() end)

  after_each(function()
    link.drop(client)
    link.drop(peer)
    server:close()
    loop:close()
  end)

  it("allocates nothing in C", function()
    echo(10000)
    local before = core.memory().calls
    echo(COUNT)
    assert.equal(before, core.memory().calls)
  end)

  it("allocates the message's string in Lua, and nothing else", function()
    local function grown(f)
      collectgarbage()
      collectgarbage("stop")
      local before = collectgarbage("count")
      f()
      local after = collectgarbage("count")
      collectgarbage("restart")
      return (after - before) * 1024
    end
    local half, kept = TEXT:sub(1, 32), nil
    local strings = grown(function()
      for i = 1, 20000 do kept = half .. i end
    end) / 20000
    assert(kept)
    echo(1000)
    local messages = grown(function() echo(20000) end) / 20000
    -- one string where the server takes it, one where the client does
    assert.is_true(messages <= 2 * (strings + 64), messages .. " bytes")
    assert.is_true(messages <= 2 * 128, messages .. " bytes")
  end)

  it("writes twice at most for what a turn produced: a first part goes early",
     function()
    echo(10000)
    local before = loop:counters()
    echo(COUNT)
    local after = loop:counters()
    local writes = after.writes - before.writes
    local count = after.turns - before.turns
    -- two connections
    assert.is_true(writes <= 2 * 2 * count, writes .. " writes in " .. count .. " turns")
    assert.is_true(COUNT / writes > FLIGHT / 5, writes .. " writes")
  end)

  it("writes once for the few messages of a turn", function()
    loop:cork(true)
    local before = loop:counters().writes
    for _ = 1, 20 do link.send(client, TEXT) end
    assert.equal(before, loop:counters().writes)
    loop:turn(0)
    assert.equal(before + 1, loop:counters().writes)
    loop:cork(false)
  end)

  it("writes a lone message at once", function()
    local before = loop:counters().writes
    link.send(client, "alone")
    assert.equal(before + 1, loop:counters().writes)
    pump(function() return link.receive(peer) == "alone" end)
  end)

  it("gives every buffer back when it is idle", function()
    echo(1000)
    local pending = link.stats(client)
    assert.same({ 0, 0 }, { pending.buffered, pending.unread })
    local blocks = core.memory().blocks
    echo(1000)
    assert.equal(blocks, core.memory().blocks)
  end)

  it("closes no descriptor and opens none", function()
    local before = turns.descriptors()
    echo(1000)
    assert.equal(before, turns.descriptors())
  end)
end)
