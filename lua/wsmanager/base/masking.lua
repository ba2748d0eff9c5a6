-- What may be written down: text without credentials, and on one line.
-- Depends on secrets.lua, and on the core's check of UTF-8.
-- Never unmasks: what only looks like a secret is masked, too.

local core = require "wsmanager.core"
local secrets = require "wsmanager.base.secrets"

local masking = {}

local MASK = secrets.MASK
masking.MASK = MASK

local LONGEST_PROTOCOL = 32  -- bytes: a longer subprotocol may carry a token

local is_secret = secrets.is_secret

-- ## Texts

-- A message's text. `is_cut`: it goes on.
function masking.text (text, is_cut)
  return secrets.mask(text, is_cut)
end

-- Text that is no message: reasons, errors, values of headers, URLs.
function masking.prose (text, is_cut)
  return secrets.mask(text, is_cut, true)
end

-- The begin of a message that is no text, as hexadecimal digits: from the name of a
-- secret on it is masked, and behind the name of the protocol in MQTT's CONNECT.
function masking.bytes (bytes)
  local at = secrets.find_name(bytes) or bytes:sub(1, 13):match "^\16.-MQ[TI][Ts][Td]?p?()"
  if not at and secrets.mask(bytes, true) ~= bytes then at = 1 end
  if not at then return masking.hex(bytes) end
  return masking.hex(bytes:sub(1, at - 1)) .. MASK
end

-- ## Heads

-- Subprotocols, without those that carry a token, or follow the name of one.
function masking.protocols (value)
  local follows = false
  return (value:gsub("[^,%s]+", function (name)
    local masked = follows or #name > LONGEST_PROTOCOL
    follows = is_secret(name)
    return masked and MASK or nil
  end))
end

local function mask_header (name, between, value)
  if name:lower() == "sec-websocket-protocol" then
    return name .. between .. masking.protocols(value)
  elseif is_secret(name) then
    return name .. between .. (value ~= "" and MASK or "")
  end
  return name .. between .. masking.prose(value)
end

-- "GET /chat HTTP/1.1", "HTTP/1.1 101 Switching Protocols"
local function mask_first (line)
  local method, target, version = line:match "^(%S+ )(.*)( HTTP/[%d.]+)$"
  if not method then return masking.prose(line, true) end
  return method .. masking.prose(target) .. version
end

-- The lines of an HTTP head, each masked.
function masking.head (text)
  local lines, secret = {}, false
  for line in text:gmatch "[^\r\n]+" do
    local name = #lines > 0 and line:match "^([^:%s]+):"
    local masked
    if name then
      secret = is_secret(name)
      masked = line:gsub("^([^:%s]+)(:%s*)(.*)$", mask_header)
    elseif secret and line:find "^%s" then
      masked = " " .. MASK     -- it continues the header before (RFC 9112 5.2)
    else
      masked = #lines == 0 and mask_first(line) or masking.prose(line)
    end
    lines[#lines + 1] = masked
  end
  return lines
end

-- ## One line

local named = {["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\\"] = "\\\\"}

local function escape_byte (char)
  return named[char] or ("\\x%02X"):format(char:byte())
end

local function escape_bytes (text)
  return (text:gsub(".", escape_byte))
end

-- Without a character at the end of which only the first bytes are there.
local function trim (text)
  for n = 1, 3 do
    local byte = text:byte(-n)
    if not byte or byte < 0x80 then return text end
    if byte >= 0xC0 then
      local whole_length = byte >= 0xF0 and 4 or byte >= 0xE0 and 3 or 2
      return n < whole_length and text:sub(1, -n - 1) or text
    end
  end
  return text
end

-- Text of others on one line: what could move a cursor, end a line or reverse its
-- direction is escaped, and so is what is no UTF-8.
function masking.line (text)
  text = text:gsub("[%c\\\127]", escape_byte)
  if not text:find("[\128-\255]") then return text end
  if not core.utf8(text) then
    local whole_text = trim(text)
    if not core.utf8(whole_text) then return (text:gsub("[\128-\255]", escape_byte)) end
    text = whole_text
  end
  return (text:gsub("\194[\128-\159]", escape_bytes):gsub("\216\156", escape_bytes)
              :gsub("\226\128[\142\143\168-\174]", escape_bytes)
              :gsub("\226\129[\166-\169]", escape_bytes))
end

-- Bytes as hexadecimal digits.
function masking.hex (bytes)
  return (bytes:gsub(".", function (char) return ("%02x"):format(char:byte()) end))
end

return masking
