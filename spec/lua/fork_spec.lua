-- Processes that fork while connections, servers and lookups are there: the
-- parent must not notice what the child does with its copies, nor its end.

local certificates = require "support.certificates"
local peers = require "support.peers"
local programs = require "support.programs"

local START = [[
local w = require "wsmanager"
local core = require "wsmanager.core"
local link = core.link
local processes = require "processes"
local function echoes (ws, text)
  assert(ws:send(text))
  assert(ws:receive(30) == text)
end
local function must_raise (fn, ...)
  local ok, why = pcall(fn, ...)
  assert(not ok and tostring(why):find("this process was forked after", 1, true),
         tostring(why))
end
local function serve (given)
  given.handler = given.handler or function (ws)
    local data = ws:receive()
    while data do ws:send(data) data = ws:receive() end
  end
  return assert(w.serve(given))
end
]]

local function ends_well(program)
  assert.equal("status 0\n", programs.run(START .. program))
end

-- What a child does with its copies of `ws`, before its state is closed.
local children = {
  { "does nothing", "" },
  { "collects its connection", "ws = nil collectgarbage() collectgarbage()" },
  { "drops its connection", "link.drop(ws)" },
  { "closes its connection", "ws:close() ws:close(1000, 'bye') ws:flush()" },
  { "closes its loop", [[
      local loop = require "wsmanager.run.scheduler".loop
      must_raise(loop)
      local _, value = debug.getupvalue(require "wsmanager.run.scheduler".run, 1)
      local function loop_of (fn)
        for i = 1, 20 do
          local name, it = debug.getupvalue(fn, i)
          if name == "loop" then return it end
        end
      end
      loop_of(w.step):close()]] },
  { "asks its connection", [[
      local function is_closed (ok, token, why)
        assert(ok == nil and token == "closed", tostring(token))
        assert(why:find "this process was forked", why)
      end
      is_closed(ws:send "to the child")
      is_closed(ws:send("to the child", "binary", 5))
      is_closed(ws:receive())
      is_closed(ws:receive(5))
      is_closed(ws:opened())
      is_closed(ws:drain())
      is_closed(ws:drain(5))
      is_closed(ws:ping())
      assert(ws:closed() == 1006)
      assert(ws.state == "closed" and ws.readyState == 3)
      assert(ws.bufferedAmount == 0)
      for data in ws:messages() do error(data) end
      assert(#ws:unsent() == 0)
      ws:stats() ws:answer() ws:flush()
      must_raise(ws.reconnect, ws)]] },
  { "turns the loop", [[
      local function run () w.run(function () end) end
      must_raise(w.step, 0) must_raise(w.step) must_raise(w.run)
      must_raise(run) must_raise(w.sleep, 0)
      must_raise(w.new, {url = "ws://127.0.0.1:1"})
      must_raise(w.serve, {port = 0, handler = run})]] },
  { "has tasks and queues", [[
      local task, queue = w.spawn(error), w.queue(1)
      must_raise(task.join, task) must_raise(task.join, task, 5)
      must_raise(queue.take, queue) must_raise(queue.take, queue, 5)
      assert(queue:put(1))
      must_raise(queue.put, queue, 2) must_raise(queue.put, queue, 2, 5)
      assert(queue:take() == 1)
      assert(task:cancel())
      assert(select(2, task:join()) == "cancelled")]] },
  { "forks again", [[
      local grandchild = processes.fork()
      if grandchild == 0 then
        must_raise(w.step, 0)
        assert(ws:receive() == nil)
        return
      end
      assert(processes.wait(grandchild) == 0)
      must_raise(w.step, 0)]] },
  { "has a loop of another state", [[
      require "states".run(1, "local w = require 'wsmanager'"
        .. " local ws = w.new {url = '" .. url .. "', tls = "
        .. (tls and "{ca = '" .. ca .. "'}" or "nil") .. "}"
        .. " assert(ws:opened(30)) ws:send 'other'"
        .. " assert(ws:receive(30) == 'other')")]] },
}

describe("a forked child", function()
  local made
  setup(function() made = certificates.make() end)
  teardown(function() made:remove() end)
  after_each(peers.stop)

  for _, scheme in ipairs { "ws", "wss" } do
    local url
    before_each(function()
      local tls = scheme == "wss" and { cert = made:path "good.pem",
                                       key = made:path "leaf.key" } or nil
      url = scheme .. "://127.0.0.1:" .. peers.start("python_server", { tls = tls }).port .. "/echo"
    end)

    for _, child in ipairs(children) do
      it("that " .. child[1] .. " leaves its parent's " .. scheme .. " as it is", function()
        ends_well("local url, ca = '" .. url .. "', '" .. made:path "ca.pem" .. "'" .. [[
          local tls = url:find "^wss" and {ca = ca} or nil
          local ws = w.new {url = url, tls = tls, reconnect = false}
          assert(ws:opened(30))
          echoes(ws, "before")
          w.step(0)
          local child = processes.fork()
          if child == 0 then ]] .. child[2] .. [[ return end
          assert(processes.wait(child) == 0)
          for _ = 1, 3 do echoes(ws, "after") end
          ws:close(1000)
          assert(ws:closed(30) == 1000)]])
      end)
    end
  end

  it("leaves an attempt, and messages that came, to its parent", function()
    local peer = peers.start("python_server")
    ends_well("local url = 'ws://127.0.0.1:" .. peer.port .. "/echo'" .. [[
      local waiting = w.new {url = url}
      local full = w.new {url = url}
      assert(full:opened(30))
      full:send "one" full:send "two"
      assert(full:receive(30) == "one")
      waiting:send "kept"
      local child = processes.fork()
      if child == 0 then
        assert(full:receive() == nil and waiting:receive() == nil)
        assert(#waiting:unsent() == 0)
        return
      end
      assert(processes.wait(child) == 0)
      assert(full:receive(30) == "two")
      assert(waiting:receive(30) == "kept")]])
  end)

  for _, place in ipairs { "port = 0", "path = os.tmpname()" } do
    it("leaves a server to its parent: " .. place, function()
      ends_well("local given = {" .. place .. "}" .. [[
        if given.path then os.remove(given.path) end
        local server = serve(given)
        local first = w.new {url = "ws://127.0.0.1:" .. serve {port = 0}.port}
        assert(first:opened(30))
        local child = processes.fork()
        if child == 0 then
          assert(server:broadcast "x" == 0)
          server:stop()
          server = nil
          collectgarbage()
          return
        end
        assert(processes.wait(child) == 0)
        echoes(first, "first")
        if given.path then
          -- a second server finds the first one there
          local ok, token, why = w.serve {path = given.path, handler = print}
          assert(not ok and why:find "another server is listening", why)
        else
          local second = w.new {url = "ws://127.0.0.1:" .. server.port}
          assert(second:opened(30))
          echoes(second, "second")
        end
        server:stop()
        if given.path then assert(not io.open(given.path)) end]])
    end)
  end

  it("that lives on keeps no connection and no port of its parent", function()
    ends_well [[
      local sides = {}
      local server = serve {port = 0, handler = function (side)
        sides[#sides + 1] = side
        side:receive()
      end}
      local port = server.port
      local ws = w.new {url = "ws://127.0.0.1:" .. port, reconnect = false}
      assert(ws:opened(30))
      while not sides[1] do w.step() end
      local child = processes.fork()
      if child == 0 then processes.pause() end
      link.abort(sides[1], "gone")
      assert(ws:closed(30) == 1006)
      server:stop(0)
      serve {port = port}
      processes.kill(child)]]
  end)

  it("of a coroutine ends its copy of run", function()
    local peer = peers.start("python_server")
    ends_well("local url = 'ws://127.0.0.1:" .. peer.port .. "/echo'" .. [[
      local child
      local function main ()
        local ws = w.new {url = url}
        assert(ws:opened(30))
        echoes(ws, "before")
        child = processes.fork()
        if child == 0 then
          assert(select(2, ws:receive()) == "closed")
          must_raise(w.run, print)
          w.sleep(0)
          os.exit(9)
        end
        assert(processes.wait(child) == 0)
        echoes(ws, "after")
      end
      local ok, why = pcall(w.run, main)
      if child == 0 then return must_raise(error, why, 0) end
      assert(ok, why)]])
  end)

  it("does not touch the descriptor that a host of its parent polls #linux", function()
    local peer = peers.start("python_server")
    ends_well("local url = 'ws://127.0.0.1:" .. peer.port .. "/echo'" .. [[
      local loop = assert(core.loop())
      local ws = core.connection(loop, {url = url, heartbeat = false})
      link.start(ws)
      while ws.state ~= "open" do loop:turn(1) while loop:ready() do end end
      while loop:ready() or link.event(ws) do end
      link.send(ws, "x")
      while not link.receive(ws) do loop:turn(1) while loop:ready() do end end
      loop:turn(0)
      local info = "grep -v pos: /proc/" .. io.open "/proc/self/stat":read "*n"
                   .. "/fdinfo/" .. loop:fd()
      local function timers () return io.popen(info):read "*a" end
      local before = timers()
      local child = processes.fork()
      if child == 0 then
        must_raise(loop.fd, loop) must_raise(loop.timeout, loop)
        must_raise(loop.turn, loop, 0) must_raise(loop.cork, loop, false)
        link.close(ws)
        loop:close()
        return
      end
      assert(processes.wait(child) == 0)
      assert(timers() == before)
      link.send(ws, "y")
      while not link.receive(ws) do loop:turn(1) while loop:ready() do end end]])
  end)

  -- what may have been done before; one has had a timer in its loop
  for _, before in ipairs {
    "", "w.step(0)", "w.run(function () w.sleep(0.001) end)",
    "require 'wsmanager.run.scheduler'.loop():fd()",
    "local old = w.new {url = url} assert(old:opened(30)) link.drop(old)",
  } do
    it("before the first connection has its own: " .. before:sub(1, 20), function()
      local peer = peers.start("python_server")
      ends_well("local url = 'ws://127.0.0.1:" .. peer.port .. "/echo'\n" .. before .. [[

        local child = processes.fork()
        local ws = w.new {url = url}
        assert(ws:opened(30))
        echoes(ws, child == 0 and "child" or "parent")
        -- the pause: timers of its loop work, too
        w.run(function () w.sleep(0.01) echoes(ws, "again") end)
        if child == 0 then return end
        assert(processes.wait(child) == 0)
        echoes(ws, "parent")]])
    end)
  end

  it("that runs another program gives it no descriptor #linux", function()
    local keylog = os.tmpname()
    ends_well("local keylog = '" .. keylog .. "'" .. [[
      local before = {}
      local inherited = require "support.files".inherited
      local none = inherited()
      local path = os.tmpname()
      os.remove(path)
      local servers = {serve {port = 0}, serve {path = path}}
      local ws = w.new {url = "ws://127.0.0.1:" .. servers[1].port}
      local tls = w.new {url = "wss://127.0.0.1:" .. servers[1].port,
                         tls = {keylog = keylog}}
      assert(ws:opened(30))
      assert(require "wsmanager.run.scheduler".loop():fd() > 2)
      assert(inherited() == none, inherited())
      servers[2]:stop()]])
    os.remove(keylog)
  end)
end)
