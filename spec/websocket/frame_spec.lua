local protocol = require "wsmanager.core".protocol
local hex = require "support.bytes".hex

local key = hex "37 fa 21 3d"

-- A length, and the header that announces it (RFC 6455 5.2).
local lengths = {
  { 0, "82 00" }, { 1, "82 01" }, { 125, "82 7d" },
  { 126, "82 7e 00 7e" }, { 127, "82 7e 00 7f" }, { 256, "82 7e 01 00" },
  { 65535, "82 7e ff ff" },
  { 65536, "82 7f 00 00 00 00 00 01 00 00" },
  { 70000, "82 7f 00 00 00 00 00 01 11 70" },
}

local function masked_header(header)
  return header:sub(1, 1) .. string.char(header:byte(2) + 0x80) .. header:sub(3) .. key
end

describe("writing a frame", function()
  for _, case in ipairs(lengths) do
    local n, header = case[1], hex(case[2])

    it("takes the shortest length for " .. n .. " bytes", function()
      local payload = ("x"):rep(n)
      assert.is_true(header .. payload == protocol.frame(2, payload))
    end)

    it("puts the key before " .. n .. " masked bytes", function()
      local payload = ("x"):rep(n)
      local expected = masked_header(header) .. protocol.mask(payload, key)
      assert.is_true(expected == protocol.frame(2, payload, { mask = key }))
    end)
  end

  it("gives the RFC's examples", function()
    assert.are.equal(hex "81 05 48 65 6c 6c 6f", protocol.frame(1, "Hello"))
    assert.are.equal(hex "81 85 37 fa 21 3d 7f 9f 4d 51 58",
      protocol.frame(1, "Hello", { mask = key }))
    assert.are.equal(hex "01 03 48 65 6c", protocol.frame(1, "Hel", { fin = false }))
    assert.are.equal(hex "80 02 6c 6f", protocol.frame(0, "lo"))
    assert.are.equal(hex "89 05 48 65 6c 6c 6f", protocol.frame(9, "Hello"))
    assert.are.equal(hex "8a 85 37 fa 21 3d 7f 9f 4d 51 58",
      protocol.frame(10, "Hello", { mask = key }))
  end)

  it("sets the given bits", function()
    assert.are.equal(hex "c1 00", protocol.frame(1, "", { rsv1 = true }))
    assert.are.equal(hex "a1 00", protocol.frame(1, "", { rsv2 = true }))
    assert.are.equal(hex "11 00", protocol.frame(1, "", { rsv3 = true, fin = false }))
  end)

  it("raises for bad opcodes and keys", function()
    assert.has_error(function() protocol.frame(16, "") end)
    assert.has_error(function() protocol.frame(-1, "") end)
    assert.has_error(function() protocol.frame(1, "", { mask = "abc" }) end)
  end)
end)

describe("parsing a frame's header", function()
  for _, case in ipairs(lengths) do
    local n, header = case[1], hex(case[2])

    it("reads a length of " .. n, function()
      local f = protocol.parse(header .. "rest")
      assert.are.same({ opcode = 2, fin = true, rsv1 = false, rsv2 = false,
        rsv3 = false, length = n, header = #header }, f)
    end)

    it("reads the key of a masked frame of " .. n, function()
      local f = protocol.parse(masked_header(header) .. "rest")
      assert.are.equal(key, f.mask)
      assert.are.equal(n, f.length)
      assert.are.equal(#header + 4, f.header)
    end)

    it("waits for the whole header of a length of " .. n, function()
      for _, whole in ipairs { header, masked_header(header) } do
        for i = 0, #whole - 1 do assert.is_nil((protocol.parse(whole:sub(1, i)))) end
        assert.is_table((protocol.parse(whole)))
      end
    end)
  end

  it("reads every opcode and every bit", function()
    for first = 0, 255 do
      local f = protocol.parse(string.char(first, 0))
      local bits = (f.fin and 128 or 0) + (f.rsv1 and 64 or 0) +
        (f.rsv2 and 32 or 0) + (f.rsv3 and 16 or 0)
      assert.are.equal(first, bits + f.opcode)
    end
  end)

  it("reads the largest length there is", function()
    local f = protocol.parse(hex "82 7f 00 1f ff ff ff ff ff ff")
    assert.are.equal(2 ^ 53 - 1, f.length)
    assert.is_table((protocol.parse(hex "82 7f 7f ff ff ff ff ff ff ff")))
  end)

  it("fails for a length that is not minimal", function()
    for _, header in ipairs { "82 7e 00 00", "82 7e 00 7d", "82 7f 00 00 00 00 00 00 00 7d",
      "82 7f 00 00 00 00 00 00 ff ff" } do
      local ok, why = protocol.parse(hex(header))
      assert.is_false(ok)
      assert.is_string(why)
    end
  end)

  it("fails for a length with its top bit set", function()
    assert.is_false((protocol.parse(hex "82 7f 80 00 00 00 00 00 00 00")))
    assert.is_false((protocol.parse(hex "82 7f ff ff ff ff ff ff ff ff")))
  end)

  it("reads what was written", function()
    for n = 0, 300 do
      local payload = ("y"):rep(n)
      local whole = protocol.frame(1, payload, { mask = key })
      local f = protocol.parse(whole)
      assert.are.equal(payload, protocol.mask(whole:sub(f.header + 1), f.mask))
    end
  end)
end)
