local wsmanager = require "wsmanager"
local protected = require "wsmanager.run.protected"

local run, sleep = wsmanager.run, wsmanager.sleep

describe("a protected call", function ()
  it("returns what the function returns", function ()
    assert.same({ true, 1, nil, 3 }, { protected.call(function (...) return ... end, 1, nil, 3) })
    assert.same({ true }, { protected.call(function () end) })
  end)

  it("returns the error, whatever object it is, and its text", function ()
    local object = setmetatable({}, { __tostring = function () return "an object" end })
    assert.same({ false, object, "an object" }, { protected.call(error, object) })
    local called, why, text = protected.call(error)
    assert.same({ false, nil }, { called, why })
    assert.matches("^nil", text)
    called, why, text = protected.call(error, "no", 0)
    assert.same({ false, "no" }, { called, why })
    assert.matches("^no\nstack traceback:", text)
  end)

  -- How much room the stack has left at its end is another in each call; where the
  -- traceback finds none, LuaJIT says "error in error handling". The others keep room for
  -- it, in stacks that are slow to fill.
  it("returns an error that has no room for a traceback", function ()
    local function deeper () return 1 + deeper() end
    local function call_at (depth)
      if depth > 0 then return (call_at(depth - 1)) end
      local called, why, text = protected.call(deeper)
      assert.is_false(called)
      assert.matches("overflow", why)
      assert.matches("overflow", text)
    end
    for depth = 0, rawget(_G, "jit") and 60 or 0 do call_at(depth) end
  end)

  it("returns an error of the traceback's own as the one it was of", function ()
    local object = setmetatable({}, { __tostring = function (self) return self .. "" end })
    assert.same({ false, object, "(an error object that has no text)" },
                { protected.call(error, object) })
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
      local called, why, text = protected.call(wait, "bad")
      assert.same({ false, "it waited" }, { called, why })
      assert.matches("^it waited\nstack traceback:.*protected_spec%.lua", text)
    end)
  end)

  it("may wait on the main thread", function ()
    assert.same({ true, 7 }, { protected.call(function ()
      sleep(0.001)
      return 7
    end) })
  end)
end)
