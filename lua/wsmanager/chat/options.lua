-- The options of a chat: its own are checked here, all others are a client's.
-- Depends on base/options.lua, shape.lua and suggest.lua.
-- Never raises with a position: its callers add the line of theirs.

local client_options = require "wsmanager.base.options"
local message = require "wsmanager.chat.message"
local shape = require "wsmanager.chat.shape"
local suggest = require "wsmanager.base.suggest"

local modes = message.chatTypes

local function is (...)
  local wanted = { ... }
  return function (value)
    for _, name in ipairs(wanted) do
      if type(value) == name then return true end
    end
    return false
  end
end

local function is_size (value)
  return type(value) == "number" and value >= 1 and value % 1 == 0
end

local function is_mode (value)
  return value == modes.doctor or value == modes.customer
end

-- Host and port alone: the chat adds scheme, path and query.
local function is_host_port (value)
  return type(value) == "string" and not value:find "[/?#]"
end

local name = {
  test = is("string", "number"), expected = "string or number expected",
}
local callback = { test = is "function", expected = "function expected" }
local size = { test = is_size, expected = "positive integer expected" }
local mode = { test = is_mode, expected = "1 or 2 of chatTypes expected" }

--- Who talks, and to which server.
---@class chat.session
---
--- The user's name, at most 128 bytes.
--- Default: required, here or from `session`.
---@field uid? string|number
---
--- What the server checks.
--- Default: required, here or from `session`.
---@field token? string|number
---
--- Which side it is: `chat.chatTypes.doctor` or `chat.chatTypes.customer`.
--- Default: 1.
---@field mode? chatTypes
---
--- The server's host, or `host:port`, without a scheme.
--- Default: required, here or from `session`.
---@field server? string
---
--- Does it connect by wss?
--- Default: true.
---@field secure? boolean

--- The options of `chat.new`: these, and those of `wsmanager.new` but `url`, `decode`, `stream`,
--- `identify`, `acknowledge` and `dedupe`, which a chat sets itself.
---@class chat.options: wsmanager.Options, chat.session
---
--- Called before each attempt: it returns the credentials in use, or nil and why, which locks
--- the connection. It may wait.
--- Default: none.
---@field session? fun(): chat.session?, string?
---
--- Whom messages are for: their `receiverId`.
--- Default: none.
---@field peer? string|number
---
--- What waits to be received by the other side.
---@field outbox? chat.Outbox
---
--- As of `wsmanager.new`; its message is `{"action":4}`.
--- Default: after 30 s, dead after 100 s.
---@field heartbeat? table|false
---
--- Gets the messages, instead of `receive`.
--- Default: none.
---@field onmessage? fun(message: Message)
---
--- Gets the receipts.
--- Default: none.
---@field onreceipt? fun(receipt: chat.frame)
---
--- How many contacts are known; messages of others are received all the same.
--- Unit: contacts. Default: 1024.
---@field contacts? integer
---
--- How many messages of all contacts are kept, for `contact.messages`.
---@field history? chat.Kept
---
--- Told what has changed at a contact.
--- Default: none.
---@field oncontact? fun(contact: chat.contact, change: chat.change)

--- What is not yet received by the other side. Beyond this a text or picture is refused with
--- `full`.
---@class chat.Outbox
---
--- How many messages.
--- Unit: messages. Default: 1024.
---@field messages? integer
---
--- How many bytes of messages.
--- Unit: bytes. Default: 16 MiB.
---@field bytes? integer

--- Beyond these the oldest are forgotten.
---@class chat.Kept
---
--- How many messages.
--- Unit: messages. Default: 1000.
---@field messages? integer
---
--- How many bytes of messages.
--- Unit: bytes. Default: 4 MiB.
---@field bytes? integer

local own = {
  uid = name, token = name, peer = name, mode = mode,
  server = { test = is_host_port, expected = "host[:port] expected, without ws://" },
  secure = { test = is "boolean", expected = "boolean expected" },
  session = callback, onmessage = callback, onreceipt = callback,
  oncontact = callback,
  contacts = size,
  outbox = { test = is "table", expected = "table expected" },
  history = { test = is "table", expected = "table expected" },
  heartbeat = {
    test = function (value) return value == false or type(value) == "table" end,
    expected = "table or false expected",
  },
}

local groups = {
  outbox = { messages = size, bytes = size },
  history = { messages = size, bytes = size },
}

local whole = {
  test = function (value)
    return type(value) == "number" and value >= 0 and value % 1 == 0
  end,
  expected = "integer, 0 or more, expected",
}

local which = { before = whole, after = whole, limit = size }

-- The client's options that a chat sets by itself.
local reserved = {
  url = "a chat makes its own of server, uid and token",
  decode = "a chat decodes by itself",
  stream = "a chat's messages are whole",
  identify = "a chat's messages have ids of their own",
  acknowledge = "a chat's messages have ids of their own",
  dedupe = "a chat's messages have ids of their own",
}

local function fail (path, why)
  error(("bad option '%s' (%s)"):format(path, why), 0)
end

local function got (value, rule)
  local is_number = type(value) == "number" and (rule == size or rule == mode)
  return is_number and tostring(value) or type(value)
end

local function check (path, value, rule)
  if not rule.test(value) then
    fail(path, rule.expected .. ", got " .. got(value, rule))
  end
end

local function check_name (option, names, prefix)
  if names[option] then return end
  error(("unknown option '%s%s'%s"):format(prefix, tostring(option),
    type(option) == "string" and suggest.hint(option, names) or ""), 0)
end

local function check_group (given, rules, prefix)
  for option, value in pairs(given) do
    check_name(option, rules, prefix)
    check(prefix .. option, value, rules[option])
  end
end

-- A name near one of a chat's options is reported here, others by the client.
local function check_other (option)
  if reserved[option] then fail(option, reserved[option]) end
  if client_options.is_client_option(option) then return end
  if type(option) ~= "string" or suggest.nearest(option, own) then
    check_name(option, own, "")
  end
end

local options = {}

-- Raises for the first option that is unknown or of a wrong type.
function options.check (given)
  for option, value in pairs(given) do
    if own[option] then
      check(option, value, own[option])
    else
      check_other(option)
    end
  end
  local wrong = given.uid and shape.name_fault(tostring(given.uid))
  if wrong then fail("uid", wrong) end
  for group, rules in pairs(groups) do
    check_group(given[group] or {}, rules, group .. ".")
  end
end

-- Raises for what may not be asked of the history.
function options.check_which (given)
  check_group(given, which, "")
end

--- The client's part of the options.
---@param given table
---@return table
function options.for_client (given)
  local all = {}
  for option, value in pairs(given) do
    if not own[option] then all[option] = value end
  end
  return all
end

-- Is it one of chatTypes?
options.is_mode = is_mode

-- For the reference, which shows what is checked.
options.tables = { own = {}, which = which }
for option, rule in pairs(own) do options.tables.own[option] = rule end
for group, rules in pairs(groups) do options.tables.own[group] = { fields = rules } end

return options
