-- Rules that several tables of options share.
-- Depends on schema.lua.

local schema = require "wsmanager.base.schema"

local rule = schema.rule
local any, is, is_false = schema.any, schema.is, schema.is_false
local is_integer, is_positive = schema.is_integer, schema.is_positive

local rules = {}

-- Is it the kind of a message?
function rules.is_kind (value)
  return value == "text" or value == "binary"
end

-- A list, from 1 on and not empty, whose elements all pass the test.
function rules.is_list (test)
  return function (value)
    if type(value) ~= "table" or value[1] == nil then return false end
    local n = 0
    for _, each in ipairs(value) do
      if not test(each) then return false end
      n = n + 1
    end
    for key in pairs(value) do
      if type(key) ~= "number" or key > n then return false end
    end
    return true
  end
end

-- How a field of a message is named: by its name, or by its index in a list.
rules.is_field = any(function (value) return type(value) == "string" and value ~= "" end,
                     is_integer(1))

local function is_tls_version (value)
  return value == "1.2" or value == "1.3"
end

rules.tls_version = rule(is_tls_version, "'1.2' or '1.3'", true)
rules.positive = rule(is_positive, "positive number")
rules.positive_or_false = rule(any(is_false, is_positive), "positive number or false")
rules.seconds = rule(schema.is_number(0), "number of seconds, 0 or more,")
rules.size = rule(is_integer(1), "positive integer")
rules.text = rule(is "string", "string")
rules.callback = rule(is "function", "function")
rules.flag = rule(is "boolean", "boolean")
rules.list = rule(any(is "string", is "table"), "string or list of strings")
rules.part = rule(schema.is_number(0, 1), "number from 0 to 1")
rules.proxy = rule(any(is_false, is "string"), "string or false")
rules.redirects = rule(any(is_false, is_integer(0)), "integer, 0 or more, or false")

return rules
