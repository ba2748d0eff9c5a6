local fifo = require "wsmanager.base.fifo"

describe("a fifo", function ()
  it("gives back what was put into it, in order", function ()
    local queue = fifo.new()
    assert.is_true(fifo.is_empty(queue))
    assert.is_nil(fifo.pop(queue))
    for round = 1, 3 do
      for i = 1, round do fifo.push(queue, i) end
      assert.is_false(fifo.is_empty(queue))
      for i = 1, round do assert.equal(i, fifo.pop(queue)) end
      assert.is_nil(fifo.pop(queue))
      assert.is_true(fifo.is_empty(queue))
    end
  end)

  it("keeps nothing that was taken", function ()
    local queue = fifo.new()
    for i = 1, 100 do
      fifo.push(queue, i)
      fifo.push(queue, i)
      fifo.pop(queue)
    end
    while fifo.pop(queue) do end
    assert.same(fifo.new(), queue)
  end)
end)
