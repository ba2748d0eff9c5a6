-- A function that is called when an object is collected.

local finalizer = require "wsmanager.base.finalizer"

describe("a finalizer", function ()
  it("is called once, when nobody has its object", function ()
    local calls = 0
    local object = finalizer.new(function () calls = calls + 1 end)
    collectgarbage()
    assert.equal(0, calls)
    assert.is_truthy(object)
    object = nil    -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.equal(1, calls)
  end)

  it("lets no error out", function ()
    local calls = 0
    finalizer.new(function ()
      calls = calls + 1
      error "not told"
    end)
    collectgarbage()
    collectgarbage()
    assert.equal(1, calls)
  end)
end)
