-- Signals, and how a program stops: in programs of their own, which send the signals to
-- themselves.

local programs = require "support.programs"
local wsmanager = require "wsmanager"

local LONG = 30             -- seconds

local is_jit = rawget(_G, "jit") ~= nil
local version = is_jit and "5.1" or _VERSION:match "[%d.]+$"

local START = [[
local w = require "wsmanager"
io.stdout:setvbuf "no"
local send = require "processes".send
local function serve (handler)
  return assert(w.serve {host = "127.0.0.1", port = 0, handler = handler})
end
local function connect (server)
  local ws = assert(w.new {url = "ws://127.0.0.1:" .. server.port, reconnect = false})
  assert(ws:opened(30))
  return ws
end
]]

-- Without the shell's own word of a signal.
local function run (program)
  local text = programs.run(START .. program):gsub("%u%l+\n(status %d+\n)$", "%1")
  return (text:gsub("User defined signal %d\n", ""))
end

local function has (wanted, text) assert.matches(wanted, text, 1, true) end

describe("a program that stops on signals", function ()
  it("closes all with 1001, lets what runs finish, and run returns", function ()
    local text = run [[
      assert(w.stop_on_signals())
      w.run(function ()
        local server = serve(function (ws)
          print("handler", select(2, ws:receive()))
          w.sleep(0.05)
          print "handler is done"
        end)
        local ws = connect(server)
        ws.onclose = function (event) print("close", event.code) end
        w.spawn(function () print("sleep", select(2, w.sleep(3600))) end)
        send "TERM"
        print("take", w.queue():take())
        local again, token, why = w.new {url = "ws://127.0.0.1:1"}
        print("new", again, token, why)
      end)
      print "after run"
    ]]
    has("handler\tclosed", text)
    has("sleep\tclosed\tthis program stops (SIGTERM)", text)
    has("take\tnil\tclosed\tthis program stops (SIGTERM): ", text)
    has("new\tnil\tclosed\tthis program stops (SIGTERM)", text)
    has("close\t1001", text)
    assert.matches("handler is done.*after run\nstatus 0\n$", text)
  end)

  it("closes a client's connection with 1001, too", function ()
    local code, reason, finish
    local bot = START .. [[
      assert(w.stop_on_signals())
      w.run(function ()
        local ws = w.new {url = "ws://127.0.0.1:" .. arg[1]}
        while ws:receive() == "stop" do send "INT" end
      end)
      print "done"
    ]]
    wsmanager.run(function ()
      local done = wsmanager.queue()
      local server = assert(wsmanager.serve {
        host = "127.0.0.1", port = 0, handler = function (ws)
          ws:send "stop"
          code, reason = ws:closed(LONG)
          done:put(true)
        end,
      })
      finish = programs.start(bot, nil, server.port)
      assert(done:take(LONG))
      server:stop(LONG)
    end)
    assert.equal("done\nstatus 0\n", finish())
    assert.equal(1001, code)
    assert.equal("the program stops", reason)
  end)

  it("ends at once by a second one, even while it computes", function ()
    local text = run [[
      assert(w.stop_on_signals())
      w.run(function ()
        send "TERM"
        send "TERM"
        print "never here"
      end)
    ]]
    assert.equal("status 143\n", text:match "status.*")
    assert.is_nil(text:find("never here", 1, true))
  end)

  it("ends by a second one of the other name", function ()
    local text = run [[
      assert(w.stop_on_signals())
      w.spawn(send, "TERM")
      w.run(function ()
        w.queue():take()
        send "INT"
        w.sleep(4)
        print "never here"
      end)
    ]]
    assert.equal("status 130\n", text)
  end)

  it("ends by the signal where something runs on", function ()
    local text = run [[
      assert(w.stop_on_signals(0.1))
      w.spawn(send, "TERM")
      w.run(function () while true do w.sleep(0.01) end end)
    ]]
    assert.equal("wsmanager: something still ran 0.1 s after SIGTERM: the process ends by "
                 .. "it\nstatus 143\n", text)
  end)

  it("ends by the signal where the loop is turned again and again", function ()
    local text = run [[
      assert(w.stop_on_signals(0.1))
      send "TERM"
      while true do w.step(0.01) end
    ]]
    assert.equal("status 143\n", text:match "status.*")
  end)

  it("stops one that waits without a coroutine", function ()
    local text = run [[
      assert(w.stop_on_signals())
      local server = serve(function (ws)
        ws:receive()
        w.sleep(0.05)
        print "handler is done"
      end)
      local ws = connect(server)
      send "TERM"
      print("take", select(2, w.queue():take()))
      print(ws.state)
    ]]
    assert.matches("handler is done\ntake\tclosed\t.-\nclosed\nstatus 0\n$", text)
  end)

  it("does as before once it was told to stop that", function ()
    local text = run [[
      local stops = assert(w.stop_on_signals())
      print(table.concat(stops.names, " "))
      stops:stop()
      stops:stop()
      send "TERM"
      print "never here"
    ]]
    assert.equal("SIGTERM SIGINT\nstatus 143\n", text)
  end)

  it("leaves to lua what lua did with SIGINT", function ()
    local text = run [[
      assert(w.signal("SIGINT", print)):stop()
      send "INT"
      for i = 1, 1e6 do tostring(i) end
    ]]
    has("interrupted!", text)
    has("status 1\n", text)
  end)
end)

describe("wsmanager.stop", function ()
  it("stops the program and waits for that", function ()
    local text = run [[
      local server
      w.run(function ()
        server = serve(function (ws)
          ws:receive()
          w.sleep(0.05)
          print "handler is done"
        end)
        connect(server)
        print(w.stop())
        print(w.serve {host = "127.0.0.1", port = 0, handler = print})
      end)
    ]]
    assert.equal("handler is done\ntrue\nnil\tclosed\tthis program stops\nstatus 0\n", text)
  end)

  it("says that something runs on", function ()
    local text = run [[
      w.run(function ()
        w.spawn(function () while true do w.sleep(0.01) end end)
        print(w.stop(0.05))
        print(w.stop(0.05))
      end)
    ]]
    local line = "nil\ttimeout\tthe program has not stopped: something still runs within 0.05 s\n"
    assert.equal(line .. line .. "status 0\n", text)
  end)

  it("works without a coroutine, and where nothing is to be stopped", function ()
    assert.equal("true\nstatus 0\n", run "print(w.stop(0))")
    assert.equal("true\nclosed\nstatus 0\n", run [[
      local ws = connect(serve(function (ws) ws:receive() end))
      print(w.stop())
      print(ws.state)
    ]])
  end)
end)

describe("wsmanager.signal", function ()
  it("has a function called in a coroutine, each time", function ()
    local text = run [[
      local came = w.queue()
      local handle = assert(w.signal("SIGHUP", function (name)
        w.sleep(0.01)
        came:put(name)
      end))
      w.run(function ()
        for _ = 1, 3 do
          send "HUP"
          print(came:take(30))
        end
        handle:stop()
        send "HUP"
        print "never here"
      end)
    ]]
    assert.equal(("SIGHUP\n"):rep(3) .. "status 129\n", text)
  end)

  it("calls every one of those that watch it", function ()
    local text = run [[
      local came = w.queue()
      for i = 1, 3 do w.signal("SIGUSR1", function () came:put(i) end) end
      local sum = 0
      w.run(function ()
        send "USR1"
        for _ = 1, 3 do sum = sum + came:take(30) end
      end)
      print(sum)
    ]]
    assert.equal("6\nstatus 0\n", text)
  end)

  it("keeps run only where it is asked to", function ()
    assert.equal("done\nstatus 0\n", run [[
      w.signal("SIGUSR2", print)
      w.run()
      print "done"
    ]])
    assert.equal("SIGUSR2\ndone\nstatus 0\n", run [[
      local handle
      handle = w.signal("SIGUSR2", function (name) print(name) handle:stop() end, {keep = true})
      send "USR2"
      w.run()
      print "done"
    ]])
  end)

  it("stops the program where it is given no function", function ()
    local text = run [[
      w.signal "SIGHUP"
      w.spawn(send, "HUP")
      w.run(function () print(select(2, w.queue():take())) end)
    ]]
    assert.equal("closed\tthis program stops (SIGHUP): nothing in the queue\nstatus 0\n", text)
  end)

  it("reports an error of its function, which ends nothing else", function ()
    local text = run [[
      w.onerror = function (why) print(why) end
      local came = w.queue()
      w.signal("SIGUSR1", function () error("broken", 0) end)
      w.signal("SIGUSR1", function () came:put(true) end)
      w.run(function ()
        send "USR1"
        came:take(30)
        w.sleep(0)
      end)
    ]]
    assert.equal("broken\nstatus 0\n", text)
  end)

  it("leaves a forked child the defaults, and is not told of the child's", function ()
    local text = run [[
      local processes = require "processes"
      local came = w.queue()
      w.signal("SIGUSR1", function (name) came:put(name) end)
      w.step(0)
      local child = processes.fork()
      if child == 0 then processes.pause() end
      send("USR1", child)
      print(processes.wait(child))
      print(w.run(function () return came:take(0.05) end))

      child = processes.fork()
      if child == 0 then
        w.signal("SIGUSR1", function (name) came:put(name .. " of the child") end)
        send "USR1"
        print(w.run(function () return came:take(30) end))
        processes.exit(0)
      end
      print(processes.wait(child))
      send "USR1"
      print(w.run(function () return came:take(30) end))
    ]]
    assert.matches("^%-%d+\nnil\ttimeout\t[^\n]*\nSIGUSR1 of the child\n0\nSIGUSR1\nstatus 0\n$",
                   text)
  end)

  it("tells all Lua states of the process", function ()
    local text = run [==[
      local program = [[
        local number, name = ..., %q
        local w = require "wsmanager"
        w.signal("SIGUSR1", function ()
          local file = assert(io.open(name, "a"))
          file:write(number, " ")
          file:close()
        end, {keep = true})
        local file = assert(io.open(name, "a"))
        file:write "ready "
        file:close()
        local last = w.now() + 30
        w.run(function ()
          repeat
            w.sleep(0.005)
            local text = io.open(name):read "*a"
            local _, ready = text:gsub("ready", "")
            if ready == 2 and number == 1 and not SENT then
              SENT = true
              require "processes".send "USR1"
            end
          until text:find "1 " and text:find "2 " or w.now() > last
        end)
      ]]
      local name = os.tmpname()
      require "states".threads(2, program:format(name))
      local text = io.open(name):read "*a"
      os.remove(name)
      print(text:find "1 " and text:find "2 " and "both" or text)
    ]==]
    assert.equal("both\nstatus 0\n", text)
  end)

  it("raises for what cannot be, at the caller's line", function ()
    for call, why in pairs {
      ['w.signal("SIGTREM", print)'] = "unknown signal 'SIGTREM' (did you mean 'SIGTERM'?)",
      ['w.signal("TERM", print)'] = "unknown signal 'TERM' (did you mean 'SIGTERM'?)",
      ['w.signal("SIGKILL", print)'] = "no program can handle SIGKILL",
      ["w.signal(15, print)"] = "bad argument #1 to 'signal' (string expected, got number)",
      ['w.signal("SIGHUP", 1)'] = "bad argument #2 to 'signal' (function expected, got number)",
      ['w.signal("SIGHUP", print, 1)'] = "bad argument #3 to 'signal' (table expected, got number)",
      ['w.signal("SIGHUP", print, {kepe = true})'] = "unknown option 'kepe' of 'signal'",
      ['w.signal("SIGHUP", print, {keep = 1})'] =
        "bad argument 'keep' of 'signal' (boolean expected, got number)",
      ['w.stop_on_signals "5"'] =
        "bad argument #1 to 'stop_on_signals' (number expected, got string)",
      ['w.stop "5"'] = "bad argument #1 to 'stop' (number expected, got string)",
      ['w.signal("SIGHUP", print).stop()'] = "call it with ':', as in signal:stop(...)",
      ['w.use "love" w.stop_on_signals()'] = "no signals here: LÖVE has the signals",
      ['w.use "love" w.signal("SIGHUP", print)'] = "no signals here: LÖVE has the signals",
    } do
      local text = programs.run('local w = require "wsmanager"\n' .. call)
      assert.matches("^[^\n]-:2: " .. why:gsub("%p", "%%%0"), text:gsub("^[^\n]*lua[%w.]*: ", ""))
    end
    has("nginx has the signals", require "wsmanager.host.openresty".signals)
  end)
end)

-- In which Luas Debian has the host: as spec/wsmanager/host/contract_spec.lua.
local hosts = {
  luv = {"5.1 5.2 5.3 5.4", 'local uv = require "luv" local function loop () uv.run() end'},
  cqueues = {"5.1 5.2 5.3 5.4", [[
    local controller = require "cqueues".new()
    local spawn = w.spawn
    function w.spawn (fn) controller:wrap(fn) end
    local function loop () assert(controller:loop()) end]]},
  copas = {"5.1 5.2", [[
    local copas = require "copas"
    function w.spawn (fn) copas.addthread(fn) end
    local function loop ()
      while not done do copas.step(30) end
    end]]},
  select = {"5.1 5.2 5.3 5.4", [[
    local host = require "wsmanager.host.select"
    local function loop ()
      while not done do host.select(nil, nil, 30) end
    end]]},
}

for name, given in pairs(hosts) do
  if given[1]:find(version, 1, true) then
    describe("in the host " .. name .. " a signal", function ()
      local HOST = (name == "cqueues" and "" or 'w.use "' .. name .. '"\n')
                   .. "done = false\n" .. given[2] .. "\n"

      it("has its function called", function ()
        local text = run(HOST .. [[
          w.spawn(function ()
            local came = w.queue()
            local server = serve(function (ws) ws:receive() end)
            assert(w.signal("SIGUSR1", function (name) came:put(name) end))
            send "USR1"
            print(came:take(30))
            server:stop(30)
            done = true
          end)
          loop()
          print "the loop has ended"
        ]])
        assert.equal("SIGUSR1\nthe loop has ended\nstatus 0\n", text)
      end)

      it("stops the program", function ()
        local text = run(HOST .. [[
          local ended = 0
          local function finish ()
            ended = ended + 1
            done = ended == 2
          end
          w.spawn(function ()
            assert(w.stop_on_signals())
            local server = serve(function (ws)
              ws:receive()
              w.sleep(0.05)
              print "handler is done"
              finish()
            end)
            local ws = connect(server)
            ws.onclose = function (event)
              print("close", event.code)
              finish()
            end
            send "TERM"
            print("take", select(2, w.queue():take()))
          end)
          loop()
          print "the loop has ended"
        ]])
        has("take\tclosed\tthis program stops (SIGTERM)", text)
        has("close\t1001", text)
        assert.matches("handler is done\n.*the loop has ended\nstatus 0\n$", text)
      end)
    end)
  end
end
