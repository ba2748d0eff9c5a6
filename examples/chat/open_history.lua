-- The history of the chat's server.

local chat = require "wsmanager.chat"

--- In this file, which it outlives the server in; without one, or without LuaSQL, in memory.
---@param file? string
---@return table? history  of chat.history; nil: it cannot be opened
---@return string? token
---@return string? detail
return function (file)
  if not file or not pcall(require, "luasql.sqlite3") then return chat.history.memory() end
  return chat.history.sqlite { file = file }
end
