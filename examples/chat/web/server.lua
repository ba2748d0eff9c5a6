-- The chat's server for the pages: lua5.4 server.lua port people [file]
-- `people` is a JSON file: the user's name -> { token, mode }. Its history is in the file,
-- and survives it; without one, or without LuaSQL, it is in memory.

package.path = (arg[0]:match "^.*/" or "./") .. "../?.lua;" .. package.path

local cjson = require "cjson"
local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local journal = require "journal" "server"
local open_history = require "open_history"

local function read (name)
  local file = assert(io.open(name, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local users = cjson.decode(read(arg[2]))

local history = journal.try(open_history(arg[3]))
local server = journal.try(chat.serve {
  host = "127.0.0.1", port = tonumber(arg[1]),
  authenticate = function (session)
    local user = users[session.uid]
    if user and user.token == session.token and user.mode == session.mode then return true end
    return nil, "that is not your token"
  end,
  rooms = { ["doctor 7, customer 42"] = { "7", "42" }, ["doctor 7, customer 43"] = { "7", "43" } },
  history = history,
})
journal.note("listening", {
  port = server.port, kept = history.durable and "SQLite" or "memory",
})
wsmanager.run()
