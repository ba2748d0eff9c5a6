-- Deadlines on a machine that is suspended while it waits: programs of their own,
-- on a machine of ours (support/suspends.c).

local files = require "support.files"
local peers = require "support.peers"
local programs = require "support.programs"

local START = [[
local w = require "wsmanager"
local suspends = require "suspends"
-- Seconds that the machine was awake.
local function awake ()
  local file = assert(io.open "/proc/uptime")
  local seconds = file:read "*n"
  file:close()
  return seconds
end
-- The clocks of timers that are set, and in how many seconds they are due.
local function alarms ()
  local found = {}
  local list = io.popen("cat /proc/$PPID/fdinfo/* 2>/dev/null")
  local text = list:read "*a"
  list:close()
  for id, seconds in text:gmatch "clockid: (%d+).-it_value: %((%d+)" do
    found[#found + 1] = {id = tonumber(id), seconds = tonumber(seconds)}
  end
  return found
end
]]

describe("an alarm", function()
  local port
  local preload = "LD_PRELOAD='" .. assert(files.module("suspends")) .. "' "

  before_each(function() port = peers.start("python_server").port end)
  after_each(peers.stop)

  local function ends_well(program, prefix)
    assert.equal("status 0\n",
                 programs.run("local port = " .. port .. "\n" .. START .. program,
                              prefix or preload))
  end

  it("is a timer of the clock that counts a suspend", function()
    ends_well([[
      local ws = w.new {url = "ws://127.0.0.1:" .. port .. "/echo"}
      assert(ws:opened(30))
      ws:send "x"
      assert(ws:receive() == "x")
      local list = alarms()
      assert(#list == 1, #list)
      assert(list[1].id == 7, list[1].id)     -- CLOCK_BOOTTIME
      assert(list[1].seconds <= 30 and list[1].seconds > 0, list[1].seconds)
    ]], "")
  end)

  it("ends a wait whose deadline passed while the machine was suspended", function()
    ends_well [[
      local ws = w.new {url = "ws://127.0.0.1:" .. port .. "/echo"}
      assert(ws:opened(30))
      local before, from = awake(), w.now()
      suspends.next_wait(3600)
      local data, token = ws:receive(1800)
      assert(data == nil and token == "timeout", token)
      assert(w.now() - from >= 3600, w.now() - from)
      assert(awake() - before < 45)
      ws:send "x"
      assert(ws:receive(30) == "x")
      assert(ws:stats().opens == 1, "a healthy peer was dropped")
    ]]
  end)

  it("ends a pause as well", function()
    ends_well [[
      local before = awake()
      suspends.next_wait(86400)
      w.run(function () w.sleep(86000) end)    -- a day: the pause is what is tested
      assert(awake() - before < 45)
    ]]
  end)

  it("is none of a short wait", function()
    ends_well([[
      w.run(function () w.sleep(0.01) end)     -- any short pause: an alarm would be there
      assert(#alarms() == 0)
    ]], "")
  end)
end)
