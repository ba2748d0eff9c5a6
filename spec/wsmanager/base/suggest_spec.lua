local suggest = require "wsmanager.base.suggest"

describe("the distance of two names", function ()
  it("counts letters inserted, removed and replaced", function ()
    assert.equal(0, suggest.distance("same", "same"))
    assert.equal(1, suggest.distance("cat", "cart"))
    assert.equal(1, suggest.distance("cart", "cat"))
    assert.equal(3, suggest.distance("kitten", "sitting"))
    assert.equal(4, suggest.distance("", "four"))
  end)
end)
