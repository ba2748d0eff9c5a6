local dedupe = require "wsmanager.chat.dedupe"

describe("dedupe", function ()
  it("recognizes a repetition", function ()
    local ids = dedupe.new(2)
    assert.is_true(ids:add "a")
    assert.is_false(ids:add "a")
  end)

  it("forgets the oldest beyond its limit", function ()
    local ids = dedupe.new(2)
    ids:add "a"
    ids:add "b"
    ids:add "c"
    assert.is_false(ids:add "c")
    assert.is_false(ids:add "b")
    assert.is_true(ids:add "a")
  end)
end)
