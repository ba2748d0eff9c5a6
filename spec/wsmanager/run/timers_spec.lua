local timers = require "wsmanager.run.timers"

describe("timers", function ()
  it("keep a thousand in order, removing some", function ()
    local heap = timers.new()
    local all = {}
    for i = 1, 1000 do
      all[i] = {due = (i * 7919) % 1009}
      heap:add(all[i])
    end
    for i = 1, 1000, 3 do heap:remove(all[i]) end
    local last, count = -1, 0
    while heap:first() do
      local timer = heap:first()
      assert.is_true(timer.due >= last)
      last, count = timer.due, count + 1
      heap:remove(timer)
    end
    assert.equal(666, count)
  end)
end)
