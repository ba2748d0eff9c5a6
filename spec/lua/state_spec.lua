-- Lua states that end, or run out of something, while connections are under
-- way: programs of their own, which must end with 0 and say only what they do.

local peers = require "support.peers"
local programs = require "support.programs"

local run = programs.run

local start = [[
local core = require "wsmanager.core"
local link = core.link
local loop = assert(core.loop())
local function dial(url, config)
  config = config or {}
  config.url = url
  local ws = core.connection(loop, config)
  link.start(ws)
  return ws
end
local function turn(n) for _ = 1, n do loop:turn(0.01) loop:ready() end end
]]

describe("a Lua state", function()
  after_each(peers.stop)

  local function ends_well(program)
    assert.equal("status 0\n", run(start .. program))
  end

  local moments = {
    { "before a turn", "" },
    { "after a turn", "turn(1)" },
    { "in the opening handshake", "turn(20)" },
  }
  for _, moment in ipairs(moments) do
    it("ends " .. moment[1] .. " of a peer that says nothing", function()
      local peer = peers.start("scripted", { script = { { "stall" } } })
      ends_well("ws = dial 'ws://127.0.0.1:" .. peer.port .. "'" .. moment[2])
    end)

    it("ends " .. moment[1] .. " of TLS", function()
      local peer = peers.start("scripted", { script = { { "stall" } } })
      ends_well("ws = dial 'wss://127.0.0.1:" .. peer.port .. "'" .. moment[2])
    end)

    it("ends " .. moment[1] .. " while a name is looked up", function()
      ends_well("ws = dial 'ws://no.such.host.invalid'" .. moment[2])
    end)
  end

  it("ends with everything dropped and collected first", function()
    local peer = peers.start("python_server")
    ends_well("for i = 1, 20 do dial 'ws://127.0.0.1:" .. peer.port
      .. "' end turn(10) collectgarbage() collectgarbage() turn(10)")
  end)

  it("ends with the loop closed before its connections", function()
    local peer = peers.start("python_server")
    ends_well("ws = dial 'ws://127.0.0.1:" .. peer.port
      .. "' turn(10) loop:close() assert(ws.state == 'closed') "
      .. "assert(not pcall(link.send, ws, 'x')) link.drop(ws)")
  end)

  it("ends with a server that nobody closed, and its clients", function()
    ends_well [[
      server = assert(core.server(loop, { host = "127.0.0.1" }))
      clients = {}
      for i = 1, 10 do clients[i] = dial("ws://127.0.0.1:" .. server:port()) end
      turn(10)
      claimed = server:next()
      link.accept(claimed)
      turn(5)]]
  end)

  it("ends with the server dropped before its connections", function()
    ends_well [[
      server = assert(core.server(loop, { host = "127.0.0.1" }))
      ws = dial("ws://127.0.0.1:" .. server:port())
      turn(10)
      claimed = server:next()
      link.accept(claimed)
      server:close()
      turn(5)
      assert(claimed.state == "open" and ws.state == "open")
      link.send(claimed, "still here")
      turn(5)
      assert(link.receive(ws) == "still here")]]
  end)

  it("leaves no descriptor behind for another state", function()
    for _, close in ipairs { "", "loop:close()" } do
      ends_well("local program = [[" .. start .. "turn(1)" .. close .. "]]" .. [[
        local states, turns = require "states", require "support.turns"
        states.run(1, program)
        local before = turns.descriptors()
        states.run(50, program)
        local left = turns.descriptors() - before
        assert(left == 0, left .. " are left")]])
    end
  end)

  it("wakes from a turn that began long after the one before", function()
    ends_well [[
      loop:turn(0.01)
      local busy = os.clock() + 0.05
      while os.clock() < busy do end
      loop:turn(0.02)]]
  end)

  it("is interrupted while it waits", function()
    local text = run(start .. [[
      dial "ws://127.0.0.1:9"
      -- os.execute itself ignores the signal, and the loop waits from then on
      os.execute("P=$PPID; (sleep 0.1; kill -INT $P) > /dev/null 2>&1 &")
      local before = core.now()
      local _, why = pcall(function() while true do loop:turn(50) loop:ready() end end)
      print(core.now() - before < 40, why)]])
    assert.matches("^true\t.*interrupted!\nstatus 0\n$", text)
  end)

  it("says when descriptors run out, and others go on", function()
    local peer = peers.start("python_server")
    local url = "'ws://127.0.0.1:" .. peer.port .. "'"
    local text = run(start .. [[
      local first = dial(]] .. url .. [[)
      while first.state ~= "open" do loop:turn(0.1) loop:ready() end
      local all, refused = {}, nil
      for i = 1, 60 do
        all[i] = dial(]] .. url .. [[, { reconnect = false })
      end
      repeat
        loop:turn(0.01)
        loop:ready()
        for _, ws in ipairs(all) do
          local event, token, detail = link.event(ws)
          if event == "error" then refused = token .. ": " .. detail end
        end
      until refused
      print((refused:gsub("limit %d+", "limit N")))
      link.send(first, "on")
      local data
      while not data do loop:turn(0.1) loop:ready() data = link.receive(first) end
      print(data)
    ]], "ulimit -n 40; ")
    assert.matches("refused: .*no descriptors left", text)
    assert.matches("\non\nstatus 0\n$", text)
  end)

  it("takes no connection for which libwebsockets has no place", function()
    local peer = peers.start("python_server")
    local text = run(start .. [[
      assert(os.execute("prlimit --pid $PPID --nofile=200:"))
      local files = {}
      for i = 1, 80 do files[i] = assert(io.open("/dev/null")) end
      local ws = dial("ws://127.0.0.1:]] .. peer.port .. [[",
        { reconnect = false })
      while ws.state ~= "closed" do loop:turn(0.1) loop:ready() end
      for event, token, detail in link.event, ws do
        if event == "error" then print(token, detail) end
      end
      for i = 1, 80 do files[i]:close() end
      loop:close()
    ]], "ulimit -Sn 60; ")
    assert.equal("refused\tlibwebsockets takes no more connections\nstatus 0\n",
      text)
  end)

  it("keeps a server alive when descriptors run out", function()
    local text = run(start .. [[
      local server = assert(core.server(loop, { host = "127.0.0.1" }))
      local port = server:port()
      local children = io.popen("ulimit -Sn 200; exec /usr/bin/python3 -c '"
        .. "import socket, time; l = [socket.create_connection((\"127.0.0.1\","
        .. port .. ")) for i in range(60)]; print(60, flush=True); "
        .. "time.sleep(1)'")
      -- time itself is tested: a loop that spins makes many turns in 0.3 s
      local turns = loop:counters().turns
      local last = core.now() + 0.3
      while core.now() < last do loop:turn(last - core.now()) loop:ready() end
      assert(loop:counters().turns - turns < 120, "it spins")
      assert(children:read "*l" == "60", "too few connections")
      local ws = dial("ws://127.0.0.1:" .. port)
      local asked
      last = core.now() + 10
      repeat
        assert(core.now() < last, "no request came")
        loop:turn(0.01)
        while loop:ready() do end
        while link.event(ws) do end
        asked = server:next()
      until asked
      print "served"
    ]], "ulimit -Sn 40; ")
    assert.matches("served\nstatus 0\n$", text)
  end)
end)
