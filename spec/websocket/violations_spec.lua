-- What a peer gets that violates RFC 6455: the close code, in both roles.

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
local key = sessions.key
local hex = bytes.hex
local frame = protocol.frame

-- What a peer may not send: the frame, the close code, the RFC's section.
local text_start = { 1, "begun", { fin = false } }
local violations = {
  { "RSV1 without compression", { { 1, "x", { rsv1 = true } } }, 1002, "5.2" },
  { "RSV2", { { 1, "x", { rsv2 = true } } }, 1002, "5.2" },
  { "RSV3", { { 2, "x", { rsv3 = true } } }, 1002, "5.2" },
  { "RSV1 on a ping", { { 9, "x", { rsv1 = true } } }, 1002, "5.2" },
  { "RSV1 on a continuation", { text_start, { 0, "x", { rsv1 = true } } }, 1002, "5.2" },
  { "a ping in fragments", { { 9, "x", { fin = false } } }, 1002, "5.5" },
  { "a pong in fragments", { { 10, "x", { fin = false } } }, 1002, "5.5" },
  { "a close in fragments", { { 8, "", { fin = false } } }, 1002, "5.5" },
  { "a ping of 126 bytes", { { 9, ("x"):rep(126) } }, 1002, "5.5" },
  { "a close of 126 bytes", { { 8, code(1000) .. ("x"):rep(124) } }, 1002, "5.5" },
  { "a continuation of nothing", { { 0, "x" } }, 1002, "5.4" },
  { "a first continuation without an end", { { 0, "x", { fin = false } } }, 1002, "5.4" },
  { "a continuation after the end", { text_start, { 0, "!" }, { 0, "x" } }, 1002, "5.4" },
  { "a text inside a text", { text_start, { 1, "x" } }, 1002, "5.4" },
  { "a binary inside a text", { text_start, { 2, "x" } }, 1002, "5.4" },
  { "a text inside an empty beginning", { { 1, "", { fin = false } }, { 1, "x" } }, 1002, "5.4" },
  { "text that is not UTF-8", { { 1, hex "ce ba ed a0 80" } }, 1007, "8.1" },
  { "text that ends inside a code point", { { 1, hex "61 e4 bd" } }, 1007, "8.1" },
  { "fragments that are not UTF-8",
    { { 1, hex "61 e4", { fin = false } }, { 0, hex "28 61" } }, 1007, "8.1" },
  { "fragments that end inside a code point",
    { { 1, hex "61 e4", { fin = false } }, { 0, hex "bd" } }, 1007, "8.1" },
  { "a close of one byte", { { 8, "\3" } }, 1002, "5.5.1" },
  { "a close reason that is not UTF-8", { { 8, code(1000) .. hex "c3 28" } }, 1007, "5.5.1" },
}
for _, opcode in ipairs { 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 } do
  violations[#violations + 1] =
    { "the reserved opcode " .. opcode, { { opcode, "x" } }, 1002, "5.2" }
end
for _, n in ipairs { 0, 999, 1004, 1005, 1006, 1015, 1016, 2000, 2999, 5000, 65535 } do
  violations[#violations + 1] =
    { "the close code " .. n, { { 8, code(n) } }, 1002, "7.4" }
end

describe("a peer that violates the protocol", function()
  local function wire(role, list)
    local parts = {}
    for i, f in ipairs(list) do parts[i] = from_peer(role, f[1], f[2], f[3]) end
    return table.concat(parts)
  end

  local function check(role, text, expected_code, section)
    local got = same_however_cut(role, from_peer(role, 1, "before") .. text
      .. from_peer(role, 1, "after") .. from_peer(role, 9, "after"))
    assert.are.same({ "before", "text" }, got.messages[1])
    assert.are.equal("protocol", got.token)
    assert.are.equal(expected_code, got.code)
    assert.is_truthy(got.detail:find("^the peer "), got.detail)
    assert.is_truthy(got.detail:find("(RFC 6455 " .. section .. ")", 1, true), got.detail)
    local last = got.output[#got.output]
    assert.are.equal(8, last[1])
    assert.are.equal(code(expected_code), last[2]:sub(1, 2))
    assert.is_true(#last[2] > 2)
    assert.are.equal(1, #got.output)
    for _, message in ipairs(got.messages) do assert.are_not.equal("after", message[1]) end
  end

  each_role(function(role)
    for _, case in ipairs(violations) do
      it("hears " .. case[3] .. " from a " .. role .. " for " .. case[1], function()
        check(role, wire(role, case[2]), case[3], case[4])
      end)
    end

    it("hears 1002 from a " .. role .. " for the wrong masking", function()
      check(role, frame(1, "x", { mask = role == "client" and key or nil }), 1002, "5.1")
      check(role, frame(9, "x", { mask = role == "client" and key or nil }), 1002, "5.1")
    end)

    it("hears 1002 from a " .. role .. " for a length that is not minimal", function()
      local bit = role == "server" and 0x80 or 0
      for _, length in ipairs { "7e 00 7d", "7f 00 00 00 00 00 00 ff ff",
        "7f 80 00 00 00 00 00 00 00" } do
        local header = hex("82" .. length)
        header = header:sub(1, 1) .. string.char(header:byte(2) + bit) .. header:sub(3)
        check(role, header .. (bit > 0 and key or ""), 1002, "5.2")
      end
    end)
  end)

  it("is told the opcode in the error", function()
    local got = outcome("client", { hex "83 00" })
    assert.is_truthy(got.detail:find("0x3", 1, true))
  end)

  it("fails at the first invalid byte of a text that has not arrived whole", function()
    for _, rest in ipairs { hex "e4 bd a0 ff", hex "ed a0", hex "f4 90", hex "c0" } do
      local s = session "client"
      s:feed(hex "81 7e 10 00" .. rest)
      local ended, token, _, n = s:next()
      assert.is_false(ended)
      assert.are.equal("protocol", token)
      assert.are.equal(1007, n)
    end
  end)

  it("has its messages before the violation delivered first", function()
    local s = session "client"
    s:feed(frame(1, "a") .. frame(1, "b") .. hex "83 00")
    assert.are.equal("a", (s:next()))
    assert.are.equal("b", (s:next()))
    assert.is_true(s:send("answer"))
    assert.is_false((s:next()))
    local out = frames(s:take())
    assert.are.same({ 1, "answer" }, out[1])
    assert.are.equal(8, out[2][1])
  end)

  it("gets no response and no memory afterwards", function()
    local s = session "server"
    s:feed(hex "83 80 00 00 00 00")
    assert.is_false((s:next()))
    s:take()
    for _ = 1, 10 do
      s:feed(from_peer("server", 9, "ping") .. from_peer("server", 1, "text"))
      assert.are.equal(0, s:state().room)
      local ended, token, _, n = s:next()
      assert.is_false(ended)
      assert.are.equal("protocol", token)
      assert.are.equal(1002, n)
    end
    assert.are.equal("", s:output())
    assert.is_nil((s:send("too late")))
    assert.is_true(s:close(1000))
    assert.are.equal("", s:output())
    local state = s:state()
    assert.is_true(state.failed and state.sent)
    assert.is_false(state.received)
  end)
end)
