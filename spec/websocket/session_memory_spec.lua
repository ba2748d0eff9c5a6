-- A session whose allocations fail, one after the other.

local core = require "wsmanager.core"
local protocol = core.protocol
local bytes = require "support.bytes"
local sessions = require "support.sessions"

local session = sessions.new
local from_peer = sessions.from_peer
local frames = sessions.frames
local code = sessions.code
local each_role = sessions.each_role
local other = sessions.other
local hex = bytes.hex
local frame = protocol.frame

describe("a session without memory", function()
  after_each(function() core.failmemory(-1) end)

  -- Tries once with allocations failing after `left`, then again with memory.
  local function insist(left, try)
    core.failmemory(left)
    local ok, token = try()
    core.failmemory(-1)
    if ok then return end
    assert.are.equal("full", token)
    assert.is_true(try())
  end

  it("loses nothing that it did not take", function()
    each_role(function(role)
      for left = 0, 3 do
        local a, b = session(role), session(other[role])
        local sizes, got = { 10, 5000, 100, 300000, 0, 70000 }, {}
        for _, n in ipairs(sizes) do
          insist(left, function() return a:send(("s"):rep(n)) end)
          local piece = a:output()
          insist(left, function() return b:feed(piece) end)
          a:sent(#piece)
          core.failmemory(left)
          local data = b:next()
          core.failmemory(-1)
          got[#got + 1] = #data
        end
        assert.are.same(sizes, got)
        assert.is_nil((b:next()))
      end
    end)
  end)

  it("ends when there is no memory for a close frame", function()
    for left = 0, 2 do
      local s = session "client"
      s:feed(frame(8, code(1001) .. "gone"))
      core.failmemory(left)
      local ended, token, _, n = s:next()
      core.failmemory(-1)
      assert.is_false(ended)
      assert.are.equal("closed", token)
      assert.are.equal(1001, n)
      assert.is_true(s:state().sent and s:state().received)
    end
  end)

  it("fails when there is no memory for a close frame", function()
    for left = 0, 2 do
      local s = session "server"
      s:feed(hex "83 80 00 00 00 00")
      core.failmemory(left)
      assert.is_false((s:next()))
      core.failmemory(-1)
      assert.is_true(s:state().failed)
      assert.are.equal(1002, s:state().code)
      assert.is_false((s:next()))
    end
  end)

  it("goes on after a ping that it had no memory to answer", function()
    for left = 0, 2 do
      local s = session "server"
      s:feed(from_peer("server", 9, "a"))
      core.failmemory(left)
      assert.is_nil((s:next()))
      core.failmemory(-1)
      s:feed(from_peer("server", 9, "b") .. from_peer("server", 1, "text"))
      assert.are.equal("text", (s:next()))
      local out = frames(s:take())
      assert.are.same({ 10, "b" }, out[#out])
    end
  end)
end)

describe("a session in Lua", function()
  it("raises for unknown options", function()
    assert.has_error(function() protocol.session {} end)
    assert.has_error(function() protocol.session { role = "proxy" } end)
    assert.has_error(function() protocol.session { role = "client", keys = "abc" } end)
    assert.has_error(function() protocol.session { role = "client", message = "much" } end)
    assert.has_error(function() protocol.session { role = "client", frame = -1 } end)
    assert.has_error(function() protocol.session() end)
  end)

  it("raises for a value that is not a session", function()
    local s = session "client"
    assert.has_error(function() s.next({}) end)
    assert.has_error(function() s.next(io.stdout) end)
    assert.has_error(function() s.next() end)
  end)

  it("may be freed twice, and is not used afterwards", function()
    local s = session "client"
    s:feed(frame(1, "held"))
    s:send("pending")
    s:free()
    s:free()
    for _, name in ipairs { "feed", "next", "glance", "send", "ping", "close", "output",
      "sent", "take", "unsent", "state" } do
      assert.has_error(function() s[name](s, "x") end)
    end
  end)

  it("gives every block back when it is collected", function()
    collectgarbage()
    collectgarbage()
    local blocks = core.memory().blocks
    for _ = 1, 50 do
      local s = session "server"
      s:feed(from_peer("server", 1, ("x"):rep(9000)) .. from_peer("server", 8, code(1000) .. "r"))
      s:next()
      s:send("pending")
      s:next()
    end
    collectgarbage()
    collectgarbage()
    assert.are.equal(blocks, core.memory().blocks)
  end)
end)
