-- The tap: heads and frames read from bytes that are cut at every offset, and its journal.

local protocol = require "wsmanager".protocol

-- The kinds of notes, as journal.h counts them.
local LOST, HEAD_IN, HEAD_OUT, FRAME_IN, FRAME_OUT = 0, 29, 30, 31, 32
local MASKED, INFLATED, BROKEN = 256, 512, 1024

local REQUEST = "GET /chat HTTP/1.1\r\nHost: a\r\n\r\n"
local AGREED = "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n"

local function notes (tap)
  local found = {}
  while true do
    local kind, a, b, text = tap:note()
    if not kind then return found end
    found[#found + 1] = {kind, a, b, text}
  end
end

local function open (keep)
  local tap = protocol.tap(keep or 100)
  tap:feed("out", REQUEST)
  tap:feed("in", AGREED)
  notes(tap)
  return tap
end

-- Masked with the key 1 2 3 4.
local function masked (first, payload)
  local i = -1
  local bytes = payload:gsub(".", function (char)
    i = i + 1
    local a, b, x = char:byte(), i % 4 + 1, 0
    for bit = 0, 7 do
      if math.floor(a / 2^bit) % 2 ~= math.floor(b / 2^bit) % 2 then x = x + 2^bit end
    end
    return string.char(x)
  end)
  return string.char(first, 128 + #payload, 1, 2, 3, 4) .. bytes
end

describe("a tap", function ()
  it("notes heads and frames of both ways, however they are cut", function ()
    local inward = AGREED .. "\129\5hello" .. "\1\3abc" .. "\137\2xy" .. "\128\3def"
                   .. "\130\126\0\200" .. ("b"):rep(200) .. "\136\2\3\232"
    local outward = REQUEST .. masked(129, "from us") .. masked(0x8A, "")
    local expected_out = {
      {HEAD_OUT, #REQUEST, 0, REQUEST}, {FRAME_OUT, 129 + MASKED, 7, "from us"},
      {FRAME_OUT, 138 + MASKED, 0, ""},
    }
    local expected_in = {
      {HEAD_IN, #AGREED, 0, AGREED}, {FRAME_IN, 129, 5, "hello"}, {FRAME_IN, 1, 3, "abc"},
      {FRAME_IN, 137, 2, "xy"}, {FRAME_IN, 128, 3, "def"},
      {FRAME_IN, 130, 200, ("b"):rep(100)}, {FRAME_IN, 136, 2, "\3\232"},
    }
    for cut = 0, #inward do
      local tap = protocol.tap(100)
      local at = math.min(cut, #REQUEST)
      tap:feed("out", outward:sub(1, at))
      tap:feed("out", outward:sub(at + 1, #REQUEST))
      local found_out = notes(tap)
      tap:feed("in", inward:sub(1, cut))
      tap:feed("in", inward:sub(cut + 1))
      assert.same(expected_in, notes(tap))
      for i = #REQUEST + 1, #outward do tap:feed("out", outward:sub(i, i)) end
      for _, note in ipairs(notes(tap)) do found_out[#found_out + 1] = note end
      assert.same(expected_out, found_out)
    end
  end)

  it("takes interim responses before the 101, and nothing behind another one", function ()
    local tap = protocol.tap(100)
    tap:feed("out", REQUEST)
    tap:feed("in", "HTTP/1.1 103 Early\r\n\r\n" .. AGREED .. "\129\1x")
    local found = notes(tap)
    assert.equal(4, #found)
    assert.same({FRAME_IN, 129, 1, "x"}, found[4])
    tap = protocol.tap(100)
    tap:feed("in", "HTTP/1.1 403 Forbidden\r\n\r\n\129\1x")
    assert.equal(1, #notes(tap))
  end)

  it("keeps so much of a head, and counts the rest", function ()
    local tap = protocol.tap(100)
    local head = "GET / HTTP/1.1\r\nA: " .. ("x"):rep(20000) .. "\r\n\r\n"
    tap:feed("out", head)
    local found = notes(tap)
    assert.same({HEAD_OUT, #head, 0, head:sub(1, 8192)}, found[1])
  end)

  it("begins in the middle of a frame", function ()
    local tap = protocol.tap(100)
    tap:skip("in", 5)
    tap:skip("out", 0)
    tap:feed("in", "lo he" .. "\129\1x")
    tap:feed("out", masked(129, "y"))
    assert.same({{FRAME_IN, 129, 1, "x"}, {FRAME_OUT, 129 + MASKED, 1, "y"}}, notes(tap))
  end)

  it("inflates, also with a context from message to message", function ()
    local text = ("hello "):rep(20)
    local mine = assert(protocol.deflate {})
    local tap = open(60)
    for _ = 1, 3 do
      local bytes = mine:append(text)
      for i, part in ipairs {"\193" .. string.char(#bytes), bytes} do
        for j = 1, #part do tap:feed("in", part:sub(j, j), i) end
      end
      assert.same({{FRAME_IN, 193 + INFLATED, #bytes, text:sub(1, 60)}}, notes(tap))
    end
  end)

  it("says of a context that it does not know that it does not", function ()
    local mine = assert(protocol.deflate {})
    local text = "one two three four five six seven"
    mine:append(text)
    local bytes = mine:append(text)
    local tap = open()
    tap:feed("in", "\193" .. string.char(#bytes) .. bytes .. "\129\1x")
    local found = notes(tap)
    assert.equal(193, found[1][2])       -- without INFLATED
    assert.same({FRAME_IN, 129, 1, "x"}, found[2])
  end)

  it("stops at a length that is none", function ()
    local tap = open()
    tap:feed("in", "\130\126\0\5hello" .. "\129\1x")
    assert.same({{FRAME_IN, 130 + BROKEN, 0, ""}}, notes(tap))
  end)

  it("notes nothing as earlier than what it noted before", function ()
    local tap, times = open(), {}
    for _, now in ipairs {5, 3, 7, 6} do
      tap:feed("in", "\129\1x", now)
      times[#times + 1] = select(5, tap:note())
    end
    assert.same({5, 5, 7, 7}, times)
  end)

  it("counts what finds no room in its journal", function ()
    local tap = protocol.tap(10, 150)
    tap:skip("in", 0)
    for _ = 1, 10 do tap:feed("in", "\129\1x") end
    local found = notes(tap)
    local lost = table.remove(found)
    assert.is_true(#found >= 2)
    assert.same({LOST, 10 - #found, 0, ""}, lost)
    tap:feed("in", "\129\1y")
    assert.same({{FRAME_IN, 129, 1, "y"}}, notes(tap))
  end)
end)
