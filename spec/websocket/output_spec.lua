local protocol = require "wsmanager.core".protocol
local bytes = require "support.bytes"
local sessions = require "support.sessions"

local session = sessions.new
local frames = sessions.frames
local each_role = sessions.each_role
local other = sessions.other
local some_keys = sessions.keys
local key = sessions.key
local hex = bytes.hex
local frame = protocol.frame

describe("sending", function()
  it("masks as a client, with one key after the other", function()
    local s = session "client"
    assert.is_true(s:send("Hello"))
    assert.is_true(s:send("Hello", true))
    assert.are.equal(hex "81 85 37 fa 21 3d 7f 9f 4d 51 58"
      .. frame(2, "Hello", { mask = hex "01 02 03 04" }), s:output())
  end)

  it("does not mask as a server", function()
    local s = session "server"
    s:send("Hello")
    s:send("Hello", true)
    assert.are.equal(hex "81 05 48 65 6c 6c 6f 82 05 48 65 6c 6c 6f", s:output())
  end)

  it("writes what the other role reads, in every length", function()
    each_role(function(role)
      local a, b = session(role), session(other[role])
      for _, n in ipairs { 0, 1, 125, 126, 127, 65535, 65536, 100000 } do
        local data = ("z"):rep(n)
        a:send(data)
        b:feed(a:take())
        local got, kind = b:next()
        assert.is_true(got == data)
        assert.are.equal("text", kind)
      end
    end)
  end)

  it("uses random keys when it is given none", function()
    local s, seen = protocol.session { role = "client" }, {}
    for _ = 1, 10000 do
      s:send("")
      local k = s:take():sub(3)
      assert.is_nil(seen[k] and seen[k] > 2 or nil)
      seen[k] = (seen[k] or 0) + 1
    end
  end)

  it("returns full, and queues nothing, when keys are used up", function()
    local s = session("client", { keys = key })
    assert.is_true(s:send("a"))
    local before = s:output()
    local ok, token = s:send("b")
    assert.is_nil(ok)
    assert.are.equal("full", token)
    assert.are.equal(before, s:output())
  end)

  it("raises for text that is not UTF-8, and for what is no string", function()
    local s = session "client"
    assert.has_error(function() s:send(hex "ff") end)
    assert.has_error(function() s:send() end)
    assert.has_error(function() s:send({}) end)
    assert.is_true(s:send(hex "ff", true))
  end)

  it("gives the output in pieces of any size", function()
    local reference = session "client"
    for i = 1, 20 do reference:send(("m"):rep(i)) end
    local all = reference:output()
    for _, size in ipairs { 1, 3, 50, 1000 } do
      local s, got = session "client", {}
      for i = 1, 20 do s:send(("m"):rep(i)) end
      while #s:output() > 0 do
        local piece = s:output():sub(1, size)
        got[#got + 1] = piece
        s:sent(#piece)
      end
      assert.are.equal(all, table.concat(got))
      assert.are.equal(0, s:state().room)
    end
    assert.has_error(function() reference:sent(#all + 1) end)
  end)

  it("stays small with a peer that is always a little behind", function()
    each_role(function(role)
      local a, b = session(role, { keys = some_keys:rep(5) }), session(other[role])
      local data, received = ("d"):rep(20000), 0
      a:send(data)
      for _ = 1, 200 do
        a:send(data)
        local piece = a:output():sub(1, 20010)
        a:sent(#piece)
        b:feed(piece)
        while b:next() do received = received + 1 end
        assert.is_true(a:state().room <= 512 * 1024)
      end
      b:feed(a:take())
      while b:next() do received = received + 1 end
      assert.are.equal(201, received)
    end)
  end)
end)

describe("messages that were not sent", function()
  each_role(function(role)
    it("are all that were not wholly written by a " .. role, function()
      local function filled()
        local s = session(role)
        s:send("one")
        s:ping("a ping between")
        s:send("two", true)
        s:send("")
        s:send("three")
        s:close(1000)
        return s
      end
      local sizes, total = {}, 0
      for _, f in ipairs(frames(filled():output())) do
        total = total + #f[2] + (role == "client" and 6 or 2)
        if f[1] < 8 then sizes[#sizes + 1] = total end
      end
      local expected = { { "one", "text" }, { "two", "binary" }, { "", "text" },
        { "three", "text" } }
      for n = 0, total do
        local s, left = filled(), {}
        s:sent(n)
        for i, size in ipairs(sizes) do
          if size > n then left[#left + 1] = expected[i] end
        end
        assert.are.same(left, s:unsent())
        assert.has_error(function() s:send("freed") end)
      end
    end)

    it("are found after much was sent by a " .. role, function()
      local s = session(role)
      for i = 1, 100 do s:send(("%05d"):format(i):rep(1000)) end
      s:sent(5010 * 60)
      local left = s:unsent()
      assert.are.equal(("%05d"):format(100):rep(1000), left[#left][1])
      assert.is_true(#left == 40 or #left == 41)
      for i, message in ipairs(left) do
        local number = 100 - #left + i
        assert.is_true(message[1] == ("%05d"):format(number):rep(1000))
      end
    end)
  end)
end)
