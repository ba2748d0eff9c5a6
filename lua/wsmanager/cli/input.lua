-- What is read, cut into messages: lines, what zero bytes end, or all of it.
-- Depends on nothing.
-- Never looks twice at the same bytes for the end of a line.

local input = {}

---@class wsmanager.cli.Input
local Input = {}
Input.__index = Input

-- `separator`: "\n" or "\0"; nil: the whole is one message.
---@param stream wsmanager.cli.Stream
---@param separator? string
function input.new (stream, separator)
  return setmetatable({stream = stream, separator = separator, rest = "", at = 1}, Input)
end

-- All up to the end of the message; what is behind it stays.
local function finish (self, parts, bytes, stop)
  parts[#parts + 1] = bytes:sub(self.at, stop - 1)
  self.rest, self.at = bytes, stop + 1
  return table.concat(parts)
end

-- The next message; nil, "end"; or nil, "error", why.
---@return string?
---@return string? ending
---@return string? why
function Input:next ()
  local parts, bytes = {}, self.rest
  while true do
    local stop = self.separator and bytes:find(self.separator, self.at, true)
    if stop then return finish(self, parts, bytes, stop) end
    parts[#parts + 1] = bytes:sub(self.at)
    self.rest, self.at = "", 1
    local more, ending, why = self.stream:read()
    if not more then
      local last = table.concat(parts)
      if last ~= "" then return last end
      return nil, ending, why
    end
    bytes = more
  end
end

-- "de ad be ef" as bytes; nil: these are no hexadecimal digits.
function input.unhex (text)
  local digits = text:gsub("%s", "")
  if #digits % 2 ~= 0 or digits:find "%X" then return nil end
  return (digits:gsub("..", function (pair) return string.char(tonumber(pair, 16)) end))
end

return input
