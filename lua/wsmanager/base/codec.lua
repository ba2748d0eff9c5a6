-- Decoding and encoding of messages: JSON, or a program's own codec.
-- Depends on report.lua, and on lua-cjson once JSON is used.
-- Never raises for data from a peer: nil, "codec", why, raw.

local report = require "wsmanager.base.report"

local pcall = pcall

local codec = {}

---@class wsmanager.Codec
---@field encode fun(value: any, kind: string): string     raises, or returns nil, why
---@field decode fun(data: string, kind: string): any      raises, or returns nil, why
---@field text? true  for text alone: binary messages are left as they are

local json

-- lua-cjson; raises a sentence, without a position, where it is not installed.
function codec.cjson ()
  local ok, cjson = pcall(require, "cjson")
  if ok then return cjson end
  error("JSON needs lua-cjson (luarocks install lua-cjson)", 0)
end

-- Decodes and encodes text messages as JSON; JSON null is codec.null(), so that a
-- table keeps it.
function codec.json ()
  if json then return json end
  local cjson = codec.cjson().new()
  cjson.decode_invalid_numbers(false)   -- RFC 8259 6: no NaN, no hexadecimal
  json = {text = true, encode = cjson.encode, decode = cjson.decode}
  return json
end

-- The value that stands for JSON null.
function codec.null ()
  return codec.cjson().null
end

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
  return failure(data, ok, value, why)
end

-- The text of a value, or nil, "codec", why.
function codec.encode (with, value, kind)
  local ok, data, why
  if with.text then
    ok, data = pcall(with.encode, value)
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
