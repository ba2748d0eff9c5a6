local programs = require "support.programs"

-- What the program prints where no module wsmanager.fetch.core is found, or one that
-- fails with this error.
local function without(program, loader)
  return programs.run([[
local name = "wsmanager.fetch.core"
]] .. (loader and "package.preload[name] = function () error(" .. loader .. ", 0) end\n" or [[
for i, path in ipairs {"path", "cpath"} do
  package[path] = package[path]:gsub("[^;]+", function (template)
    return template   -- those of the specs are absolute: the module is hidden below
  end)
end
local searchers = package.searchers or package.loaders
for i, search in ipairs(searchers) do
  searchers[i] = function (wanted) if wanted ~= name then return search(wanted) end end
end
]]) .. "local w = require 'wsmanager'\n" .. program)
end

describe("a wsmanager without libcurl", function()
  it("says at the caller's line which package is missing", function()
    local text = without [[
print(pcall(function ()
  w.fetch "http://127.0.0.1:1/"
end))]]
    assert.matches("^false\t[^\n]*:%d+: wsmanager.fetch needs libcurl, and wsmanager was built "
      .. "without it: install [^\n]*apt%-get install libcurl4%-openssl%-dev[^\n]*"
      .. "luarocks install wsmanager%-fetch[^\n]*\nstatus 0\n$", text)
    local line = text:match ":(%d+): wsmanager"
    assert.is_true(tonumber(line) > 10)
  end)

  it("says why a module that is there cannot be loaded", function()
    local text = without("print(pcall(w.fetch, 'http://127.0.0.1:1/'))",
      "'libcurl.so.4: cannot open shared object file'")
    assert.matches("%(Debian: apt%-get install libcurl4%), which cannot be loaded: [^\n]*"
      .. "libcurl.so.4: cannot open", text)
  end)

  it("raises for wrong arguments first, and is all there but for that", function()
    assert.matches("fetch takes http and https",
      without "print(pcall(w.fetch, 'ftp://x/'))")
    assert.equal("slept\nstatus 0\n", without "w.sleep(0) print 'slept'")
  end)
end)
