-- What the Makefile finds out by itself.
-- Runs once: it knows no Lua.

local function shell (command)
  local pipe = io.popen(command .. " 2>&1")
  local text = pipe:read "*a"
  pipe:close()
  return text
end

describe("the Makefile", function ()
  local folder

  setup(function ()
    folder = os.tmpname()
    shell(("rm %s; mkdir %s; cd %s; printf '#!/bin/sh\\nexit 1\\n' > pkg-config; "
      .. "chmod +x pkg-config"):format(folder, folder, folder))
  end)
  teardown(function () shell("rm -r " .. folder) end)

  -- Does it find libcurl's headers with that compiler, where there is no pkg-config?
  local function finds_curl (compiler)
    return shell(("printf 'include Makefile\\nprint: ; @echo $(CURL)\\n' | PATH=%s:$PATH "
      .. "make -s -f - print CC='%s'"):format(folder, compiler))
  end

  -- The Lua that it takes.
  local function lua_of (before, behind)
    return shell(("printf 'include Makefile\\nprint: ; @echo $(LUA)\\n' | %s "
      .. "make -s -f - print %s"):format(before, behind or ""))
  end

  it("takes LUA from behind make, or a name from before it", function ()
    assert.equal("lua5.4\n", lua_of "env -u LUA")
    assert.equal("luajit\n", lua_of "LUA=luajit")
    assert.equal("lua5.4\n", lua_of "LUA=/a/spec/has/a/path")
    assert.equal("/a/path\n", lua_of("LUA=luajit", "LUA=/a/path"))
  end)

  -- What it says to whoever builds with that compiler.
  local function said_to (lua, compiler)
    return shell(("make -s build LUA=%s CC='%s' OUT=%s/none"):format(lua, compiler, folder))
  end

  it("names the package of each header that is missing", function ()
    assert.matches("There are no headers of lua5.9 (liblua5.9-dev), "
      .. "libwebsockets (libwebsockets-dev), libuv (libuv1-dev), OpenSSL (libssl-dev), "
      .. "zlib (zlib1g-dev). Debian: make deps LUA=lua5.9 installs", said_to("lua5.9",
      "gcc -nostdinc"), 1, true)
    assert.matches("There are no headers of lua5.9 (liblua5.9-dev). Debian: ",
      said_to("lua5.9", "gcc"), 1, true)
    assert.matches("of luajit (libluajit2-5.1-dev), ", said_to("luajit", "gcc -nostdinc"), 1, true)
  end)

  it("names the package of a compiler that is missing", function ()
    assert.matches("There is no compiler 'no-such-gcc' (Debian: gcc libc6-dev). ",
      said_to("lua5.4", "no-such-gcc"), 1, true)
  end)

  it("builds a wsm that runs in this tree", function ()
    local said = shell(("make -s %s/plain/wsm OUT=%s/plain LUA=lua5.4 && head -1 %s/plain/wsm")
      :format(folder, folder, folder))
    assert.matches("^#!/[%w/]*lua5%.4\n", said)
  end)

  it("sees libcurl's headers without pkg-config, and that they are missing", function ()
    assert.equal("yes\n", finds_curl "gcc")
    assert.equal("no\n", finds_curl "gcc -nostdinc")
  end)
end)
