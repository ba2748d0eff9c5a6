local core = require "wsmanager.core"
local protocol = core.protocol
local bytes = require "support.bytes"

local block = 4096

describe("a buffer", function()
  after_each(function() core.failmemory(-1) end)

  it("holds no block before and after its bytes", function()
    local b = protocol.buffer()
    assert.are.equal(0, (b:sizes()))
    b:append("Hello")
    assert.are.equal(block, (b:sizes()))
    b:consume(5)
    assert.are.equal(0, (b:sizes()))
    assert.are.equal("", b:bytes())
  end)

  it("gives bytes back in the order they came", function()
    local dice = bytes.dice(7)
    local b, model = protocol.buffer(), ""
    for _ = 1, 2000 do
      if dice(2) == 1 then
        local piece = string.char(96 + dice(26)):rep(dice(3000))
        assert.is_true(b:append(piece))
        model = model .. piece
      else
        local n = dice(#model + 1) - 1
        b:consume(n)
        model = model:sub(n + 1)
      end
      assert.is_true(model == b:bytes())
    end
  end)

  it("keeps its block when little is held and the rest was consumed", function()
    local b = protocol.buffer()
    b:append(("a"):rep(4000))
    for _ = 1, 100 do
      b:append(("b"):rep(96))
      b:consume(3000)
      b:append(("c"):rep(2904))
    end
    assert.are.equal(block, (b:sizes()))
  end)

  it("doubles, so that n bytes cost only log n blocks", function()
    local b = protocol.buffer()
    local calls = core.memory().calls
    for _ = 1, 1024 do b:append(("x"):rep(1024)) end
    assert.is_true(core.memory().calls - calls <= 10)
    assert.are.equal(1024 * 1024, #b:bytes())
  end)

  it("takes its next block from the pool", function()
    local b = protocol.buffer()
    b:append("a")
    b:consume(1)
    local calls = core.memory().calls
    for _ = 1, 1000 do
      b:append("Hello")
      b:consume(5)
    end
    assert.are.equal(calls, core.memory().calls)
  end)

  it("frees a small spare block for a larger one", function()
    local b = protocol.buffer()
    b:append("a")
    b:clear()
    b:append(("x"):rep(100000))
    b:clear()
    local _, spare = b:sizes()
    assert.are.equal(131072, spare)
  end)

  it("frees a block that the pool has no room for", function()
    local b = protocol.buffer()
    collectgarbage()
    collectgarbage("stop")
    local blocks = core.memory().blocks
    b:append(("x"):rep(9 * 1024 * 1024))
    assert.are.equal(blocks + 1, core.memory().blocks)
    b:clear()
    assert.are.equal(blocks, core.memory().blocks)
    collectgarbage("restart")
  end)

  it("moves a few bytes out of a large block when trimmed", function()
    local b = protocol.buffer()
    b:append(("x"):rep(200000) .. "rest")
    b:consume(200000)
    b:trim()
    assert.are.equal(block, (b:sizes()))
    assert.are.equal("rest", b:bytes())
  end)

  it("moves to a block of the size it needs when trimmed", function()
    local b = protocol.buffer()
    b:append(("x"):rep(250000) .. ("y"):rep(10000))
    b:consume(250000)
    b:trim()
    assert.are.equal(16384, (b:sizes()))
    assert.are.equal(("y"):rep(10000), b:bytes())
  end)

  it("stays where it is when trimming is not worth it", function()
    local b = protocol.buffer()
    b:append(("x"):rep(200000))
    b:trim()
    assert.are.equal(262144, (b:sizes()))
  end)

  it("keeps what it holds when there is no memory", function()
    local b = protocol.buffer()
    core.failmemory(0)
    assert.is_false(b:append("Hello"))
    core.failmemory(-1)
    b:append("Hello")
    core.failmemory(0)
    assert.is_false(b:append(("x"):rep(block)))
    b:trim()
    assert.are.equal("Hello", b:bytes())
    core.failmemory(-1)
    assert.is_true(b:append(("x"):rep(block)))
    assert.are.equal(block + 5, #b:bytes())
  end)
end)
