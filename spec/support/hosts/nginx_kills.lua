-- nginx with Lua: light threads that are killed while they wait, one kind of wait after the
-- other. run() is the content of a request, left() that of a later one.

local wsmanager = require "wsmanager"

local ngx = rawget(_G, "ngx")
local spawn, kill = ngx.thread.spawn, ngx.thread.kill

local LONG = 30              -- seconds
local MANY = 6               -- threads that are killed

local kills = {}
local killed = setmetatable({}, {__mode = "k"})

-- ## What the kinds have in common

local function is (wanted, got)
  if wanted == got then return end
  error("expected " .. tostring(wanted) .. ", got " .. tostring(got), 2)
end

local function await (condition, what)
  local deadline = wsmanager.now() + LONG
  while not condition() do
    if wsmanager.now() > deadline then error("it did not come: " .. what, 2) end
    ngx.sleep(0.001)
  end
end

local function kill_all (threads)
  for _, thread in ipairs(threads) do
    assert(kill(thread))
    killed[thread] = true
  end
end

-- Starts so many threads that wait, and kills them. Where one comes back it fails.
local function kill_waiting (wait)
  local threads, begun, back = {}, 0, nil
  for i = 1, MANY do
    threads[i] = spawn(function ()
      begun = begun + 1
      local value, why = wait()
      back = tostring(value) .. " " .. tostring(why)
    end)
  end
  await(function () return begun == MANY end, "a wait of each")
  ngx.sleep(0.002)
  is(nil, back)
  kill_all(threads)
  ngx.sleep(0.002)
  is(nil, back)
end

-- What one that lives gets, once `cause` has brought it about.
local function live (wait, cause)
  local results
  spawn(function () results = {wait()} end)
  ngx.sleep(0.002)
  if cause then cause() end
  await(function () return results end, "what one that lives waits for")
  return results[1], results[2], results[3]
end

local function serve (handler)
  local server = assert(wsmanager.serve {host = "127.0.0.1", handler = handler})
  return server, "ws://127.0.0.1:" .. server.port
end

local function echo (ws)
  for data, kind in ws:messages() do ws:send(data, kind) end
end

local function connect (options, handler)
  local server, url = serve(handler or echo)
  options.url = url
  local ws = assert(wsmanager.new(options))
  assert(ws:opened(LONG))
  return ws, function ()
    ws:close()
    assert(ws:closed(LONG))
    server:stop(LONG)
  end
end

-- A connection that is not open before `open` is called.
local function connect_later (options)
  local got, may_open = wsmanager.queue(), false
  local server, url = serve(function (ws)
    for data in ws:messages() do got:put(data) end
  end)
  function options.url ()
    while not may_open do wsmanager.sleep(0.001) end
    return url
  end
  local ws = assert(wsmanager.new(options))
  return ws, got, function () may_open = true end, function ()
    ws:close()
    assert(ws:closed(LONG))
    server:stop(LONG)
  end
end

-- Of so many values, taken by threads some of which are killed after they were woken:
-- are all there, each once?
local function race (take, give, pause)
  local threads, seen, count = {}, {}, 0
  local function note (value)
    if not value then return end
    assert(not seen[value], "twice: " .. tostring(value))
    seen[value] = true
    count = count + 1
  end
  for i = 1, 2 * MANY do threads[i] = spawn(function () note(take()) end) end
  ngx.sleep(0.002)
  for i = 1, 2 * MANY do give(i) end
  if pause then ngx.sleep(pause) end
  for i = 1, 2 * MANY, 2 do
    kill(threads[i])         -- nil: it has taken one, and returned
    killed[threads[i]] = true
  end
  ngx.sleep(0.002)
  for _ = 1, 2 * MANY do
    if count < 2 * MANY then spawn(function () note(take()) end) end
  end
  await(function () return count == 2 * MANY end, "each value: " .. count)
end

-- ## The kinds

local kinds = {}

local function add (name, fn) kinds[#kinds + 1] = {name = name, fn = fn} end

add("receive", function ()
  local ws, finish = connect {}
  local function receive () return ws:receive(LONG) end
  kill_waiting(receive)
  is("first", (live(receive, function () ws:send "first" end)))
  for _, pause in ipairs {false, 0.001, 0.002, 0.003} do
    race(receive, function (i) assert(ws:send(tostring(i))) end, pause)
  end
  is(nil, (ws:receive(0)))
  finish()
end)

add("send with a full outbox", function ()
  local ws, got, open, finish = connect_later {
    outbox = {messages = 1, full = "wait"},
  }
  assert(ws:send "first")
  kill_waiting(function () return ws:send("killed", "text", LONG) end)
  is(true, (live(function () return ws:send("second", "text", LONG) end, open)))
  is("first", (got:take(LONG)))
  is("second", (got:take(LONG)))
  is(nil, (got:take(0)))
  finish()
end)

add("request", function ()
  local asked, answers = 0, wsmanager.queue()
  local ws, finish = connect({decode = "json", correlate = "id"}, function (peer)
    for data in peer:messages() do
      asked = asked + 1
      answers:put(function () peer:send(data) end)
    end
  end)
  kill_waiting(function () return ws:request({name = "killed"}, LONG) end)
  await(function () return asked == MANY end, "the requests")
  local answer = live(function () return ws:request({name = "live"}, LONG) end, function ()
    for _ = 1, MANY + 1 do assert(answers:take(LONG))() end
  end)
  is("live", answer.name)
  is(nil, (ws:receive(0)))
  finish()
end)

add("queue", function ()
  local queue = wsmanager.queue()
  local function take () return queue:take(LONG) end
  kill_waiting(take)
  is(7, (live(take, function () queue:put(7) end)))
  for _, pause in ipairs {false, 0.001} do
    race(take, function (i) assert(queue:put(i)) end, pause)
  end
  is(nil, (queue:take(0)))
  queue = wsmanager.queue(1)
  queue:put "first"
  kill_waiting(function () return queue:put("killed", LONG) end)
  is(true, (live(function () return queue:put("second", LONG) end,
                 function () is("first", (queue:take(LONG))) end)))
  is("second", (queue:take(LONG)))
  is(nil, (queue:take(0)))
end)

add("sleep", function ()
  kill_waiting(function () return wsmanager.sleep(LONG) end)
  is(true, (live(function () return wsmanager.sleep(0.001) end)))
end)

add("opened and closed", function ()
  local ws, _, open, finish = connect_later {}
  kill_waiting(function () return ws:opened(LONG) end)
  is(true, (live(function () return ws:opened(LONG) end, open)))
  kill_waiting(function () return ws:closed(LONG) end)
  is(1000, (live(function () return ws:closed(LONG) end, function () ws:close(1000) end)))
  finish()
end)

add("join", function ()
  local go
  local task = wsmanager.spawn(function ()
    while not go do wsmanager.sleep(0.001) end
    return "done"
  end)
  local function join () return select(2, task:join(LONG)) end
  kill_waiting(join)
  is("done", (live(join, function () go = true end)))
end)

add("subscription", function ()
  local ws, finish = connect {}
  local all = ws:subscribe()
  local function receive () return all:receive(LONG) end
  kill_waiting(receive)
  is("x", (live(receive, function () ws:send "x" end)))
  all:close()
  finish()
end)

add("a part of a message", function ()
  local ws, finish = connect {stream = true}
  kill_waiting(function () return ws:receive(LONG) end)
  local reader = live(function () return ws:receive(LONG) end, function () ws:send "parts" end)
  is("parts", (reader:read(LONG)))
  finish()
end)

kills.names = {}
for i, kind in ipairs(kinds) do kills.names[i] = kind.name end

-- ## Running

function kills.run ()
  for _, kind in ipairs(kinds) do
    local ok, why = xpcall(kind.fn, debug.traceback)
    ngx.say(ok and "ok " or "FAILED ", kind.name, ok and "" or ": " .. why:gsub("\n", " | "))
  end
end

-- How many of the killed are still kept by something.
function kills.left ()
  await(function () return ngx.timer.running_count() == 0 end, "the end of all timers")
  jit.flush()
  collectgarbage()
  collectgarbage()
  local n = 0
  for _ in pairs(killed) do n = n + 1 end
  ngx.print(n)
end

return kills
