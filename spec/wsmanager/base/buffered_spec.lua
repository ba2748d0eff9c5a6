local buffered = require "wsmanager.base.buffered"

-- What a frame of n bytes takes.
local function frame (n)
  return n + (n > 65535 and 14 or n > 125 and 8 or 6)
end

describe("the bytes of messages in an output", function ()
  it("are none when it is empty", function ()
    local messages = buffered.new()
    assert.equal(0, messages:pending(0))
    messages:add(5, 0)
    assert.equal(0, messages:pending(0))
  end)

  it("are those of the messages, without their framing", function ()
    for _, n in ipairs {0, 1, 125, 126, 65535, 65536, 100000} do
      local messages = buffered.new()
      messages:add(n, 0)
      messages:add(7, frame(n))
      assert.equal(n + 7, messages:pending(frame(n) + frame(7)))
    end
  end)

  it("become fewer as the output is written", function ()
    local messages = buffered.new()
    messages:add(100, 0)
    messages:add(200, frame(100))
    local all, last = frame(100) + frame(200), nil
    for written = 0, all do
      local pending = messages:pending(all - written)
      assert.is_true(pending <= (last or 300))
      last = pending
    end
    assert.equal(0, last)
  end)

  it("begin anew with an output that was empty, and forget what was written", function ()
    local messages = buffered.new()
    for _ = 1, 10000 do messages:add(10, frame(10)) end
    assert.equal(20, messages:pending(2 * frame(10)))
    assert.equal(2, messages.count)
    messages:add(3, 0)
    assert.equal(3, messages:pending(frame(3)))
    assert.equal(1, messages.count)
  end)

  it("are known for very many", function ()
    local messages, output = buffered.new(), 0
    for n = 1, 1000 do
      messages:add(n, output)
      output = output + frame(n)
    end
    assert.equal(1000 * 1001 / 2, messages:pending(output))
  end)
end)
