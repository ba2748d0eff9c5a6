-- Keys and the line that they edit: no terminal.

local bytes = require "support.bytes"
local editor = require "wsmanager.cli.editor"
local keys = require "wsmanager.cli.keys"

-- What the line is after these bytes, the column of its cursor, and what was asked for.
local function typed(text, lines)
  local reader, line, asked = keys.new(), editor.new(lines), {}
  for _, key in ipairs(reader:feed(text)) do
    local what, value = line:press(key)
    if what then asked[#asked + 1] = value or what end
  end
  local shown, column = line:visible(70)
  return shown, column, table.concat(asked, ",")
end

-- The first two.
local function line(text, lines)
  local shown, column = typed(text, lines)
  return { shown, column }
end

describe("the keys of a terminal", function()
  it("are the same, wherever a read cuts them", function()
    local text = "aé漢\27[D\27[1;5C\27OH\27b\27[3~\27[200~x\r\né漢\27[201~\127\1"
    local function names(pieces)
      local reader, found = keys.new(), {}
      for _, piece in ipairs(pieces) do
        for _, key in ipairs(reader:feed(piece)) do
          if key.name == "text" then
            for char in key.text:gmatch "[%z\1-\127\194-\244][\128-\191]*" do
              found[#found + 1] = char
            end
          else
            found[#found + 1] = key.name
          end
        end
      end
      return table.concat(found, " ")
    end
    local whole = names { text }
    assert.equal("a é 漢 left word-right home word-left delete x \n é 漢 backspace home", whole)
    for pieces in bytes.cuts(text) do assert.equal(whole, names(pieces)) end
  end)

  it("that nobody knows change nothing", function()
    assert.equal("ab", (typed "a\27[99;99Z\27[15~\27x\30b"))
  end)

  it("go on behind a character that is cut for good: what Latin-1 types", function()
    for _, byte in ipairs { "\195", "\233", "\240", "\240\159\152", "\255" } do
      for _, key in ipairs { "\3", "\27[D", "\r", "\127" } do
        local reader = keys.new()
        reader:feed(byte)
        local found = reader:feed(key .. "\4")
        assert.equal("end-of-input", found[#found].name)
        assert.equal(3, #found)
      end
    end
  end)

  it("of a paste move no cursor when they are shown", function()
    local text = line("\27[200~a\194\155b\226\128\174c\216\156\27[201~")[1]
    assert.is_nil(text:find "[\194\216]")
    assert.is_nil(text:find("\226\128\174", 1, true))
  end)
end)

describe("an edited line", function()
  it("has a cursor", function()
    assert.same({ "Xabc", 1 }, line("abc\1X"))
    assert.same({ "abXc", 3 }, line("abc\27[DX"))
    assert.same({ "abcX", 4 }, line("abc\1\5X"))
    assert.same({ "ac", 1 }, line("abc\27[D\27[D\27[3~"))
    assert.same({ "one Xtwo", 5 }, line("one two\27bX"))
    assert.same({ "oneX two", 4 }, line("one two\1\27fX"))
  end)

  it("loses words and ends, and has them back", function()
    assert.same({ "one ", 4 }, line("one two\23"))
    assert.same({ "", 0 }, line("one two\21"))
    assert.same({ "one", 3 }, line("one two\27b\2\11"))
    assert.same({ "two two", 7 }, line("two \23\25\25\127"))
  end)

  it("counts the columns of wide characters, and none for marks above another", function()
    assert.same({ "漢字", 4 }, line("漢字"))
    assert.same({ "e\204\129", 1 }, line("e\204\129"))
    assert.same({ "a↵b", 3 }, line("\27[200~a\nb\27[201~"))
  end)

  it("has the lines before it, and keeps what was begun", function()
    assert.equal("two", (typed("\27[A", { "one", "two" })))
    assert.equal("one", (typed("\27[A\27[A\27[A", { "one", "two" })))
    assert.equal("new", (typed("new\27[A\27[B", { "one" })))
  end)

  it("does not keep what begins with a space, or is there", function()
    local lines = { "one" }
    typed("one\r two\rthree\r", lines)
    assert.same({ "one", "three" }, lines)
  end)

  it("asks to leave only where nothing is lost", function()
    assert.same({ "", 0, "" }, { typed "abc\3" })
    assert.same({ "", 0, "leave" }, { typed "abc\3\3" })
    assert.same({ "ab", 2, "" }, { typed "ab\4" })
    assert.same({ "", 0, "ab,leave" }, { typed "ab\r\4" })
  end)
end)
