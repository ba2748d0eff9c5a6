local protocol = require "wsmanager.core".protocol
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

describe("pings and pongs", function()
  each_role(function(role)
    it("answers ten pings in one read with ten pongs in order as a " .. role, function()
      local parts, expected = {}, {}
      for i = 1, 10 do
        parts[i] = from_peer(role, 9, "ping " .. i)
        expected[i] = { 10, "ping " .. i }
      end
      assert.are.same(expected, same_however_cut(role, table.concat(parts)).output)
    end)

    it("answers a ping of 125 bytes as a " .. role, function()
      local got = outcome(role, { from_peer(role, 9, ("p"):rep(125)) })
      assert.are.same({ { 10, ("p"):rep(125) } }, got.output)
    end)

    it("limits the output that a flood of pings makes a " .. role .. " hold", function()
      local s = session(role)
      local function payload(i) return ("%05d"):format(i):rep(25) end
      for i = 1, 5000 do
        s:feed(from_peer(role, 9, payload(i)))
        assert.is_nil((s:next()))
      end
      assert.is_true(s:state().pending < 65536 + 131)
      assert.are.equal(5000, s:state().pings)
      local count = #frames(s:output())
      s:sent(s:state().pending)
      assert.is_true(count > 490)
      assert.are.same({ { 10, payload(5000) } }, frames(s:take()))
      assert.are.equal("", s:take())
    end)
  end)

  it("leaves a client that runs out of mask keys some for its close frame", function()
    local s = session("client", { keys = sessions.keys:sub(1, 6 * 4) })
    for i = 1, 20 do
      s:feed(from_peer("client", 9, "ping " .. i))
      assert.is_nil((s:next()))
    end
    s:feed(from_peer("client", 3, "no such opcode"))
    assert.is_false((s:next()))
    local sent = frames(s:take())
    assert.same({ 10, "ping 1" }, sent[1])
    assert.equal(8, sent[#sent][1])
    assert.equal(code(1002), sent[#sent][2]:sub(1, 2))
  end)

  it("notices the pong of a ping by its number", function()
    local client, server = session "client", session "server"
    client:ping()
    client:ping()
    server:feed(client:take())
    assert.is_nil((server:next()))
    client:feed(server:take())
    assert.is_nil((client:next()))
    assert.are.equal(2, client:state().answered)
    assert.are.equal(2, client:state().pongs)
  end)

  it("does not let an old pong count as a new one", function()
    local s = session "client"
    for _ = 1, 3 do s:ping() end
    s:feed(frame(10, hex "00 00 00 00 00 00 00 02"))
    s:next()
    assert.are.equal(2, s:state().answered)
    s:feed(frame(10, hex "00 00 00 00 00 00 00 01"))
    s:next()
    assert.are.equal(2, s:state().answered)
  end)

  it("counts and ignores unsolicited pongs", function()
    local s = session "client"
    s:ping()
    for _, payload in ipairs { "", "x", hex "00 00 00 00 00 00 00 02", ("x"):rep(125) } do
      s:feed(frame(10, payload))
    end
    assert.is_nil((s:next()))
    assert.are.equal(0, s:state().answered)
    assert.are.equal(4, s:state().pongs)
  end)

  it("sends pings with a given payload", function()
    local s = session "client"
    assert.is_true(s:ping("are you there?"))
    assert.are.same({ { 9, "are you there?" } }, frames(s:take()))
    assert.has_error(function() s:ping(("x"):rep(126)) end)
  end)
end)

describe("the closing handshake", function()
  each_role(function(role)
    it("is answered with the peer's code by a " .. role, function()
      local got = same_however_cut(role, from_peer(role, 1, "last")
        .. from_peer(role, 8, code(4001) .. "see you") .. from_peer(role, 1, "after")
        .. from_peer(role, 8, code(1000)))
      assert.are.same({ { "last", "text" } }, got.messages)
      assert.are.same({ { 8, code(4001) } }, got.output)
      assert.are.equal("closed", got.token)
      assert.are.equal(4001, got.code)
    end)

    it("is answered empty when it came empty to a " .. role, function()
      local got = same_however_cut(role, from_peer(role, 8, ""))
      assert.are.same({ { 8, "" } }, got.output)
      assert.are.equal(1005, got.code)
    end)

    it("carries code and reason from a " .. role, function()
      local s = session(role)
      assert.is_true(s:close(3000, "bye"))
      assert.is_true(s:close(1000))
      assert.are.same({ { 8, code(3000) .. "bye" } }, frames(s:output()))
      assert.is_true(s:state().sent)
      local ok, token = s:send("late")
      assert.is_nil(ok)
      assert.are.equal("closed", token)
      assert.are.equal("closed", select(2, s:ping()))
    end)

    it("delivers the messages before the peer's close to a " .. role, function()
      local s = session(role)
      s:close(1000)
      s:take()
      s:feed(from_peer(role, 1, "on the way") .. from_peer(role, 9, "x"))
      assert.are.equal("on the way", (s:next()))
      assert.is_nil((s:next()))
      assert.are.equal("", s:take())
      s:feed(from_peer(role, 8, code(1000)))
      local ended, token, _, n = s:next()
      assert.is_false(ended)
      assert.are.equal("closed", token)
      assert.are.equal(1000, n)
      assert.are.equal("", s:take())
      local state = s:state()
      assert.is_true(state.sent and state.received)
      assert.is_false(state.failed)
      assert.are.equal(0, state.room)
    end)

    it("is not sent twice when the peer fails after ours, by a " .. role, function()
      local s = session(role)
      s:close(1000)
      s:take()
      s:feed(from_peer(role, 1, string.char(255)))
      assert.is_false((s:next()))
      assert.are.equal("", s:take())
      assert.is_true(s:state().failed)
    end)

    it("is answered by any close frame, to a " .. role, function()
      for payload, expected in pairs {
        [""] = 1005, [code(1005)] = 1005, [code(1006)] = 1005, [code(0)] = 1005,
        [code(1004)] = 1005, [code(65535)] = 1005, [code(4000) .. "bye"] = 4000,
        ["x"] = 1005, [code(1000) .. string.char(255)] = 1000,
        [code(999) .. "text"] = 1005,
      } do
        local s = session(role)
        s:close(1000)
        s:take()
        s:feed(from_peer(role, 8, payload))
        local ended, token, _, n = s:next()
        assert.is_false(ended)
        assert.same({ "closed", expected }, { token, n })
        assert.are.equal("", s:take())
        local state = s:state()
        assert.is_true(state.sent and state.received)
        assert.is_false(state.failed)
        assert.are.equal(expected == 4000 and "bye" or "", state.reason or "")
      end
    end)
  end)

  it("accepts every valid close code", function()
    for _, n in ipairs { 1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012,
      1013, 1014, 3000, 3999, 4000, 4999 } do
      local got = outcome("client", { frame(8, code(n)) })
      assert.are.equal("closed", got.token)
      assert.are.equal(n, got.code)
      assert.are.same({ { 8, code(n) } }, got.output)
    end
  end)

  it("keeps the peer's reason", function()
    local s = session "client"
    s:feed(frame(8, code(1001) .. ("r"):rep(123)))
    assert.is_false((s:next()))
    assert.are.equal(("r"):rep(123), s:state().reason)
    assert.are.equal(1001, s:state().code)
  end)

  it("raises for a code or reason that may not be sent", function()
    local s = session "client"
    for _, n in ipairs { 0, 999, 1004, 1006, 1015, 5000 } do
      assert.has_error(function() s:close(n) end)
    end
    assert.has_error(function() s:close(1000, ("r"):rep(124)) end)
    assert.has_error(function() s:close(1000, hex "ff") end)
    assert.has_error(function() s:close(nil, "reason") end)
    assert.is_false(s:state().sent)
    assert.is_true(s:close())
    assert.are.same({ { 8, "" } }, frames(s:output()))
  end)
end)
