-- bin/wsm, run as a user does: in a pipe.

local programs = require "support.programs"

local wsm = {}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  os.remove(path)
  return text
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

wsm.quote = quote

-- A file with that text.
function wsm.file(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return path
end

-- The command of `wsm`, for a shell.
wsm.command = "timeout 60 " .. quote(programs.lua) .. " bin/wsm "

-- `words` as the shell has them. `input`: what it reads; nil: nothing. What it writes to its
-- output, to stderr, and the number it leaves with.
function wsm.run(words, input)
  local from, errors, output = wsm.file(input or ""), os.tmpname(), os.tmpname()
  local pipe = assert(io.popen(wsm.command .. words .. " < " .. from .. " > " .. output
    .. " 2> " .. errors .. "; echo $?"))
  local code = tonumber(pipe:read "*a")
  pipe:close()
  os.remove(from)
  return read(output), read(errors), code
end

return wsm
