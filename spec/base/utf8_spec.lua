local protocol = require "wsmanager.core".protocol
local bytes = require "support.bytes"

local hex = bytes.hex

local valid = {
  ["nothing"] = "",
  ["ASCII"] = "the quick brown fox jumps over the lazy dog, twice over and more",
  ["NUL"] = hex "00",
  ["U+0080, the first of two bytes"] = hex "c2 80",
  ["U+07FF, the last of two bytes"] = hex "df bf",
  ["U+0800, the first of three bytes"] = hex "e0 a0 80",
  ["U+D7FF, the last before the surrogates"] = hex "ed 9f bf",
  ["U+E000, the first after the surrogates"] = hex "ee 80 80",
  ["U+FEFF, a byte order mark"] = hex "ef bb bf",
  ["U+FFFE and U+FFFF, no characters but code points"] = hex "ef bf be ef bf bf",
  ["U+10000, the first of four bytes"] = hex "f0 90 80 80",
  ["U+3FFFF"] = hex "f0 bf bf bf",
  ["U+10FFFF, the last"] = hex "f4 8f bf bf",
  ["Greek"] = hex "ce ba e1 bd b9 cf 83 ce bc ce b5",
  ["Chinese"] = hex "e5 8c bb e7 94 9f e4 bd a0 e5 a5 bd",
  ["Chinese among ASCII"] = "id=" .. hex "e5 8c bb" .. ", " .. hex "e7 94 9f" .. "; ok",
  ["an emoji of four bytes"] = hex "f0 9f 98 80",
}

-- What is wrong, and the first byte that no valid text can have there.
local invalid = {
  ["a lone continuation 80"] = { hex "80", 1 },
  ["a lone continuation bf"] = { hex "bf", 1 },
  ["c0, which only overlong forms have"] = { hex "c0 80", 1 },
  ["c1, which only overlong forms have"] = { hex "c1 bf", 1 },
  ["an overlong slash of three bytes"] = { hex "e0 80 af", 2 },
  ["U+07FF in three bytes"] = { hex "e0 9f bf", 2 },
  ["an overlong slash of four bytes"] = { hex "f0 80 80 af", 2 },
  ["U+FFFF in four bytes"] = { hex "f0 8f bf bf", 2 },
  ["the surrogate U+D800"] = { hex "ed a0 80", 2 },
  ["the surrogate U+DFFF"] = { hex "ed bf bf", 2 },
  ["a pair of surrogates (CESU-8)"] = { hex "ed a0 80 ed b0 80", 2 },
  ["U+110000"] = { hex "f4 90 80 80", 2 },
  ["f5"] = { hex "f5 80 80 80", 1 },
  ["f8, of five bytes"] = { hex "f8 88 80 80 80", 1 },
  ["fc, of six bytes"] = { hex "fc 84 80 80 80 80", 1 },
  ["fe"] = { hex "fe", 1 },
  ["ff"] = { hex "ff", 1 },
  ["two bytes cut by ASCII"] = { hex "c3 28", 2 },
  ["three bytes cut by ASCII"] = { hex "e2 82 28", 3 },
  ["three bytes cut after the first"] = { hex "e2 28 a1", 2 },
  ["four bytes cut by ASCII"] = { hex "f0 9f 98 28", 4 },
  ["four bytes cut by a lead"] = { hex "f0 9f e2 82 ac", 3 },
  ["a lead after a lead"] = { hex "c3 c3 a9", 2 },
  ["the RFC's invalid Greek"] = { hex "ce ba ed a0 80", 4 },
}

-- Feeds the pieces; answers how many bytes went in when it failed, or whether
-- it ended whole.
local function stream(pieces)
  local u, at = protocol.utf8stream(), 0
  for _, piece in ipairs(pieces) do
    at = at + #piece
    if not u:feed(piece) then return at end
  end
  return u:whole()
end

local function singles(text)
  local list = {}
  for i = 1, #text do list[i] = text:sub(i, i) end
  return list
end

-- Before it, runs that the fast paths skip in strides.
local before = { "", "a", ("a"):rep(31), ("a"):rep(64), (hex "e4 bd a0"):rep(11),
  (hex "c3 a9"):rep(7), (hex "e4 bd a0"):rep(5) .. "abc",
  (hex "f0 9f 98 80"):rep(3), ("a"):rep(139) }

describe("valid UTF-8", function()
  for name, text in pairs(valid) do
    it("may be " .. name, function()
      for _, run in ipairs(before) do
        assert.is_true(protocol.utf8(run .. text))
        assert.is_true(protocol.utf8(run .. text .. run))
        for pieces in bytes.cuts(run .. text) do assert.is_true(stream(pieces)) end
      end
    end)
  end
end)

describe("invalid UTF-8", function()
  for name, case in pairs(invalid) do
    local text, first = case[1], case[2]

    it("is " .. name, function()
      for _, run in ipairs(before) do
        assert.is_false(protocol.utf8(run .. text))
        assert.is_false(protocol.utf8(run .. text .. run))
        for pieces in bytes.cuts(run .. text .. run) do
          assert.is_number(stream(pieces))
        end
      end
    end)

    it("fails at its first invalid byte: " .. name, function()
      for _, run in ipairs(before) do
        assert.are.equal(#run + first, stream(singles(run .. text)))
      end
    end)
  end

  it("is one wrong byte, wherever it stands among ASCII", function()
    for n = 1, 200 do
      for at = 1, n do
        local text = ("a"):rep(at - 1) .. "\255" .. ("a"):rep(n - at)
        assert.is_false(protocol.utf8(text), at .. " of " .. n)
      end
    end
  end)

  it("is any text that ends inside a code point", function()
    for _, whole in ipairs { hex "c3 a9", hex "e4 bd a0", hex "f0 9f 98 80" } do
      for n = 1, #whole - 1 do
        for _, run in ipairs(before) do
          assert.is_false(protocol.utf8(run .. whole:sub(1, n)))
          assert.is_false(stream { run .. whole:sub(1, n) })
        end
      end
    end
  end)
end)

describe("every pair of bytes", function()
  -- RFC 3629 section 4: what may stand alone, and what takes two bytes.
  local function expected(a, b)
    if a < 0x80 then return b < 0x80 end
    return a >= 0xC2 and a <= 0xDF and b >= 0x80 and b <= 0xBF
  end

  it("is valid as RFC 3629 says", function()
    local wrong = {}
    for a = 0, 255 do
      for b = 0, 255 do
        if protocol.utf8(string.char(a, b)) ~= expected(a, b) then
          wrong[#wrong + 1] = ("%02x %02x"):format(a, b)
        end
      end
    end
    assert.are.same({}, wrong)
  end)

  it("begins three bytes only where RFC 3629 says", function()
    local wrong = {}
    for a = 0xE0, 0xEF do
      for b = 0, 255 do
        local low, high = a == 0xE0 and 0xA0 or 0x80, a == 0xED and 0x9F or 0xBF
        local text = string.char(a, b, 0x80)
        if protocol.utf8(text) ~= (b >= low and b <= high) then
          wrong[#wrong + 1] = ("%02x %02x 80"):format(a, b)
        end
      end
    end
    assert.are.same({}, wrong)
  end)

  it("begins four bytes only where RFC 3629 says", function()
    local wrong = {}
    for a = 0xF0, 0xFF do
      for b = 0, 255 do
        local low, high = a == 0xF0 and 0x90 or 0x80, a == 0xF4 and 0x8F or 0xBF
        local text = string.char(a, b, 0x80, 0xBF)
        if protocol.utf8(text) ~= (a <= 0xF4 and b >= low and b <= high) then
          wrong[#wrong + 1] = ("%02x %02x 80 bf"):format(a, b)
        end
      end
    end
    assert.are.same({}, wrong)
  end)
end)
