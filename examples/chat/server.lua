-- The chat's server: lua5.4 server.lua port
-- It lets in who has a token, and hands each frame to whom it is for. What is
-- for somebody absent waits, and is handed over again until they confirm it.

package.path = (arg[0]:match "^.*/" or "./") .. "?.lua;" .. package.path

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local journal = require "journal" "server"

local action = chat.chatAction

local users = {
  ["7"] = { token = "a doctor's secret", mode = chat.chatTypes.doctor },
  ["42"] = { token = "a customer's secret", mode = chat.chatTypes.customer },
}

local waiting = {}    -- uid: frames that are not confirmed
for uid in pairs(users) do
  waiting[uid] = chat.ledger { messages = 1000, bytes = 2 ^ 24 }
end

local online = {}     -- uid: its connection

local function authorize (request)
  local uid = request.path:match "^/ws/([^/]+)$"
  if not uid then return nil, 404, "no such place" end
  if not request.query.token then return nil, 401, "a token is needed" end
  local user = users[uid]
  if not user or user.token ~= request.query.token
    or tostring(user.mode) ~= request.query.mode then
    return nil, 403, "that is not your token"
  end
  return true
end

local function hand_over (uid)
  local ws = online[uid]
  if not ws then return end
  waiting[uid]:flush(function (data, kind) return ws:send(data, kind, 0) end)
end

-- A message and its read receipt have the same id, but go opposite ways.
local function relay (ws, uid, frame, data, kind)
  local receiver = frame.receiverId
  if frame.senderId ~= uid or not waiting[receiver] then
    return ws:close(1008, "from whom, for whom?")
  end
  local is_receipt = frame.action == action.received
  if is_receipt then waiting[uid]:confirm(frame.id) end
  local is_kept = waiting[receiver]:add {
    key = is_receipt and "received " .. frame.id or frame.id,
    data = data, kind = kind, brief = is_receipt,
  }
  if not is_kept then return ws:close(1013, "try again later") end
  hand_over(receiver)
end

local function handle (ws, uid, data, kind)
  local frame = chat.decode(data, kind)
  if not frame then return ws:close(1008, "not of this chat") end
  if frame.action ~= action.heart then
    return relay(ws, uid, frame, data, kind)
  end
  journal.note("heartbeat", { uid = uid })
  ws:send(data)
end

local function handler (ws, request)
  local uid = request.path:match "[^/]+$"
  online[uid] = ws
  ws.ondrain = function () hand_over(uid) end
  waiting[uid]:rewind()
  hand_over(uid)
  local data, kind = ws:receive()
  while data do
    handle(ws, uid, data, kind)
    data, kind = ws:receive()
  end
  if online[uid] == ws then online[uid] = nil end
end

local function page (request)
  if request.path ~= "/images/doctor.png" then return 404, "not here" end
  return 200, chat.doctorImg, { ["Content-Type"] = "image/png" }
end

local server, token, detail = wsmanager.serve {
  host = "127.0.0.1", port = tonumber(arg[1]),
  authorize = authorize, handler = handler, page = page,
}
if not server then
  journal.note("failed", { token = token, detail = detail })
  os.exit(1)
end
journal.note("listening", { port = server.port })
wsmanager.run()
