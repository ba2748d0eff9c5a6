-- What `make` is told to build for the Lua under test, for specs that run what comes out.

local programs = require "support.programs"

local makes = {}

makes.lua_name = rawget(_G, "jit") and "luajit" or "lua" .. _VERSION:match "%d%.%d"

-- Runs a shell command: whether it succeeded, and all that it wrote.
function makes.run(command)
  local pipe = assert(io.popen("(" .. command .. ") </dev/null 2>&1; echo \"status $?\""))
  local text, status = pipe:read "*a":match "^(.*)status (%d+)\n$"
  pipe:close()
  return status == "0", text
end

-- make with these words, for the Lua under test; under sanitizers for the plain one.
function makes.make(words)
  local lua = programs.lua
  if lua:find("-asan/", 1, true) then lua = makes.lua_name end
  return makes.run(("make --no-print-directory -s %s LUA='%s' LUA_NAME=%s OUT=build/%s")
    :format(words, lua, makes.lua_name, makes.lua_name))
end

-- A folder of its own below the system's for temporary files.
function makes.folder()
  local ok, text = makes.run "mktemp -d"
  assert(ok, text)
  return text:match "^[^\n]+"
end

return makes
