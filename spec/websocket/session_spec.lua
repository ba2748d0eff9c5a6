local core = require "wsmanager.core"
local protocol = core.protocol
local bytes = require "support.bytes"
local sessions = require "support.sessions"

local session = sessions.new
local from_peer = sessions.from_peer
local frames = sessions.frames
local code = sessions.code
local outcome = sessions.outcome
local same_however_cut = sessions.however_cut
local each_role = sessions.each_role
local hex = bytes.hex
local frame = protocol.frame

describe("the RFC's examples", function()
  it("are a text in one frame, unmasked", function()
    local got = same_however_cut("client", hex "81 05 48 65 6c 6c 6f")
    assert.are.same({ { "Hello", "text" } }, got.messages)
  end)

  it("are a text in one frame, masked", function()
    local got = same_however_cut("server", hex "81 85 37 fa 21 3d 7f 9f 4d 51 58")
    assert.are.same({ { "Hello", "text" } }, got.messages)
  end)

  it("are a text in two fragments", function()
    local got = same_however_cut("client", hex "01 03 48 65 6c 80 02 6c 6f")
    assert.are.same({ { "Hello", "text" } }, got.messages)
  end)

  it("are a ping and its pong", function()
    local s = session "client"
    s:feed(hex "89 05 48 65 6c 6c 6f")
    assert.is_nil((s:next()))
    assert.are.equal(hex "8a 85 37 fa 21 3d 7f 9f 4d 51 58", s:take())
  end)

  it("are 256 and 65536 bytes of binary", function()
    for header, n in pairs { ["82 7e 01 00"] = 256, ["82 7f 00 00 00 00 00 01 00 00"] = 65536 } do
      local got = outcome("client", { hex(header) .. ("b"):rep(n) })
      assert.are.same({ { ("b"):rep(n), "binary" } }, got.messages)
    end
  end)
end)

describe("the size of the next read", function()
  local ASKED = 262144

  -- What it asks for when all but `missing` bytes of a frame of n are there.
  local function room(n, missing)
    local s = session "client"
    s:feed(from_peer("client", 2, ("x"):rep(n)):sub(1, -1 - missing))
    s:next()
    return s:room(ASKED), s
  end

  it("is the usual one between frames", function()
    local s = session "client"
    assert.equal(1, s:room(1))
    assert.equal(ASKED, s:room(ASKED))
    assert.equal(ASKED, (room(100000, 0)))
  end)

  it("reaches the end of a large frame", function()
    assert.equal(1, (room(100000, 1)))
    assert.equal(100000, (room(100000, 100000)))
    local asked, s = room(1000000, 393215)
    assert.equal(393215, asked)
    s:feed(("x"):rep(393215))
    assert.equal(1000000, #s:next())
  end)

  it("is at most half larger for it", function()
    assert.equal(ASKED, (room(1000000, 393216)))
  end)

  it("is the usual one for a small frame", function()
    assert.equal(ASKED, (room(1000, 1)))
    assert.equal(ASKED, (room(65535, 65535)))
    assert.equal(65536, (room(65536, 65536)))
  end)
end)

describe("reading messages", function()
  each_role(function(role)
    it("reads every length in one piece as a " .. role, function()
      for _, n in ipairs { 0, 1, 125, 126, 127, 65535, 65536, 200000 } do
        local payload = ("\0a"):rep(n):sub(1, n)
        local got = outcome(role, { from_peer(role, 2, payload) })
        assert.is_true(got.messages[1][1] == payload)
        assert.are.equal(1, #got.messages)
        assert.are.equal(0, got.unread)
      end
    end)

    it("reads every form of length cut anywhere as a " .. role, function()
      for _, n in ipairs { 0, 1, 125, 126, 300 } do
        local text = from_peer(role, 1, ("t"):rep(n))
        local got = same_however_cut(role, text)
        assert.are.same({ { ("t"):rep(n), "text" } }, got.messages)
      end
    end)

    it("reads large messages in small pieces as a " .. role, function()
      local payload = {}
      for i = 1, 70000 do payload[i] = string.char(i % 251) end
      payload = table.concat(payload)
      local text = from_peer(role, 2, payload)
      for _, size in ipairs { 1, 7, 4096, 65536 } do
        local pieces = {}
        for at = 1, #text, size do pieces[#pieces + 1] = text:sub(at, at + size - 1) end
        assert.is_true(outcome(role, pieces).messages[1][1] == payload)
      end
    end)

    it("reads many messages from one read as a " .. role, function()
      local parts, expected = {}, {}
      for i = 1, 500 do
        parts[i] = from_peer(role, i % 2 + 1, "message " .. i)
        expected[i] = { "message " .. i, i % 2 == 0 and "text" or "binary" }
      end
      assert.are.same(expected, outcome(role, { table.concat(parts) }).messages)
    end)

    it("joins fragments around control frames as a " .. role, function()
      local text = from_peer(role, 1, "one ", { fin = false })
        .. from_peer(role, 9, "ping 1")
        .. from_peer(role, 0, "", { fin = false })
        .. from_peer(role, 0, "two ", { fin = false })
        .. from_peer(role, 10, "nobody asked")
        .. from_peer(role, 9, "")
        .. from_peer(role, 0, "three")
        .. from_peer(role, 2, "next")
      local got = same_however_cut(role, text)
      assert.are.same({ { "one two three", "text" }, { "next", "binary" } }, got.messages)
      assert.are.same({ { 10, "ping 1" }, { 10, "" } }, got.output)
      assert.are.equal(2, got.pings)
      assert.are.equal(1, got.pongs)
    end)

    it("joins fragments that are all empty as a " .. role, function()
      local text = from_peer(role, 1, "", { fin = false })
        .. from_peer(role, 0, "", { fin = false }) .. from_peer(role, 0, "")
      assert.are.same({ { "", "text" } }, same_however_cut(role, text).messages)
    end)

    it("accepts a code point across fragments as a " .. role, function()
      local word = hex "e4 bd a0 e5 a5 bd f0 9f 98 80"
      for cut = 0, #word do
        local text = from_peer(role, 1, word:sub(1, cut), { fin = false })
          .. from_peer(role, 9, "p") .. from_peer(role, 0, word:sub(cut + 1))
        assert.are.same({ { word, "text" } }, same_however_cut(role, text).messages)
      end
    end)

    it("does not check binary messages as a " .. role, function()
      local got = same_however_cut(role, from_peer(role, 2, hex "ff fe c0 80"))
      assert.are.same({ { hex "ff fe c0 80", "binary" } }, got.messages)
    end)
  end)

  it("frees its memory once everything was taken", function()
    local s = session "client"
    s:feed(frame(1, ("x"):rep(5000)) .. frame(1, "y"))
    s:next()
    assert.is_true(s:state().room > 0)
    s:next()
    assert.are.equal(0, s:state().room)
  end)

  it("waits for the rest of a message in a small block", function()
    local s = session "client"
    s:feed(frame(1, "x"):rep(100000) .. hex "81")
    while s:next() do assert.is_true(s:state().room >= 65536) end
    assert.are.equal(4096, s:state().room)
    s:feed(hex "01 7a")
    assert.are.equal("z", (s:next()))
  end)

  it("does not allocate in steady state", function()
    local client, server = session "client", protocol.session { role = "server" }
    local message = ("m"):rep(32)
    local function turn()
      for _ = 1, 3 do client:send(message) end
      server:feed(client:take())
      for _ = 1, 3 do server:send((server:next())) end
      client:feed(server:take())
      for _ = 1, 3 do assert(client:next()) end
    end
    turn()
    local calls = core.memory().calls
    for _ = 1, 50 do turn() end
    assert.are.equal(calls, core.memory().calls)
  end)
end)

describe("limits", function()
  local limits = { message = 100, frame = 60, fragments = 3 }

  local function parts(role, ...)
    local list, sizes = {}, { ... }
    for i, n in ipairs(sizes) do
      list[i] = from_peer(role, i == 1 and 2 or 0, ("x"):rep(n), { fin = i == #sizes })
    end
    return table.concat(list)
  end

  each_role(function(role)
    it("allow a frame of their size to a " .. role, function()
      for n = 59, 60 do
        local got = same_however_cut(role, parts(role, n), limits)
        assert.are.same({ { ("x"):rep(n), "binary" } }, got.messages)
      end
    end)

    it("allow a message of their size to a " .. role, function()
      for n = 39, 40 do
        local got = same_however_cut(role, parts(role, 60, n), limits)
        assert.are.same({ { ("x"):rep(60 + n), "binary" } }, got.messages)
      end
      assert.are.equal(1, #same_however_cut(role, parts(role, 60, 40, 0), limits).messages)
    end)

    it("fail with 1009 what is larger for a " .. role, function()
      for _, text in ipairs { parts(role, 61), parts(role, 60, 41), parts(role, 50, 50, 1) } do
        local got = same_however_cut(role, text, limits)
        assert.are.same({}, got.messages)
        assert.are.equal("toobig", got.token)
        assert.are.equal(1009, got.code)
        assert.are.equal(code(1009), got.output[1][2]:sub(1, 2))
      end
    end)

    it("fail with 1008 too many fragments for a " .. role, function()
      assert.are.equal(1, #same_however_cut(role, parts(role, 1, 1, 1), limits).messages)
      local got = same_however_cut(role, parts(role, 1, 1, 1, 1), limits)
      assert.are.same({}, got.messages)
      assert.are.equal("toobig", got.token)
      assert.are.equal(1008, got.code)
      assert.is_truthy(got.detail:find("fragments", 1, true))
    end)
  end)

  it("are checked at the header, before the payload arrives", function()
    local s = session("client", { message = 1000000 })
    s:feed(hex "82 7f 00 00 00 00 00 0f 42 41")
    assert.is_false((s:next()))
    assert.are.equal(1009, s:state().code)
  end)

  it("hold for the largest length there is", function()
    local s = session "client"
    s:feed(hex "02 01 61 80 7f 7f ff ff ff ff ff ff ff")
    assert.is_false((s:next()))
    assert.are.equal(1009, s:state().code)
  end)

  it("do not count control frames", function()
    local text = from_peer("client", 2, "a", { fin = false })
      .. from_peer("client", 9, ("p"):rep(125)):rep(5) .. from_peer("client", 0, "b")
    local got = outcome("client", { text }, limits)
    assert.are.same({ { "ab", "binary" } }, got.messages)
  end)
end)

describe("scanning after a message that is not taken", function()
  each_role(function(role)
    it("answers each ping once as a " .. role, function()
      local text = from_peer(role, 1, "held") .. from_peer(role, 9, "a")
        .. from_peer(role, 2, "more") .. from_peer(role, 9, "b")
      local s = session(role)
      s:feed(text)
      assert.is_true(s:glance())
      assert.are.same({ { 10, "a" }, { 10, "b" } }, frames(s:take()))
      assert.is_true(s:glance())
      s:feed(from_peer(role, 9, "c"))
      assert.is_true(s:glance())
      assert.are.same({ { 10, "c" } }, frames(s:take()))
      assert.are.equal("held", (s:next()))
      assert.are.equal("more", (s:next()))
      assert.is_nil((s:next()))
      assert.are.equal("", s:take())
      assert.are.equal(3, s:state().pings)
      s:feed(from_peer(role, 9, "d"))
      assert.is_nil((s:next()))
      assert.are.same({ { 10, "d" } }, frames(s:take()))
    end)

    it("gives the same however the bytes are cut as a " .. role, function()
      local text = from_peer(role, 1, "held") .. from_peer(role, 9, "a")
        .. from_peer(role, 2, ("m"):rep(200)) .. from_peer(role, 9, "")
        .. from_peer(role, 1, "x", { fin = false }) .. from_peer(role, 9, "c")
        .. from_peer(role, 0, "y")
      for pieces in bytes.cuts(text) do
        local s = session(role)
        for _, piece in ipairs(pieces) do
          s:feed(piece)
          s:glance()
        end
        assert.are.same({ { 10, "a" }, { 10, "" }, { 10, "c" } }, frames(s:take()))
        assert.are.equal("held", (s:next()))
        assert.are.equal(("m"):rep(200), (s:next()))
        assert.are.equal("xy", (s:next()))
        assert.is_nil((s:next()))
        assert.are.equal("", s:take())
      end
    end)

    it("skips a frame that has not arrived whole as a " .. role, function()
      local large = from_peer(role, 2, ("m"):rep(10000))
      local s = session(role)
      s:feed(from_peer(role, 1, "held") .. large:sub(1, 5000))
      s:glance()
      s:glance()
      assert.are.equal("held", (s:next()))
      assert.is_nil((s:next()))
      s:feed(large:sub(5001) .. from_peer(role, 9, "late"))
      assert.is_true(s:glance())
      assert.are.same({ { 10, "late" } }, frames(s:take()))
      assert.are.equal(("m"):rep(10000), (s:next()))
      assert.is_nil((s:next()))
      assert.are.equal("", s:take())
    end)
  end)

  it("tells that a close frame follows", function()
    local s = session "client"
    s:feed(frame(1, "held") .. frame(9, "a") .. frame(8, code(1000)) .. frame(9, "b"))
    assert.is_true(s:glance())
    assert.is_true(s:state().closewaits)
    assert.is_false(s:state().received)
    assert.are.same({ { 10, "a" } }, frames(s:take()))
    assert.are.equal("held", (s:next()))
    assert.is_false((s:next()))
  end)

  it("stops at a violation and leaves it for later", function()
    local s = session "client"
    s:feed(frame(1, "held") .. hex "83 00" .. frame(9, "b"))
    assert.is_true(s:glance())
    assert.are.equal("", s:output())
    assert.are.equal("held", (s:next()))
    assert.is_false((s:next()))
    assert.are.equal(1002, s:state().code)
  end)

  it("does not take a ping that looks like our number for its pong", function()
    local s = session "client"
    s:ping()
    s:feed(frame(1, "held") .. frame(9, hex "00 00 00 00 00 00 00 01"))
    s:glance()
    s:next()
    s:next()
    assert.are.equal(0, s:state().answered)
  end)

  it("notices a pong while nobody reads", function()
    local s = session "client"
    s:ping()
    s:feed(frame(1, "held") .. frame(10, hex "00 00 00 00 00 00 00 01"))
    s:glance()
    assert.are.equal(1, s:state().answered)
    s:next()
    s:next()
    assert.are.equal(1, s:state().pongs)
  end)

  it("counts unread bytes only while there is a message", function()
    local s = session "client"
    s:feed(frame(1, "held") .. frame(1, "more"))
    s:glance()
    assert.are.equal(#"held" + #frame(1, "more"), s:state().unread)
    s:next()
    s:glance()
    assert.are.equal(#"more", s:state().unread)
    s:next()
    s:feed(frame(1, "part of it"):sub(1, 7))
    s:next()
    assert.are.equal(0, s:state().unread)
  end)
end)
