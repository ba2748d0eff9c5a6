-- Readers of messages in parts that their program has forgotten.

local wsmanager = require "wsmanager"
local ours = require "support.ours"

local await, LONG = ours.await, ours.LONG

describe("a reader", function ()
  after_each(ours.stop)

  it("that is forgotten is discarded: the others wait for nothing", function ()
    local _, url = ours.serve(function (ws)
      for _ = 1, 3 do ws:send(("a"):rep(2^20)) end
      ws:closed(LONG)
    end)
    wsmanager.run(function ()
      local ws = wsmanager.new {url = url, inbox = 65536, stream = true}
      local done = 0
      for _ = 1, 3 do
        wsmanager.spawn(function ()
          ws:receive():read()
          done = done + 1
        end)
      end
      await(function ()
        collectgarbage()
        return done == 3
      end)
      ws:close()
    end)
  end)
end)
