-- make bundle, and examples/embed: that they run where nothing else is installed.

local wsmanager = require "wsmanager"
local files = require "support.files"
local makes = require "support.makes"
local programs = require "support.programs"

local bundle = "build/" .. makes.lua_name .. "/bundle"

describe("a bundle", function()
  local ok, text
  local place

  setup(function()
    ok, text = makes.make "bundle"
    place = makes.folder()
  end)

  teardown(function() os.execute("rm -rf '" .. place .. "'") end)

  -- Runs a program with the bundle, and with nothing else of this tree, from `place`.
  local function run(program)
    local file = assert(io.open(place .. "/program.lua", "w"))
    file:write(program)
    file:close()
    return select(2, makes.run("cd " .. place .. " && LUA_PATH=\"" .. place
      .. "/?.lua\" LUA_CPATH=/nowhere timeout 60 "
      .. (programs.lua:find("-asan/", 1, true) and makes.lua_name or programs.lua)
      .. " program.lua"))
  end

  it("runs in a root that has only Lua and libc", function()
    assert.is_true(ok, text)
    assert.truthy(text:find("Tried in an empty root: ws, deflate, JSON, wss, "
      .. "the system's CAs\n", 1, true), text)
  end)

  it("says which of both it is, what is inside and how large it is", function()
    assert.matches("core.so with shared libraries beside it.\n", text, 1, true)
    for _, name in ipairs { "wsmanager", "libwebsockets", "libuv", "openssl", "zlib" } do
      assert.matches("\n  " .. name .. " +%S+ +%u", text)
      assert.is_true(#files.read(bundle .. "/licenses/" .. name) > 500)
    end
    assert.matches("\nSizes: core.so %d+ KB, all that is loaded %d+ KB", text)
    assert.matches("\nNeeds libc%.so%.6 .*of glibc 2%.%d+ or later", text)
  end)

  it("shows libwebsockets and Lua one name each", function()
    local _, names = makes.run("nm -D --defined-only " .. bundle .. "/core.so | sed 's/.* //'")
    assert.equal("luaopen_wsmanager_core\nlws_dir\n", names)
    _, names = makes.run("nm -g --defined-only " .. bundle
      .. "/libwsmanager.a | sed -n 's/.* T //p'")
    assert.equal("luaopen_wsmanager\nluaopen_wsmanager_core\nlws_dir\n", names)
  end)

  it("has no literal require that a builder would collect", function()
    local found = {}
    for line in io.lines(bundle .. "/wsmanager.lua") do
      if line:find "%f[%w_]require%f[^%w_][%s,(]*[\"']" and not line:find "^%s*%-%-" then
        found[#found + 1] = line
      end
    end
    assert.same({}, found)
  end)

  it("loads what lies beside it, not what the system has", function()
    os.execute("cp " .. bundle .. "/*.so* " .. bundle .. "/wsmanager.lua " .. place)
    assert.equal("0\n", run [[
local wsmanager = require "wsmanager"
assert(wsmanager.serve { host = "127.0.0.1", port = 0, handler = function () end }):stop(0)
local elsewhere = 0
local here = package.path:match "^(.*)/%?"
for line in io.lines "/proc/self/maps" do
  local path = line:match "(/%S+/lib[%w_-]+%.so%S*)$"
  local name = path and path:match "[^/]+$"
  local own = name and io.open(here .. "/" .. name)
  if own and path ~= here .. "/" .. name then elsewhere = elsewhere + 1 end
  if own then own:close() end
end
print(elsewhere)
]])
  end)

  it("has every module of the tree, and loads without any other", function()
    local text_of_all, missing = files.read(bundle .. "/wsmanager.lua"), {}
    for _, path in ipairs(files.below({ "lua" }, ".lua")) do
      local name = path:match("^lua/(.*)%.lua$"):gsub("/init$", ""):gsub("/", ".")
      local beginning = ("\npreload[%q] = function (...)\n"):format(name)
      if not text_of_all:find(beginning, 1, true) then missing[#missing + 1] = name end
    end
    assert.same({}, missing)
    assert.equal("function\n", run
      "require 'wsmanager'; print(type(require 'wsmanager.run.queue'.new))")
  end)

  it("names the program's line where something may not wait", function()
    assert.equal("program.lua:4: 'correlate' may not wait\n", run [[
local wsmanager = require "wsmanager"
local waitless = require "wsmanager.base.waitless"
print(select(2, waitless.call("correlate", function ()
  wsmanager.sleep(1)
end)))
]])
  end)

  it("says which sources it wants", function()
    local fine, why = makes.make "bundle SOURCES=spec/support"
    assert.is_false(fine)
    assert.matches("spec/support has no sources of libuv (a libuv*/ with include/uv.h)", why,
      1, true)
    assert.matches("\n  libwebsockets  4%.1 or later", why)
  end)
end)

-- It is linked with Lua 5.4, whichever Lua runs this.
if makes.lua_name ~= "lua5.4" then return end

describe("a game in C", function()
  local place, root, server, server_pid, url

  setup(function()
    place = makes.folder()
    root = place .. "/root"
    local ok, text = makes.run("make --no-print-directory -s -C examples/embed OUT=" .. place
      .. " && cp " .. bundle .. "/lib*.so* " .. place
      .. " && mkdir -p " .. root .. place
      .. " && cp " .. place .. "/libwebsockets-evlib_uv.so " .. root .. place)
    assert(ok, text)
    server = io.popen("echo $$; exec '" .. programs.lua
      .. "' examples/love/server.lua 127.0.0.1")
    server_pid, url = server:read "*l", server:read "*l"
  end)

  teardown(function()
    os.execute("kill " .. server_pid)
    server:close()
    os.execute("rm -rf '" .. place .. "'")
  end)

  -- The message that begins so, from another player.
  local function await(ws, beginning)
    local deadline = wsmanager.now() + 60
    repeat
      local text = assert(ws:receive(deadline - wsmanager.now()))
      if text:sub(1, #beginning) == beginning then return text end
    until false
  end

  it("moves, talks and listens where no file is beside it", function()
    local bob = wsmanager.new { url = url .. "/?name=bob" }
    assert(bob:opened(60))
    assert(bob:send "at 1 2")
    local typed = assert(io.open(place .. "/typed", "w"))
    typed:write "hello bob\n"
    typed:close()
    local ann = io.popen("echo $$; exec timeout 120 scripts/bundle/empty-root " .. root
      .. " " .. place .. "/game " .. url .. " ann <" .. place .. "/typed 2>&1")
    local ann_pid = ann:read "*l"
    await(bob, "ann say hello bob")
    local first = await(bob, "ann at ")
    local second = await(bob, "ann at ")
    assert.not_equal(first, second)
    assert(bob:send "say hello ann")
    await(bob, "bob say hello ann")
    bob:close()
    assert(bob:closed(60))
    local text = ""
    repeat
      local line = assert(ann:read "*l", text)
      text = text .. line .. "\n"
    until line == "with: "
    assert.truthy(text:find("with: bob\n", 1, true), text)
    assert.truthy(text:find("ann: hello bob\n", 1, true), text)
    assert.truthy(text:find("bob: hello ann\n", 1, true), text)
    os.execute("kill " .. ann_pid)
    ann:close()
  end)
end)
