-- Tables of options: what each value may be, and the check with its errors.
-- Depends on suggest.lua.
-- Never raises with a position: its callers add the line of theirs.

local suggest = require "wsmanager.base.suggest"

local schema = {}

-- ## Tests of a value

function schema.is (wanted)
  return function (value) return type(value) == wanted end
end

function schema.is_number (min, max)
  return function (value)
    return type(value) == "number" and value >= min
           and value <= (max or math.huge)
  end
end

function schema.is_integer (min, max)
  local is_within = schema.is_number(min, max or 2^53)
  return function (value) return is_within(value) and value % 1 == 0 end
end

function schema.is_positive (value)
  return type(value) == "number" and value > 0
end

function schema.is_false (value) return value == false end

-- Does any of the tests accept the value?
function schema.any (...)
  local tests = {...}
  return function (value)
    for _, test in ipairs(tests) do
      if test(value) then return true end
    end
    return false
  end
end

-- ## Rules

-- One value: its test, and what an error says was expected. `shows_string`: the
-- error shows a string itself, not only its type.
function schema.rule (test, expected, shows_string)
  return {test = test, expected = expected, shows_string = shows_string}
end

-- A table of further options. `may_be_false`: false may stand for it;
-- `may_be_true`: so may true; `may_be_function`: a function that returns it.
function schema.group (fields, may_be_false, may_be_true, may_be_function)
  return {
    fields = fields, may_be_false = may_be_false, may_be_true = may_be_true,
    may_be_function = may_be_function,
  }
end

-- ## The check

local function fail (...)
  error(table.concat({...}), 0)
end

local function got (value, rule)
  local is_number = type(value) == "number"
  if is_number and rule.expected:find("number", 1, true)
     or is_number and rule.expected:find("integer", 1, true)
     or type(value) == "string" and rule.shows_string
  then
    return tostring(value)
  end
  return type(value)
end

local function instead_of_table (rule)
  if rule.may_be_true then return " or boolean" end
  if rule.may_be_function then return " or function" end
  return rule.may_be_false and " or false" or ""
end

local function check_group (given, rule, name)
  if given == false and rule.may_be_false then return end
  if given == true and rule.may_be_true then return end
  if type(given) == "function" and rule.may_be_function then return end
  if type(given) ~= "table" then
    fail("bad option '", name, "' (table", instead_of_table(rule),
         " expected, got ", type(given), ")", rule.hint and rule.hint(given) or "")
  end
  schema.check(given, rule.fields, name .. ".")
end

-- What other libraries call an option.
local aliases = {
  codec = "decode", json = "decode", ssl = "tls", timeout = "timeouts",
  subprotocols = "protocols", cafile = "tls.ca", insecure = "tls.verify",
}

-- The shortest path of an option of that name in a group; nil: none.
local function path_in_group (name, rules)
  local best
  for group_name, rule in pairs(rules) do
    local path = group_name .. "." .. name
    if rule.fields and rule.fields[name]
       and (not best or #path < #best or #path == #best and path < best)
    then
      best = path
    end
  end
  return best
end

-- " (did you mean 'tls.verify'?)": by an alias, one letter beside, by the name in a group,
-- or the nearest name; or "".
local function hint (name, rules, prefix)
  if type(name) ~= "string" then return "" end
  local meant
  if prefix == "" then
    local alias = aliases[name]
    if alias and rules[alias:match("^%w+")] then meant = alias end
    meant = meant or suggest.nearest(name, rules, 1) or path_in_group(name, rules)
  end
  return meant and " (did you mean '" .. meant .. "'?)"
         or suggest.hint(name, rules)
end

-- " (it is one of wsmanager.serve)": another function has an option of that name.
local function elsewhere (name, others)
  for _, other in ipairs(others or {}) do
    if other.rules[name] then return " (it is one of " .. other.name .. ")" end
  end
end

-- Raises for the first option of `given` that is unknown or of a wrong type;
-- `prefix` is the path of the group, as "tls."; `others`: a list of {name, rules} of
-- other functions.
function schema.check (given, rules, prefix, others)
  for name, value in pairs(given) do
    local rule = rules[name]
    local path = prefix .. tostring(name)
    if not rule then
      fail("unknown option '", path, "'",
           name == 1 and " (options have names: {name = value})"
           or elsewhere(name, others) or hint(name, rules, prefix))
    elseif rule.fields then
      check_group(value, rule, path)
    elseif not rule.test(value) then
      fail("bad option '", path, "' (", rule.expected, " expected, got ",
           got(value, rule), ")")
    end
  end
end

return schema
