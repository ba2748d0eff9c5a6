-- How often a host's loop has to turn ours: in programs of their own, around LuaSocket's
-- select. One has threads, which run after the turn that has woken them.

local peers = require "support.peers"
local programs = require "support.programs"

local START = [[
local socket = require "socket"
local wsmanager = require "wsmanager"
local watched, turn
local turns, ready = 0, {}
local host = {name = "a loop", watch = function (loop, fn)
  local fd = loop:fd()
  watched = {getfd = function () return fd end, dirty = function () return false end}
  turn = fn
  return function () watched = nil end
end}
if HAS_THREADS then
  function host.spawn (fn) ready[#ready + 1] = coroutine.create(fn) end
  function host.may_wait ()
    local thread, is_main = coroutine.running()
    return thread ~= nil and not is_main
  end
  host.park = coroutine.yield
  function host.resume (thread) ready[#ready + 1] = thread end
end
wsmanager.use(host)
local function run_ready ()
  local threads = ready
  ready = {}
  for _, thread in ipairs(threads) do assert(coroutine.resume(thread)) end
end
local function go_on (seconds)
  run_ready()
  local readable = socket.select({watched}, nil, ready[1] and 0 or seconds)
  if not readable[watched] then return end
  turns = turns + 1
  turn()
end
local function go_until (is_done)
  local from = wsmanager.now()
  while not is_done() do
    assert(wsmanager.now() - from < 30, "it takes too long")
    go_on(1)
  end
end
]]

local function run (program, has_threads, port)
  return programs.run("local HAS_THREADS = " .. tostring(has_threads) .. "\n" .. START
                      .. program:format(port))
end

-- Debian has it for no Lua 5.5.
local describe_there = pcall(require, "socket") and describe or pending

for name, has_threads in pairs {
  ["a host's loop"] = false, ["the loop of a host that has threads"] = true,
} do
  describe_there(name, function ()
    after_each(peers.stop)

    it("turns ours once for a message that comes alone", function ()
      local peer = peers.start "python_server"
      assert.equal("status 0\n", run([[
        local count, from = 0, nil
        wsmanager.spawn(function ()
          local ws = wsmanager.new {url = "ws://127.0.0.1:%d/echo"}
          assert(ws:opened(30))
          turns, from = 0, wsmanager.now()
          for _ = 1, 500 do
            assert(ws:send "hello")
            assert(ws:receive(30))
            count = count + 1
          end
        end)
        go_until(function () return count == 500 end)
        -- and one for each timer, of which there are two in a hundredth of a second
        local timers = (wsmanager.now() - from) * 200
        if turns > 600 + timers then
          print(turns .. " turns for 500 messages, " .. timers .. " timers")
        end
      ]], has_threads, peer.port))
    end)

    it("reads what is behind a message that nobody takes", function ()
      local peer = peers.start("scripted", {host = "127.0.0.1", script = {
        {"accept"}, {"frame"}, {"send", "810161" .. "8900"}, {"frame"}, {"stall"},
      }})
      assert.equal("status 0\n", run([[
        local ws = wsmanager.new {url = "ws://127.0.0.1:%d", reconnect = false}
        ws:send "go"
        go_until(function () return ws:stats().pings == 1 end)
      ]], has_threads, peer.port))
      assert.is_table(peer:await("frame", "first", 138))
    end)

    it("rests while a message is there that nobody takes", function ()
      local peer = peers.start("scripted", {host = "127.0.0.1", script = {
        {"accept"}, {"frame"}, {"send", "810161"}, {"stall"},
      }})
      assert.equal("status 0\n", run([[
        local ws = wsmanager.new {url = "ws://127.0.0.1:%d", reconnect = false}
        ws:send "go"
        go_until(function () return ws:stats().unread > 0 end)
        turns = 0
        local from = wsmanager.now()
        while wsmanager.now() - from < 0.2 do go_on(0.05) end
        if turns > 20 then print(turns .. " turns for nothing") end
      ]], has_threads, peer.port))
    end)

    it("turns ours once for who has slept", function ()
      assert.equal("status 0\n", run([[
        local count = 0
        wsmanager.spawn(function ()
          turns = 0
          for _ = 1, 50 do
            wsmanager.sleep(0.0023)
            count = count + 1
          end
        end)
        go_until(function () return count == 50 end)
        if turns > 150 then print(turns .. " turns for 50 who have slept") end
      ]], has_threads))
    end)

    -- Outside of a turn, and the loop's next timer is half a minute ahead.
    for what, program in pairs {
      ["its last server is stopped"] = [[
        local server = assert(wsmanager.serve {host = "127.0.0.1", handler = print})
        go_on(1)
        server:stop(0)
      ]],
      ["its last connection is collected"] = [[
        do
          local ws = wsmanager.new {url = "ws://127.0.0.1:%d/echo"}
          go_until(function () return ws.state == "open" end)
        end
        collectgarbage()
        collectgarbage()
      ]],
      ["its last task is cancelled"] = [[
        local task = wsmanager.spawn(wsmanager.sleep, 50)
        go_on(1)
        task:cancel()
        run_ready()
      ]],
    } do
      it("ends to watch ours when " .. what, function ()
        local peer = peers.start "python_server"
        assert.equal("status 0\n", run(program .. [[
          local last = turns + 20
          while watched and turns < last do
            local before = turns
            go_on(20)
            assert(turns > before, "nothing came")
          end
          assert(not watched, "it is still watched")
        ]], has_threads, peer.port))
      end)
    end

    it("goes on reading when there is room again", function ()
      local peer = peers.start("scripted", {host = "127.0.0.1", script = {
        {"accept"}, {"frame"}, {"flood", "81046c6f6e67", 20000}, {"stall"},
      }})
      assert.equal("status 0\n", run([[
        local count = 0
        wsmanager.spawn(function ()
          local ws = wsmanager.new {url = "ws://127.0.0.1:%d", inbox = 64}
          assert(ws:send "go")
          for _ = 1, 20000 do
            assert(ws:receive(30))
            count = count + 1
            if count %% 1000 == 0 then wsmanager.sleep(0.001) end
          end
        end)
        go_until(function () return count == 20000 end)
      ]], has_threads, peer.port))
    end)
  end)
end
