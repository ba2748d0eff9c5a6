-- The end of a host: what the module does when the engine says that it ends.

local contract = require "support.hosts.contract"
local socket = require "socket"
local wsmanager = require "wsmanager"

local ready, watched, turn, ends = {}, nil, nil, nil
local is_released = false

local function start (fn) ready[#ready + 1] = coroutine.create(fn) end

wsmanager.use {
  name = "the engine",
  watch = function (loop, fn)
    local fd = loop:fd()
    watched = {getfd = function () return fd end, dirty = function () return false end}
    turn = fn
    return function () watched, is_released = nil, true end
  end,
  spawn = start,
  may_wait = function ()
    local thread, is_main = coroutine.running()
    return thread ~= nil and not is_main
  end,
  park = coroutine.yield,
  resume = function (thread) ready[#ready + 1] = thread end,
  leaving = function (fn) ends = fn end,
}

local function run_once ()
  local threads = ready
  ready = {}
  for _, thread in ipairs(threads) do
    local ok, why = coroutine.resume(thread)
    if not ok then print("FAILED " .. debug.traceback(thread, why)) end
  end
  local readable = socket.select({watched}, nil, ready[1] and 0 or 1)
  if watched and readable[watched] then start(turn) end
end

local function tell (name, ok, why)
  print((ok and "ok " or "FAILED ") .. name .. (ok and "" or ": " .. tostring(why)))
end

local server, listener
local got = {}

start(function ()
  server = assert(wsmanager.serve {host = "127.0.0.1", port = 0, handler = function (ws)
    local data = ws:receive(30)
    while data do
      wsmanager.sleep(0.05)
      ws:send(data)
      data = ws:receive(30)
    end
  end})
  local ws = assert(wsmanager.new {url = "ws://127.0.0.1:" .. server.port,
                                   reconnect = false})
  assert(ws:opened(30))
  local other = assert(wsmanager.new {url = "ws://127.0.0.1:" .. server.port,
                                      reconnect = false})
  assert(other:opened(30))
  other.onclose = function (event) got.code = event.code end
  wsmanager.spawn(function ()
    local queue = wsmanager.queue()
    local _, token, detail = queue:take()
    got.endless, got.detail = token, detail
  end)
  wsmanager.spawn(function () got.slept = wsmanager.sleep(0.02) end)
  wsmanager.sleep(0.005)
  listener = other
  ends()
  local made, token = wsmanager.new {url = "ws://127.0.0.1:" .. server.port}
  got.new = made == nil and token
end)

local from = wsmanager.now()
while not (is_released and not ready[1]) and wsmanager.now() - from < 30 do run_once() end

tell("ends waits without a deadline", got.endless == "closed"
     and got.detail:find("the host of this program ends", 1, true), got.endless)
tell("lets those finish that have one", got.slept == true, got.slept)
tell("makes no connection any more", got.new == "closed", got.new)
tell("has its servers close with 1001", got.code == 1001, got.code)
tell("releases the watch", is_released and watched == nil)
tell("closes the connections", listener.state == "closed", listener.state)
assert(contract)
