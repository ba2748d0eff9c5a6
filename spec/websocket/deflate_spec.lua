local core = require "wsmanager.core"
local bytes = require "support.bytes"

local hex = bytes.hex
local deflate = core.protocol.deflate

-- Inflates one message in these pieces: message | nil, why.
local function inflate(d, pieces)
  if type(pieces) == "string" then pieces = { pieces } end
  for _, piece in ipairs(pieces) do
    local ok, why = d:inflate(piece)
    if not ok then return nil, why end
  end
  return d:finish()
end

local function noise(n, seed)
  local dice = bytes.dice(seed)
  local list = {}
  for i = 1, n do list[i] = string.char(dice(256) - 1) end
  return table.concat(list)
end

-- Text with repetitions near and far, so that every window matters.
local function prose(n, seed)
  local dice = bytes.dice(seed)
  local words = { "the ", "doctor ", "will ", "see ", "you ", "now ", "later ", "wsmanager " }
  local list, length = {}, 0
  while length < n do
    local word = dice(40) == 1 and noise(7, dice(100000)) or words[dice(#words)]
    list[#list + 1] = word
    length = length + #word
  end
  return table.concat(list):sub(1, n)
end

-- RFC 7692 7.2.3, byte for byte.
local examples = {
  { "one fixed block (7.2.3.1)", "f2 48 cd c9 c9 07 00", "Hello" },
  { "a stored block (7.2.3.3)", "00 05 00 fa ff 48 65 6c 6c 6f 00", "Hello" },
  { "a final block (7.2.3.4)", "f3 48 cd c9 c9 07 00 00", "Hello" },
  { "two blocks (7.2.3.5)", "f2 48 05 00 00 00 ff ff ca c9 c9 07 00", "Hello" },
  { "an empty message (7.2.3.6)", "00", "" },
  { "a final stored block", "01 05 00 fa ff 48 65 6c 6c 6f 00", "Hello" },
  { "a final block and no more", "f3 48 cd c9 c9 07 00", "Hello" },
  { "two final blocks", "f3 48 cd c9 c9 07 00 f3 48 cd c9 c9 07 00 00", "HelloHello" },
  { "an empty fixed block", "02 00", "" },
  { "an empty final block", "03 00", "" },
  { "a final stored block cut at 00 00 ff ff", "f2 48 cd c9 c9 07 04", "Hello" },
  { "nothing but that", "01", "" },
  { "empty stored blocks", "00 00 00 ff ff 00 00 00 ff ff 00", "" },
}

describe("inflating a message", function()
  for _, example in ipairs(examples) do
    it("reads " .. example[1] .. ", whole and in every cut", function()
      local data = hex(example[2])
      assert.equal(example[3], inflate(deflate(), data))
      for pieces in bytes.cuts(data) do
        assert.equal(example[3], inflate(deflate(), pieces))
        assert.equal(example[3], inflate(deflate { peer_takeover = false }, pieces))
      end
    end)
  end

  it("reads a context taken over (RFC 7692 7.2.3.2), in every cut", function()
    for pieces in bytes.cuts(hex "f2 00 11 00 00") do
      local d = deflate()
      assert.equal("Hello", inflate(d, hex "f2 48 cd c9 c9 07 00"))
      assert.equal("Hello", inflate(d, pieces))
    end
  end)

  it("has no context where none is taken over", function()
    local d = deflate { peer_takeover = false }
    assert.equal("Hello", inflate(d, hex "f2 48 cd c9 c9 07 00"))
    assert.same({ nil, "corrupt" }, { inflate(d, hex "f2 00 11 00 00") })
  end)

  it("takes a context over after a final block", function()
    for _, final in ipairs { "f3 48 cd c9 c9 07 00 00", "f3 48 cd c9 c9 07 00" } do
      local d = deflate()
      assert.equal("Hello", inflate(d, hex(final)))
      assert.equal("Hello", inflate(d, hex "f2 00 11 00 00"))
      assert.equal("Hello", inflate(d, hex "f2 00 11 00 00"))
    end
  end)

  it("takes messages without a byte for empty ones", function()
    local d = deflate()
    assert.equal("", d:finish())
    assert.equal("Hello", inflate(d, hex "f2 48 cd c9 c9 07 00"))
    assert.equal("", d:finish())
    assert.equal("Hello", inflate(d, hex "f2 00 11 00 00"))
  end)

  it("fails for bytes that are not DEFLATE, and for a truncated message", function()
    for _, data in ipairs {
      "ff", "06 00", "07", "00 05 00 fa fa", "f2 48", "f2 48 cd c9 c9", "00 06 00 f9 ff 48",
      "f2 00 11 00 00", "04 00", "f2 48 cd c9 c9 07 00 07",
    } do
      for pieces in bytes.cuts(hex(data)) do
        assert.same({ nil, "corrupt" }, { inflate(deflate(), pieces) })
      end
    end
  end)

  it("survives every change of one byte", function()
    local data = deflate():append(prose(300, 5))
    local dice = bytes.dice(77)
    for at = 1, #data do
      local changed = data:sub(1, at - 1) .. string.char(dice(256) - 1) .. data:sub(at + 1)
      local message, why = inflate(deflate { limit = 4096 }, changed)
      assert.is_true(message ~= nil or why == "corrupt" or why == "too big")
    end
  end)
end)

describe("the limit", function()
  local sizes = { 0, 1, 4095, 4096, 4097, 5000, 65536, 100000 }

  it("is met to the byte", function()
    for _, size in ipairs(sizes) do
      local text = ("x"):rep(size)
      local data = deflate():append(text)
      assert.is_true(text == inflate(deflate { limit = size }, data))
      assert.is_true(text == inflate(deflate { limit = size + 1 }, data))
      if size > 0 then
        assert.same({ nil, "too big" }, { inflate(deflate { limit = size - 1 }, data) })
      end
    end
  end)

  it("limits a bomb of 1 GiB to 1 MiB", function()
    local limit = 1048576
    local bomb = deflate { level = 9 }:append(("\0"):rep(limit)) .. hex "00 00 ff ff"
    local d = deflate { limit = limit, peer_takeover = false }
    assert.equal(limit, #inflate(deflate { limit = limit }, bomb:sub(1, -5)))
    bomb = bomb:rep(1024)
    local largest, ok, why = 0, true, nil
    for at = 1, #bomb, 16 do
      ok, why = d:inflate(bomb:sub(at, at + 15))
      largest = math.max(largest, d:room())
      if not ok then break end
    end
    assert.is_nil(ok)
    assert.equal("too big", why)
    assert.equal(limit, largest)
  end)

  it("is the most memory that a message takes, whatever it is", function()
    for _, limit in ipairs { 10000, 1000001, 3000000 } do
      local d = deflate { limit = limit }
      assert.is_true(d:inflate(deflate():append(("y"):rep(limit))))
      assert.equal(limit, d:room())
      assert.equal(limit, #d:finish())
      assert.equal(0, d:room())
    end
  end)

  it("limits a flood of final blocks, too", function()
    local d = deflate { limit = 100 }
    assert.is_true(d:inflate(hex("03 00"):rep(50000)))
    assert.equal("", d:finish())
  end)
end)

describe("deflating a message", function()
  it("gives the bytes of the RFC (7692 7.2.3.1 and 7.2.3.2)", function()
    local d = deflate()
    assert.equal(hex "f2 48 cd c9 c9 07 00", d:append "Hello")
    assert.equal(hex "f2 00 11 00 00", d:append "Hello")
  end)

  it("begins a new context for each message without takeover", function()
    local d = deflate { takeover = false }
    assert.equal(hex "f2 48 cd c9 c9 07 00", d:append "Hello")
    assert.equal(hex "f2 48 cd c9 c9 07 00", d:append "Hello")
  end)

  it("gives one zero byte for an empty message (7.2.3.6), at any time", function()
    local d = deflate()
    assert.equal("\0", d:append "")
    d:append "Hello"
    assert.equal("\0", d:append "")
    assert.equal(hex "f2 00 11 00 00", d:append "Hello")
  end)

  it("is inflated again with every window, level and takeover", function()
    for window = 9, 15 do
      for _, level in ipairs { 0, 1, 6, 9 } do
        for _, takeover in ipairs { true, false } do
          local ours = deflate { window = window, level = level, takeover = takeover }
          local theirs = deflate { peer_window = window, peer_takeover = takeover }
          for i, size in ipairs { 1, 70000, 0, 300, 40000, 5 } do
            local text = i % 2 == 0 and prose(size, i) or noise(size, i)
            assert.is_true(text == inflate(theirs, ours:append(text)))
          end
        end
      end
    end
  end)

  it("keeps within 256 bytes where that is the window", function()
    for _, level in ipairs { 1, 2, 4, 6, 9 } do
      local ours, theirs = deflate { eight = true, level = level }, deflate { eight = true }
      for i = 1, 20 do
        local text = prose(3000, i) .. ("ab"):rep(200) .. noise(249, 9):rep(8)
        assert.is_true(text == inflate(theirs, ours:append(text)))
      end
    end
  end)

  it("takes messages of many sizes one byte at a time", function()
    local ours, theirs = deflate(), deflate()
    for size = 0, 600, 37 do
      local text = prose(size, size + 1)
      local data = ours:append(text)
      local pieces = {}
      for i = 1, #data do pieces[i] = data:sub(i, i) end
      assert.is_true(text == inflate(theirs, pieces))
    end
  end)
end)

describe("the contexts", function()
  local function blocks()
    collectgarbage()
    collectgarbage()
    return core.memory().blocks
  end

  it("do not exist before the first compressed message of their direction", function()
    local d = deflate()
    local before = blocks()
    assert.equal("", d:finish())
    assert.equal("\0", d:append "")
    assert.equal(before, blocks())
    local data = d:append "Hello"
    local deflater = blocks()
    assert.is_true(deflater > before)
    assert.equal("Hello", inflate(d, data))
    assert.is_true(blocks() > deflater)
    d:free()
    assert.equal(before, blocks())
  end)

  it("are freed after each message without takeover", function()
    local d = deflate { takeover = false, peer_takeover = false }
    local before = blocks()
    for _ = 1, 3 do
      local data = d:append "Hello"
      assert.equal(before, blocks())
      assert.is_true(d:inflate(data:sub(1, 3)))
      assert.is_true(blocks() > before)
      assert.is_true(d:inflate(data:sub(4)))
      assert.equal("Hello", d:finish())
      assert.equal(before, blocks())
    end
  end)

  it("are new after memory failed within a message", function()
    local text = prose(50000, 3)
    local calls = 0
    repeat
      local ours, theirs = deflate(), deflate()
      assert.equal("Hello", inflate(theirs, ours:append "Hello"))
      core.failmemory(calls)
      local data = ours:append(text)
      core.failmemory(-1)
      if data then assert.is_true(text == inflate(theirs, data)) end
      assert.is_true(text == inflate(theirs, ours:append(text)))
      calls = calls + 1
    until data
    assert.is_true(calls > 1)
  end)

  it("report a lack of memory while they inflate", function()
    local text = prose(50000, 4)
    local data = deflate():append(text)
    local calls, message = 0, nil
    repeat
      local d = deflate()
      core.failmemory(calls)
      local ok, why = d:inflate(data)
      core.failmemory(-1)
      if ok then message = d:finish() else assert.equal("no memory", why) end
      d:free()
      calls = calls + 1
    until ok
    assert.is_true(text == message)
    assert.is_true(calls > 3)
  end)
end)

-- One line of Python, its standard output as hex digits.
local function python(program)
  local pipe = assert(io.popen("/usr/bin/python3 -c '" .. program .. "'", "r"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

local function to_hex(text)
  return (text:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

describe("Python's zlib", function()
  it("deflates messages that are inflated here, flushed in every way", function()
    local list = python [[
import zlib
text = bytes(range(256)) * 9 + b"doctor and customer " * 300
for level in (0, 1, 6, 9):
    for strategy in (0, 1, 2, 3, 4):
        c = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
        first = c.compress(text) + c.flush(zlib.Z_FULL_FLUSH)
        second = c.compress(text) + c.flush(zlib.Z_SYNC_FLUSH)
        last = c.compress(text) + c.flush(zlib.Z_FINISH)
        print(first[:-4].hex(), second[:-4].hex(), last.hex() + "00")
]]
    local all = {}
    for i = 0, 255 do all[i + 1] = string.char(i) end
    local text = table.concat(all):rep(9) .. ("doctor and customer "):rep(300)
    local count = 0
    for first, second, last in list:gmatch("(%x+) (%x+) (%x+)\n") do
      local d = deflate()
      for _ = 1, 2 do
        assert.is_true(text == inflate(d, hex(first)))
        assert.is_true(text == inflate(d, hex(second)))
        assert.is_true(text == inflate(d, hex(last)))
      end
      count = count + 1
    end
    assert.equal(20, count)
  end)

  it("inflates the messages deflated here, in a window of 256 bytes, too", function()
    local message = prose(6000, 11) .. ("z"):rep(3000)
    for _, case in ipairs { { 8, { eight = true } }, { 9, { window = 9 } }, { 15, {} } } do
      local d = deflate(case[2])
      local lines = {}
      for i = 1, 3 do lines[i] = to_hex(d:append(message)) end
      local out = python(([[
import zlib
d = zlib.decompressobj(-%d)
for data in "%s".split():
    print(d.decompress(bytes.fromhex(data) + b"\0\0\xff\xff").hex())
]]):format(case[1], table.concat(lines, " ")))
      assert.equal((to_hex(message) .. "\n"):rep(3), out)
    end
  end)
end)
