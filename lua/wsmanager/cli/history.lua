-- The lines that were typed, kept in a file that only its owner can read.
-- Depends on nothing.

local history = {}

local MOST_LINES = 1000

local function quote (text) return "'" .. text:gsub("'", "'\\''") .. "'" end

local escapes = {["\\"] = "\\\\", ["\n"] = "\\n"}

local function encode (line) return (line:gsub("[\\\n]", escapes)) end

local function decode (line)
  return (line:gsub("\\(.)", function (char) return char == "n" and "\n" or char end))
end

-- A new file gets its mode before its first byte.
local function create (path)
  local file = io.open(path, "rb")
  if file then file:close() else os.execute("umask 077; : >> " .. quote(path)) end
end

-- The last lines of the file, which is made where there is none; nil, why.
---@param path string
---@return string[]?
---@return string? why
function history.load (path)
  create(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, why end
  local lines = {}
  for line in file:lines() do
    lines[#lines + 1] = decode(line)
    if #lines > 2 * MOST_LINES then
      local last = {}
      for i = #lines - MOST_LINES + 1, #lines do last[#last + 1] = lines[i] end
      lines = last
    end
  end
  file:close()
  while #lines > MOST_LINES do table.remove(lines, 1) end
  return lines
end

---@param path string
---@param line string
function history.add (path, line)
  local file = io.open(path, "ab")
  if not file then return end
  file:write(encode(line), "\n")
  file:close()
end

return history
