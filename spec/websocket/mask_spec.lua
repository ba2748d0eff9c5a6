local protocol = require "wsmanager.core".protocol
local bytes = require "support.bytes"

local hex = bytes.hex
local key = hex "37 fa 21 3d"

-- RFC 6455 5.3, one byte after the other.
local function exclusive_or(a, b)
  local sum, bit = 0, 1
  for _ = 1, 8 do
    if a % 2 ~= b % 2 then sum = sum + bit end
    a, b, bit = (a - a % 2) / 2, (b - b % 2) / 2, bit * 2
  end
  return sum
end

local function slowly(text, with, phase)
  return (text:gsub("()(.)", function(i, c)
    local k = with:byte((i - 1 + phase) % 4 + 1)
    return string.char(exclusive_or(c:byte(), k))
  end))
end

local function text_of(n)
  local dice, list = bytes.dice(n + 1), {}
  for i = 1, n do list[i] = string.char(dice(256) - 1) end
  return table.concat(list)
end

describe("a mask", function()
  it("turns the RFC's Hello into the RFC's bytes", function()
    assert.are.equal(hex "7f 9f 4d 51 58", protocol.mask("Hello", key))
  end)

  it("undoes itself", function()
    local text = text_of(1000)
    assert.are.equal(text, protocol.mask(protocol.mask(text, key), key))
  end)

  it("masks an empty text to an empty one", function()
    assert.are.equal("", protocol.mask("", key))
  end)

  it("masks every length from every offset as one byte at a time would", function()
    for n = 0, 100 do
      local text = text_of(n)
      for phase = 0, 3 do
        assert.are.equal(slowly(text, key, phase), protocol.mask(text, key, phase))
      end
    end
  end)

  it("continues across pieces cut at every offset", function()
    local text = text_of(77)
    local whole = protocol.mask(text, key)
    for pieces in bytes.cuts(text) do
      local got, at = {}, 0
      for i, piece in ipairs(pieces) do
        got[i] = protocol.mask(piece, key, at % 4)
        at = at + #piece
      end
      assert.are.equal(whole, table.concat(got))
    end
  end)

  it("wants a key of four bytes", function()
    assert.has_error(function() protocol.mask("Hello", "abc") end)
    assert.has_error(function() protocol.mask("Hello") end)
  end)
end)
