-- What may be written down: text without credentials, and on one line.
-- Depends on the core's check of UTF-8.
-- Never unmasks: what only looks like a secret is masked, too.

local core = require "wsmanager.core"

local masking = {}

-- Each pattern looks at each byte a few times at most, whatever a peer sends: names are
-- looked for where they begin.

local MASK = "***"
local LONGEST_PROTOCOL = 32  -- bytes: a longer subprotocol may carry a token

-- ## Which names have secret values

-- Parts of names, in lower case and without - and _.
local parts = {
  "token", "secret", "passw", "passcode", "passphrase", "apikey", "authoriz",
  "authentic", "cookie", "credential", "signature", "session", "jwt", "bearer",
}

-- Whole names, likewise.
local whole = {
  auth = true, key = true, pass = true, pwd = true, sid = true, sig = true,
  ticket = true, accesskey = true, privatekey = true, authkey = true,
}

-- Is what has that name secret?
local function is_secret (name)
  local plain = name:lower():gsub("%%(%x%x)", function (hex)
    return string.char(tonumber(hex, 16)):lower()
  end):gsub("[-_.%s]", "")
  if whole[plain] then return true end
  for _, part in ipairs(parts) do
    if plain:find(part, 1, true) then return true end
  end
  return false
end

-- ## Texts

local function mask_pair (name, between, value)
  return name .. between .. (is_secret(name) and value ~= "" and MASK or value)
end

-- name=value, as in a query or a form.
local function mask_query (text)
  return (text:gsub("%f[%w%%%-_.%[%]]([%w%%%-_.%[%]]+)(=)([^&%s\"'<>;,]*)", mask_pair))
end

-- "name": "value", also one that is cut, or a number.
local function mask_json (text)
  local at, out = 1, {}
  while true do
    local from, to, name = text:find('"([%w%-_.]+)"%s*:%s*', at)
    if not from then break end
    out[#out + 1] = text:sub(at, to)
    at = to + 1
    if is_secret(name) then
      local stop
      if text:sub(at, at) == '"' then
        stop = at
        repeat
          stop = text:find('[\\"]', stop + 1) or #text
          local escaped = text:sub(stop, stop) == "\\"
          if escaped then stop = stop + 1 end
        until not escaped or stop > #text
        out[#out + 1] = '"' .. MASK .. '"'
        at = stop + 1
      elseif text:find("^[%w.+-]", at) then
        out[#out + 1] = MASK
        at = text:find("[^%w.+-]", at) or #text + 1
      end
    end
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

-- name: value, as a header of STOMP, and what follows PASS, Bearer and Basic.
local function mask_words (text)
  text = ("\n" .. text):gsub("(\n[%w%-_]+)(:[ \t]*)([^\r\n]*)", mask_pair):sub(2)
  text = text:gsub("%f[%w](PASS%s+)%S+", "%1" .. MASK)
  return (text:gsub("%f[%w]([Bb]earer%s+)[%w%-_.~+/=]+", "%1" .. MASK)
              :gsub("%f[%w]([Bb]asic%s+)[%w+/=]+", "%1" .. MASK))
end

local function mask_users (text)
  return (text:gsub("://[^/%s@\"']*@", "://" .. MASK .. "@"))
end

-- A URL without its user and the secret values of its query.
function masking.url (text)
  return mask_query(mask_users(text))
end

-- A message's text: URLs in it, and what is secret by its name.
function masking.text (text)
  if not text:find("[=:%s]") then return text end
  return mask_json(mask_words(mask_query(mask_users(text))))
end

-- ## Heads

local open_headers = {["sec-websocket-key"] = true, ["sec-websocket-accept"] = true}

-- Subprotocols, without those that carry a token, or follow the name of one.
local function mask_protocols (value)
  local follows = false
  return (value:gsub("[^,%s]+", function (name)
    local masked = follows or #name > LONGEST_PROTOCOL
    follows = is_secret(name)
    return masked and MASK or nil
  end))
end

local function mask_header (name, between, value)
  local lower = name:lower()
  if open_headers[lower] then return nil end
  if lower == "sec-websocket-protocol" then
    return name .. between .. mask_protocols(value)
  elseif is_secret(name) then
    return name .. between .. (value ~= "" and MASK or "")
  end
  return name .. between .. masking.url(value)
end

-- The lines of an HTTP head, each masked.
function masking.head (text)
  local lines, secret = {}, false
  for line in text:gmatch "[^\r\n]+" do
    local name = #lines > 0 and line:match "^([^:%s]+):"
    if name then
      secret = is_secret(name) and not open_headers[name:lower()]
      line = line:gsub("^([^:%s]+)(:%s*)(.*)$", mask_header)
    elseif secret and line:find "^%s" then
      line = " " .. MASK       -- it continues the header before (RFC 9112 5.2)
    else
      line = masking.url(line)
    end
    lines[#lines + 1] = line
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
  return (text:gsub("\194[\128-\159]", escape_bytes)
              :gsub("\226\128[\142\143\168-\174]", escape_bytes)
              :gsub("\226\129[\166-\169]", escape_bytes))
end

-- Bytes as hexadecimal digits.
function masking.hex (bytes)
  return (bytes:gsub(".", function (char) return ("%02x"):format(char:byte()) end))
end

return masking
