-- json.lua SEED SECONDS: random texts that are nearly JSON, and random values, for
-- what decodes and encodes JSON exactly. Nothing may crash; only `decode` may raise, a
-- sentence. What decodes is encoded, decodes to the same and is encoded the same; what
-- has no JSON is nil and why. Prints the seed of a text or value that failed; with it
-- and 0 seconds it runs again.

local seed, seconds = tonumber(arg[1]), tonumber(arg[2])
local codec = require "wsmanager.base.codec"

local json = codec.json()
local null = codec.null()

-- ## Chance: the same numbers in every Lua

local state

local function below (n)
  state = (state * 16807) % 2147483647
  return state % n
end

local function one_of (list) return list[below(#list) + 1] end

-- ## Texts

local numbers = {
  "0", "-0", "1", "-1", "1.5", "1e5", "1E+400", "-1e-400", "0.1", "9007199254740993",
  "9223372036854775807", "9223372036854775808", "-9223372036854775808",
  "12345678901234567890123", "1.0", "5e-324", "01", "+1", "1.", ".5", "0x10", "1e", "-",
}
local words = {"true", "false", "null", "NaN", "Infinity", "nul", "tru"}
local pieces = {
  "a", "\\n", "\\\"", "\\u0041", "\\ud83d\\ude00", "\\ud83d", "\\udc00", "\\u00", "\\x", "\\",
  "\195\164", "\255", "\0", "\1", "\127", "\240\159\152\128", "\237\160\128",
}

local text_of

local function string_text ()
  local parts = {}
  for i = 1, below(5) do parts[i] = one_of(pieces) end
  return '"' .. table.concat(parts) .. '"'
end

local function list_text (depth, open, shut, item)
  local parts = {}
  for i = 1, below(5) do parts[i] = item(depth - 1) end
  return open .. table.concat(parts, one_of {",", ", ", ",\n"}) .. shut
end

local function pair_text (depth)
  return string_text() .. one_of {":", " : "} .. text_of(depth)
end

function text_of (depth)
  local kind = below(depth > 0 and 6 or 3)
  if kind == 0 then return one_of(numbers) end
  if kind == 1 then return one_of(words) end
  if kind == 2 then return string_text() end
  if kind < 5 then return list_text(depth, "{", "}", pair_text) end
  return list_text(depth, "[", "]", text_of)
end

-- Bytes changed, left out or put in.
local function damage (text)
  for _ = 1, below(3) do
    local at = below(#text + 1)
    local rest = text:sub(at + 1 + below(2))
    text = text:sub(1, at) .. one_of {"", "", ",", "]", "}", '"', "1", "\0", "[", "{"} .. rest
  end
  return text
end

local function nested ()
  local depth = one_of {10, 999, 1000, 1001, 1500}
  return ("["):rep(depth) .. ("]"):rep(depth)
end

-- ## Values

local function value_of (depth)
  local kind = below(depth > 0 and 10 or 7)
  if kind == 0 then return one_of {0, -1, 1.5, 2 ^ 53, 2 ^ 63, 1e300, 1 / 0, -1 / 0, 0 / 0} end
  if kind == 1 then return below(2) == 0 end
  if kind == 2 then return null end
  if kind == 3 then return print end
  if kind < 7 then return one_of(pieces) end
  local value = {}
  if kind == 7 then codec.array(value) end
  for i = 1, below(5) do
    local key = one_of {i, i, i, one_of(pieces), i + below(3), 1.5, true}
    value[key] = value_of(depth - 1)
  end
  if below(50) == 0 then value[1] = value end
  return value
end

-- ## What must hold

local function same (a, b)
  if type(a) ~= "table" or type(b) ~= "table" then
    local is_integer = math.type and math.type(a) == "integer"
    return a == b and (not is_integer or math.type(b) == "integer")
  end
  for key, value in pairs(a) do if not same(value, b[key]) then return false end end
  for key in pairs(b) do if a[key] == nil then return false end end
  return true
end

local function check_text (text)
  local ok, value = pcall(json.decode, text)
  if not ok then
    assert(type(value) == "string", "an error that is no sentence")
    return
  end
  local again, why = json.encode(value)
  if again == nil then    -- as 1e400, which is no number here
    assert(type(why) == "string", "no reason")
    return
  end
  local back = json.decode(again)
  assert(same(value, back), "decoded otherwise: " .. again)
  local keys = again:find("{", 1, true)    -- their order is free
  assert(keys or json.encode(back) == again, "encoded otherwise: " .. again)
end

local function check_value (value)
  local text, why = json.encode(value)
  if text == nil then
    assert(type(why) == "string", "no reason")
  else
    check_text(text)
    assert(pcall(json.decode, text), "no JSON: " .. text)
  end
end

local function run_once (with)
  state = with % 2147483646 + 1
  for _ = 1, 5 do below(2) end
  local kind = below(20)
  if kind == 0 then return check_text(nested()) end
  if kind < 8 then return check_value(value_of(4)) end
  local text = text_of(4)
  check_text(kind < 14 and text or damage(text))
end

local until_s, runs = os.clock() + seconds, 0
repeat
  local ok, why = pcall(run_once, seed)
  if not ok then
    io.stderr:write("seed ", seed, ": ", tostring(why), "\n")
    os.exit(1)
  end
  seed, runs = seed + 1, runs + 1
until os.clock() >= until_s
print(runs .. " texts and values")
