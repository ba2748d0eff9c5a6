-- Starts programs beside this one and ends them, with nothing but sh.
-- Each is held by a shell that waits on a pipe from here: when this process
-- ends, however it ends, the pipe closes, and the shell ends the program and
-- removes the files. No program lives longer than `processes.seconds`.

local processes = { seconds = 90 }

local base = os.tmpname()
local started = {}

local hold = [[
set -- %s %d %s
out=$1 pid=$2 seconds=$3
shift 3
timeout "$seconds" sh -c 'echo $$ >"$0"; exec "$@"' "$pid" "$@" \
  </dev/null >>"$out" 2>>"$out.err" &
program=$!
trap 'trap "" INT TERM HUP
  kill $program; wait $program
  rm -f "$out" "$out.err" "$out.history"* "$pid"' EXIT
trap exit INT TERM HUP
exec 2>/dev/null
cat >/dev/null
]]

local function quote (text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

-- $LUA, or the one that runs this.
local function interpreter ()
  local first = 0
  if os.getenv "LUA" then return os.getenv "LUA" end
  while arg[first - 1] do first = first - 1 end
  return arg[first]
end

local function contents (name)
  local file = io.open(name)
  local text = file and file:read "*a" or ""
  if file then file:close() end
  return text
end

---@return string   name of the file that gathers the stdout of all programs
function processes.transcript ()
  return base
end

---@param program string   a Lua file
---@param ... string|number   its arguments
---@return table process
function processes.start (program, ...)
  local process = { pidfile = ("%s.%d"):format(base, #started + 1) }
  local files = quote(base) .. " " .. quote(process.pidfile)
  local words = { quote(interpreter()), quote(program) }
  for _, argument in ipairs { ... } do words[#words + 1] = quote(argument) end
  local command = table.concat(words, " ")
  process.pipe = assert(io.popen(hold:format(files, processes.seconds, command), "w"))
  started[#started + 1] = process
  return process
end

--- SIGKILL: no goodbye.
function processes.kill (process)
  local pid = contents(process.pidfile):match "%d+"
  if pid then os.execute("kill -9 " .. pid) end
end

--- Ends all and waits until they have ended.
---@return string   what they wrote to stderr
function processes.stop ()
  local text = contents(base .. ".err")
  for _, process in ipairs(started) do process.pipe:close() end
  started = {}
  return text
end

--- A file for a program that is started and killed; it goes when the demo ends.
---@param ending? string   of another one
function processes.file (ending)
  return base .. ".history" .. (ending or "")
end

return processes
