-- What a peer says, on a terminal.

local safe = require "wsmanager.cli.safe"

describe("a peer's text", function()
  it("has no control character left but line feeds and tabs", function()
    for byte = 0, 31 do
      local char = string.char(byte)
      local kept = char == "\n" or char == "\t"
      assert.equal(kept and "a" .. char .. "b" or ("a\\x%02Xb"):format(byte),
        safe.text("a" .. char .. "b"))
    end
    assert.equal("\\x7F", safe.text "\127")
  end)

  it("has none of C1, and nothing that reverses its direction", function()
    assert.equal("\\xC2\\x9B", safe.text "\194\155")
    assert.equal("\\xE2\\x80\\xAE", safe.text "\226\128\174")
    assert.equal("\\xE2\\x81\\xA6", safe.text "\226\129\166")
    assert.equal("\\xD8\\x9C", safe.text "\216\156")       -- the mark of Arabic letters
    assert.equal("\\xD8\\x9C", safe.line "\216\156")
  end)

  it("keeps what people write", function()
    for _, text in ipairs { "é", "漢字", "\240\159\152\128", "\\x41", "שלום" } do
      assert.equal(text, safe.text(text))
    end
  end)

  it("that is no UTF-8 is escaped", function()
    assert.equal("\\xFFa", safe.text "\255a")
  end)
end)
