local managers = require "support.managers"

local event_names = managers.event_names

describe("the events of a manager", function()
  it("lose those of a state that was left", function()
    local m = managers.new { ask_target = true }
    m:start(0)
    m:close(1000, "", 1)
    assert.equal("error close", event_names(m))
  end)

  it("are one of a kind however often it starts and closes", function()
    local m = managers.new { ask_target = true }
    for i = 1, 100 do
      m:start(i)
      m:close(1000, "", i)
    end
    m:start(101)
    assert.equal("error close target", event_names(m))
  end)
end)
