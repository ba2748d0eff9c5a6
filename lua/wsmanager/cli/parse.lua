-- The words of a command line, by the table of options.
-- Depends on options.lua and suggest.lua.
-- Never raises: what is wrong is a sentence.

local options = require "wsmanager.cli.options"
local suggest = require "wsmanager.base.suggest"

local parse = {}

local function key_of (option)
  return (option.name:gsub("%-", "_"))
end

local function is_one_of (choices, word)
  for _, choice in ipairs(choices) do
    if choice == word then return true end
  end
  return false
end

local function to_number (option, word, shown)
  local number = tonumber(word)
  local wanted = option.kind == "integer" and "a whole number" or "a number"
  wanted = wanted .. " from " .. option.least .. " on"
  for name in pairs(option.words or {}) do wanted = wanted .. ", or " .. name end
  if not number or number ~= number or number < option.least
     or option.kind == "integer" and number % 1 ~= 0
  then
    return nil, shown .. " wants " .. wanted .. ", not '" .. word .. "'"
  end
  return number
end

-- The value that the word stands for; nil, why.
local function to_value (option, word, shown)
  if option.words and option.words[word] ~= nil then return option.words[word] end
  if option.kind then return to_number(option, word, shown) end
  if option.choices and not is_one_of(option.choices, word) then
    return nil, shown .. " is " .. table.concat(option.choices, ", ") .. ", not '" .. word .. "'"
  end
  return word
end

-- Takes one option; `given` is the value in the same word, if any. nil, why.
local function take (values, option, shown, given, next_word)
  local key = key_of(option)
  if not option.value then
    if given then return nil, shown .. " takes no value" end
    values[key] = true
    return true
  end
  local word = given or next_word()
  if not word then return nil, shown .. " wants a value: " .. shown .. " " .. option.value end
  local value, why = to_value(option, word, shown)
  if why then return nil, why end
  if option.many then
    values[key] = values[key] or {}
    table.insert(values[key], value)
  else
    values[key] = value
  end
  return true
end

local function take_long (values, known, word, next_word)
  local name, given = word:match "^%-%-([^=]+)=(.*)$"
  name = name or word:sub(3)
  local option = known[name]
  if not option or #name == 1 then
    local names = {}
    for _, each in pairs(known) do names[each.name] = true end
    local near = suggest.nearest(name, names)
    return nil, "there is no --" .. name .. (near and " (did you mean --" .. near .. "?)" or "")
  end
  return take(values, option, "--" .. name, given, next_word)
end

-- "-kv", "-c5", "-c 5"
local function take_short (values, known, word, next_word)
  local at = 2
  while at <= #word do
    local letter = word:sub(at, at)
    local option, rest = known[letter], word:sub(at + 1)
    if not option then return nil, "there is no -" .. letter end
    local takes = option.value ~= nil
    local ok, why = take(values, option, "-" .. letter, takes and rest ~= "" and rest or nil,
                         next_word)
    if not ok then return nil, why end
    if takes then return true end
    at = at + 1
  end
  return true
end

-- The values of the options by their names, with "_" for "-", and what is no option in
-- the list part; nil, why.
---@param words string[]
---@param command string
---@return table?
---@return string? why
function parse.words (words, command)
  local values, known, at, only_words = {}, options.of(command), 0, false
  local function next_word ()
    at = at + 1
    return words[at]
  end
  local word = next_word()
  while word do
    local ok, why = true, nil
    if only_words or word == "-" or word:sub(1, 1) ~= "-" then
      values[#values + 1] = word
    elseif word == "--" then
      only_words = true
    elseif word:sub(1, 2) == "--" then
      ok, why = take_long(values, known, word, next_word)
    else
      ok, why = take_short(values, known, word, next_word)
    end
    if not ok then return nil, why end
    word = next_word()
  end
  return values
end

return parse
