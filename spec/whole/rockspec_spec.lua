-- The rockspecs: that they name every file, and that they build.
-- Runs once: what it tests is a build, not a Lua.

local files = require "support.files"

local rockspec_path = "wsmanager-scm-1.rockspec"
local fetch_path = "wsmanager-fetch-scm-1.rockspec"
local version = _VERSION:match("%d%.%d")

local function rockspec(path)
  local result = {}
  local chunk
  if setfenv then
    chunk = setfenv(assert(loadfile(path)), result)
  else
    chunk = assert(loadfile(path, "t", result))
  end
  chunk()
  return result
end

local function is_of_fetch(path)
  return path:find "^src/fetch/" ~= nil or path:find "^src/lua/fetch/" ~= nil
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
  it("names every C source but those that need libcurl", function()
    local named = sorted(rockspec(rockspec_path).build.modules["wsmanager.core"].sources)
    local expected = {}
    for _, path in ipairs(files.below({ "src" }, ".c")) do
      if not is_of_fetch(path) then expected[#expected + 1] = path end
    end
    assert.same(expected, named)
  end)

  it("has one beside it for those, with the others that the Makefile names", function()
    local named = sorted(rockspec(fetch_path).build.modules["wsmanager.fetch.core"].sources)
    local expected = {}
    local shared = files.read "Makefile":match "\nFETCH_SHARED = (.-[^\\])\n"
    for name in shared:gmatch "%f[%w]%l+/[%w_]+" do
      if name ~= "obj/" then expected[#expected + 1] = "src/" .. name .. ".c" end
    end
    for _, path in ipairs(files.below({ "src" }, ".c")) do
      if is_of_fetch(path) then expected[#expected + 1] = path end
    end
    assert.same(sorted(expected), named)
  end)

  it("names every Lua module under its own name", function()
    local expected = {}
    for _, path in ipairs(files.below({ "lua" }, ".lua")) do
      local name = path:match("^lua/(.*)%.lua$"):gsub("/init$", ""):gsub("/", ".")
      expected[name] = path
    end
    local modules = rockspec(rockspec_path).build.modules
    modules["wsmanager.core"] = nil
    assert.same(expected, modules)
  end)
end)

describe("the rockspecs of a release", function()
  it("are those of scm: else `make rockspecs` writes them", function()
    local ok, text = run("d=$(mktemp -d) && cp -r scripts wsmanager*-scm-1.rockspec $d "
      .. "&& $d/scripts/release/rockspecs 1.0.0 && for f in wsmanager wsmanager-fetch; do "
      .. "cmp $d/$f-1.0.0-1.rockspec $f-1.0.0-1.rockspec || exit 1; done; rm -rf $d")
    assert.is_true(ok, text)
  end)
end)

-- LuaRocks 3.8, of Debian 12 and 13, does not understand the headers of Lua 5.5.
local describe_rocks = version == "5.5" and pending or describe

describe_rocks("the rocks", function()
  local place

  setup(function()
    local ok, text = run "mktemp -d"
    assert(ok, text)
    place = text:match "^[^\n]+"
    ok, text = run("mkdir " .. place .. "/copy && tar -cf - --exclude=./build"
      .. " --exclude=./.git . | tar -xf - -C " .. place .. "/copy")
    assert(ok, text)
  end)

  teardown(function() run("rm -rf '" .. place .. "'") end)

  -- each by itself: compiling takes its time on a busy machine
  for path, name in pairs {
    [rockspec_path] = "wsmanager/core", [fetch_path] = "wsmanager/fetch/core",
  } do
    it("build and install offline, with one symbol: " .. path, function()
      local ok, text = run("cd " .. place .. "/copy && luarocks --lua-version " .. version
        .. " make --deps-mode none --tree " .. place .. "/tree " .. path
        .. " CFLAGS='-O0 -fPIC'")
      assert.is_true(ok, text)
      ok, text = run("nm -D --defined-only " .. place .. "/tree/lib/lua/" .. version
        .. "/" .. name .. ".so | sed 's/.* //'")
      assert.is_true(ok, text)
      assert.equal("luaopen_" .. name:gsub("/", "_") .. "\nstatus 0\n", text)
    end)
  end

  -- in the environment of a user, who tells his shell of a tree of his own, and not of a suite
  -- that has paths to the modules and may preload a sanitizer's runtime
  it("install wsm, which finds its modules", function()
    local ok, text = run("cd / && unset LD_PRELOAD LUA_PATH LUA_CPATH && eval \"$(luarocks "
      .. "--lua-version " .. version .. " --tree " .. place .. "/tree path)\" && "
      .. place .. "/tree/bin/wsm -m hi ws://127.0.0.1:1/")
    assert.is_false(ok)
    assert.matches("^wsm: refused: .*\nstatus 3\n$", text)
  end)

  it("have all that a program needs", function()
    local program = [[
local wsmanager = require "wsmanager"
local core = require "wsmanager.core"
assert(package.loaded["wsmanager.core"] == core)
assert(type(wsmanager.new) == "function")
print(wsmanager.now() > 0)
local response, token = wsmanager.fetch("http://127.0.0.1:1/")
print(response, token)
]]
    local script = assert(io.open(place .. "/program.lua", "w"))
    script:write(program)
    script:close()
    local ok, text = run("cd " .. place .. " && LUA_PATH='tree/share/lua/" .. version
      .. "/?.lua;tree/share/lua/" .. version .. "/?/init.lua;;' LUA_CPATH='tree/lib/lua/"
      .. version .. "/?.so;;' " .. (os.getenv "LUA" or "lua" .. version) .. " program.lua")
    assert.is_true(ok, text)
    assert.equal("true\nnil\trefused\nstatus 0\n", text)
  end)
end)
