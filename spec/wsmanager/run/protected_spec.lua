local wsmanager = require "wsmanager"
local protected = require "wsmanager.run.protected"

local run, sleep = wsmanager.run, wsmanager.sleep

describe("a protected call", function ()
  it("returns what the function returns", function ()
    assert.same({ true, 1, nil, 3 }, { protected.call(function (...) return ... end, 1, nil, 3) })
    assert.same({ true }, { protected.call(function () end) })
  end)

  it("returns the error, whatever object it is", function ()
    local object = {}
    assert.same({ false, "no" }, { protected.call(error, "no", 0) })
    assert.equal(object, (select(2, protected.call(error, object))))
    assert.same({ false, nil }, { protected.call(error) })
  end)

  it("may wait, and others go on meanwhile", function ()
    run(function ()
      local steps = {}
      wsmanager.spawn(function ()
        for i = 1, 3 do
          steps[#steps + 1] = "other " .. i
          sleep(0)
        end
      end)
      local function wait (value)
        sleep(0)
        sleep(0)
        steps[#steps + 1] = "waited"
        if value == "bad" then error("it waited", 0) end
        return value
      end
      assert.same({ true, "good" }, { protected.call(wait, "good") })
      assert.equal("other 1", steps[1])
      assert.same({ false, "it waited" }, { protected.call(wait, "bad") })
    end)
  end)

  it("may wait on the main thread", function ()
    assert.same({ true, 7 }, { protected.call(function ()
      sleep(0.001)
      return 7
    end) })
  end)
end)
