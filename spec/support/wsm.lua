-- bin/wsm, run as a user does: in a pipe, in a terminal.

local is_there, json = pcall(require, "cjson")
if not is_there then json = require "dkjson" end
local programs = require "support.programs"

local wsm = {}

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  os.remove(path)
  return text
end

wsm.read = read

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

-- The command of `wsm`, for a shell; as the process that is started itself.
wsm.bare = quote(programs.lua) .. " bin/wsm "
wsm.command = "timeout 60 " .. wsm.bare

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

local server = {}
server.__index = server

-- `wsm serve` with these words, on a free port: its fields `line`, what it has said first,
-- and `port`.
function wsm.serve(words)
  local command = "exec 2> /dev/null; " .. wsm.bare .. "serve -p 0 "
    .. words .. " 2>&1 & echo $!; wait $!; echo code $?"
  local pipe = assert(io.popen(command))
  local self = setmetatable({ pipe = pipe, pid = pipe:read "*l", line = pipe:read "*l" }, server)
  self.port = self.line:match ":(%d+)/"
  return self
end

-- Sends it a signal: what else it has said, and the number it has left with.
function server:stop(signal)
  if not self.pipe then return end
  os.execute("kill -" .. (signal or "TERM") .. " " .. self.pid)
  local text = self.pipe:read "*a"
  self.pipe:close()
  self.pipe = nil
  return text:gsub("code %d+\n$", ""), tonumber(text:match "code (%d+)\n$")
end

-- Types in a terminal, by the steps of terminal.py: what it has shown, the number it left
-- with, whether it left the terminal raw. `before` goes before the command.
function wsm.type(words, steps, before)
  local pipe = assert(io.popen("TERM=xterm timeout 100 python3 -B spec/support/terminal.py "
    .. quote(json.encode(steps)) .. " env -u NO_COLOR " .. (before or "") .. " "
    .. quote(programs.lua) .. " bin/wsm " .. words .. " 2>&1"))
  local text = pipe:read "*a"
  pipe:close()
  local ok, found = pcall(json.decode, text)
  assert(ok, text)
  return found.text, found.code, found.raw
end

return wsm
