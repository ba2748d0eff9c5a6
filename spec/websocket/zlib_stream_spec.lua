-- A session whose binary messages are pieces of one zlib stream (RFC 1950).

local core = require "wsmanager.core"
local bytes = require "support.bytes"
local sessions = require "support.sessions"

local protocol = core.protocol
local hex = bytes.hex
local each_role, from_peer = sessions.each_role, sessions.from_peer

local HEADER = hex "78 9c"                    -- RFC 1950 2.2: deflate, 32 KiB window
local FLUSH = hex "00 00 ff ff"               -- zlib's Z_SYNC_FLUSH
local HELLO = hex "f2 48 cd c9 c9 07 00"      -- RFC 7692 7.2.3.1
local AGAIN = hex "f2 00 11 00 00"            -- 7.2.3.2: of the same window

-- Each text as the next part of one stream, which begins with the header.
local function stream(texts)
  local d, list = protocol.deflate(), {}
  for i, text in ipairs(texts) do
    list[i] = (i == 1 and HEADER or "") .. d:append(text) .. FLUSH
  end
  return list
end

-- The bytes of binary messages, one for each piece.
local function messages(role, pieces)
  local list = {}
  for i, piece in ipairs(pieces) do list[i] = from_peer(role, 2, piece) end
  return table.concat(list)
end

local function with_inflate(options)
  local all = { inflate = true }
  for name, value in pairs(options or {}) do all[name] = value end
  return all
end

local function received(role, pieces, options)
  return sessions.however_cut(role, messages(role, pieces), with_inflate(options))
end

local function outcome(role, pieces, options)
  return sessions.outcome(role, { messages(role, pieces) }, with_inflate(options))
end

local function texts_of(got)
  local list = {}
  for i, message in ipairs(got.messages) do
    assert.equal("text", message[2])
    list[i] = message[1]
  end
  return list
end

describe("a zlib stream of a connection", function()
  it("is a text where a piece ends with a flush, however the bytes are cut", function()
    each_role(function(role)
      local got = received(role, { HEADER .. HELLO .. FLUSH, AGAIN .. FLUSH })
      assert.same({ "Hello", "Hello" }, texts_of(got))
      assert.is_nil(got.token)
    end)
  end)

  it("is a text in two pieces, cut anywhere, the four bytes too", function()
    local whole = HEADER .. HELLO .. FLUSH
    for pieces in bytes.cuts(whole) do
      local got = outcome("client", pieces)
      assert.same({ "Hello" }, texts_of(got))
      assert.is_nil(got.token)
    end
  end)

  it("is one for all messages", function()
    local texts = {}
    for i = 1, 40 do texts[i] = ('{"t":"EVENT","s":%d}'):format(i):rep(i) end
    local parts = stream(texts)
    assert.is_true(#parts[40] < 60)      -- the window holds what came before
    assert.same(texts, texts_of(outcome("client", parts)))
    local singles = {}
    for byte in table.concat(parts):gmatch "." do singles[#singles + 1] = byte end
    assert.same(texts, texts_of(outcome("client", singles)))
  end)

  it("leaves text messages as they are, between its pieces too", function()
    local list = {
      from_peer("client", 2, HEADER .. HELLO:sub(1, 3)), from_peer("client", 1, "plain"),
      from_peer("client", 2, HELLO:sub(4) .. FLUSH), from_peer("client", 1, ""),
    }
    local got = sessions.however_cut("client", table.concat(list), { inflate = true })
    assert.same({ "plain", "Hello", "" }, texts_of(got))
  end)

  it("comes in fragments, with control frames between them", function()
    each_role(function(role)
      local part = HEADER .. HELLO .. FLUSH
      local text = from_peer(role, 2, part:sub(1, 4), { fin = false })
        .. from_peer(role, 9, "p") .. from_peer(role, 0, "", { fin = false })
        .. from_peer(role, 0, part:sub(5)) .. from_peer(role, 2, AGAIN .. FLUSH)
      local got = sessions.however_cut(role, text, { inflate = true })
      assert.same({ "Hello", "Hello" }, texts_of(got))
      assert.equal(1, got.pings)
    end)
  end)

  it("comes compressed once more", function()
    local parts, d, list = stream { ("a"):rep(5000), "b" }, protocol.deflate(), {}
    for i, part in ipairs(parts) do
      list[i] = from_peer("client", 2, d:append(part), { rsv1 = true })
    end
    list[3] = from_peer("client", 1, d:append "c", { rsv1 = true })
    local got = sessions.outcome("client", { table.concat(list) },
                                 { inflate = true, deflate = true })
    assert.same({ ("a"):rep(5000), "b", "c" }, texts_of(got))
  end)

  it("may have an empty message", function()
    assert.same({ "" }, texts_of(outcome("client", { HEADER .. hex "00" .. FLUSH })))
    assert.same({}, texts_of(outcome("client", { HEADER, "", HEADER:sub(1, 0) })))
  end)

  it("is not complete at the same four bytes within a block", function()
    -- a stored block of 8 bytes, cut behind its sixth
    local block = hex "00 08 00 f7 ff" .. "ab" .. FLUSH .. "cd"
    local s = sessions.new("client", { inflate = true })
    s:feed(from_peer("client", 2, HEADER .. block:sub(1, -3)))
    assert.is_nil((s:next()))
    s:feed(from_peer("client", 2, "cd" .. hex "00" .. FLUSH))
    local data, token, detail, code = s:next()
    assert.same({ false, "protocol", "the peer sent text that is not UTF-8 (RFC 6455 8.1)", 1007 },
                { data, token, detail, code })
  end)

  it("is complete where it fills a block of memory to its last byte", function()
    for n = 4090, 4100 do
      assert.same({ ("x"):rep(n) }, texts_of(outcome("client", stream { ("x"):rep(n) })))
    end
  end)

  it("counts as unread what a message takes up", function()
    local s = sessions.new("client", { inflate = true })
    s:feed(messages("client", stream { ("x"):rep(10000) }))
    s:glance()
    assert.is_true(s:state().unread >= 10000)
    assert.equal(10000, #(s:next()))
    assert.equal(0, s:state().unread)
  end)
end)

describe("a zlib stream that is none", function()
  local function fails(pieces, detail, code, options)
    local got = received("client", pieces, options)
    assert.same({ detail, code or 1007 }, { got.detail, got.code })
    return got
  end

  local CORRUPT = "the peer's zlib stream does not inflate (the option inflate)"
  local ENDED = "the peer ended its zlib stream, which is one for the whole connection "
                .. "(the option inflate)"

  it("fails with the code of invalid data", function()
    local got = fails({ HELLO .. FLUSH }, CORRUPT)                  -- no header
    assert.equal("protocol", got.token)
    assert.same({ 8, sessions.code(1007) .. "invalid data" }, got.output[1])
    fails({ hex "78 9d" .. HELLO .. FLUSH }, CORRUPT)               -- its check
    fails({ hex "88 1c" .. HELLO .. FLUSH }, CORRUPT)               -- a window of 64 KiB
    fails({ hex "78 bb 00 00 00 01" .. HELLO .. FLUSH }, CORRUPT)   -- a dictionary
    fails({ HEADER .. hex "06" }, CORRUPT)                          -- a block of type 3
    fails({ HEADER .. AGAIN .. FLUSH }, CORRUPT)                    -- what came before is not there
  end)

  it("fails after the messages before it", function()
    local got = received("client", { HEADER .. HELLO .. FLUSH, hex "06" })
    assert.same({ "Hello" }, texts_of(got))
    assert.equal(CORRUPT, got.detail)
  end)

  it("fails when it ends, with the right checksum or a wrong one", function()
    fails({ HEADER .. hex "f3 48 cd c9 c9 07 00 05 8c 01 f5" }, ENDED)
    fails({ HEADER .. hex "f3 48 cd c9 c9 07 00 05 8c 01 f6" }, CORRUPT)
  end)

  it("fails for text that is not UTF-8", function()
    fails(stream { "\255" }, "the peer sent text that is not UTF-8 (RFC 6455 8.1)")
    fails(stream { "\195" }, "the peer sent text that is not UTF-8 (RFC 6455 8.1)")
  end)

  it("fails where a message inflates to more than the limit", function()
    for _, n in ipairs { 99, 100 } do
      local got = outcome("client", stream { ("x"):rep(n), ("y"):rep(n) }, { message = 100 })
      assert.same({ ("x"):rep(n), ("y"):rep(n) }, texts_of(got))
    end
    fails(stream { ("x"):rep(101) },
          "the peer sent a message that inflates to more than 100 bytes, the limit", 1009,
          { message = 100 })
  end)

  it("stops a bomb where it exceeds the limit, in one piece or in many", function()
    local bomb = stream { ("\0"):rep(16 * 2 ^ 20) }[1]
    local pieces = {}
    for at = 1, #bomb, 100 do pieces[#pieces + 1] = bomb:sub(at, at + 99) end
    for _, list in ipairs { { bomb }, pieces } do
      local s = sessions.new("client", { inflate = true, message = 100000 })
      s:feed(messages("client", list))
      local data, token, _, code = s:next()
      assert.same({ false, "toobig", 1009 }, { data, token, code })
      assert.is_true(s:state().room < 200000)
    end
  end)

  it("says that there is no memory", function()
    local codes = {}
    for left = 0, 12 do
      local s = sessions.new("client", { inflate = true })
      s:feed(messages("client", stream { ("abc"):rep(500) }))
      core.failmemory(left)
      local data, token, _, code = s:next()
      core.failmemory(-1)
      if data then
        assert.equal(1500, #data)
      else
        assert.same({ "full", 1011 }, { token, code })
      end
      codes[code or "read"] = true
      s:free()
    end
    assert.same({ [1011] = true, read = true }, codes)
  end)
end)
