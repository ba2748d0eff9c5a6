-- What a message means: JSON, or a program's own encoding.
-- Stands on lua-cjson, its own instance, and only when JSON is asked for.
-- Never raises for what came from a peer: nil, "codec", why, raw.

-- A codec with `text` is for text alone and takes nothing but the value: binary
-- messages pass it by.

local pcall = pcall

local codec = {}

---@class wsmanager.Codec
---@field encode fun(value: any, kind: string): string     raises, or nil, why
---@field decode fun(data: string, kind: string): any      raises, or nil, why

local json

local function load_cjson ()
  local ok, cjson = pcall(require, "cjson")
  if ok then return cjson end
  error("JSON needs lua-cjson (luarocks install lua-cjson)", 0)
end

-- JSON text is decoded; binary messages are given as they are. JSON null is
-- codec.null(), so that a table keeps it.
function codec.json ()
  if json then return json end
  local cjson = load_cjson().new()
  cjson.decode_invalid_numbers(false)   -- RFC 8259 6: no NaN, no hexadecimal
  json = {text = true, encode = cjson.encode, decode = cjson.decode}
  return json
end

-- What stands for JSON null.
function codec.null ()
  return load_cjson().null
end

-- The codec that the option `decode` names, or nil.
function codec.of (given)
  if given == "json" then return codec.json() end
  return given
end

local function failure (raw, ok, value, why)
  if ok then value = why or "the codec answered nil" end
  return nil, "codec", tostring(value), raw
end

-- The value of a message and its kind, or nil, "codec", why, raw.
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
