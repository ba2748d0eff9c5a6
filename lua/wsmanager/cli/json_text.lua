-- JSON as it came, indented and coloured: numbers, the order of names and escapes stay.
-- Depends on nothing.
-- Never decodes: what is no JSON is left as it is.

local json_text = {}

local WIDTH = 72           -- of what stays on one line
local DEEPEST = 200
local closing = {["{"] = "}", ["["] = "]"}

-- ## Reading: a value is a text with its kind, or {bracket, items ...}

local parse_value

local function skip (text, at) return text:find("%S", at) or #text + 1 end

local function parse_string (text, at)
  local i = at + 1
  while true do
    local stop = text:find('["\\%c]', i)
    local char = stop and text:sub(stop, stop)
    if char == '"' then return text:sub(at, stop), stop + 1 end
    if char ~= "\\" then return nil end
    i = stop + 2
  end
end

-- One member or element, without what is behind it.
local function parse_item (text, at, bracket, depth)
  local name
  if bracket == "{" then
    if text:sub(at, at) ~= '"' then return nil end
    name, at = parse_string(text, at)
    at = name and skip(text, at)
    if not at or text:sub(at, at) ~= ":" then return nil end
    at = skip(text, at + 1)
  end
  local value, after = parse_value(text, at, depth + 1)
  if not value then return nil end
  return {name = name, value = value}, skip(text, after)
end

local function parse_list (text, at, depth)
  local bracket = text:sub(at, at)
  local list = {bracket = bracket}
  at = skip(text, at + 1)
  if text:sub(at, at) == closing[bracket] then return list, at + 1 end
  while true do
    local item
    item, at = parse_item(text, at, bracket, depth)
    if not item then return nil end
    list[#list + 1] = item
    local char = text:sub(at, at)
    if char == closing[bracket] then return list, at + 1 end
    if char ~= "," then return nil end
    at = skip(text, at + 1)
  end
end

local words = {["true"] = "word", ["false"] = "word", ["null"] = "word"}

function parse_value (text, at, depth)
  local char = text:sub(at, at)
  if closing[char] then
    if depth > DEEPEST then return nil end
    return parse_list(text, at, depth)
  elseif char == '"' then
    local string, after = parse_string(text, at)
    return string and {text = string, kind = "string"}, after
  end
  local word = text:match("^[%w.+-]+", at)
  if not word then return nil end
  local is_number = word:find "^%-?%d" and not word:find "[xXpP]" and not word:find "^%-?0%d"
                    and tonumber(word) ~= nil
  local kind = words[word] or is_number and "number"
  if not kind then return nil end
  return {text = word, kind = kind}, at + #word
end

-- ## Writing

local function paint (paints, kind, text)
  return paints and paints(kind, text) or text
end

-- On one line; nil: it is longer than `room`. Colours have no width.
local function flat (value, paints, room)
  if value.text then
    if #value.text > room then return nil end
    return paint(paints, value.kind, value.text), #value.text
  end
  local parts, width = {}, 2
  for i, item in ipairs(value) do
    local name = item.name and item.name .. ": " or ""
    local text, length = flat(item.value, paints, room - width - #name)
    if not text then return nil end
    width = width + #name + length + (i > 1 and 2 or 0)
    if width > room then return nil end
    parts[i] = (item.name and paint(paints, "name", item.name) .. ": " or "") .. text
  end
  return value.bracket .. table.concat(parts, ", ") .. closing[value.bracket], width
end

local function write (out, value, indent, paints)
  local text = flat(value, paints, math.max(WIDTH - #indent, 20))
  if text or value.text then
    out[#out + 1] = text or paint(paints, value.kind, value.text)
    return
  end
  local deeper = indent .. "  "
  out[#out + 1] = value.bracket
  for i, item in ipairs(value) do
    out[#out + 1] = (i > 1 and ",\n" or "\n") .. deeper
    if item.name then out[#out + 1] = paint(paints, "name", item.name) .. ": " end
    write(out, item.value, deeper, paints)
  end
  out[#out + 1] = "\n" .. indent .. closing[value.bracket]
end

-- The text of an object or a list, indented; nil for anything else. `paints(kind, text)`
-- colours a "name", "string", "number" or "word".
---@param text string
---@param paints? fun(kind: string, text: string): string
---@return string?
function json_text.indent (text, paints)
  local at = skip(text, 1)
  if not closing[text:sub(at, at)] then return nil end
  local value, after = parse_value(text, at, 1)
  if not value or skip(text, after) <= #text then return nil end
  local out = {}
  write(out, value, "", paints)
  return table.concat(out)
end

return json_text
