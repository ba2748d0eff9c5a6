local files = require "support.files"
local optional = require "wsmanager.base.optional"

describe("an optional module", function()
  it("is answered where it is there", function()
    local found, module = optional.load "string"
    assert.is_true(found)
    assert.equal(string, module)
  end)

  it("that is needed is required", function()
    assert.equal(string, optional.need "string")
    assert.error_matches(function() optional.need "wsmanager.nothing" end, "not found")
  end)

  it("is told to be missing by what require says", function()
    local found, why = optional.load "wsmanager.nothing.of.this.name"
    assert.is_false(found)
    assert.matches("module 'wsmanager.nothing.of.this.name' not found", why, 1, true)
  end)
end)

-- Engines' builders collect the literal arguments of `require`, and look each of them
-- up among the files of the game.
describe("a literal require", function()
  it("names a file of this tree, or the core", function()
    local known, wrong, seen = { ["wsmanager.core"] = true }, {}, 0
    local paths = files.below({ "lua" }, ".lua")
    for _, path in ipairs(paths) do
      known[path:match("^lua/(.*)%.lua$"):gsub("/init$", ""):gsub("/", ".")] = true
    end
    for _, path in ipairs(paths) do
      for line, number in files.lines(path) do
        local code = line:gsub("%-%-.*", "")
        for name in code:gmatch "%f[%w_]require%f[^%w_][%s,(]*[\"']([^\"']*[^\"'.])[\"']" do
          seen = seen + 1
          if not known[name] then wrong[#wrong + 1] = path .. ":" .. number .. ": " .. name end
        end
      end
    end
    assert.is_true(seen > 100)
    assert.same({}, wrong)
  end)
end)
