-- A host of the program's own: threads that it parks, resumes and kills, in a loop around
-- LuaSocket's select.

local contract = require "support.hosts.contract"
local socket = require "socket"
local wsmanager = require "wsmanager"

local ready, killed = {}, setmetatable({}, {__mode = "k"})
local watched, turn

local function start (fn)
  ready[#ready + 1] = coroutine.create(fn)
end

wsmanager.use(contract.watched {
  name = "the engine",
  watch = function (loop, fn)
    local fd = loop:fd()
    watched = {getfd = function () return fd end, dirty = function () return false end}
    turn = fn
    return function () watched = nil end
  end,
  spawn = start,
  may_wait = function ()
    local thread, is_main = coroutine.running()
    return thread ~= nil and not is_main
  end,
  park = coroutine.yield,
  resume = function (thread) ready[#ready + 1] = thread end,
})

contract.start = start

function contract.kill (thread) killed[thread] = true end

local function run_ready ()
  local threads = ready
  ready = {}
  for _, thread in ipairs(threads) do
    if not killed[thread] then
      local ok, why = coroutine.resume(thread)
      if not ok then print("FAILED " .. debug.traceback(thread, why)) end
    end
  end
end

contract.rounds(function ()
  local done
  start(function ()
    contract.run()
    done = true
  end)
  while not done do
    run_ready()
    local readable = socket.select({watched}, nil, ready[1] and 0 or 30)
    if watched and readable[watched] then start(turn) end
  end
end)
