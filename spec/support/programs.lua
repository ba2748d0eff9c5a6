-- Programs that a spec runs with the Lua under test, in a process of their own.

local programs = {}

local lua = os.getenv("LUA") or arg[-1] or "lua"

programs.lua = lua

-- Starts the program; the function that is returned waits for its end, and returns what
-- it has written, and "status N" after it; a hang is 124. `prefix` goes before the
-- command, `arguments` after it.
function programs.start(program, prefix, arguments)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(program)
  file:close()
  local pipe = assert(io.popen((prefix or "") .. "timeout 60 '" .. lua .. "' " .. path
    .. " " .. (arguments or "") .. " 2>&1; echo status $?"))
  return function()
    local text = pipe:read("*a")
    pipe:close()
    os.remove(path)
    return text
  end
end

-- What it writes, as above.
function programs.run(program, prefix)
  return programs.start(program, prefix)()
end

-- What a file of the working tree writes, run with these arguments.
function programs.output(path_and_arguments, prefix)
  local pipe = assert(io.popen((prefix or "") .. "timeout 60 '" .. lua .. "' "
    .. path_and_arguments .. " 2>&1"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

return programs
