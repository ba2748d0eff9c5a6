-- Decoding and encoding of messages: JSON, or a program's own codec.
-- Depends on report.lua and optional.lua, on lua-cjson for JSON where it is installed, and
-- on the core for what that does not do exactly, or for all of it.
-- Never raises for data from a peer: nil, "codec", why, raw.

local core = require "wsmanager.core"
local optional = require "wsmanager.base.optional"
local report = require "wsmanager.base.report"

local is_utf8 = core.utf8
local pcall, type = pcall, type

local codec = {}

--- A codec of your own, for `decode`. Where a function fails it raises, or returns nil and why:
--- the token is `codec` then.
---@class wsmanager.Codec
---@field encode fun(value: any, kind: string): string  what is sent, of anything but a string
---@field decode fun(data: string, kind: string): any   what is received
---@field text? true  for text alone: binary messages are left as they are

local json

-- The metatable of what is to be a JSON array, also when it is empty. The field is
-- dkjson's, too.
local array_meta = {__jsontype = "array"}

-- lua-cjson, or nil where it is not installed: then the core does all of it.
local function find_cjson ()
  local found, cjson = optional.load "cjson"
  return found and cjson or nil
end

-- How many digits integers may have for this lua-cjson to decode them exactly, as
-- integers where Lua has them; nil: any number of digits. Versions of before 2.1.0.7
-- make floats of all of them, later ones replace those beyond 64 bits by another.
local function exact_digits (decode)
  local function gives (text, value)
    local found = decode(text)[1]
    return found == value and (not math.type or math.type(found) == math.type(value))
  end
  if not gives("[123456789012345678]", 123456789012345678) then return 0 end
  if gives("[9223372036854775807]", 9223372036854775807)
     and gives("[12345678901234567890123]", 12345678901234567890123) then
    return nil
  end
  return 18
end

-- decode(text): raises for what is no JSON, without a position of ours.
local function make_decode (cjson, exact)
  local digits = exact_digits(cjson.decode)
  if not digits then return cjson.decode end
  local decode, longer = exact.decode, exact.longer
  local function by_cjson (text)
    local ok, value = pcall(cjson.decode, text)
    if ok then return value end
    error(value, 0)
  end
  return function (text)
    if not longer(text, digits) then return by_cjson(text) end
    local value = decode(text)
    if value == nil then return by_cjson(text) end   -- raises why
    return value
  end
end

-- encode(value): the text, or nil, why. lua-cjson writes 14 digits of a number, knows
-- no empty array, and takes tables for what they are not.
local function make_encode (cjson, exact)
  local by_cjson, encode, is_plain = cjson.encode, exact.encode, exact.plain
  return function (value)
    if is_plain(value) then
      local text = by_cjson(value)
      if is_utf8(text) then return text end
    end
    return encode(value)
  end
end

-- Without lua-cjson: as fast in decoding, a little slower in encoding.
local function core_codec ()
  local exact = core.json()
  local decode = exact.decode
  return {
    text = true, encode = exact.encode,
    decode = function (text)
      local value = decode(text)
      if value == nil then error("wrong syntax", 0) end
      return value
    end,
  }
end

-- Decodes and encodes text messages as JSON; JSON null is codec.null(), so that a
-- table keeps it.
function codec.json ()
  if json then return json end
  local installed = find_cjson()
  if not installed then
    json = core_codec()
    return json
  end
  local cjson = installed.new()
  local exact = core.json(installed.array_mt, installed.empty_array_mt,
                          installed.empty_array)
  cjson.decode_invalid_numbers(false)   -- RFC 8259 6: no NaN, no hexadecimal
  json = {
    text = true, encode = make_encode(cjson, exact),
    decode = make_decode(cjson, exact),
  }
  return json
end

--- Marks a table as a JSON array, so that it is encoded as `[]` when it is empty.
---@param list? table  a new one when absent; one with a metatable raises
---@return table list  the same table
function codec.array (list)
  if list == nil then list = {} end
  if type(list) ~= "table" then
    error("bad argument #1 to 'array' (table expected, got " .. type(list)
          .. ")", 2)
  end
  local meta = getmetatable(list)
  if meta ~= nil and meta ~= array_meta then
    error("bad argument #1 to 'array' (a table with a metatable; give that "
          .. "one the field __jsontype = \"array\")", 2)
  end
  return setmetatable(list, array_meta)
end

-- The value that stands for JSON null; lua-cjson's is the same.
function codec.null ()
  return core.json().decode "null"
end

-- What decode returns instead of a message that watch.lua has dropped. No table: a
-- value with __eq might call itself equal.
function codec.SKIPPED () end

-- The codec for a value of the option `decode`, or nil.
function codec.of (given)
  if given == "json" then return codec.json() end
  return given
end

local function failure (raw, ok, value, why)
  if ok then value = why or "the codec answered nil" end
  return nil, "codec", report.text(value), raw
end

-- The value of a message and its kind, or nil, "codec", why, data.
function codec.decode (with, data, kind)
  local ok, value, why
  if not with.text then
    ok, value, why = pcall(with.decode, data, kind)
  elseif kind == "binary" then
    return data, kind
  else
    ok, value = pcall(with.decode, data)
  end
  if ok and value ~= nil then return value, kind end
  if with == json then value = 'it is no JSON, as decode = "json" wants: ' .. report.text(value) end
  return failure(data, ok, value, why)
end

-- The text of a value, or nil, "codec", why.
function codec.encode (with, value, kind)
  local ok, data, why
  if with.text then
    ok, data, why = pcall(with.encode, value)
    if ok and type(data) == "string" then return data end
  else
    ok, data, why = pcall(with.encode, value, kind or "text")
  end
  if not ok or data == nil then return failure(nil, ok, data, why) end
  if type(data) ~= "string" then
    return nil, "codec", "the codec encoded to a " .. type(data)
  end
  return data
end

return codec
