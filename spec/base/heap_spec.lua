local core = require "wsmanager.core"
local protocol = core.protocol
local bytes = require "support.bytes"

-- Takes out all timers in their order: a list of deadlines.
local function drain(heap)
  local list = {}
  local i, deadline = heap:first()
  while i do
    list[#list + 1] = deadline
    heap:remove(i)
    i, deadline = heap:first()
  end
  return list
end

local function sorted(model)
  local list = {}
  for _, deadline in pairs(model) do list[#list + 1] = deadline end
  table.sort(list)
  return list
end

describe("a heap of deadlines", function()
  after_each(function() core.failmemory(-1) end)

  it("has no first when it is empty", function()
    assert.is_nil((protocol.heap(1):first()))
  end)

  it("returns the earliest", function()
    local heap = protocol.heap(3)
    heap:set(1, 30)
    heap:set(2, 10)
    heap:set(3, 20)
    local i, deadline = heap:first()
    assert.are.equal(2, i)
    assert.are.equal(10, deadline)
  end)

  it("moves a timer that is set again", function()
    local heap = protocol.heap(2)
    heap:set(1, 10)
    heap:set(2, 20)
    heap:set(1, 30)
    assert.are.equal(2, (heap:first()))
    heap:set(1, 5)
    assert.are.equal(1, (heap:first()))
    assert.are.same({ 5, 20 }, drain(heap))
  end)

  it("removes a timer that is set to never", function()
    local heap = protocol.heap(2)
    heap:set(1, 10)
    heap:set(2, 20)
    assert.is_true(heap:set(1, nil))
    assert.are.equal(2, (heap:first()))
    assert.is_true(heap:set(1, nil))
    heap:remove(1)
    assert.are.same({ 20 }, drain(heap))
  end)

  it("keeps timers with the same deadline", function()
    local heap = protocol.heap(50)
    for i = 1, 50 do heap:set(i, 7) end
    assert.are.equal(50, #drain(heap))
  end)

  it("agrees with a sorted list after any sets and removals", function()
    local dice = bytes.dice(42)
    local heap, model = protocol.heap(200), {}
    for round = 1, 5000 do
      local i = dice(200)
      if dice(3) == 1 then
        heap:remove(i)
        model[i] = nil
      else
        model[i] = dice(1000)
        heap:set(i, model[i])
      end
      if round % 50 == 0 then
        local _, deadline = heap:first()
        assert.are.equal(sorted(model)[1], deadline)
      end
    end
    assert.are.same(sorted(model), drain(heap))
  end)

  it("reports a lack of memory, and stays usable", function()
    local heap = protocol.heap(17)
    for i = 1, 16 do assert.is_true(heap:set(i, 100 - i)) end
    core.failmemory(0)
    assert.is_false(heap:set(17, 1))
    assert.is_true(heap:set(1, 2))
    assert.are.equal(1, (heap:first()))
    core.failmemory(-1)
    assert.is_true(heap:set(17, 1))
    assert.are.equal(17, #drain(heap))
  end)

  it("does not allocate to move or remove", function()
    local heap = protocol.heap(100)
    for i = 1, 100 do heap:set(i, i) end
    local calls = core.memory().calls
    for i = 1, 100 do heap:set(i, 1000 - i) end
    for i = 1, 100 do heap:remove(i) end
    for i = 1, 100 do heap:set(i, i) end
    assert.are.equal(calls, core.memory().calls)
  end)
end)
