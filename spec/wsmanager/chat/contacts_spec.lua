local json = require "support.json"
if not json.is_there "a chat's contacts" then return end

local chat = require "wsmanager.chat"
local chats = require "support.chats"
local new_contacts = require("wsmanager.chat.contacts").new

local action = chat.action

describe("the contacts of a chat", function ()
  local contacts, receipts, changes

  before_each(function ()
    receipts, changes = {}, {}
    contacts = new_contacts({ contacts = 3, messages = 5, bytes = 10000, own = 4 },
      function (receipt)
        local kind = receipt.action == action.read and "read" or "received"
        receipts[#receipts + 1] = kind .. " " .. receipt.id .. " " .. receipt.senderId
      end,
      function (contact, change)
        changes[#changes + 1] = contact.name .. " " .. change.type
      end)
  end)

  local function room (fields)
    local all = {
      room = "pair", members = { "7", "42" }, online = { "7" }, first = 1, last = 0,
      received = 0, read = 0, unread = 0, store = "s", marks = {},
    }
    for name, value in pairs(fields or {}) do all[name] = value end
    return contacts:room(all, "7")
  end

  local function hear (seq, fields)
    local all = {
      id = "i" .. tostring(seq), content = tostring(seq), senderId = "42",
      sendTime = 1, room = "pair", seq = seq,
    }
    for name, value in pairs(fields or {}) do all[name] = value end
    contacts:heard(all, 100, "7")
    return all
  end

  local function receipt (kind, seq, uid)
    contacts:receipt({
      action = kind, id = "x", seq = seq, room = "pair", senderId = uid or "42",
    }, "7")
  end

  local function stored (seq)
    contacts:stored({ id = "o" .. seq, seq = seq, room = "pair" }, "7")
  end

  local function kept ()
    return chats.contents(contacts:find("pair").messages)
  end

  it("are the rooms, by their names and by the other member", function ()
    room()
    assert.equal("pair", contacts:find("42").name)
    assert.same({ "7", "42" }, contacts:find("pair").members)
    room { left = true }
    assert.is_nil(contacts:find "42")
    assert.same({}, contacts:find("pair").members)
    assert.same({ "pair room", "pair left" }, changes)
  end)

  it("are those who wrote, where no server tells of rooms", function ()
    contacts:heard({ id = "1", content = "a", senderId = "42" }, 10, "7")
    local second = { id = "2", content = "b", senderId = "42" }
    contacts:heard(second, 10, "7")
    contacts:heard({ id = "3", content = "c", senderId = "42" }, 10, "7")
    assert.equal(3, contacts:find("42").unread)
    contacts:was_read(second, "7")
    assert.equal(1, contacts:find("42").unread)
  end)

  it("have what is unread, as the server counts it and as it comes", function ()
    room { unread = 2, received = 5, last = 7 }
    assert.equal(2, contacts:find("pair").unread)
    local sixth = hear(6)
    hear(7)
    assert.equal(4, contacts:find("pair").unread)
    contacts:was_read(sixth, "7")
    assert.equal(1, contacts:find("pair").unread)
    -- after a reconnect: the server has not yet heard of that
    room { unread = 3, received = 6, last = 7, read = 3 }
    assert.equal(1, contacts:find("pair").unread)
    room { unread = 0, received = 7, last = 7, read = 7 }
    assert.equal(0, contacts:find("pair").unread)
  end)

  it("keep the last messages, in order, without the bytes of pictures", function ()
    room()
    for _, seq in ipairs { 1, 2, 4, 3 } do hear(seq, { bytes = "png" }) end
    assert.equal("1 2 3 4", kept())
    assert.is_nil(contacts:find("pair").messages[1].bytes)
    for seq = 5, 8 do hear(seq) end
    assert.equal(5, #contacts:find("pair").messages)
  end)

  it("merge the history without repetitions", function ()
    room()
    hear(3)
    hear(4)
    contacts:merge(contacts:find "pair", {
      { id = "i1", content = "1", senderId = "42", seq = 1 },
      { id = "o2", content = "2", senderId = "7", seq = 2 },
      { id = "i3", content = "3", senderId = "42", seq = 3 },
    })
    assert.equal("1 2 3 4", kept())
    assert.equal("pair history", changes[#changes])
  end)

  it("keep so many bytes", function ()
    room()
    for seq = 1, 5 do hear(seq, { bytes = "" }) end
    contacts:heard({
      id = "large", content = "large", senderId = "42", room = "pair", seq = 6,
    }, 9000, "7")
    assert.equal("large", kept())
    contacts:heard({
      id = "larger", content = "larger", senderId = "42", room = "pair", seq = 7,
    }, 20000, "7")
    assert.equal("", kept())
    assert.equal(0, contacts.kept_bytes)
  end)

  it("are not more than their bound", function ()
    for at = 1, 10 do
      contacts:heard({ id = "1", content = "", senderId = tostring(at) }, 1, "7")
      contacts:room({ room = "r" .. at, store = "s" }, "7")
    end
    assert.equal(3, #contacts:list())
    assert.equal(3, contacts.count)
  end)

  it("have so many members, all together", function ()
    local names = {}
    for at = 1, 60000 do names[at] = "u" .. at end
    for _, name in ipairs { "a", "b", "a" } do
      contacts:room({ room = name, members = names, store = "s" }, "7")
    end
    assert.equal(100000, contacts.members)
    contacts:room({ room = "a", left = true }, "7")
    assert.equal(40000, contacts.members)
  end)

  it("give a receipt for each message of ours, once", function ()
    room()
    stored(1)
    stored(3)
    receipt(action.received, 3)
    receipt(action.received, 3)
    receipt(action.read, 2)
    receipt(action.read, 3)
    assert.same({
      "received o1 42", "received o3 42", "read o1 42", "read o3 42",
    }, receipts)
    assert.equal(0, contacts.own_count)
  end)

  it("give a receipt that came before its message was confirmed", function ()
    room()
    receipt(action.read, 2)
    stored(1)
    stored(2)
    table.sort(receipts)
    assert.same({
      "read o1 42", "read o2 42", "received o1 42", "received o2 42",
    }, receipts)
  end)

  it("give the receipts that were missed while there was no connection", function ()
    room()
    stored(1)
    stored(2)
    room { marks = { { uid = "42", received = 2, read = 1 } } }
    assert.same({ "received o1 42", "received o2 42", "read o1 42" }, receipts)
    assert.same({ received = 2, read = 1 }, contacts:find("pair").marks["42"])
  end)

  it("await the receipts of so many messages", function ()
    room()
    for seq = 1, 10 do stored(seq) end
    assert.equal(4, contacts.own_count)
    receipt(action.received, 10)
    assert.same({
      "received o7 42", "received o8 42", "received o9 42", "received o10 42",
    }, receipts)
  end)

  it("take no marks that are none, or of strangers", function ()
    room { marks = {
      7, "x", { uid = "43", received = 1, read = 1 }, { uid = "42" },
      { uid = "42", received = -1, read = 0 }, { uid = {}, received = 1, read = 1 },
      { uid = "42", received = 1.5, read = 0 },
    } }
    receipt(action.read, 5, "43")
    assert.same({}, contacts:find("pair").marks)
  end)

  it("begin anew with another history", function ()
    room { received = 5, last = 5 }
    stored(5)
    receipt(action.received, 5)
    assert.is_nil(room { store = "t" })
    assert.same({}, contacts:find("pair").marks)
    assert.equal(0, contacts.own_count)
    stored(1)
    receipt(action.received, 1)
    assert.equal("received o1 42", receipts[#receipts])
  end)

  it("find the gap that another connection of this user has left", function ()
    room { received = 2 }
    hear(3)
    assert.is_nil(room { received = 3 })
    assert.same({ 3, 8 }, { room { received = 8, last = 9 } })
    assert.is_nil(room { received = 8, last = 9 })
  end)

  it("tell what the server has forgotten", function ()
    room { first = 4, received = 1, last = 9 }
    assert.equal(2, contacts:find("pair").missed)
    assert.equal("pair missed", changes[#changes])
  end)

  it("know who is there, of their members", function ()
    room()
    contacts:presence { senderId = "42", online = true }
    contacts:presence { senderId = "stranger", online = true }
    assert.same({ ["7"] = true, ["42"] = true }, contacts:find("pair").online)
    contacts:presence { senderId = "42", online = false }
    assert.same({ ["7"] = true }, contacts:find("pair").online)
  end)

  it("forget who types after 6 s", function ()
    room()
    local pair = contacts:find "pair"
    contacts:types({ room = "pair", senderId = "42", typing = true }, 100)
    contacts:types({ room = "pair", senderId = "stranger", typing = true }, 100)
    contacts.refresh(pair, 105.9)
    assert.same({ ["42"] = 106 }, pair.typing)
    contacts.refresh(pair, 106)
    assert.same({}, pair.typing)
  end)
end)

describe("the past of a chat", function ()
  it("is asked for, page by page", chats.beside({}, function (_, join)
    local customer = join("42", { peer = "7" })
    for at = 1, 25 do customer:text(tostring(at)) end
    customer:image(chat.chatImg)
    local doctor = join("7", { peer = "42", history = { messages = 12 } })
    chats.await(function () return doctor.heard[26] end)
    doctor:read(doctor.heard[26])
    doctor:settled(60)
    local again = join("7", { peer = "42", onmessage = chats.nothing })
    chats.await(function ()
      again:receive(0.01)
      return again:contact()
    end)
    local last = assert(again:history("42", { limit = 10 }))
    assert.same({ 10, chat.chatImg }, { #last, last[10].bytes })
    local before = assert(again:history("pair", { before = last[1].seq, limit = 5 }))
    assert.equal("12 13 14 15 16", chats.contents(before))
    local after = assert(again:history(nil, { after = 3, limit = 2 }))
    assert.equal("4 5", chats.contents(after))
    assert.equal("4 5 12 13 14 15 16 17 18 19 20 21 22 23 24 25 picture.png",
      chats.contents(again:contact("42").messages))
    assert.equal(0, again:contact("42").unread)
  end))

  it("is merged where another connection of this user has received it",
    chats.beside({ acknowledge = "stored" }, function (server, join)
      local customer = join("42", { peer = "7" })
      local one = join("7", { peer = "42" })
      customer:text "1"
      chats.await(function () return one.heard[1] end)
      one.ws:close()
      one.ws:closed(60)
      local other = join("7", { peer = "42" })
      for at = 2, 250 do customer:text(tostring(at)) end
      chats.await(function () return other.heard[249] end)
      chats.await(function ()
        local marks = server.history:marks("pair")["7"]
        return marks and marks.received == 250
      end)
      other:close()
      other.ws:closed(60)
      one.ws:reconnect()
      chats.await(function () return #one:contact("42").messages == 250 end)
      assert.equal(1, #one.heard)
      for at, message in ipairs(one:contact("42").messages) do
        assert.equal(tostring(at), message.content)
      end
      assert.equal(250, one:contact("42").unread)
    end))

  it("is not asked for in vain", chats.beside({}, function (_, join)
    local doctor = join("7", { peer = "42" })
    local list, token, why = doctor:history "99"
    assert.same({ nil, "closed", "there is no contact 99" }, { list, token, why })
    chats.await(function () return doctor:contact() end)
    doctor.ws:close()
    list, token = doctor:history()
    assert.same({ nil, "closed" }, { list, token })
    assert.has_error(function () doctor:history({}) end,
      "bad argument #1 to 'history' (string expected, got table)")
    assert.has_error(function () doctor:history("42", 7) end,
      "bad argument #2 to 'history' (table expected, got number)")
    assert.has_error(function () doctor:history("42", { befor = 7 }) end,
      "unknown option 'befor' (did you mean 'before'?)")
    assert.has_error(function () doctor:history("42", {}, "1") end,
      "bad argument #3 to 'history' (number expected, got string)")
    assert.has_error(function () doctor:typing(true, 7) end,
      "bad argument #2 to 'typing' (string expected, got number)")
  end))
end)
