-- examples/love in LÖVE, with a bundle: as a folder, as a .love, and in love.thread.

local files = require "support.files"
local makes = require "support.makes"
local programs = require "support.programs"

-- The Lua of LÖVE, whichever Lua runs this.
if makes.lua_name ~= "luajit" then return end

describe("LÖVE", function()
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
    local ok, text = makes.make "bundle"
    assert(ok, text)
    place = makes.folder()
    local bundle = "build/luajit/bundle"
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
