-- threads.lua FOLDER THREADS: so many Lua states at once, each in a thread of its own,
-- each with a server, clients of it over ws and wss, one of the next thread's, lookups,
-- and requests. FOLDER has certificates; the threads leave their ports in it. Some end
-- in order, some with all of it open. Prints "done".

local PROGRAM = [==[
local number, folder, threads = ..., %q, %d
local w = require "wsmanager"
local has_fetch = pcall(require, "wsmanager.fetch.core")
local LONG, ROUNDS = 60, 40

local function handler (ws)
  local data, kind = ws:receive()
  while data do
    ws:send(data, kind)
    if data == "cut" then ws:close(1012, "come again") end
    data, kind = ws:receive()
  end
end

local function serve (options)
  options.host, options.handler = "127.0.0.1", handler
  options.page = function () return 200, "a page of " .. number end
  return assert(w.serve(options))
end

local function leave_port (port)
  local file = assert(io.open(folder .. "/new" .. number, "w"))
  file:write(port)
  file:close()
  assert(os.rename(folder .. "/new" .. number, folder .. "/port" .. number))
end

local function port_of (other)
  local last = w.now() + LONG
  while true do
    local file = io.open(folder .. "/port" .. other)
    if file then
      local port = file:read "*n"
      file:close()
      return port
    end
    assert(w.now() < last, "no port of " .. other)
    w.sleep(0.005)
  end
end

local function exchange (ws)
  for round = 1, ROUNDS do
    local data = number .. (" x"):rep(round * round)
    assert(ws:send(data))
    assert(ws:receive(LONG) == data)
  end
end

local function converse (options)
  options.reconnect = {delay = 0.01, jitter = 0, pause = 0}
  local ws = w.new(options)
  assert(ws:opened(LONG))
  exchange(ws)
  if not options.compress then
    assert(ws:send "cut")
    assert(ws:receive(LONG) == "cut")
    local last = w.now() + LONG
    while ws:stats().opens < 2 do
      assert(w.now() < last, "it does not reconnect")
      w.sleep(0.005)
    end
    exchange(ws)
  end
  return ws
end

local function lookup ()
  local ws = w.new {url = "ws://no.such.host.invalid", reconnect = false,
                    onerror = function () end}
  if number %% 2 == 0 then ws:closed(LONG) else ws:close() end
end

w.run(function ()
  local server = serve {port = 0}
  local secure = serve {port = 0, tls = {cert = folder .. "/good.pem",
                                         key = folder .. "/leaf.key"}}
  leave_port(("%%d"):format(server.port))
  local tasks = {w.spawn(lookup)}
  local ways = {
    {url = "ws://127.0.0.1:" .. server.port},
    {url = "ws://localhost:" .. server.port, compress = true},
    {url = "wss://localhost:" .. secure.port, tls = {ca = folder .. "/ca.pem"}},
    {url = "ws://127.0.0.1:" .. port_of(number %% threads + 1)},
  }
  for _, options in ipairs(ways) do tasks[#tasks + 1] = w.spawn(converse, options) end
  if has_fetch then
    local response = assert(w.fetch("http://127.0.0.1:" .. server.port .. "/"))
    assert(response.body == "a page of " .. number)
  end
  local open = {}
  for _, task in ipairs(tasks) do
    local ok, ws = task:join(LONG)
    assert(ok, tostring(ws))
    open[#open + 1] = ws
  end
  assert(w.metrics())
  -- its neighbour may still talk to it
  local file = assert(io.open(folder .. "/done" .. number, "w"))
  file:close()
  local before = (number - 2) %% threads + 1
  local last = w.now() + LONG
  while not os.rename(folder .. "/done" .. before, folder .. "/done" .. before) do
    assert(w.now() < last, "no end of " .. before)
    w.sleep(0.005)
  end
  if number %% 2 == 0 then
    for _, ws in ipairs(open) do ws:close() end
    server:stop(1)
    secure:stop(1)
  else
    _G.kept = {open, server, secure}
  end
end)
]==]

local folder, threads = ...
require "states".threads(tonumber(threads), PROGRAM:format(folder, threads))
print "done"
