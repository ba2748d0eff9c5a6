-- The options of a chat's server: its own are checked here, all others are
-- wsmanager.serve's.
-- Depends on base/options.lua, schema.lua and suggest.lua.
-- Never raises with a position: its callers add the line of theirs.

local schema = require "wsmanager.base.schema"
local server_options = require "wsmanager.base.options"
local suggest = require "wsmanager.base.suggest"

local rule, is, any = schema.rule, schema.is, schema.any

local methods = {
  "append", "range", "after", "before", "where", "mark", "marks", "unread",
}

local function is_history (value)
  if type(value) ~= "table" then return false end
  for _, name in ipairs(methods) do
    if type(value[name]) ~= "function" then return false end
  end
  return type(value.id) == "string"
end

local function is_moment (value)
  return value == "stored" or value == "received"
end

local callback = rule(is "function", "function")

--- The options of `chat.serve`: these, and those of `wsmanager.serve` but `handler`, `authorize`,
--- `decode`, `stream`, `identify`, `dedupe` and `user`, which a chat's server sets itself.
---@class chat.ServerOptions: wsmanager.ServerOptions
---
--- Who is let in: true; or nil, why and a status (403). It may wait.
--- Default: required.
---@field authenticate fun(session: chat.session, request: wsmanager.Request): true|nil, string?, integer?
---
--- The rooms by their names, each a list of members, two or more. Or a function that is asked
--- when somebody comes, for the rooms of that user; it may wait.
--- Default: required.
---@field rooms table<string, string[]>|fun(uid: string): table<string, string[]>
---
--- What messages are kept in.
--- Default: `chat.history.memory()`.
---@field history? chat.history
---
--- When an author's message is confirmed to him: when the history has it (`"stored"`), or when
--- all others of its room have received it (`"received"`).
--- Default: "stored" of a history that is durable, else "received".
---@field acknowledge? "stored"|"received"
---
--- Looks at each message; nil and why: it is refused.
--- Default: none.
---@field accept? fun(message: Message, uid: string): boolean?, string?
---
--- Is shown each frame of a user.
--- Default: none.
---@field onframe? fun(uid: string, frame: chat.frame)
---
--- How long a user counts as there after his last connection.
--- Unit: seconds. Default: 5.
---@field linger? number
---
--- How many connections of one user there are at once.
--- Unit: connections. Default: 8.
---@field devices? integer

local own = {
  authenticate = callback,
  rooms = rule(any(is "table", is "function"), "table or function"),
  history = rule(is_history, "chat.history"),
  acknowledge = rule(is_moment, "'stored' or 'received'", true),
  accept = callback,
  onframe = callback,
  linger = rule(schema.is_number(0), "number of seconds, 0 or more,"),
  devices = rule(schema.is_integer(1), "positive integer"),
}

local reserved = {
  handler = "a chat's server handles its connections by itself",
  authorize = "a chat's server asks 'authenticate'",
  decode = "a chat decodes by itself",
  stream = "a chat's messages are whole",
  identify = "a chat's messages have ids of their own",
  dedupe = "a chat's messages have ids of their own",
  user = "a chat's server knows its users by their names",
}

-- A name near one of a chat's options is reported here, others by the server.
local function check_other (name)
  if reserved[name] then
    error(("bad option '%s' (%s)"):format(name, reserved[name]), 0)
  end
  if server_options.is_server_option(name) then return end
  if type(name) ~= "string" or suggest.nearest(name, own) then
    error(("unknown option '%s'%s"):format(tostring(name),
      type(name) == "string" and suggest.hint(name, own) or ""), 0)
  end
end

-- For the reference, which shows what is checked.
local options = { tables = { own = own } }

-- Raises for the first option that is unknown, of a wrong type, or missing.
function options.check (given)
  local known = {}
  for name, value in pairs(given) do
    if own[name] then known[name] = value else check_other(name) end
  end
  schema.check(known, own, "")
  for _, name in ipairs { "authenticate", "rooms" } do
    if given[name] == nil then
      error(("bad option '%s' (%s expected, got nil)")
        :format(name, own[name].expected), 0)
    end
  end
end

--- The server's part of the options.
---@param given table
---@return table
function options.for_server (given)
  local all = {}
  for name, value in pairs(given) do
    if not own[name] then all[name] = value end
  end
  return all
end

return options
