-- A chat's server whose users mean harm: what they may make it hold.

local json = require "support.json"
if not json.is_there "a chat's server and hostile users" then return end

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local chats = require "support.chats"
local member_of = require "wsmanager.chat.member"
local memory = require "wsmanager.chat.memory_history"

local action = chat.action
local await, beside = chats.await, chats.beside

local bare, frame_of = chats.bare, chats.frame_of

-- A connection that takes `room` sends and then none.
local function slow (room)
  local ws = { sent = {}, room = room }
  function ws:send (data)
    if #self.sent >= self.room then return nil, "full" end
    self.sent[#self.sent + 1] = data
    return true
  end
  function ws:close (code, reason) self.closed = { code, reason } end
  return ws
end

describe("a chat's server with a hostile user", function ()
  it("sends no more to who confirms nothing, and goes on where he does",
    beside({}, function (_, join)
      local server, author = _, join("42", { peer = "7" })
      local ws = bare(server, "7")
      frame_of(ws, action.welcome)
      for at = 1, 400 do assert(author:text(tostring(at))) end
      local last
      for _ = 1, 256 do last = frame_of(ws, action.send) end
      assert.equal("256", last.content)
      local data, token = ws:receive(0.2)
      assert.same({ nil, "timeout" }, { data, token })
      local member = server.members["7"][1]
      assert.equal(256, member.unconfirmed)
      ws:send(chat.encode {
        action = action.received, id = last.id, senderId = "7",
        receiverId = "42", room = "pair",
      })
      for _ = 257, 400 do last = frame_of(ws, action.send) end
      assert.equal("400", last.content)
      ws:close()
    end))

  it("takes no confirmation of what it has not sent", beside({},
    function (server, join)
      local author = join("42", { peer = "7" })
      local ws = bare(server, "7")
      frame_of(ws, action.welcome)
      local said = author:text "a"
      frame_of(ws, action.send)
      for _, fields in ipairs {
        { id = said.id .. "x" }, { id = said.id, room = "ward" },
        { id = said.id, receiverId = "43" }, { id = said.id, room = "none" },
        { id = said.id, receiverId = "7" },
      } do
        fields.action = action.received
        fields.receiverId = fields.receiverId or "42"
        ws:send(chat.encode(fields))
      end
      ws:send '{"action":4}'
      frame_of(ws, action.heart)
      assert.same({}, server.history:marks "pair")
      assert.equal(1, server.members["7"][1].unconfirmed)
      ws:close()
    end))

  it("hands on few notices of typing", beside({}, function (server, join)
    local doctor = join "7"
    local ws = bare(server, "42")
    frame_of(ws, action.welcome)
    await(function () return doctor:contact "pair" end)
    local begin = wsmanager.now()
    for at = 1, 500 do
      ws:send(chat.encode {
        action = action.typing, room = "pair", typing = at % 2 == 0,
      })
    end
    ws:send '{"action":4}'
    frame_of(ws, action.heart)
    ws:send(chat.encode {
      action = action.send, id = "1", content = "end", senderId = "42",
      room = "pair", sendTime = 1,
    })
    await(function () return doctor.heard[1] end)
    local seconds = math.floor(wsmanager.now() - begin) + 2
    local told = 0
    for _, change in ipairs(doctor.changes) do
      if change.type == "typing" then told = told + 1 end
    end
    assert.is_true(told > 0 and told <= 10 * seconds, told)
    ws:close()
  end))

  it("answers about the history with one page", beside({},
    function (server, join)
      local author = join("42", { peer = "7" })
      for at = 1, 150 do assert(author:text(tostring(at))) end
      local ws = bare(server, "7")
      await(function () return select(2, server.history:range "pair") == 150 end)
      frame_of(ws, action.welcome)
      ws:send(chat.encode {
        action = action.history, id = "q", room = "pair", limit = 2^40,
      })
      local found = {}
      repeat
        local frame = chat.decode(assert(ws:receive(60)))
        if frame.history == "q" then found[#found + 1] = frame.content end
      until frame.action == action.history
      assert.same({ 100, "51", "150" }, { #found, found[1], found[100] })
      ws:close()
    end))

  it("marks nothing as of the history but what is", beside({},
    function (server, join)
      local doctor = join "7"
      local ws = bare(server, "42")
      frame_of(ws, action.welcome)
      ws:send(chat.encode {
        action = action.send, id = "1", content = "a", senderId = "42",
        receiverId = "7", sendTime = 1, history = "h1", seq = 77,
      })
      await(function () return doctor.heard[1] end)
      assert.same({ 1 }, { doctor.heard[1].seq, doctor.heard[1].history })
      ws:close()
    end))
end)

describe("a member who takes nothing", function ()
  local function notice (at) return { action = action.presence, senderId = at } end

  it("has few notices kept, and is closed beyond", function ()
    local ws = slow(0)
    local member = member_of.new("7", ws, memory())
    for at = 1, 1024 do member:notify("p" .. at, notice(tostring(at))) end
    for _ = 1, 5000 do member:notify("p1", notice "one") end
    assert.is_nil(ws.closed)
    assert.equal(1024, member.notice_count)
    member:notify("p0", notice "0")
    assert.equal(1013, ws.closed[1])
    assert.equal(1024, member.notice_count)
  end)

  it("gets them in order, the last of a kind, once there is room", function ()
    local ws = slow(1)
    local member = member_of.new("7", ws, memory())
    for _, at in ipairs { "1", "2", "3" } do member:notify(at, notice(at)) end
    member:notify("2", notice "two")
    member:hint(notice "left out")
    ws.room = 2
    member:pump()
    ws.room = 100
    member:pump()
    local names = {}
    for _, data in ipairs(ws.sent) do
      names[#names + 1] = chat.decode(data:gsub("}$", ',"online":true}')).senderId
    end
    assert.same({ "1", "two", "3" }, names)
    assert.equal(0, member.notice_count)
  end)

  it("gets messages in order, once there is room", function ()
    local history, ws = memory(), slow(0)
    local member = member_of.new("7", ws, history)
    member:enter("a", 0)
    for at = 1, 100 do
      member:offer("a", history:append("a", at % 10 == 0 and "7" or "42",
        tostring(at), function () return tostring(at), "text" end))
    end
    for room = 1, 90 do
      ws.room = room
      member:pump()
    end
    local expected = {}
    for at = 1, 100 do
      if at % 10 ~= 0 then expected[#expected + 1] = tostring(at) end
    end
    assert.same(expected, ws.sent)
    assert.equal(90, member.unconfirmed)
    assert.equal(99, member:confirm("a", "42", "99"))
    assert.equal(0, member.unconfirmed)
    assert.is_nil(member:confirm("a", "42", "99"))
  end)

  it("owes nothing any more in a room that it has left", function ()
    local history, ws = memory(), slow(100)
    local member = member_of.new("7", ws, history)
    member:enter("a", 0)
    member:offer("a", history:append("a", "42", "1",
      function () return "x", "text" end))
    assert.equal(1, member.unconfirmed)
    member:leave "a"
    assert.equal(0, member.unconfirmed)
    assert.is_nil(member:confirm("a", "42", "1"))
  end)
end)
