-- What a peer says, harmless for a terminal: no control character moves the cursor,
-- changes a colour or reverses the direction of a text.
-- Depends on masking.lua and the core's check of UTF-8.

local core = require "wsmanager.core"
local masking = require "wsmanager.base.masking"

local safe = {}

local function escape_byte (char)
  return ("\\x%02X"):format(char:byte())
end

local function escape_bytes (text)
  return (text:gsub(".", escape_byte))
end

-- A message: line feeds and tabs stay.
function safe.text (text)
  text = text:gsub("[%z\1-\8\11-\31\127]", escape_byte)
  if not text:find "[\128-\255]" then return text end
  if not core.utf8(text) then return (text:gsub("[\128-\255]", escape_byte)) end
  return (text:gsub("\194[\128-\159]", escape_bytes):gsub("\216\156", escape_bytes)
              :gsub("\226\128[\142\143\168-\174]", escape_bytes)
              :gsub("\226\129[\166-\169]", escape_bytes))
end

-- On one line.
safe.line = masking.line

return safe
