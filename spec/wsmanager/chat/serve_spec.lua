local json = require "support.json"
if not json.is_there "a chat's server" then return end

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local chats = require "support.chats"

local action = chat.action
local await, beside, contents = chats.await, chats.beside, chats.contents

local bare, frame_of = chats.bare, chats.frame_of

local function message (fields)
  local all = {
    action = action.send, id = "1", content = "hello", senderId = "7",
    receiverId = "42", sendTime = 1680844588000,
  }
  for name, value in pairs(fields or {}) do all[name] = value end
  return chat.encode(all)
end

local function count (list, kind)
  local found = 0
  for _, one in ipairs(list) do
    if one.action == kind then found = found + 1 end
  end
  return found
end

describe("a chat's server", function ()
  it("hands messages over, and receipts back", beside({}, function (_, join)
    local doctor, customer = join("7", { peer = "42" }), join("42", { peer = "7" })
    local said = assert(customer:text "good morning")
    await(function () return doctor.heard[1] end)
    local heard = doctor.heard[1]
    assert.same({ said.id, "good morning", "42", "pair", 1 },
      { heard.id, heard.content, heard.senderId, heard.room, heard.seq })
    assert.is_true(customer:settled(60))
    doctor:read(heard)
    await(function () return count(customer.receipts, action.read) == 1 end)
    assert.equal(1, count(customer.receipts, action.received))
    for _, receipt in ipairs(customer.receipts) do
      assert.same({ said.id, "7", "pair" },
        { receipt.id, receipt.senderId, receipt.room })
    end
    assert.is_true(doctor:settled(60))
  end))

  it("shows pictures by their bytes", beside({}, function (_, join)
    local doctor, customer = join("7", { peer = "42" }), join("42", { peer = "7" })
    customer:image(chat.chatImg, { name = "wrist.png" })
    await(function () return doctor.heard[1] end)
    assert.same({ "wrist.png", chat.chatImg },
      { doctor.heard[1].content, doctor.heard[1].bytes })
  end))

  it("hands over in rooms of more than two, with everybody's receipts",
    beside({}, function (_, join)
      local all = { join "7", join "42", join "43" }
      local said = assert(all[1]:text("rounds at nine", { room = "ward" }))
      for at = 2, 3 do
        await(function () return all[at].heard[1] end)
        assert.equal(said.id, all[at].heard[1].id)
        all[at]:read(all[at].heard[1])
      end
      await(function () return count(all[1].receipts, action.read) == 2 end)
      local readers = {}
      for _, receipt in ipairs(all[1].receipts) do
        if receipt.action == action.read then readers[receipt.senderId] = true end
      end
      assert.same({ ["42"] = true, ["43"] = true }, readers)
      assert.equal(2, count(all[1].receipts, action.received))
      assert.same({}, all[1].heard)
    end))

  it("keeps for the absent what they have not received", beside({},
    function (server, join)
      local customer = join("42", { peer = "7" })
      for at = 1, 100 do assert(customer:text(tostring(at))) end
      await(function () return select(2, server.history:range "pair") == 100 end)
      local doctor = join "7"
      await(function () return doctor.heard[100] end)
      for at = 1, 100 do assert.equal(tostring(at), doctor.heard[at].content) end
      assert.is_true(customer:settled(60))
      doctor:close()
      doctor.ws:closed(60)
      customer:text "101"
      local again = join "7"
      await(function () return again.heard[1] end)
      assert.equal("101", contents(again.heard))
    end))

  it("confirms at once what its history keeps", beside({ acknowledge = "stored" },
    function (_, join)
      local customer = join("42", { peer = "7" })
      customer:text "a"
      assert.is_true(customer:settled(60))
    end))

  it("confirms only what all others have received, if it is asked to",
    beside({ acknowledge = "received" }, function (_, join)
      local one, two = join "7", join "42"
      one:text("a", { room = "ward" })
      await(function () return two.heard[1] end)
      local settled, token = one:settled(0.1)
      assert.same({ nil, "timeout" }, { settled, token })
      local three = join "43"
      await(function () return three.heard[1] end)
      assert.is_true(one:settled(60))
    end))

  it("keeps apart two rooms in which one id is used", beside({ acknowledge = "stored" },
    function (server, join)
      local both = join("42")
      local ws = bare(server, "7")
      ws:send(message())
      ws:send(message { room = "ward", content = "in the ward" })
      ws:send(message { content = "again" })
      await(function () return both.heard[1] end)
      for _, room in ipairs { "pair", "ward", "pair" } do
        local frame = frame_of(ws, action.stored)
        assert.same({ room, "1", 1 }, { frame.room, frame.id, frame.seq })
      end
      ws:close()
    end))
end)

describe("coming in to a chat", function ()
  local function answer_to (server, uid, query)
    local ws = bare(server, uid, query)
    ws:opened(60)
    local answer = ws:answer()
    ws:close()
    return answer.status, answer.body
  end

  it("is for those who have a token", beside({
    authenticate = function (session, request)
      if session.uid == "1" then return false end
      if session.uid == "2" then return nil, "come back on Monday", 503 end
      if session.uid == "3" then return "yes" end
      if session.uid == "4" then error "the database is away" end
      if session.uid == "5" then return nil, {} end
      wsmanager.sleep(0.01)
      return session.token == "t" and session.mode == 1
        and request.headers["x-shift"] == nil
    end,
    onerror = function () end,
  }, function (server)
    assert.equal(101, (answer_to(server, "7")))
    assert.equal(101, (answer_to(server, "a%2Fb")))
    assert.equal(401, (answer_to(server, "7", "mode=1")))
    assert.same({ 403, "That is not your token\n" },
      { answer_to(server, "7", "mode=1&token=x") })
    assert.equal(403, (answer_to(server, "7", "mode=2&token=t")))
    assert.equal(403, (answer_to(server, "1")))
    assert.same({ 503, "come back on Monday\n" }, { answer_to(server, "2") })
    assert.equal(500, (answer_to(server, "3")))
    assert.equal(500, (answer_to(server, "4")))
    assert.equal(500, (answer_to(server, "5")))
    assert.equal(404, (answer_to(server, "")))
    assert.equal(404, (answer_to(server, ("u"):rep(129))))
  end))

  it("is for so many connections of one user", beside({ devices = 2 },
    function (server)
      local one, two = bare(server, "7"), bare(server, "7")
      frame_of(one, action.welcome)
      frame_of(two, action.welcome)
      assert.equal(429, (answer_to(server, "7")))
      one:close()
      one:closed(60)
      await(function () return answer_to(server, "7") == 101 end)
      two:close()
    end))

  it("is for so many, however many come at once", beside({
    devices = 2, authenticate = function ()
      wsmanager.sleep(0.05)
      return true
    end,
  }, function (server)
    local all, open = {}, 0
    for at = 1, 6 do all[at] = bare(server, "7") end
    for _, ws in ipairs(all) do
      ws:opened(60)
      if ws:answer().status == 101 then open = open + 1 end
    end
    assert.equal(2, open)
    for _, ws in ipairs(all) do ws:close() end
  end))

  it("tells the rooms, then welcomes", beside({}, function (server)
    local ws = bare(server, "43")
    local room = chat.decode(assert(ws:receive(60)))
    assert.same({ action.room, "ward", 1, 0, 0, 0, 0 }, {
      room.action, room.room, room.first, room.last, room.received, room.read,
      room.unread,
    })
    assert.same({ "7", "42", "43" }, room.members)
    assert.same({ "43" }, room.online)
    assert.equal(action.welcome, chat.decode(assert(ws:receive(60))).action)
    ws:close()
  end))

  it("asks a function for the rooms, each time", beside({
    rooms = function (uid)
      wsmanager.sleep(0.01)
      return uid == "7" and { pair = { "7", "42" } } or {}
    end,
  }, function (server, join)
    local doctor = join "7"
    await(function () return doctor:contact "pair" end)
    assert.equal("pair", doctor:contact("42").name)
    local customer = join "42"
    await(function () return customer.ws.state == "open" end)
    await(function () return doctor.changes[#doctor.changes].type == "left" end)
    assert.is_nil(server.rooms.all.pair)
  end))

  it("is answered with 500 where that function fails, and changes no room", function ()
    local errors, answers = {}, {
      ["1"] = function () error "the database is away" end,
      ["2"] = function () return "ward" end,
      ["3"] = function () return { ward = { "3", "7" }, ["of one"] = { "3" } } end,
      ["7"] = function () return { ward = { "7", "42" } } end,
    }
    beside({
      rooms = function (uid) return answers[uid]() end,
      onerror = function (why, _, text)
        errors[#errors + 1] = why
        assert.matches(".\nstack traceback:", text)
      end,
    }, function (server, join)
      local doctor = join "7"
      await(function () return doctor:contact "ward" end)
      for _, uid in ipairs { "1", "2", "3" } do
        assert.equal(500, (answer_to(server, uid)))
      end
      await(function () return #errors == 3 end)
      assert.matches("the database is away$", errors[1])
      assert.same({
        "rooms must be a table of lists of names, not a string",
        "room 'of one' has fewer than two members",
      }, { errors[2], errors[3] })
      assert.same({ "7", "42" }, server.rooms.all.ward.members)
    end)()
  end)
end)

describe("what a chat's server refuses", function ()
  it("is told to the author, who goes on", beside({
    accept = function (frame)
      if frame.content == "bad" then return nil, "mind your words" end
      return true
    end,
  }, function (_, join)
    local customer, doctor = join("42", { peer = "7" }), join "7"
    local refused = {
      customer:text("a", { receiverId = "99" }), customer:text("b", { room = "x" }),
      customer:text "bad",
    }
    customer:text "good"
    await(function () return doctor.heard[1] end)
    assert.equal("good", contents(doctor.heard))
    assert.is_true(customer:settled(60))
    local whys = {
      "42 has no room with 99", "42 is in no room 'x'", "mind your words",
    }
    for at, why in ipairs(whys) do
      local receipt = customer.receipts[at]
      assert.same({ action.refused, refused[at].id, why },
        { receipt.action, receipt.id, receipt.why })
    end
  end))

  local function ends (data, code, reason, kind)
    return beside({}, function (server)
      local ws = bare(server, "7")
      frame_of(ws, action.welcome)
      ws:send(data, kind)
      assert.same({ code, reason, true }, { ws:closed(60) })
    end)
  end

  it("ends a connection that speaks for others", ends(message { senderId = "42" },
    1008, "field 'senderId' names somebody else"))

  it("ends a connection whose frames are wrong", ends(message { id = 7 },
    1008, "field 'id' of a message (string expected, got number)"))

  it("ends a connection that sends what a server sends",
    ends('{"action":11}', 1008, "field 'action' is not a client's"))

  it("ends a connection that sends no JSON", beside({}, function (server)
    local ws = bare(server, "7")
    ws:send("\255", "binary")
    assert.equal(1008, (ws:closed(60)))
  end))
end)

describe("presence", function ()
  it("is told to those who share a room, once", beside({}, function (server, join)
    local doctor = join "7"
    await(function () return doctor:contact "pair" end)
    assert.same({ ["7"] = true }, doctor:contact("pair").online)
    local customer = join "42"
    await(function () return doctor:contact("pair").online["42"] end)
    assert.is_true(server:online "42")
    assert.is_true(doctor:contact("ward").online["42"])
    local second = join "42"
    await(function () return second:contact "pair" end)
    second:close()
    second.ws:closed(60)
    customer:close()
    await(function () return not doctor:contact("pair").online["42"] end)
    assert.is_false(server:online "42")
    local told = {}
    for _, change in ipairs(doctor.changes) do
      if change.type == "presence" and change.contact.name == "pair"
        and change.uid == "42" then
        told[#told + 1] = change.online
      end
    end
    assert.same({ true, false }, told)
  end))

  it("lingers, so that a reconnect is not told", beside({ linger = 30 },
    function (server, join)
      local doctor, customer = join "7", join "42"
      await(function ()
        local pair = doctor:contact "pair"
        return pair and pair.online["42"]
      end)
      customer.ws:reconnect()
      customer.ws:opened(60)
      await(function () return #(server.members["42"] or {}) == 1 end)
      assert.is_true(doctor:contact("pair").online["42"])
      for _, change in ipairs(doctor.changes) do
        assert.is_not_false(change.online)
      end
    end))

  it("keeps no program from ending once it was stopped", function ()
    beside({ linger = 3600 }, function (server, join)
      local doctor = join "7"
      await(function () return server:online "7" end)
      doctor:close()
      await(function () return server.lingering["7"] end)
    end)()
    wsmanager.run()    -- until nothing is left to wait for
  end)

  it("knows when somebody types", beside({}, function (_, join)
    local doctor, customer = join("7", { peer = "42" }), join("42", { peer = "7" })
    await(function () return customer:contact "7" and doctor:contact "42" end)
    assert.is_true(customer:typing())
    assert.is_false(customer:typing())
    await(function () return doctor:contact("42").typing["42"] end)
    assert.is_true(customer:typing(false))
    await(function () return not doctor:contact("42").typing["42"] end)
    customer:typing()
    await(function () return doctor:contact("42").typing["42"] end)
    customer:text "hello"
    await(function () return not doctor:contact("42").typing["42"] end)
  end))
end)

describe("the rooms of a chat's server", function ()
  it("may change while it runs", beside({}, function (server, join)
    local doctor, nurse = join "7", join "44"
    await(function () return doctor:contact "ward" and nurse.ws.state == "open" end)
    assert.same({}, nurse:contacts())
    server:room("ward", { "7", "44" })
    await(function () return nurse:contact "ward" end)
    doctor:text("welcome", { room = "ward" })
    await(function () return nurse.heard[1] end)
    server:room "ward"
    await(function () return #nurse:contact("ward").members == 0 end)
    nurse:text("hello?", { room = "ward" })
    await(function () return nurse.receipts[1] end)
    assert.equal("44 is in no room 'ward'", nurse.receipts[1].why)
    assert.has_error(function () server:room("ward", { "7" }) end,
      "room 'ward' has fewer than two members")
  end))
end)

describe("the options of a chat's server", function ()
  local function given (fields)
    local all = {
      host = "127.0.0.1", port = 0, rooms = {},
      authenticate = function () return true end,
    }
    for name, value in pairs(fields) do
      all[name] = value ~= chats.nothing and value or nil
    end
    return all
  end

  for why, fields in pairs {
    ["bad option 'authenticate' (function expected, got nil)"] =
      { authenticate = chats.nothing },
    ["bad option 'rooms' (table or function expected, got nil)"] =
      { rooms = chats.nothing },
    ["bad option 'rooms' (table or function expected, got string)"] =
      { rooms = "all" },
    ["room 'a' has fewer than two members"] = { rooms = { a = { "7" } } },
    ["room 'a' has the member '7' twice"] = { rooms = { a = { "7", "7" } } },
    ["a member of room 'a' (string expected, got number)"] =
      { rooms = { a = { "7", 42 } } },
    ["the members of room 'a' (list of names expected, got string)"] =
      { rooms = { a = "7" } },
    ["the name of a room (at most 128 bytes expected, got 200)"] =
      { rooms = { [("r"):rep(200)] = { "7", "8" } } },
    ["bad option 'history' (chat.history expected, got table)"] = { history = {} },
    ["bad option 'acknowledge' ('stored' or 'received' expected, got later)"] =
      { acknowledge = "later" },
    ["bad option 'linger' (number of seconds, 0 or more, expected, got -1)"] =
      { linger = -1 },
    ["bad option 'devices' (positive integer expected, got 0)"] = { devices = 0 },
    ["bad option 'handler' (a chat's server handles its connections by itself)"] =
      { handler = function () end },
    ["bad option 'authorize' (a chat's server asks 'authenticate')"] =
      { authorize = function () end },
    ["bad option 'decode' (a chat decodes by itself)"] = { decode = "json" },
    ["bad option 'dedupe' (a chat's messages have ids of their own)"] =
      { dedupe = function () end },
    ["unknown option 'authentcate' (did you mean 'authenticate'?)"] =
      { authentcate = 1 },
    ["bad option 'port' (integer from 0 to 65535 expected, got -1)"] =
      { port = -1 },
  } do
    it("raise at the caller's line: " .. why, function ()
      local ok, found = pcall(function () chat.serve(given(fields)) end)
      assert.is_false(ok)
      assert.matches("serve_spec%.lua:%d+: ", found)
      assert.equal(why, (found:gsub("^[^\n]-:%d+: ", "")))
    end)
  end

  it("must be a table", function ()
    assert.has_error(function () chat.serve() end,
      "bad argument #1 to 'serve' (table expected, got nil)")
  end)

  it("may name an address that is taken", function ()
    local server = assert(chat.serve(given {}))
    local other, token = chat.serve(given { port = server.port })
    server:stop()
    assert.same({ nil, "refused" }, { other, token })
  end)
end)
