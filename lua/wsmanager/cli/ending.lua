-- How a connection has ended: in words, and as the number with which `wsm` ends.
-- Depends on exits.lua, safe.lua and close_codes.lua.

local close_codes = require "wsmanager.base.close_codes"
local exits = require "wsmanager.cli.exits"
local safe = require "wsmanager.cli.safe"

local LONGEST_BODY = 1000     -- of a response that refused

local ending = {}

-- "closed by the peer: 4004 (the service's own) "go away""
local function describe_close (info)
  local text = "closed by the peer: " .. close_codes.describe(info.code)
  if info.reason and info.reason ~= "" then text = text .. ' "' .. safe.line(info.reason) .. '"' end
  return text
end

-- What the sentence asks for is an option of a program: here it is a word.
local function in_words (detail)
  return (detail:gsub("as tls%.ca", "as --ca FILE (-k trusts any)"))
end

-- The number, and the sentence. `info`: as reconnect.when gets it.
---@param info wsmanager.Ending
---@return integer
---@return string
function ending.of (info)
  if info.clean and info.code and not info.token then
    return exits.of_code(info.code), describe_close(info)
  end
  local token = info.token or "closed"
  local detail = info.detail
  if not detail or detail == "" then
    detail = info.code == 1006 and "the connection was lost" or describe_close(info)
  end
  return exits[token] or exits.closed, token .. ": " .. in_words(safe.line(detail))
end

-- What else a server said instead of a 101: its headers and the begin of its body.
---@return string[]
function ending.answer (answer)
  local lines = {("HTTP %d %s"):format(answer.status, safe.line(answer.reason or ""))}
  local names = {}
  for name in pairs(answer.headers or {}) do
    if type(name) == "string" then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    lines[#lines + 1] = safe.line(name .. ": " .. tostring(answer.headers[name]))
  end
  local body = answer.body or ""
  if body ~= "" then
    lines[#lines + 1] = ""
    for line in safe.text(body:sub(1, LONGEST_BODY)):gmatch "[^\n]+" do lines[#lines + 1] = line end
  end
  return lines
end

return ending
