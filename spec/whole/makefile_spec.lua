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

  it("sees libcurl's headers without pkg-config, and that they are missing", function ()
    assert.equal("yes\n", finds_curl "gcc")
    assert.equal("no\n", finds_curl "gcc -nostdinc")
  end)
end)
