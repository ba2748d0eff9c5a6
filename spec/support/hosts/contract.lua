-- The contract of a host: the same program in each. A driver beside this file starts the
-- host's loop and calls contract.run in a coroutine or thread of it.

local raw = require "wsmanager.base.raw"
local wsmanager = require "wsmanager"

local LONG = 30              -- seconds: a deadline that no healthy wait reaches

local contract = {}

-- ## Writing down

function contract.write (...)
  io.write(...)
  io.flush()
end

local function write (...) contract.write(...) end

-- Runs the part of that name; PUC Lua 5.1 cannot wait within the pcall.
local function part (name, fn)
  local ok, why = true, nil
  if contract.pcall_yields then
    ok, why = xpcall(fn, function (failure) return debug.traceback(failure, 2) end)
  else
    fn()
  end
  write(ok and "ok " or "FAILED ", name, ok and "" or ": " .. tostring(why), "\n")
end

local function is (wanted, got)
  if wanted == got then return end
  error("expected " .. tostring(wanted) .. ", got " .. tostring(got), 2)
end

-- ## What is used by the parts

local function echo (ws)
  local data, kind = ws:receive(LONG)
  while data do
    if data == "leave" then ws:close(4000, "as told")
    elseif data == "twice" then ws:send "one" ws:send "two"
    else ws:send(data, kind) end
    data, kind = ws:receive(LONG)
  end
end

local function serve (options)
  options = options or {}
  options.host, options.port = "127.0.0.1", 0
  options.handler = options.handler or echo
  return assert(wsmanager.serve(options))
end

local function connect (server, options)
  options = options or {}
  options.url = "ws://127.0.0.1:" .. server.port .. "/"
  local ws = assert(wsmanager.new(options))
  assert(ws:opened(LONG))
  return ws
end

local function finish (server, ...)
  for _, ws in ipairs {...} do
    ws:close()
    assert(ws:closed(LONG))
  end
  server:stop(LONG)
end

-- Takes so many values, each within the deadline.
local function take (queue, n)
  for _ = 1, n do
    local value, why = queue:take(LONG)
    if value == nil then error(why, 2) end
  end
end

-- ## The parts

local parts = {}

local function add (name, fn)
  parts[#parts + 1] = {name = name, fn = fn}
end

add("sends and receives", function ()
  local server = serve()
  local ws = connect(server)
  assert(ws:send "hello")
  is("hello", (ws:receive(LONG)))
  assert(ws:send("\0\255", "binary"))
  local data, kind = ws:receive(LONG)
  is("\0\255", data)
  is("binary", kind)
  finish(server, ws)
end)

add("has a hundred wait at once", function ()
  local server = serve()
  local a, b = connect(server), connect(server)
  local done = wsmanager.queue()
  for i = 1, 100 do
    wsmanager.spawn(function ()
      local ws = i % 2 == 0 and a or b
      assert(ws:send("message " .. i))
      done:put(ws:receive(LONG) and i)
    end)
  end
  take(done, 100)
  finish(server, a, b)
end)

add("keeps the order of many", function ()
  local server = serve()
  local ws = connect(server)
  for i = 1, 500 do assert(ws:send(tostring(i))) end
  for i = 1, 500 do is(tostring(i), (ws:receive(LONG))) end
  finish(server, ws)
end)

add("times out", function ()
  local server = serve()
  local ws = connect(server)
  local from = wsmanager.now()
  local data, why, detail = ws:receive(0.05)
  is(nil, data)
  is("timeout", why)
  assert(detail:find("no message within 0.05 s", 1, true), detail)
  assert(wsmanager.now() - from >= 0.045)
  is(nil, (ws:receive(0)))
  assert(ws:send "still")
  is("still", (ws:receive(LONG)))
  finish(server, ws)
end)

add("sleeps", function ()
  local from = wsmanager.now()
  is(true, wsmanager.sleep(0.05))
  assert(wsmanager.now() - from >= 0.045)
  is(true, wsmanager.sleep(0))
end)

add("reports an error of a coroutine with its traceback", function ()
  local told = wsmanager.queue()
  wsmanager.onerror = function (_, text) told:put(text) end
  wsmanager.spawn(function ()
    wsmanager.sleep(0.001)
    local function culprit () error "no tea" end
    culprit()
  end)
  local text = assert(told:take(LONG))
  wsmanager.onerror = nil
  assert(text:find("no tea", 1, true) and text:find "culprit" and text:find "traceback", text)
end)

add("reports an error of a listener and goes on", function ()
  local server = serve()
  local ws = connect(server)
  local told, heard = wsmanager.queue(), wsmanager.queue()
  wsmanager.onerror = function (_, text) told:put(text) end
  ws.onmessage = function (event)
    if event.data == "bad" then
      wsmanager.sleep(0.001)
      error "no milk"
    end
    heard:put(event.data)
  end
  assert(ws:send "bad" and ws:send "good")
  local text = assert(told:take(LONG))
  wsmanager.onerror = nil
  assert(text:find("no milk", 1, true) and text:find "traceback", text)
  is("good", (heard:take(LONG)))
  ws.onmessage = nil
  finish(server, ws)
end)

add("holds the messages behind a listener that waits", function ()
  local server = serve()
  local ws = connect(server)
  local heard = wsmanager.queue()
  ws.onmessage = function (event)
    wsmanager.sleep(0.002)
    heard:put(event.data)
  end
  for i = 1, 5 do assert(ws:send(tostring(i))) end
  for i = 1, 5 do is(tostring(i), (heard:take(LONG))) end
  ws.onmessage = nil
  finish(server, ws)
end)

add("calls two listeners of each message in order", function ()
  local server = serve()
  local ws = connect(server)
  local heard = wsmanager.queue()
  ws:addEventListener("message", function (event) heard:put("a" .. event.data) end)
  ws:addEventListener("message", function (event) heard:put("b" .. event.data) end)
  assert(ws:send "1" and ws:send "2")
  for _, wanted in ipairs {"a1", "b1", "a2", "b2"} do is(wanted, (heard:take(LONG))) end
  finish(server, ws)
end)

add("sends what the listeners of open send first, then what waited", function ()
  local got = wsmanager.queue()
  local server = serve {handler = function (ws)
    local data = ws:receive(LONG)
    while data do
      got:put(data)
      data = ws:receive(LONG)
    end
  end}
  local ws = assert(wsmanager.new {
    url = "ws://127.0.0.1:" .. server.port,
    onopen = function (event)
      event.target:send "first"
      event.target:send "second"
    end,
  })
  assert(ws:send "third" and ws:send "fourth")
  assert(ws:opened(LONG))
  assert(ws:send "fifth")
  for _, wanted in ipairs {"first", "second", "third", "fourth", "fifth"} do
    is(wanted, (got:take(LONG)))
  end
  finish(server, ws)
end)

add("reconnects", function ()
  local server = serve()
  local events = wsmanager.queue()
  local ws = connect(server, {
    reconnect = {delay = 0.01, jitter = 0, pause = 0.01},
    onclose = function (event) events:put("close " .. event.code) end,
    onopen = function () events:put "open" end,
  })
  is("open", (events:take(LONG)))
  assert(ws:send "leave")
  is("close 4000", (events:take(LONG)))
  is("open", (events:take(LONG)))
  assert(ws:send "again")
  is("again", (ws:receive(LONG)))
  finish(server, ws)
end)

add("logs in", function ()
  local server = serve {
    login = function (ws) return ws:receive(LONG) == "secret" end,
    handler = function (ws)
      ws:send "welcome"
      echo(ws)
    end,
  }
  local ws = connect(server, {login = function (ws)
    wsmanager.sleep(0.001)
    ws:send "secret"
    return ws:receive(LONG) == "welcome"
  end})
  assert(ws:send "inside")
  is("inside", (ws:receive(LONG)))
  finish(server, ws)
end)

add("ends the waits of a connection that is closed", function ()
  local server = serve()
  local ws = connect(server)
  wsmanager.spawn(function ()
    wsmanager.sleep(0.01)
    ws:close()
  end)
  local data, why = ws:receive(LONG)
  is(nil, data)
  is("closed", why)
  finish(server)
end)

add("waits within pcall", function ()
  if not contract.pcall_yields then return end
  local server = serve()
  local ws = connect(server)
  local ok, data = pcall(function ()
    assert(ws:send "inside")
    return ws:receive(LONG)
  end)
  is(true, ok)
  is("inside", data)
  finish(server, ws)
end)

add("has functions for options that wait", function ()
  local server = serve()
  local ws = assert(wsmanager.new {url = function ()
    wsmanager.sleep(0.001)
    return "ws://127.0.0.1:" .. server.port
  end})
  assert(ws:opened(LONG))
  finish(server, ws)
end)

add("passes values from one coroutine to another", function ()
  local queue, sum = wsmanager.queue(2), wsmanager.queue()
  for _ = 1, 3 do
    wsmanager.spawn(function ()
      local mine = 0
      local value = queue:take(LONG)
      while value do
        mine = mine + value
        value = queue:take(LONG)
      end
      sum:put(mine)
    end)
  end
  for i = 1, 30 do assert(queue:put(i, LONG)) end
  queue:close()
  is(465, sum:take(LONG) + sum:take(LONG) + sum:take(LONG))
end)

add("joins and cancels tasks", function ()
  local task = wsmanager.spawn(function (a, b)
    wsmanager.sleep(0.001)
    return a + b
  end, 1, 2)
  local ended, sum = task:join(LONG)
  is(true, ended)
  is(3, sum)
  local server = serve()
  local ws = connect(server)
  task = wsmanager.spawn(function ()
    local _, token = ws:receive(LONG)
    return token
  end)
  wsmanager.sleep(0.005)
  is(true, task:cancel())
  ended, sum = task:join(LONG)
  is(true, ended)
  is("cancelled", sum)
  task = wsmanager.spawn(function () error "no sugar" end)
  local failed, why, text = task:join(LONG)
  is(false, failed)
  assert(why:find "no sugar" and text:find "traceback", text)
  finish(server, ws)
end)

add("answers requests and subscriptions", function ()
  local server = serve()
  local ws = connect(server, {decode = "json", correlate = "id"})
  local all = ws:subscribe()
  local answer = assert(ws:request {question = "tea?"})
  is("tea?", answer.question)
  is("tea?", all:receive(LONG).question)
  all:close()
  finish(server, ws)
end)

add("reads a message in parts", function ()
  local server = serve()
  local ws = connect(server, {stream = true})
  local text = ("tea "):rep(50000)
  assert(ws:send(text))
  local reader, read = assert(ws:receive(LONG)), {}
  local data = reader:read(LONG)
  while data do
    read[#read + 1] = data
    data = reader:read(LONG)
  end
  is(text, table.concat(read))
  finish(server, ws)
end)

add("loses no message with those who are killed while they wait", function ()
  if not contract.kill then return end
  local server = serve()
  local ws = connect(server)
  local got, threads = wsmanager.queue(), {}
  for i = 1, 20 do
    contract.start(function ()
      threads[i] = coroutine.running()
      local data = ws:receive(LONG)
      if data then got:put(data) end
    end)
  end
  while #threads < 20 do wsmanager.sleep(0.001) end
  wsmanager.sleep(0.01)
  for i = 1, 20, 2 do contract.kill(threads[i]) end
  for i = 1, 10 do assert(ws:send(tostring(i))) end
  take(got, 10)
  finish(server, ws)
end)

-- In the child its turn does nothing; what has come stays for the parent.
add("goes on in the parent, and only there, when it forks", function ()
  if rawget(_G, "ngx") then return end     -- whose workers do not
  assert(contract.turn or not contract.is_watched)
  local processes = require "processes"
  local server = serve()
  local ws = connect(server)
  assert(ws:send "before")
  local child = processes.fork()
  if child == 0 then
    local turns = contract.turn and contract.turn() or false
    local ok, why = pcall(wsmanager.new, {url = "ws://127.0.0.1:" .. server.port})
    local is_right = not turns and not ok and why:find "this process was forked"
    processes.exit(is_right and 0 or 1)
  end
  is(0, processes.wait(child))
  is("before", (ws:receive(LONG)))
  assert(ws:send "after")
  is("after", (ws:receive(LONG)))
  finish(server, ws)
end)

add("sends nothing early and nothing twice when the server stops", function ()
  local server = serve()
  local ws = connect(server, {reconnect = false})
  server:stop(LONG)
  local code = ws:closed(LONG)
  is(1001, code)
end)

contract.names = {}
for i, each in ipairs(parts) do contract.names[i] = each.name end

-- ## Running

local function yields_in_pcall ()
  pcall(raw.yield)
  error()
end

contract.pcall_yields = raw.resume(raw.create(yields_in_pcall))

-- Keeps the turn that the host's watch is given, in contract.turn.
function contract.watched (host)
  local watch = host.watch
  contract.is_watched = true
  function host.watch (loop, turn)
    contract.turn = turn
    return watch(loop, turn)
  end
  return host
end

-- In the host's loop.
function contract.run ()
  local which = os.getenv "PART"
  for _, each in ipairs(parts) do
    if not which or each.name:find(which) then part(each.name, each.fn) end
  end
end

-- ## What is left afterwards

-- Without a pipe: popen() closes its other end when the command may have looked already.
function contract.descriptors ()
  local name = os.tmpname()
  os.execute("ls /proc/$PPID/fd | wc -l > " .. name)
  local file = assert(io.open(name))
  local n = file:read "*n"
  file:close()
  os.remove(name)
  return n
end

-- What LuaJIT has compiled counts as Lua's memory, and grows for many rounds.
local function collect ()
  if rawget(_G, "jit") then jit.flush() end
  collectgarbage()
  collectgarbage()
end

-- What there is now: descriptors, and memory in KiB.
function contract.measure ()
  collect()
  return {descriptors = contract.descriptors(), memory = collectgarbage "count"}
end

-- Says what the second and the third round have left.
function contract.compare (first, second, third)
  local a, b, c = first.descriptors, second.descriptors, third.descriptors
  write(b == a and c == a and "ok" or "FAILED",
        (" leaves no descriptor: %d %d %d\n"):format(a, b, c))
  local more = third.memory - second.memory
  write(more < 100 and "ok" or "FAILED", " leaves no memory: ",
        ("%.0f KiB more\n"):format(more))
end

-- Calls once(), which runs the loop of the host until it ends, three times: the host can
-- be left and entered again, and nothing grows.
function contract.rounds (once)
  local found = {}
  for i = 1, 3 do
    once()
    found[i] = contract.measure()
  end
  contract.compare(found[1], found[2], found[3])
end

return contract
