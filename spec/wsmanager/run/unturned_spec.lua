-- Programs that forget to turn the loop are told so when they end.

local programs = require "support.programs"

local SENTENCE = "end the program with wsmanager.run()"

local function output_of(code)
  return programs.run("local wsmanager = require 'wsmanager'\n" .. code)
end

describe("a program that never turns the loop", function()
  local function is_told(what, code)
    assert.equal("wsmanager: " .. what .. ": " .. SENTENCE .. "\nstatus 0\n", output_of(code))
  end

  it("is told that its coroutine never ran", function()
    is_told("what was to run in a coroutine never ran",
      "wsmanager.spawn(function () print 'ran' end)")
  end)

  it("is told that its listener never heard anything", function()
    is_told("a connection's listeners heard nothing", [[
      wsmanager.new {url = "ws://127.0.0.1:1", onmessage = print}]])
    is_told("a connection's listeners heard nothing", [[
      local ws = wsmanager.new {url = "ws://127.0.0.1:1"}
      ws.onopen = print]])
  end)

  it("is told that its server served nobody", function()
    is_told("a server served nobody", [[
      assert(wsmanager.serve {host = "127.0.0.1", port = 0, handler = print})]])
  end)
end)

describe("a program is told nothing of a loop", function()
  local function is_told_nothing(code)
    assert.equal("status 0\n", output_of(code))
  end

  it("that it turned", function()
    for _, turn in ipairs { "run()", "run(function () end)", "step(0)", "sleep(0)" } do
      is_told_nothing("wsmanager.spawn(function () wsmanager.sleep(100) end)\n"
        .. (turn == "run()" and "wsmanager.stop(0)\n" or "") .. "wsmanager." .. turn)
    end
    is_told_nothing [[
      local ws = wsmanager.new {url = "ws://127.0.0.1:1", reconnect = false, onmessage = print}
      ws:receive(0)]]
  end)

  it("that another one watches", function()
    is_told_nothing "wsmanager.fd() wsmanager.spawn(print)"
    is_told_nothing "wsmanager.timeout() wsmanager.spawn(print)"
    is_told_nothing "wsmanager.use {name = 'mine'} wsmanager.spawn(print)"
  end)

  it("that it had no need of", function()
    is_told_nothing ""
    is_told_nothing "wsmanager.queue():put(1)"
    is_told_nothing [[wsmanager.new {url = "ws://127.0.0.1:1"}]]
    is_told_nothing [[
      local ws = wsmanager.new {url = "ws://127.0.0.1:1", onmessage = print}
      ws.onmessage = nil]]
  end)
end)
