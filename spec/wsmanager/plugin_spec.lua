-- No loop can be made: libwebsockets' plug-in for libuv is missing, or descriptors have run
-- out. In a program of its own.

local programs = require "support.programs"

describe("without an event loop", function()
  it("new and serve return why", function()
    local text = programs.run [[
      require "wsmanager.core".loop = function () return nil, "refused", "no plug-in" end
      local w = require "wsmanager"
      print(w.new {url = "ws://127.0.0.1:1"})
      print(w.serve {host = "127.0.0.1", port = 0, handler = print})
      print(pcall(w.step, 0))
    ]]
    local why = "nil\trefused\tno plug-in\n"
    assert.equal(why .. why .. "false\twsmanager: refused: no plug-in\nstatus 0\n", text)
  end)
end)
