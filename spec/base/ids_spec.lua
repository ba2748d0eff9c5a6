local core = require "wsmanager.core"

local function ids(limit) return core.protocol.ids(limit) end

describe("the ids seen last", function()
  after_each(function() core.failmemory(-1) end)

  it("are found, byte for byte", function()
    local seen = ids(10)
    assert.is_false(seen:has("a"))
    for _, id in ipairs { "a", "\0b", ("x"):rep(128) } do seen:add(id) end
    assert.is_true(seen:has("a"))
    assert.is_true(seen:has("\0b"))
    assert.is_true(seen:has(("x"):rep(128)))
    assert.is_false(seen:has("b"))
    assert.is_false(seen:has(("x"):rep(127)))
  end)

  it("are so many, and then the oldest goes", function()
    local seen = ids(100)
    for i = 1, 1000 do
      assert.is_false(seen:has("id " .. i))
      seen:add("id " .. i)
      for _, back in ipairs { 0, 1, 50, 99 } do
        if i > back then assert.is_true(seen:has("id " .. (i - back))) end
      end
      if i > 100 then assert.is_false(seen:has("id " .. (i - 100))) end
    end
  end)

  -- seven of fifty, in seven chains
  it("are found behind others of the same hash, and not once they are gone", function()
    local seen, last = ids(7), {}
    local random = 1
    for _ = 1, 5000 do
      random = random * 16807 % 2147483647
      local id = ("%02d"):format(random % 50)
      local is_there = false
      for _, each in ipairs(last) do is_there = is_there or each == id end
      assert.equal(is_there, seen:has(id))
      if not is_there then
        seen:add(id)
        last[#last + 1] = id
        if #last > 7 then table.remove(last, 1) end
      end
    end
  end)

  it("take what they need and no more, and give it back", function()
    local before = core.memory().blocks
    local seen = ids(1000000)
    for i = 1, 40 do seen:add(("%03d"):format(i)) end
    assert.equal(before + 2, core.memory().blocks)
    seen:clear()
    assert.equal(before, core.memory().blocks)
    assert.is_false(seen:has("001"))
    seen:add("001")
    assert.is_true(seen:has("001"))
  end)

  it("say so where there is no memory, and stay as they were", function()
    local seen = ids(50)
    for i = 1, 16 do seen:add("id" .. i) end
    core.failmemory(0)
    assert.is_false(seen:add("id17"))
    core.failmemory(-1)
    assert.is_false(seen:has("id17"))
    assert.is_true(seen:has("id1"))
    assert.is_true(seen:add("id17"))
    assert.is_true(seen:has("id17"))
  end)

  it("may be one", function()
    local seen = ids(1)
    seen:add("a")
    seen:add("b")
    assert.is_false(seen:has("a"))
    assert.is_true(seen:has("b"))
  end)
end)
