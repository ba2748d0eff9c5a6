-- How messages and what happens look: in a terminal, and in a pipe.
-- Depends on json_text.lua and safe.lua.
-- Never writes.

local core = require "wsmanager.core"
local json_text = require "wsmanager.cli.json_text"
local masking = require "wsmanager.base.masking"
local safe = require "wsmanager.cli.safe"

local show = {}

local LONGEST_JSON = 256 * 1024   -- that is indented
local SHOWN_BYTES = 512           -- of a binary message in a terminal

local colors = {
  received = "32", sent = "36", status = "2", failed = "31", name = "34", string = "32",
  number = "35", word = "35",
}

local function painted (kind, text)
  return "\27[" .. colors[kind] .. "m" .. text .. "\27[0m"
end

local function plain (_, text) return text end

---@param is_colored boolean
---@return fun(kind: string, text: string): string
function show.painter (is_colored)
  return is_colored and painted or plain
end

-- "00000000  68 65 6c 6c 6f                                    |hello|"
function show.dump (bytes)
  local lines = {}
  for at = 1, math.min(#bytes, SHOWN_BYTES), 16 do
    local row = bytes:sub(at, at + 15)
    local hex = row:gsub(".", function (char) return ("%02x "):format(char:byte()) end)
    if #row > 8 then hex = hex:sub(1, 24) .. " " .. hex:sub(25) end
    lines[#lines + 1] = ("%08x  %-50s|%s|"):format(at - 1, hex, (row:gsub("[^\32-\126]", ".")))
  end
  if #bytes > SHOWN_BYTES then lines[#lines + 1] = "..." end
  return table.concat(lines, "\n")
end

local function to_lines (text, mark, paint, kind)
  return paint(kind, mark) .. text:gsub("\n", "\n  ") .. "\n"
end

-- A message in a terminal, of either direction: "received" or "sent".
function show.message (data, kind, direction, options)
  local paint = options.paint
  local mark = direction == "sent" and "> " or "< "
  if kind == "binary" then
    local title = ("binary, %d byte%s"):format(#data, #data == 1 and "" or "s")
    return to_lines(paint("status", title) .. (#data > 0 and "\n" .. show.dump(data) or ""),
                    mark, paint, direction)
  end
  local text = safe.text(data)
  local indented = not options.raw and #text <= LONGEST_JSON
                   and json_text.indent(text, options.is_colored and paint)
  return to_lines(indented or text, mark, paint, direction)
end

-- The time of day, for --time.
function show.time ()
  local now = core.walltime()
  return os.date("%H:%M:%S", math.floor(now)) .. ("%.3f "):format(now % 1):sub(2)
end

-- A message in a pipe: itself, or with `hex` the digits of a binary one.
function show.plain (data, kind, raw)
  return kind == "binary" and not raw and masking.hex(data) or data
end

return show
