-- Loops that come and go in threads: a program of its own, support/loops.c.
-- Runs once: a program in C, the same under each Lua.

local files = require "support.files"

-- What the program prints: a number or a word for each name.
local function run(loops, threads)
  local folder = assert(files.module("wsmanager.core")):match("^(.*)/wsmanager/")
  local pipe = assert(io.popen("timeout 60 '" .. folder .. "/loops' "
    .. loops .. " " .. threads .. " 2>&1"))
  local text, found = pipe:read("*a"), {}
  pipe:close()
  for name, value in text:gmatch("([%w ]+): (%w+)\n") do
    found[name] = tonumber(value) or value
  end
  assert(found.shared, text)
  return found
end

describe("a reactor", function()
  it("closes no descriptor of another thread, and leaves none behind", function()
    local found = run(1000, 1)
    assert.equal(0, found["files lost"])
    assert.equal(0, found.others)
  end)

  it("is one for each loop that was open at the same time", function()
    local found = run(300, 4)
    assert.equal(0, found["files lost"])
    assert.equal(0, found.unanswered)
    assert.is_true(found.others <= 3 * found["first loop"], found.others)
  end)

  it("is not shared with a forked child", function()
    assert.equal("no", run(1, 1).shared)
  end)
end)
