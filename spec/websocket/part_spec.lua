-- A session whose messages are read in parts.

local core = require "wsmanager.core"
local bytes = require "support.bytes"
local sessions = require "support.sessions"

local protocol = core.protocol
local hex = bytes.hex
local each_role, from_peer = sessions.each_role, sessions.from_peer

local PART = 65536

local function new(role, options)
  local all = { stream = true }
  for name, value in pairs(options or {}) do all[name] = value end
  return sessions.new(role, all)
end

-- Takes the parts that are there, adds them to messages: { data, kind, whole } each,
-- and counts them. Returns what ended the session, if anything did.
local function take(s, messages, largest)
  while true do
    local data, kind, rest, more = s:part()
    if not data then return data, kind, rest, more end
    if largest then assert.is_true(#data <= largest) end
    local last = messages[#messages]
    if rest then
      assert.is_false(last[3])
      assert.equal(last[2], kind)
      assert.is_true(data ~= "" or not more)
      last[1][#last[1] + 1] = data
    else
      assert.is_true(not last or last[3])
      last = { { data }, kind }
      messages[#messages + 1] = last
    end
    last[3] = not more
  end
end

local function outcome(role, pieces, options)
  local s, got = new(role, options), { messages = {} }
  for _, piece in ipairs(pieces) do
    assert(s:feed(piece))
    local data, token, detail, code = take(s, got.messages, PART)
    if data == false then got.token, got.detail, got.code = token, detail, code end
  end
  for _, message in ipairs(got.messages) do message[1] = table.concat(message[1]) end
  local state = s:state()
  got.pings, got.unread, got.amidst = state.pings, state.unread, state.amidst
  got.output = sessions.frames(s:take())
  s:free()
  return got
end

local function however_cut(role, text, options)
  local whole = outcome(role, { text }, options)
  for pieces in bytes.cuts(text) do
    assert.are.same(whole, outcome(role, pieces, options))
  end
  return whole
end

local function noise(n, seed)
  local dice, list = bytes.dice(seed or 1), {}
  for i = 1, n do list[i] = string.char(dice(256) - 1) end
  return table.concat(list)
end

describe("a session that reads messages in parts", function()
  it("has all their bytes, in order, however they are cut", function()
    each_role(function(role)
      local text = from_peer(role, 1, "Grüße")
        .. from_peer(role, 2, "", { fin = true })
        .. from_peer(role, 1, "aé€", { fin = false }) .. from_peer(role, 9, "p")
        .. from_peer(role, 0, "", { fin = false }) .. from_peer(role, 0, "𝄞z")
        .. from_peer(role, 2, noise(300))
        .. from_peer(role, 2, "", { fin = false }) .. from_peer(role, 0, "")
      local got = however_cut(role, text)
      assert.same({ { "Grüße", "text", true }, { "", "binary", true }, { "aé€𝄞z", "text", true },
                    { noise(300), "binary", true }, { "", "binary", true } }, got.messages)
      assert.equal(1, got.pings)
      assert.same({ { 10, "p" } }, got.output)
      assert.is_nil(got.token)
    end)
  end)

  it("has the first as soon as a byte of it is there", function()
    each_role(function(role)
      local s, frame = new(role), from_peer(role, 2, ("x"):rep(1000))
      local header = #frame - 1000
      s:feed(frame:sub(1, header))
      assert.is_nil((s:part()))
      s:feed(frame:sub(header + 1, header + 1))
      assert.same({ "x", "binary", false, true }, { s:part() })
      assert.is_nil((s:part()))
      assert.is_true(s:state().amidst)
      s:feed(frame:sub(header + 2, header + 10))
      assert.same({ ("x"):rep(9), "binary", true, true }, { s:part() })
      s:feed(frame:sub(header + 11))
      assert.same({ ("x"):rep(990), "binary", true, false }, { s:part() })
      assert.is_false(s:state().amidst)
    end)
  end)

  it("gives at most 64 KiB at once of what is there", function()
    each_role(function(role)
      local data = noise(3 * PART + 5, 7)
      local got = outcome(role, { from_peer(role, 2, data), from_peer(role, 1, "next") })
      assert.is_true(got.messages[1][1] == data)
      assert.same({ "next", "text", true }, got.messages[2])
      local s, parts = new(role), {}
      s:feed(from_peer(role, 2, data))
      take(s, parts, PART)
      assert.equal(4, #parts[1][1])
    end)
  end)

  it("joins small fragments", function()
    local s, parts = new "client", {}
    s:feed(from_peer("client", 2, "a", { fin = false }))
    for _ = 1, 1000 do s:feed(from_peer("client", 0, "bc", { fin = false })) end
    s:feed(from_peer("client", 0, "d"))
    take(s, parts)
    assert.same({ { { "a" .. ("bc"):rep(1000) .. "d" }, "binary", true } }, parts)
  end)

  it("leaves a part until it is taken, and what came behind it", function()
    local s = new "client"
    local frame = from_peer("client", 2, ("x"):rep(100))
    s:feed(frame:sub(1, 12))
    assert.is_true(s:glance())
    s:feed(frame:sub(13) .. from_peer("client", 1, "y"))
    assert.is_true(s:glance())
    assert.equal(10 + 90 + 3, s:state().unread)
    assert.same({ ("x"):rep(10), "binary", false, true }, { s:part() })
    assert.same({ ("x"):rep(90), "binary", true, false }, { s:part() })
    assert.same({ "y", "text", false, false }, { s:part() })
  end)

  it("answers pings behind a part, and sees a close frame there", function()
    each_role(function(role)
      for _, cut in ipairs { 20, 60, 120 } do
        local s = new(role)
        local frame = from_peer(role, 2, ("x"):rep(100))
        s:feed(frame:sub(1, cut))
        assert.is_true(s:glance())
        s:feed(frame:sub(cut + 1) .. from_peer(role, 9, "ping"))
        assert.is_true(s:glance())
        assert.same({ { 10, "ping" } }, sessions.frames(s:take()))
        s:feed(from_peer(role, 8, sessions.code(1000)))
        assert.is_true(s:glance())
        assert.is_true(s:state().closewaits)
        local messages = {}
        local ended, _, _, code = take(s, messages)
        assert.same({ false, 1000 }, { ended, code })
        assert.equal(("x"):rep(100), table.concat(messages[1][1]))
        assert.equal(1, s:state().pings)
      end
    end)
  end)

  it("keeps no more than what has arrived", function()
    local s, n, most = new("client", { message = 2 ^ 40 }), 0, 0
    s:feed(hex "82 7f 00 00 00 10 00 00 00 00")      -- a frame of 64 GiB
    for _ = 1, 200 do
      s:feed(("z"):rep(100000))
      while true do
        local data, kind, _, more = s:part()
        if not data then break end
        assert.same({ "binary", true }, { kind, more })
        n = n + #data
      end
      most = math.max(most, s:state().room)
    end
    assert.equal(20000000, n)
    assert.is_true(most < 1000000)
  end)

  it("fails for text that is not UTF-8, after the parts before it", function()
    each_role(function(role)
      local got = outcome(role, { from_peer(role, 1, "good", { fin = false }),
                                  from_peer(role, 0, "\255") })
      assert.same({ "protocol", 1007 }, { got.token, got.code })
      assert.is_true(got.amidst)
      local cut = from_peer(role, 1, "\195\168\195", { fin = false }) .. from_peer(role, 0, "")
      for pieces in bytes.cuts(cut) do assert.equal(1007, outcome(role, pieces).code) end
    end)
  end)

  it("is amidst a message that the peer's close frame cuts short", function()
    local s = new "client"
    s:feed(from_peer("client", 2, "begun", { fin = false }))
    assert.same({ "begun", "binary", false, true }, { s:part() })
    s:feed(from_peer("client", 8, ""))
    assert.is_false((s:part()))
    assert.is_true(s:state().amidst)
  end)

  it("counts the whole of a message for its limit", function()
    each_role(function(role)
      local limit = { message = 1000, frame = 1000 }
      for _, last in ipairs { 400, 401 } do
        local text = from_peer(role, 2, ("a"):rep(300), { fin = false })
          .. from_peer(role, 0, ("b"):rep(300), { fin = false })
          .. from_peer(role, 0, ("c"):rep(last))
        for pieces in bytes.cuts(text) do
          local got = outcome(role, pieces, limit)
          if last == 400 then
            assert.equal(1000, #got.messages[1][1])
          else
            assert.same({ "toobig", 1009 }, { got.token, got.code })
            assert.matches("a message of 1001 bytes or more; the limit is 1000", got.detail)
          end
        end
        -- the count begins anew with each message
        local got = outcome(role, { text, text })
        assert.equal(600 + last, #got.messages[2][1])
      end
    end)
  end)
end)

describe("a compressed message in parts", function()
  local function packed(role, data, cuts)
    local text, list, at = protocol.deflate():append(data), {}, 1
    for i, n in ipairs(cuts) do
      list[i] = from_peer(role, i == 1 and 2 or 0, text:sub(at, at + n - 1),
                          { fin = false, rsv1 = i == 1 })
      at = at + n
    end
    list[#list + 1] = from_peer(role, #cuts == 0 and 2 or 0, text:sub(at), { rsv1 = #cuts == 0 })
    return table.concat(list)
  end

  it("has all its bytes, however it is cut", function()
    each_role(function(role)
      local data = ("to be or not to be "):rep(9) .. noise(60)
      for _, cuts in ipairs { {}, { 1 }, { 10, 20 }, { 1, 0, 1, 1 } } do
        local got = however_cut(role, packed(role, data, cuts), { deflate = true })
        assert.same({ { data, "binary", true } }, got.messages)
      end
    end)
  end)

  it("is inflated a little at a time", function()
    each_role(function(role)
      for _, data in ipairs { ("\0"):rep(20 * 2 ^ 20), noise(5000, 3):rep(400) } do
        local s, n, most = new(role, { deflate = true, message = 2 ^ 30 }), 0, 0
        assert(s:feed(packed(role, data, { 100 })))
        assert.is_true(s:glance())
        while true do
          local part, _, rest, more = s:part()
          if not part then break end
          assert.equal(n > 0, rest)
          assert.is_true(part == data:sub(n + 1, n + #part))
          n = n + #part
          assert.equal(n < #data, more)
          s:glance()
          most = math.max(most, s:state().unread)
        end
        assert.equal(#data, n)
        assert.is_true(most < 500000)
      end
    end)
  end)

  it("counts for its limit as it is inflated, and the next one anew", function()
    local d = protocol.deflate()
    local function message(n)
      return from_peer("client", 2, d:append(("x"):rep(n)), { rsv1 = true })
    end
    local got = outcome("client", { message(200000), message(200000), message(200001) },
                        { deflate = true, message = 200000, frame = 200000 })
    assert.same({ "toobig", 1009 }, { got.token, got.code })
    assert.equal(200000, #got.messages[2][1])
    assert.is_nil(got.messages[3])
  end)

  it("follows and precedes others that are not", function()
    local d = protocol.deflate()
    local text = from_peer("client", 1, "plain")
      .. from_peer("client", 1, d:append "packed", { rsv1 = true }) .. from_peer("client", 1, "")
      .. from_peer("client", 2, d:append(noise(200)), { rsv1 = true })
    local got = however_cut("client", text, { deflate = true })
    assert.same({ { "plain", "text", true }, { "packed", "text", true }, { "", "text", true },
                  { noise(200), "binary", true } }, got.messages)
  end)
end)
