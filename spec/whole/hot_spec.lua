-- What a message costs, counted and never timed: allocations in C and in Lua,
-- system calls. A client and a server of ours in one process.
-- Runs alone.

local certificates = require "support.certificates"
local core = require "wsmanager.core"
local many = require "support.many"
local turns = require "support.turns"
local wsmanager = require "wsmanager"

local link = core.link
local TEXT = ("0123456789abcdef"):rep(4)
local COUNT, FLIGHT = 100000, 250

-- Bytes that Lua holds more of after f() than before, none of them collected.
local function grown(f)
  collectgarbage()
  collectgarbage("stop")
  local before = collectgarbage("count")
  f()
  local after = collectgarbage("count")
  collectgarbage("restart")
  return (after - before) * 1024
end

-- Bytes that a new string of TEXT's length takes.
local function string_bytes()
  local form, format, kept = TEXT:sub(1, #TEXT - 5) .. "%d", string.format, nil
  local bytes = grown(function()
    for i = 10001, 30000 do kept = format(form, i) end
  end) / 20000
  assert.equal(#TEXT, #kept)
  return bytes
end

describe("a message between two coroutines", function()
  local server, ws

  -- As many as FLIGHT are under way, or as `flight` says; each is answered by
  -- the handler of a server of ours.
  local function echo(count, flight)
    for _ = 1, flight do assert(ws:send(TEXT)) end
    for i = 1, count do
      assert(ws:receive())
      if i <= count - flight then ws:send(TEXT) end
    end
  end

  local function with_both(f)
    wsmanager.run(function()
      server = assert(wsmanager.serve { host = "127.0.0.1",
        handler = function(peer)
          local data = peer:receive()
          while data do
            peer:send(data)
            data = peer:receive()
          end
        end })
      ws = assert(wsmanager.new { reconnect = false, heartbeat = false,
        url = "ws://127.0.0.1:" .. server.port })
      assert(ws:opened(60))
      echo(2000, FLIGHT)
      f()
      ws:close()
      server:stop()
    end)
  end

  -- It is made where the server takes it and where the client does.
  it("costs Lua the string itself and nothing else", function()
    local strings = string_bytes()
    local bytes
    with_both(function()
      bytes = grown(function() echo(COUNT, FLIGHT) end) / COUNT
    end)
    assert.is_true(bytes <= 2 * strings + 1, bytes .. " bytes a message, "
                   .. "a string has " .. strings)
  end)

  it("costs no more when each of them is waited for", function()
    local strings = string_bytes()
    local bytes
    with_both(function()
      bytes = grown(function() echo(COUNT / 20, 1) end) / (COUNT / 20)
    end)
    assert.is_true(bytes <= 2 * strings + 1, bytes .. " bytes a message, "
                   .. "a string has " .. strings)
  end)

  it("costs C no allocation", function()
    local before, after
    with_both(function()
      before = core.memory().calls
      echo(COUNT, FLIGHT)
      after = core.memory().calls
    end)
    assert.equal(before, after)
  end)
end)

describe("the path of a message", function()
  local loop, server, client, peer

  local function pump(done)
    local last = core.now() + 60
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

  local files

  setup(function() files = certificates.make() end)
  teardown(function() files:remove() end)
  before_each(function() open() end)

  local function reopen_over_tls()
    link.drop(client)
    link.drop(peer)
    server:close()
    loop:close()
    open {
      server = { cert = files:path "good.pem", key = files:path "leaf.key" },
      client = { ca = files:path "ca.pem" },
    }
  end

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

  it("allocates nothing in C over TLS, OpenSSL aside", function()
    reopen_over_tls()
    assert.is_table(link.stats(client).tls)
    echo(10000)
    local before = core.memory().calls
    echo(COUNT)
    assert.equal(before, core.memory().calls)
  end)

  it("allocates the message's string in Lua, and nothing else", function()
    local strings = string_bytes()
    echo(1000)
    local messages = grown(function() echo(COUNT) end) / COUNT
    -- one string where the server takes it, one where the client does
    assert.is_true(messages <= 2 * strings + 1, messages .. " bytes")
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

  it("reads once for what a write brought", function()
    echo(10000)
    local before = loop:counters()
    echo(COUNT)
    local after = loop:counters()
    local reads, writes = after.reads - before.reads, after.writes - before.writes
    assert.is_true(reads <= writes, reads .. " reads, " .. writes .. " writes")
  end)

  it("reads a lone message once", function()
    for _ = 1, 3 do
      local before = loop:counters().reads
      link.send(client, "alone")
      pump(function() return link.receive(peer) == "alone" end)
      assert.equal(before + 1, loop:counters().reads)
    end
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

describe("the heartbeats of many connections", function()
  local crowd

  before_each(function() crowd = many.new() end)
  after_each(function() crowd:close() end)

  local function open()
    local ws = crowd:dial { heartbeat = { interval = 1.2 } }
    crowd:till(function() return ws.state == "open" end)
    return ws
  end

  -- Pings that were sent and answered.
  local function beats(list)
    local sum = 0
    for _, client in ipairs(list) do sum = sum + link.stats(client).pongs end
    return sum
  end

  -- Each would have an instant of its own; 16 ms share one when they are a second
  -- ahead. A ping takes a turn, its answer two.
  it("go out together when they are due about together", function()
    local list, first = {}, core.now()
    for i = 1, 100 do list[i] = open() end
    local span = core.now() - first
    local times, before = 0, 0
    crowd:till(function()
      local now = beats(list)
      if now > before then times = times + 1 end
      before = now
      return now >= #list
    end)
    assert.is_true(times <= span / 0.016 + 2, times .. " times in " .. span .. " s")
  end)
end)
