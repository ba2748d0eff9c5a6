-- Starts programs beside this one and ends them, with nothing but sh.
-- Each is held by a shell that waits on a pipe from here: when this process
-- ends, however it ends, the pipe closes and the shell ends the program. No
-- program lives longer than 30 seconds.

local processes = {}

local base = os.tmpname()
local started = {}

local hold = [[
timeout 30 sh -c 'echo $$ >"$0"; exec "$@"' %s %s </dev/null >>%s 2>>%s &
program=$!
trap 'kill $program 2>/dev/null; wait $program 2>/dev/null' EXIT
trap exit INT TERM HUP
cat >/dev/null
]]

local function quote (text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function interpreter ()
  local first = 0
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
---@param argument string|number
---@return table process
function processes.start (program, argument)
  local process = { pidfile = ("%s.%d"):format(base, #started + 1) }
  local command = table.concat({
    quote(interpreter()), quote(program), quote(argument),
  }, " ")
  process.pipe = assert(io.popen(hold:format(quote(process.pidfile), command,
    quote(base), quote(base .. ".err")), "w"))
  started[#started + 1] = process
  return process
end

--- SIGKILL: no goodbye.
function processes.kill (process)
  local pid = contents(process.pidfile):match "%d+"
  if pid then os.execute("kill -9 " .. pid) end
end

--- Ends it and waits until it has ended.
function processes.stop (process)
  if process.pipe then process.pipe:close() end
  process.pipe = nil
  os.remove(process.pidfile)
end

---@return string   what the programs wrote to stderr
function processes.stop_all ()
  for _, process in ipairs(started) do processes.stop(process) end
  local text = contents(base .. ".err")
  os.remove(base .. ".err")
  os.remove(base)
  return text
end

return processes
