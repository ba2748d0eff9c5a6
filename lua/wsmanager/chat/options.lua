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

return options
