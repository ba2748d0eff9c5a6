-- The table of examples/gateways/README.md: its programs and their lines.

local files = require "support.files"

local function count (path)
  local lines = 0
  for line in files.lines(path) do
    if not line:find "^%s*$" and not line:find "^%s*%-%-" then lines = lines + 1 end
  end
  return lines
end

describe("the table of bots", function ()
  it("has each program with its lines", function ()
    local told, real = {}, {}
    for name, lines in files.read("examples/gateways/README.md")
        :gmatch "\n| %[([%w_]+%.lua)%]%([^)]+%) | [^|]+ | (%d+) |" do
      told[name] = tonumber(lines)
    end
    for _, path in ipairs(files.below({"examples/gateways"}, ".lua")) do
      real[path:match "[^/]+$"] = count(path)
    end
    assert.same(real, told)
  end)
end)
