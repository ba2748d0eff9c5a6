-- Wrong calls of the chat's functions raise at the caller's line, and say what is wrong.

local json = require "support.json"
if not json.is_there "the chat's functions" then return end

local chat = require "wsmanager.chat"
local ours = require "support.ours"

local NAN = 0 / 0

local session = { server = "127.0.0.1:1", secure = false, uid = "42", token = "t" }
local settings = { userId = "1", token = "t", socketServer = "127.0.0.1:1" }

local function with (changes)
  local all = {}
  for name, value in pairs(settings) do all[name] = value end
  for name, value in pairs(changes) do all[name] = value end
  return all
end

-- The same for a function of this file.
local function fails_here (what, fn)
  local ok, why = pcall(fn)
  assert.is_false(ok)
  assert.matches("^[^\n:]*checks_spec.lua:%d+: " .. what, why)
end

local talk, server

-- Each: what it raises, and the call.
local calls = {
  { "#2 to 'text' %(table expected, got number%)", "text", "x", 3 },
  { "#2 to 'text' %(field 'receiverId' of a message %(string expected, got number%)%)",
    "text", "x", { receiverId = 7 } },
  { "#2 to 'text' %(field 'room' of a message %(at most 128 bytes expected, got 200%)%)",
    "text", "x", { room = ("r"):rep(200) } },
  { "#1 to 'text' %(string expected, got nil%)", "text" },
  { "#2 to 'image' %(table expected, got number%)", "image", "http://x", 3 },
  { "#2 to 'image' %(table expected, got boolean%)", "image", chat.chatImg, true },
  { "#2 to 'image' %(field 'content' of a message %(string expected, got number%)%)",
    "image", chat.chatImg, { name = 3 } },
  { "#1 to 'receive' %(number expected, got nan%)", "receive", NAN },
  { "#1 to 'settled' %(number expected, got nan%)", "settled", NAN },
  { "#3 to 'history' %(number expected, got nan%)", "history", "7", nil, NAN },
  { "#1 to 'history' %(string expected, got nil, and there is no option 'peer'%)",
    "history" },
  { "#1 to 'typing' %(boolean expected, got string%)", "typing", "7" },
  { "#2 to 'typing' %(string expected, got number%)", "typing", true, 7 },
  { "#1 to 'contact' %(string expected, got number%)", "contact", 7 },
  { "#1 to 'close' %(integer expected, got string%)", "close", "x" },
}

describe("a chat", function ()
  before_each(function ()
    talk = chat.new(session)
  end)
  after_each(function () talk:close() end)

  for _, one in ipairs(calls) do
    it("raises at the caller's line: bad argument " .. one[1]:gsub("%%", ""), function ()
      ours.fails("bad argument " .. one[1], talk[one[2]], talk, one[3], one[4], one[5])
    end)
  end

  it("raises there for what JSON cannot hold", function ()
    ours.fails("message.x is a function: JSON has no such value", talk.text, talk, "x",
      { x = print })
  end)

  it("asks for the colon", function ()
    for _, method in ipairs {
      "text", "image", "read", "receive", "messages", "settled", "close", "contact",
      "contacts", "typing", "history",
    } do
      ours.fails("call it with ':', as in talk:" .. method .. "%(%.%.%.%)", talk[method],
        "x")
    end
  end)

  it("is not closed by a close that raises", function ()
    pcall(talk.close, talk, 7)
    assert.is_nil(talk.is_closed)
    assert.not_equal("closed", talk.ws.state)
  end)

  it("takes functions as its handlers, also later", function ()
    for _, name in ipairs { "onmessage", "onreceipt", "oncontact" } do
      local function handler () end
      for _ = 1, 2 do
        fails_here("bad handler '" .. name .. "' %(function or nil expected, got number%)",
          function () talk[name] = 7 end)
        talk[name] = handler
        assert.equal(handler, talk[name])
      end
      talk[name] = nil
      assert.is_nil(talk[name])
    end
    fails_here("unknown event property 'onmesage' %(did you mean 'onmessage'%?%)",
      function () talk.onmesage = print end)
    talk.note = 7
    assert.equal(7, talk.note)
  end)

  it("may be told its uid and peer as numbers", function ()
    local other = chat.new {
      server = "127.0.0.1:1", secure = false, uid = 42, token = "t", peer = 7,
    }
    local sent = other:text "x"
    assert.same({ "42", "7" }, { sent.senderId, sent.receiverId })
    other:close()
  end)

  it("refuses a uid that is none", function ()
    for uid, why in pairs {
      [""] = "a string expected that is not empty", ["\255"] = "UTF%-8 expected",
      [("u"):rep(129)] = "at most 128 bytes expected, got 129",
    } do
      ours.fails("bad option 'uid' %(" .. why .. "%)", chat.new,
        { server = "h", uid = uid, token = "t" })
    end
    local other = chat.new {
      session = function () return { server = "h", uid = ("u"):rep(129), token = "t" } end,
    }
    local _, token, why = other.ws:opened(60)
    assert.same({ "locked", "the session's uid: at most 128 bytes expected, got 129" },
      { token, why })
    other:close()
  end)
end)

describe("the chat's functions", function ()
  it("raise at the caller's line", function ()
    for what, call in pairs {
      ["bad argument #1 to 'getUrl' %(table expected, got nil%)"] = { chat.getUrl },
      ["bad argument #1 to 'getUrl' %(field 'protocols': string expected, got nil%)"] =
        { chat.getUrl, {} },
      ["bad argument #1 to 'encode' %(table expected, got nil%)"] = { chat.encode },
      ["bad argument #1 to 'encode' %(field 'bytes': string expected, got number%)"] =
        { chat.encode, { bytes = 7 } },
      ["message.x is a function: JSON has no such value"] =
        { chat.encode, { x = print } },
      ["bad argument #1 to 'decode' %(string expected, got table%)"] =
        { chat.decode, {} },
      ["bad argument #1 to 'size' %(string expected, got nil%)"] = { chat.size },
      ["bad argument #2 to 'wsManager' %(table expected, got number%)"] =
        { chat.wsManager, 1, 7 },
      ["bad field 'chatType' %(1 or 2 of chatTypes expected, got 7%)"] =
        { chat.wsManager, 7 },
      ["unknown field 'overtime' %(did you mean 'overTime'%?%)"] =
        { chat.wsManager, 1, { overtime = 7 } },
      ["bad field 'timeHeart' %(number of milliseconds expected, got string%)"] =
        { chat.wsManager, 1, with { timeHeart = "7" } },
      ["bad field 'heartMsg' %(string expected, got 7%)"] =
        { chat.wsManager, 1, with { heartMsg = 7 } },
      ["bad field 'reconnectNum' %(integer, 0 or more, expected, got %-1%)"] =
        { chat.wsManager, 1, with { reconnectNum = -1 } },
      ["bad field 'protocols' %('ws' or 'wss' expected, got string%)"] =
        { chat.wsManager, 1, with { protocols = "http" } },
      ["bad field 'userId' %(string or number expected, got table%)"] =
        { chat.wsManager, 1, with { userId = {} } },
    } do
      ours.fails(what, (table.unpack or unpack)(call))
    end
  end)

  it("do not take a host that makes no URL", function ()
    fails_here("bad field 'socketServer' %(host or host:port expected, got string%)", function ()
      chat.wsManager(1, with { socketServer = "a b" })
    end)
  end)

  it("do not send what is no string", function ()
    local manager = chat.wsManager(1, {})
    ours.fails("bad argument #1 to 'wsSend' %(string expected, got table%)",
      manager.wsSend, manager, {})
    ours.fails("call it with ':', as in manager:wsSend", manager.wsSend, "x")
  end)
end)

describe("a chat's server", function ()
  setup(function ()
    server = chat.serve {
      host = "127.0.0.1", port = 0, rooms = {},
      authenticate = function () return true end,
    }
  end)
  teardown(function () server:stop(0) end)

  it("raises at the caller's line", function ()
    ours.fails("bad argument #1 to 'room' %(string expected, got nil%)", server.room,
      server)
    ours.fails("bad argument #1 to 'online' %(string expected, got number%)",
      server.online, server, 7)
    ours.fails("bad argument #1 to 'stop' %(number expected, got string%)", server.stop,
      server, "7")
    for _, method in ipairs { "room", "online", "stop" } do
      ours.fails("call it with ':', as in server:" .. method, server[method])
    end
    assert.is_nil(server.stopped)
  end)
end)
