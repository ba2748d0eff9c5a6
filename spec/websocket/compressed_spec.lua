local core = require "wsmanager.core"
local bytes = require "support.bytes"
local sessions = require "support.sessions"

local protocol = core.protocol
local hex = bytes.hex
local each_role, other = sessions.each_role, sessions.other

local HELLO = hex "f2 48 cd c9 c9 07 00"      -- RFC 7692 7.2.3.1
local AGAIN = hex "f2 00 11 00 00"            -- 7.2.3.2

local function new(role, options, more)
  local o = { deflate = options or true }
  for name, value in pairs(more or {}) do o[name] = value end
  return sessions.new(role, o)
end

-- All that a session has to say, with the kernel taking `most` bytes at once.
local function drain(s, most)
  local list = {}
  local output = s:output()
  while output ~= "" do
    local n = math.min(#output, most or #output)
    list[#list + 1] = output:sub(1, n)
    s:sent(n)
    output = s:output()
  end
  return table.concat(list)
end

-- A compressed message as the peer of that role sends it, in these fragments.
local function packed(role, opcode, payloads, between)
  local list = {}
  for i, payload in ipairs(payloads) do
    list[#list + 1] = sessions.from_peer(role, i == 1 and opcode or 0, payload,
                                         { rsv1 = i == 1, fin = i == #payloads })
    if i < #payloads then list[#list + 1] = between end
  end
  return table.concat(list)
end

local function received(role, text, options)
  local all = { deflate = true }
  for name, value in pairs(options or {}) do all[name] = value end
  return sessions.however_cut(role, text, all)
end

local frames = sessions.parsed

local texts = {}

local function text_of(n, seed)
  local name = n .. " " .. (seed or 1)
  local dice, list = bytes.dice(seed or 1), {}
  if texts[name] then return texts[name] end
  for i = 1, n do list[i] = string.char(96 + dice(26)) end
  texts[name] = table.concat(list)
  return texts[name]
end

describe("a session with compression", function()
  it("inflates the RFC's examples, in any fragmentation and any cut", function()
    each_role(function(role)
      local one = packed(role, 1, { HELLO }) .. packed(role, 1, { AGAIN })
      local expected = { { "Hello", "text" }, { "Hello", "text" } }
      assert.same(expected, received(role, one).messages)
      local ping = sessions.from_peer(role, 9, "between")
      for cut = 0, #HELLO do
        local pieces = { HELLO:sub(1, cut), HELLO:sub(cut + 1) }
        local got = received(role, packed(role, 1, pieces, ping) .. packed(role, 1, { AGAIN }))
        assert.same(expected, got.messages)
        assert.same({ { 10, "between" } }, got.output)
        assert.equal(1, got.pings)
      end
      local single = {}
      for i = 1, #HELLO do single[i] = HELLO:sub(i, i) end
      single[#single + 1] = ""
      assert.same({ expected[1] }, received(role, packed(role, 1, single, ping)).messages)
    end)
  end)

  it("takes messages that are not compressed between those that are", function()
    each_role(function(role)
      local plain = sessions.from_peer(role, 2, "plain")
      local got = received(role, packed(role, 1, { HELLO }) .. plain
        .. sessions.from_peer(role, 1, "in ", { fin = false })
        .. sessions.from_peer(role, 0, "two") .. packed(role, 2, { AGAIN }))
      assert.same({ { "Hello", "text" }, { "plain", "binary" }, { "in two", "text" },
                    { "Hello", "binary" } }, got.messages)
    end)
  end)

  it("takes empty messages", function()
    each_role(function(role)
      assert.same({ { "", "text" }, { "", "binary" }, { "", "text" } },
                  received(role, packed(role, 1, { "\0" }) .. packed(role, 2, { "" })
                    .. packed(role, 1, { "", "", "\0", "" })).messages)
    end)
  end)

  it("fails for RSV1 on any frame but a message's first", function()
    each_role(function(role)
      local function peer(opcode, fin)
        return sessions.from_peer(role, opcode, "", { rsv1 = true, fin = fin })
      end
      for _, text in ipairs {
        peer(9), peer(10), peer(8), peer(0),
        packed(role, 1, { HELLO:sub(1, 3), "" }):sub(1, role == "server" and 9 or 5) .. peer(0),
        sessions.from_peer(role, 1, "", { fin = false }) .. peer(0),
      } do
        local got = received(role, text)
        assert.same({ "protocol", 1002 }, { got.token, got.code })
        assert.matches("RSV1", got.detail)
      end
    end)
  end)

  it("fails for RSV1 on every frame without compression", function()
    each_role(function(role)
      local got = sessions.however_cut(role, packed(role, 1, { HELLO }))
      assert.same({ "protocol", 1002 }, { got.token, got.code })
    end)
  end)

  it("fails a message that does not inflate with 1007", function()
    each_role(function(role)
      for _, data in ipairs { "ff", "06 00 00", "f2 48 cd c9", "00 06 00 f9 ff 48" } do
        local got = received(role, packed(role, 1, { hex(data) }))
        assert.same({ "protocol", 1007 }, { got.token, got.code })
        assert.matches("does not inflate", got.detail)
        assert.same({ { 8, sessions.code(1007) .. "invalid data" } }, got.output)
      end
    end)
  end)

  it("checks the UTF-8 of inflated text as soon as it arrives", function()
    each_role(function(role)
      local d = protocol.deflate()
      local bad = d:append "\206\186\225\189\185\207\131\206\188\206\181\237\160\128edited"
      local got = received(role, packed(role, 1, { bad }))
      assert.same({ "protocol", 1007 }, { got.token, got.code })
      assert.matches("not UTF-8", got.detail, 1, true)
      local whole = protocol.deflate():append "\195"
      assert.equal(1007, received(role, packed(role, 1, { whole })).code)
      assert.same({ { "\195", "binary" } }, received(role, packed(role, 2, { whole })).messages)
      local s = new(role)
      local first = hex "00 03 00 fc ff ff 00 00 00 00 00 ff ff"
      s:feed(sessions.from_peer(role, 1, first, { rsv1 = true, fin = false }))
      assert.is_false((s:next()))
    end)
  end)

  it("limits the inflated message, whole and in fragments", function()
    each_role(function(role)
      local data = protocol.deflate():append(("a"):rep(1001))
      for _, pieces in ipairs { { data }, { data:sub(1, 2), data:sub(3, 4), data:sub(5) } } do
        local got = received(role, packed(role, 1, pieces), { message = 1000 })
        assert.same({ "toobig", 1009 }, { got.token, got.code })
        assert.same({ { ("a"):rep(1001), "text" } },
                    received(role, packed(role, 1, pieces), { message = 1001 }).messages)
      end
    end)
  end)

  it("takes a compressed message that is longer than what it inflates to", function()
    each_role(function(role)
      local data = hex("00 00 00 ff ff"):rep(50) .. HELLO
      assert.same({ { "Hello", "text" } },
                  received(role, packed(role, 1, { data }),
                           { message = 5, frame = 1000 }).messages)
    end)
  end)

  it("fails a frame over its own limit, and too many fragments", function()
    each_role(function(role)
      local got = received(role, packed(role, 1, { ("\0"):rep(101) }), { frame = 100 })
      assert.same({ "toobig", 1009 }, { got.token, got.code })
      local many = {}
      for i = 1, 11 do many[i] = "" end
      got = received(role, packed(role, 1, many), { fragments = 10 })
      assert.same({ "toobig", 1008 }, { got.token, got.code })
    end)
  end)

  it("counts an inflated message as unread, and frees it once it is taken", function()
    each_role(function(role)
      local s = new(role)
      local data = packed(role, 2, { protocol.deflate():append(("x"):rep(100000)) })
      s:feed(data)
      assert.is_true(s:glance())
      assert.is_true(s:state().unread >= 100000)
      assert.equal(100000, #s:next())
      assert.equal(0, s:state().unread)
      s:feed(packed(role, 1, { AGAIN }))
    end)
  end)

  it("limits a compression bomb while it inflates", function()
    local limit = 1048576
    local piece = protocol.deflate { level = 9 }:append(("\0"):rep(limit)) .. hex "00 00 ff ff"
    each_role(function(role)
      local s = new(role, { peer_takeover = false }, { message = limit, keys = sessions.keys })
      local bomb = sessions.from_peer(role, 2, piece:rep(1024), { rsv1 = true })
      local before = core.memory().blocks
      local data, token, at = nil, nil, 1
      while at <= #bomb and data == nil do
        s:feed(bomb:sub(at, at + 999))
        data, token = s:next()
        at = at + 1000
      end
      assert.is_false(data)
      assert.equal("toobig", token)
      assert.is_true(at < 4000)
      assert.is_true(core.memory().blocks <= before + 12)
      s:free()
    end)
  end)

  it("fails with 1011 when there is no memory to inflate in", function()
    local s = new "client"
    s:feed(packed("client", 1, { HELLO }))
    core.failmemory(0)
    local data, token, _, code = s:next()
    core.failmemory(-1)
    assert.same({ false, "full", 1011 }, { data, token, code })
  end)
end)

describe("sending on a session with compression", function()
  it("sets RSV1 on what it compressed, and only there", function()
    each_role(function(role)
      local s = new(role, { threshold = 5 })
      s:send "Hello"
      s:send "Hell"
      s:ping "ping"
      s:send("Hello", true)
      s:close(1000)
      local list = frames(drain(s))
      local seen = {}
      for i, f in ipairs(list) do
        seen[i] = { f.opcode, f.rsv1, f.fin, f.payload }
        assert.equal(role == "client", f.mask ~= nil)
      end
      assert.same({ { 1, true, true, HELLO }, { 1, false, true, "Hell" },
                    { 9, false, true, "ping" }, { 2, true, true, AGAIN },
                    { 8, false, true, "\3\232" } }, seen)
    end)
  end)

  it("does not compress messages below 1024 bytes by default", function()
    each_role(function(role)
      local s = new(role)
      s:send(("x"):rep(1023))
      s:send(("x"):rep(1024))
      local list = frames(drain(s))
      assert.same({ false, true }, { list[1].rsv1, list[2].rsv1 })
      assert.equal(1023, list[1].length)
      assert.is_true(list[2].length < 30)
    end)
  end)

  it("compresses empty messages where the threshold is 0", function()
    local s = new("server", { threshold = 0 })
    s:send ""
    assert.equal(hex "c1 01 00", drain(s))
  end)

  it("reaches the other role with every agreement, in writes of any size", function()
    local sizes = { 0, 1, 3, 125, 126, 127, 1024, 5000, 65535, 65536, 150000 }
    each_role(function(role)
      for _, takeover in ipairs { true, false } do
        for _, window in ipairs { 9, 12, 15 } do
          for _, most in ipairs { 977, 70000, 1e9 } do
            local s = new(role, { threshold = 3, takeover = takeover, window = window })
            local peer = new(other[role], { peer_takeover = takeover, peer_window = window })
            for i, size in ipairs(sizes) do assert(s:send(text_of(size, i), i % 2 == 0)) end
            peer:feed(drain(s, most))
            for i, size in ipairs(sizes) do
              local data, kind = peer:next()
              assert.is_true(data == text_of(size, i))
              assert.equal(i % 2 == 0 and "binary" or "text", kind)
            end
            assert.is_nil((peer:next()))
            assert.equal(0, s:state().pending)
            s:free()
            peer:free()
          end
        end
      end
    end)
  end)

  it("sends uncompressed when there is no memory for a context", function()
    local s, peer = new("client", { threshold = 1 }), new "server"
    local calls = 0
    local compressed, plain = 0, 0
    s:send ""
    peer:feed(drain(s))
    peer:next()
    while compressed == 0 do
      s:send "Hello"
      core.failmemory(calls)
      local output = s:output()
      core.failmemory(-1)
      s:sent(#output)
      if frames(output)[1].rsv1 then compressed = compressed + 1 else plain = plain + 1 end
      peer:feed(output)
      assert.equal("Hello", (peer:next()))
      calls = calls + 1
    end
    assert.is_true(plain > 3)
  end)
end)

describe("messages that were not written", function()
  local messages = { text_of(2000, 1), "short", text_of(100, 2), text_of(3000, 3) }

  -- What is given back after the kernel took n bytes.
  local function given_back(role, n)
    local s = new(role, { threshold = 100 })
    for i, message in ipairs(messages) do
      s:send(message, i % 2 == 0)
      if i == 2 then s:ping "x" end
    end
    s:output()
    s:sent(n)
    return s:unsent()
  end

  it("are given back as they were sent, from the one that was cut", function()
    each_role(function(role)
      local s = new(role, { threshold = 100 })
      local ends, at = {}, 0
      for i, message in ipairs(messages) do
        s:send(message, i % 2 == 0)
        if i == 2 then s:ping "x" end
      end
      for _, f in ipairs(frames(s:output())) do
        at = at + f.header + f.length
        if f.opcode < 8 then ends[#ends + 1] = at end
      end
      for n = 0, at - 1 do
        local expected = {}
        for i, message in ipairs(messages) do
          if n < ends[i] then
            expected[#expected + 1] = { message, i % 2 == 0 and "binary" or "text" }
          end
        end
        assert.same(expected, given_back(role, n))
      end
    end)
  end)

  it("are given back whether or not they were encoded", function()
    local s = new("client", { threshold = 100 })
    for i = 1, 300 do s:send(text_of(1000, i)) end
    local pending = s:state().pending
    s:sent(#s:output())
    assert.is_true(s:state().pending < pending)
    local output = s:output()
    s:sent(#output - 1)
    local first = #frames(drain(new("client", { threshold = 100 })))
    assert.equal(0, first)
    local list = s:unsent()
    assert.is_true(#list > 1 and #list < 300)
    for i, message in ipairs(list) do
      assert.is_true(message[1] == text_of(1000, 300 - #list + i))
    end
  end)
end)
