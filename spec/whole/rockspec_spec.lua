-- The rockspec: that it names every file, and that it builds.

local files = require "support.files"

local rockspec_path = "wsmanager-scm-1.rockspec"
local version = _VERSION:match("%d%.%d")

local function rockspec()
  local result = {}
  local chunk
  if setfenv then
    chunk = setfenv(assert(loadfile(rockspec_path)), result)
  else
    chunk = assert(loadfile(rockspec_path, "t", result))
  end
  chunk()
  return result
end

-- Runs a shell command: whether it succeeded, and all it printed.
local function run(command)
  local pipe = assert(io.popen("(" .. command .. ") 2>&1; echo \"status $?\""))
  local text = pipe:read("*a")
  pipe:close()
  return text:find("status 0\n$") ~= nil, text
end

local function sorted(list)
  table.sort(list)
  return list
end

describe("the rockspec", function()
  it("names every C source", function()
    local named = sorted(rockspec().build.modules["wsmanager.core"].sources)
    assert.same(files.below({ "src" }, ".c"), named)
  end)

  it("names every Lua module under its own name", function()
    local expected = {}
    for _, path in ipairs(files.below({ "lua" }, ".lua")) do
      local name = path:match("^lua/(.*)%.lua$"):gsub("/init$", ""):gsub("/", ".")
      expected[name] = path
    end
    local modules = rockspec().build.modules
    modules["wsmanager.core"] = nil
    assert.same(expected, modules)
  end)

  -- LuaRocks 3.8, of Debian 12 and 13, does not understand the headers of Lua 5.5.
  local it_installs = version == "5.5" and pending or it

  it_installs("builds and installs offline, and a program runs from there", function()
    local ok, place = run("mktemp -d")
    assert.is_true(ok)
    place = place:match("^[^\n]+")
    finally(function() run("rm -rf '" .. place .. "'") end)

    local text
    ok, text = run("mkdir " .. place .. "/copy && tar -cf - --exclude=./build"
      .. " --exclude=./.git . | tar -xf - -C " .. place .. "/copy")
    assert.is_true(ok, text)

    ok, text = run("cd " .. place .. "/copy && luarocks --lua-version " .. version
      .. " make --deps-mode none --tree " .. place .. "/tree " .. rockspec_path
      .. " CFLAGS='-O0 -fPIC'")
    assert.is_true(ok, text)

    ok, text = run("nm -D --defined-only " .. place .. "/tree/lib/lua/" .. version
      .. "/wsmanager/core.so | sed 's/.* //'")
    assert.is_true(ok, text)
    assert.equal("luaopen_wsmanager_core\nstatus 0\n", text)

    local program = [[
local wsmanager = require "wsmanager"
local core = require "wsmanager.core"
assert(package.loaded["wsmanager.core"] == core)
assert(type(wsmanager.new) == "function")
print(wsmanager.now() > 0)
]]
    local script = assert(io.open(place .. "/program.lua", "w"))
    script:write(program)
    script:close()
    ok, text = run("cd " .. place .. " && LUA_PATH='tree/share/lua/" .. version
      .. "/?.lua;tree/share/lua/" .. version .. "/?/init.lua;;' LUA_CPATH='tree/lib/lua/"
      .. version .. "/?.so;;' " .. (os.getenv "LUA" or "lua" .. version) .. " program.lua")
    assert.is_true(ok, text)
    assert.equal("true\nstatus 0\n", text)
  end)
end)
