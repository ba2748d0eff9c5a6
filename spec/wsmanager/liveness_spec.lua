-- Who counts as dead, with real sockets and short times; spec/manager/liveness_spec.lua
-- has the rules on a fake clock.
-- Runs once: C and the kernel, the same under each Lua.

local certificates = require "support.certificates"
local ours = require "support.ours"
local peers = require "support.peers"
local programs = require "support.programs"
local wsmanager = require "wsmanager"

local run, await, LONG = wsmanager.run, ours.await, ours.LONG

local MESSAGE = "827e0400" .. ("61"):rep(1024)    -- a frame of 1 KiB

-- A connection that tells the first error in `failure`, and does not reconnect.
local function connect (options)
  local failure = {}
  options.reconnect = false
  options.onerror = function (event)
    failure.token, failure.message = event.token, event.message
  end
  local ws = wsmanager.new(options)
  assert(ws:opened(LONG))
  return ws, failure
end

local function scripted (...)
  local peer = peers.start("scripted", {script = {{"accept", ""}, ...}})
  return "ws://127.0.0.1:" .. peer.port .. "/", peer
end

local function signal (peer, name)
  assert(os.execute("kill -" .. name .. " " .. peer.pid))
end

local function ends_with (token, message, ws, failure)
  ws:closed(LONG)
  assert.equal(token, failure.token)
  assert.matches(message, failure.message)
end

describe("a real peer", function ()
  local stopped

  after_each(function ()
    if stopped then signal(stopped, "CONT") end
    stopped = nil
    ours.stop()
    peers.stop()
  end)

  it("is dead when its program hangs and its kernel acknowledges", function ()
    run(function ()
      stopped = peers.start("python_server")
      local ws, failure = connect {
        url = "ws://127.0.0.1:" .. stopped.port .. "/echo",
        heartbeat = {interval = .2, timeout = .6},
      }
      signal(stopped, "STOP")
      ends_with("timeout", "the peer sent nothing for 0%.6 s", ws, failure)
    end)
  end)

  it("is dead when it stops to read what we send", function ()
    run(function ()
      stopped = peers.start("python_server")
      local ws, failure = connect {
        url = "ws://127.0.0.1:" .. stopped.port .. "/echo",
        heartbeat = {interval = .2, timeout = .6}, buffer = 100000,
      }
      signal(stopped, "STOP")
      local ok, token
      repeat ok, token = ws:send(("x"):rep(65536), "binary") until not ok
      assert.equal("closed", token)
      ends_with("timeout", "the peer sent nothing", ws, failure)
    end)
  end)

  it("is alive while it reads and says nothing, and then is not", function ()
    run(function ()
      local total = 6 * 2^20
      local url, peer = scripted({"sip", 65536, .02})
      local ws, failure = connect {
        url = url, buffer = 2 * total, heartbeat = {interval = .5, timeout = 1.5},
      }
      for _ = 1, 6 do assert(ws:send(("x"):rep(2^20), "binary")) end
      ends_with("timeout", "the peer sent nothing", ws, failure)
      local read
      await(function ()
        for _, event in ipairs(peer:events()) do
          if event.event == "read" then read = event.n end
        end
        return read and read >= total
      end)
    end)
  end)

  it("is alive while it takes our messages slowly", function ()
    run(function ()
      local got = 0
      local _, url = ours.serve {
        inbox = 2^18,
        handler = function (ws)
          while ws:receive() do
            got = got + 1
            wsmanager.sleep(.02)    -- a slow reader
          end
        end,
      }
      local ws, failure = connect {
        url = url, buffer = 2^24, heartbeat = {interval = .5, timeout = 4},
      }
      -- longer than the timeout, and what the peer's kernel acknowledges and its
      -- program has not read, some 3 MB, is read in much less than that
      for _ = 1, 250 do assert(ws:send(("x"):rep(2^18), "binary")) end
      await(function () return got == 250 or failure.token end)
      assert.same({250, nil}, {got, failure.token})
      ws:close()
    end)
  end)

  it("hears from us while only it sends", function ()
    run(function ()
      local _, url = ours.serve(function (ws)
        while ws:stats().pings < 3 and ws:send "news" do wsmanager.sleep(.02) end
        ws:send "enough"
        ws:receive()
      end)
      local ws = connect {url = url, heartbeat = {interval = .1, timeout = 30}}
      local data
      repeat data = ws:receive(LONG) until data ~= "news"
      assert.equal("enough", data)
      ws:close()
    end)
  end)

  it("is not dead because our program was blocked", function ()
    run(function ()
      local peer = peers.start("python_server")
      local ws, failure = connect {
        url = "ws://127.0.0.1:" .. peer.port .. "/echo",
        heartbeat = {interval = .3, timeout = .9},
      }
      os.execute "sleep 2.5"                    -- nothing lies in the socket
      await(function () return ws:stats().pongs > 0 or failure.token end)
      assert.is_nil(failure.token)
      local before = ws:stats().pongs
      assert(ws:send "hello")
      os.execute "sleep 2.5"                    -- the answer does
      assert.equal("hello", ws:receive(LONG))
      await(function () return ws:stats().pongs > before or failure.token end)
      assert.is_nil(failure.token)
      ws:close()
    end)
  end)

  it("is alive byte by byte, in a frame that is not whole", function ()
    run(function ()
      local url = scripted({"drip", "8118" .. ("61"):rep(24), .1}, {"stall"})
      local ws, failure = connect {url = url, heartbeat = {interval = .3, timeout = 1.2}}
      assert.equal(("a"):rep(24), (ws:receive(LONG)))
      ends_with("timeout", "the peer sent nothing", ws, failure)
    end)
  end)

  it("is alive byte by byte, in a TLS record that is not whole", function ()
    run(function ()
      local files = certificates.make()
      local peer = peers.start("scripted", {
        relay = true,
        tls = {cert = files:path "good.pem", key = files:path "leaf.key"},
        script = {{"accept", ""}, {"frame"}, {"pace", .05}, {"send", "8118" .. ("61"):rep(24)},
                  {"stall"}},
      })
      local ws, failure = connect {
        url = "wss://localhost:" .. peer.port .. "/", tls = {ca = files:text "ca.pem"},
        heartbeat = {interval = .3, timeout = 1.2},
      }
      files:remove()
      assert(ws:send "go on")
      assert.equal(("a"):rep(24), (ws:receive(LONG)))
      ends_with("timeout", "the peer sent nothing", ws, failure)
    end)
  end)

  it("that answers and sends no message is dropped by the silence", function ()
    run(function ()
      local pings = 0
      local _, url = ours.serve(function (ws)
        while ws.state == "open" do
          pings = ws:stats().pings
          wsmanager.sleep(.01)
        end
      end)
      local ws, failure = connect {
        url = url, heartbeat = {interval = .1, timeout = 30, silence = .5},
      }
      ends_with("timeout", "the peer sent no message for 0%.5 s", ws, failure)
      assert.is_true(pings > 0)
    end)
  end)
end)

describe("behind a full inbox", function ()
  after_each(function ()
    ours.stop()
    peers.stop()
  end)

  local function fill (ws)
    await(function () return ws:stats().unread >= 10000 or ws.state ~= "open" end)
  end

  local function take_all (ws)
    local count = 0
    local data, token = ws:receive(LONG)
    while data do
      count = count + 1
      data, token = ws:receive(LONG)
    end
    return count, token
  end

  it("a healthy and silent peer is alive", function ()
    run(function ()
      local pings = 0
      local _, url = ours.serve(function (ws)
        for _ = 1, 20 do ws:send(("x"):rep(1024)) end
        while ws.state == "open" do
          pings = ws:stats().pings
          wsmanager.sleep(.01)
        end
      end)
      local ws, failure = connect {
        url = url, inbox = 10000, heartbeat = {interval = .2, timeout = .6},
      }
      fill(ws)
      await(function () return pings >= 8 or failure.token end)
      assert.same({nil, "open"}, {failure.token, ws.state})
      for _ = 1, 20 do assert.equal(1024, #ws:receive(LONG)) end
      ws:close()
    end)
  end)

  it("a peer that floods us and reads nothing is dropped", function ()
    run(function ()
      local server_failure, server_side
      local server = ours.serve {
        heartbeat = {interval = .3, timeout = .9}, onerror = function () end,
        handler = function (ws)
          server_side = ws
          ws:addEventListener("error", function (event)
            server_failure = server_failure or event
          end)
          local data, kind = ws:receive()
          while data and ws:send(data, kind) do data, kind = ws:receive() end
        end,
      }
      local ws = wsmanager.new {
        url = "ws://127.0.0.1:" .. server.port, heartbeat = false, reconnect = false,
        onerror = function () end,
      }
      assert(ws:opened(LONG))
      local sender = wsmanager.spawn(function ()
        while ws:send(("x"):rep(200000), "binary") do end
      end)
      await(function () return server_side ~= nil end)
      server_side:closed(LONG)
      assert.equal("timeout", server_failure.token)
      ws:close()
      while ws:receive(LONG) do end
      return sender
    end)
  end)

  for how, options in pairs {
    cut = {heartbeat = {interval = .2, timeout = 60}}, close = {heartbeat = false},
  } do
    -- a system without POLLRDHUP does not tell of an end behind unread bytes
    local title = "the end of a peer is noticed: " .. how
    it(how == "close" and title .. " #linux" or title, function ()
      run(function ()
        local ws, failure = connect {
          url = scripted({"flood", MESSAGE, 64}, {"frame"}, {how}), inbox = 10000,
          heartbeat = options.heartbeat,
        }
        fill(ws)
        assert(ws:send "now")
        await(function () return ws.state ~= "open" end)
        assert.equal("closing", ws.state)
        ours.refused("closed", ws:send "too late")
        local count, token = take_all(ws)
        assert.same({64, "closed"}, {count, token})
        await(function () return failure.token end)
        assert.equal("closed", failure.token)
      end)
    end)
  end

  it("what it left is dropped when nobody takes it, and told", function ()
    run(function ()
      local ws, failure = connect {
        url = scripted({"flood", MESSAGE, 1024}, {"frame"}, {"close"}), inbox = 10000,
        heartbeat = {interval = .2, timeout = .6},
      }
      fill(ws)
      assert(ws:send "now")
      ws:closed(LONG)
      assert.equal("closed", failure.token)
      assert.matches("and %d+ bytes of it were never read", failure.message)
      local dropped = ws:stats().unread_dropped
      assert.is_true(dropped > 0 and dropped < 1028 * 1024)
    end)
  end)

  it("close() does not wait for it", function ()
    run(function ()
      local ws = connect {
        url = scripted({"flood", MESSAGE, 64}, {"frame"}, {"close"}), inbox = 10000,
        heartbeat = {interval = .2, timeout = 60},
      }
      fill(ws)
      assert(ws:send "now")
      await(function () return ws.state == "closing" end)
      ws:close()
      assert(ws:closed(LONG))
    end)
  end)
end)

-- In a network of its own, whose packets a rule drops: no reset follows.
local cable = [[
  local wsmanager = require "wsmanager"
  local rules = "add table inet t; add chain inet t c { type filter hook input "
                .. "priority 0; }; add rule inet t c tcp dport PORT drop; "
                .. "add rule inet t c tcp sport PORT drop"
  local function pull (port)
    local file = io.popen("nft -f -", "w")
    file:write((rules:gsub("PORT", port):gsub("; ", "\n"):gsub("\n}", "; }")))
    file:close()
  end
  local function try (name, options, handler, body)
    local server = assert(wsmanager.serve {
      host = "127.0.0.1", port = 0, heartbeat = false, onerror = function () end,
      handler = handler or function (ws) while ws:receive() do end end,
    })
    options.url, options.reconnect = "ws://127.0.0.1:" .. server.port, false
    options.onerror = function (event)
      print(name .. ": " .. event.token .. ": " .. event.message)
    end
    local ws = wsmanager.new(options)
    assert(ws:opened(30))
    if body then body(ws, function () pull(server.port) end) else pull(server.port) end
    assert(ws:closed(30))
    server:stop(0)
  end
  local function trickle (ws, pull_it)
    wsmanager.spawn(function () while ws:send "x" do wsmanager.sleep(.02) end end)
    wsmanager.sleep(.1)    -- some of it is on its way
    pull_it()
  end
  wsmanager.run(function ()
    try("idle", {heartbeat = {interval = .2, timeout = .6}})
    for _, mode in ipairs {"either", "received", "sent", "always"} do
      try(mode, {heartbeat = {interval = .2, timeout = .6, mode = mode}}, nil, trickle)
    end
    try("full", {heartbeat = {interval = .2, timeout = .6}, inbox = 10000},
        function (ws)
          for _ = 1, 20 do ws:send(("x"):rep(1024)) end
          ws:receive()
        end,
        function (ws, pull_it)
          while ws:stats().unread < 10000 do wsmanager.sleep(.01) end
          pull_it()
        end)
    try("silence", {heartbeat = {interval = false, timeout = .5}})
  end)
]]

local IN_A_NETWORK = "unshare -n sh -c 'ip link set lo up && exec \"$@\"' - "

-- Why no cable can be pulled here, or nil.
local function missing ()
  local pipe = io.popen(IN_A_NETWORK .. "nft add table inet t 2>&1; echo status $?")
  local text = pipe:read "*a"
  pipe:close()
  return not text:find "status 0\n$" and text or nil
end

describe("a pulled cable", function ()
  it("is noticed in every mode, and behind a full inbox", function ()
    local why = missing()
    assert(not why, "no packets can be dropped here: a network namespace (unshare -n: "
      .. "root, or CAP_SYS_ADMIN and CAP_NET_ADMIN) and nft (Debian: nftables, and "
      .. "iproute2 for ip) are needed, and a kernel with nf_tables: " .. tostring(why))
    local nothing = ": timeout: the peer sent nothing for 0.6 s\n"
    assert.equal(
      "idle" .. nothing .. "either" .. nothing .. "received" .. nothing
      .. "sent" .. nothing .. "always" .. nothing
      .. "full: timeout: the inbox is full and the peer acknowledged nothing for 0.4 s\n"
      .. "silence: timeout: the peer sent nothing for 0.5 s\n"
      .. "status 0\n", programs.run(cable, IN_A_NETWORK))
  end)
end)
