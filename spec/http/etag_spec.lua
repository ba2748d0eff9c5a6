local core = require "wsmanager.core"

describe("an entity tag", function()
  it("is of the bytes alone", function()
    assert.equal('"da39a3ee5e6b4b0d3255bfef95601890afd80709"', core.etag "")
    assert.equal('"a9993e364706816aba3e25717850c26c9cd0d89d"', core.etag "abc")
    assert.not_equal(core.etag "a\0b", core.etag "a\0c")
  end)

  it("is compared weakly with a list (RFC 9110 13.1.2)", function()
    local lists = {
      ['"a"'] = true, ['W/"a"'] = true, ['"b", "a"'] = true, ['"b","a"'] = true,
      [' , "b" ,, W/"a" '] = true, ["*"] = true, [" * "] = true,
      ['"x,y", "a"'] = true, ['"b"'] = false, [""] = false, ["a"] = false,
      ['"A"'] = false, ['"a'] = false, ['"b", a, "a"'] = false, ['w/"a"'] = false,
      ['"aa"'] = false, ["*, b"] = false, ['"'] = false, ["W/"] = false,
    }
    for list, expected in pairs(lists) do
      assert.equal(expected, core.etagmatches(list, '"a"'), list)
      assert.equal(expected, core.etagmatches(list, 'W/"a"'), list)
    end
    assert.is_true(core.etagmatches('"x,y"', '"x,y"'))
    assert.is_false(core.etagmatches('"x,y"', '"y"'))
  end)
end)
