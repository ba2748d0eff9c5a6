-- make bundle, examples/embed and examples/love: that they run where nothing else is
-- installed; LÖVE with a folder, a .love, and in love.thread.

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

  it("has every module but those of wsm, and loads without any other", function()
    local text_of_all, missing = files.read(bundle .. "/wsmanager.lua"), {}
    for _, path in ipairs(files.below({ "lua" }, ".lua")) do
      local name = path:match("^lua/(.*)%.lua$"):gsub("/init$", ""):gsub("/", ".")
      local beginning = ("\npreload[%q] = function (...)\n"):format(name)
      local is_there = text_of_all:find(beginning, 1, true) ~= nil
      local is_of_wsm = name:find "^wsmanager%.cli%f[.%z]" ~= nil
      if is_there == is_of_wsm then missing[#missing + 1] = name end
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
local describe_c = makes.lua_name == "lua5.4" and describe or function() end

describe_c("a game in C", function()
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

-- LÖVE has LuaJIT, whichever Lua runs this.
local describe_love = makes.lua_name == "luajit" and describe or function() end

describe_love("LÖVE", function()
  local place, server, server_pid, url

  local function run(command)
    local ok, text = makes.run(command)
    assert.is_true(ok, text)
    return text
  end

  -- Runs commands, side by side, with a screen and home directory of their own.
  local function on_a_screen(commands)
    local script = {}
    for i, command in ipairs(commands) do
      script[i] = ("timeout 100 %s >%s/%d.log 2>&1 &"):format(command, place, i)
    end
    return run(("HOME=%s XDG_DATA_HOME=%s LIBGL_ALWAYS_SOFTWARE=1 xvfb-run -a sh -c '%s wait';"
      .. " cat %s/*.log"):format(place, place, table.concat(script, " "), place))
  end

  setup(function()
    place = makes.folder()
    run(("mkdir %s/game && cp examples/love/*.lua %s/*.so* %s/wsmanager.lua %s/game")
      :format(place, bundle, bundle, place))
    run(("cd %s/game && python3 -m zipfile -c ../game.love *"):format(place))
    server = io.popen("echo $$; exec '" .. programs.lua
      .. "' examples/love/server.lua 127.0.0.1")
    server_pid, url = server:read "*l", server:read "*l"
  end)

  teardown(function()
    os.execute("kill " .. server_pid)
    server:close()
    os.execute("rm -rf '" .. place .. "'")
  end)

  it("has two windows in which players see and greet each other", function()
    local text = on_a_screen {
      "love " .. place .. "/game " .. url .. " ann demo",
      "love " .. place .. "/game.love " .. url .. " bob demo",
    }
    local saved = place .. "/love/wsmanager-world/"
    for _, name in ipairs { "ann", "bob" } do
      assert.truthy(text:find("picture " .. saved .. name .. ".png\n", 1, true), text)
      local picture = files.read(saved .. name .. ".png")
      assert.equal("\137PNG\r\n\26\n\0\0\0\rIHDR\0\0\1\224\0\0\1\104", picture:sub(1, 24))
    end
    run("mkdir -p build/love && cp " .. saved .. "*.png build/love/")
    -- from the .love, for the system cannot load from it
    assert.equal("core.so\n", run("cd " .. saved .. "wsmanager/* && ls core.so"))
    assert.equal("", run("cd " .. saved .. "wsmanager/* && for file in *; do cmp $file "
      .. place .. "/game/$file; done"))
  end)

  it("has a loop in each of its threads", function()
    run(("mkdir %s/threads && cp spec/support/love/*.lua %s/game/*.so* %s/game/wsmanager.lua"
      .. " %s/threads"):format(place, place, place, place))
    local text = on_a_screen { "love " .. place .. "/threads " .. url }
    for _, name in ipairs { "one", "two", "game" } do
      assert.truthy(text:find("heard by " .. name .. "\n", 1, true), text)
    end
  end)
end)
