-- The chat's server: lua5.4 server.lua port [file]
-- It lets in who has a token. Its history is in the file, and survives it; without
-- one, or without LuaSQL, it is in memory.

package.path = (arg[0]:match "^.*/" or "./") .. "?.lua;" .. package.path

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local journal = require "journal" "server"
local open_history = require "open_history"

local users = {
  ["7"] = { token = "a doctor's secret", mode = chat.chatTypes.doctor },
  ["42"] = { token = "a customer's secret", mode = chat.chatTypes.customer },
}

local function authenticate (session)
  local user = users[session.uid]
  if user and user.token == session.token and user.mode == session.mode then
    return true
  end
  return nil, "that is not your token"
end

local history = journal.try(open_history(arg[2]))
local server = journal.try(chat.serve {
  host = "127.0.0.1", port = tonumber(arg[1]),
  authenticate = authenticate,
  rooms = { ["doctor 7, customer 42"] = { "7", "42" } },
  history = history,
  page = {
    ["/images/doctor.png"] = function ()
      return 200, chat.doctorImg, { ["Content-Type"] = "image/png" }
    end,
  },
  onframe = function (uid, frame)
    if frame.action == chat.action.heart then
      journal.note("heartbeat", { uid = uid })
    end
  end,
})
journal.note("listening", {
  port = server.port, kept = history.durable and "SQLite" or "memory",
  messages = select(2, history:range "doctor 7, customer 42"),
})
wsmanager.run()
