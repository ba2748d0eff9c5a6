local core = require "wsmanager.core"

local function queue(...)
  local q = core.protocol.queue()
  for _, data in ipairs { ... } do assert.is_true(q:push(data)) end
  return q
end

local function all(q)
  local list = {}
  local data = q:first()
  while data do
    list[#list + 1] = data
    q:pop()
    data = q:first()
  end
  return list
end

describe("a queue", function()
  it("gives messages back in their order", function()
    assert.same({ "one", "", "three" }, all(queue("one", "", "three")))
  end)

  it("remembers which are binary", function()
    local q = queue()
    q:push("a", true)
    q:push("b", false)
    assert.same({ "a", true }, { q:first() })
    q:pop()
    assert.same({ "b", false }, { q:first() })
  end)

  it("counts messages and their bytes alone", function()
    local q = queue("12345", "", "678")
    assert.same({ 3, 8 }, { q:size() })
    q:pop()
    assert.same({ 2, 3 }, { q:size() })
  end)

  it("is empty and usable after pop, pop of nothing and clear", function()
    local q = queue("one")
    q:pop()
    q:pop()
    assert.is_nil(q:first())
    q:push("two")
    q:clear()
    assert.same({ 0, 0 }, { q:size() })
    q:push("three")
    assert.same({ "three" }, all(q))
  end)

  it("keeps large messages whole among small ones", function()
    local large = ("0123456789"):rep(100000)
    assert.same({ "a", large, "b" }, all(queue("a", large, "b")))
  end)

  it("holds nothing of the allocator once it is empty", function()
    collectgarbage()
    local before = core.memory().blocks
    local q = queue("one", ("x"):rep(100000))
    assert.is_true(core.memory().blocks > before)
    all(q)
    assert.equal(before, core.memory().blocks)
  end)
end)

describe("prepending", function()
  it("puts all of one queue before another and empties it", function()
    local q, front = queue("c", "d"), queue("a", "b")
    assert.is_true(q:prepend(front))
    assert.same({ 0, 0 }, { front:size() })
    assert.same({ 4, 4 }, { q:size() })
    assert.same({ "a", "b", "c", "d" }, all(q))
    front:push("e")
    assert.same({ "e" }, all(front))
  end)

  it("does nothing for an empty front", function()
    local q = queue("a")
    assert.is_true(q:prepend(queue()))
    assert.same({ "a" }, all(q))
  end)

  it("moves into an empty queue", function()
    local q = queue()
    q:prepend(queue("a", "b"))
    assert.same({ "a", "b" }, all(q))
  end)
end)

describe("a queue without memory", function()
  after_each(function() core.failmemory(-1) end)

  it("refuses, and is as it was", function()
    local q = queue("a")
    local large = ("x"):rep(100000)
    core.failmemory(0)
    local pushed = q:push(large)
    core.failmemory(-1)
    assert.is_false(pushed)
    assert.same({ "a" }, all(q))
  end)

  it("leaves both queues as they were when it cannot prepend", function()
    local q, front = queue(("x"):rep(100000)), queue("a")
    core.failmemory(0)
    local done = q:prepend(front)
    core.failmemory(-1)
    assert.is_false(done)
    assert.same({ "a" }, all(front))
    assert.same({ 1, 100000 }, { q:size() })
  end)
end)
