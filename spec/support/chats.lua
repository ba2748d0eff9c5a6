-- A server of the chat and its clients, in a coroutine of one process.

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"

local chats = {}

local mark = {}

-- Waits until is_so() holds; fails after a minute. It looks again and again: no event
-- tells of every change that a spec awaits.
function chats.await (is_so, what)
  local deadline = wsmanager.now() + 60
  while true do
    local value = is_so()
    if value then return value end
    assert(wsmanager.now() < deadline, what or "it did not come to pass in time")
    wsmanager.sleep(0.01)
  end
end

-- A client of the server: everybody's token is "t". What it receives and its events are in
-- its lists `heard`, `receipts` and `changes`.
function chats.join (server, uid, options)
  local heard, receipts, changes = {}, {}, {}
  local all = {
    server = "127.0.0.1:" .. server.port, secure = false, uid = uid, token = "t",
    reconnect = {
      delay = 0.01, jitter = 0, factor = 1, pause = 0, limit = false,
    },
    onmessage = function (message) heard[#heard + 1] = message end,
    onreceipt = function (receipt) receipts[#receipts + 1] = receipt end,
    oncontact = function (contact, change)
      change.contact = contact
      changes[#changes + 1] = change
    end,
  }
  for name, value in pairs(options or {}) do
    if value == mark then value = nil end
    all[name] = value
  end
  local talk = assert(chat.new(all))
  talk.heard, talk.receipts, talk.changes = heard, receipts, changes
  return talk
end

-- For an option that join() is not to set.
chats.nothing = mark

-- A connection to the server that is no chat.
function chats.bare (server, uid, query)
  return wsmanager.new {
    url = ("ws://127.0.0.1:%d/ws/%s?%s"):format(server.port, uid, query or "mode=1&token=t"),
    reconnect = false,
  }
end

-- The next frame of an action that it gets.
function chats.frame_of (ws, wanted)
  while true do
    local data, kind = assert(ws:receive(60))
    local frame = assert(chat.decode(data, kind))
    if frame.action == wanted then return frame end
  end
end

-- The contents of messages.
function chats.contents (list)
  local all = {}
  for at, message in ipairs(list) do all[at] = message.content end
  return table.concat(all, " ")
end

-- A test in a coroutine beside a server of these options; the body gets the server,
-- and a function that joins and is closed at the end.
function chats.beside (options, body)
  return function ()
    local all = {
      host = "127.0.0.1", port = 0, linger = 0,
      authenticate = function (session) return session.token == "t" end,
      rooms = { pair = { "7", "42" }, ward = { "7", "42", "43" } },
    }
    for name, value in pairs(options) do all[name] = value end
    local server = assert(chat.serve(all))
    local joined = {}
    local ok, why = pcall(wsmanager.run, body, server, function (uid, own)
      local talk = chats.join(server, uid, own)
      joined[#joined + 1] = talk
      return talk
    end)
    for _, talk in ipairs(joined) do talk:close() end
    server:stop()
    assert(ok, why)
  end
end

return chats
