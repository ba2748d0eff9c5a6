local each = require "wsmanager.base.each"

-- Walks a table until that is compiled as far as it goes without its end, then in
-- finalizers.
local program = [[
local each = require "wsmanager.base.each"
local function walk (t)
  local n = 0
  for _ in each(t) do n = n + 1 end
  return n
end
local t, n = {}
for i = 1, 5 do t["k" .. i] = i end
for _ = 1, 10 do walk(t) end
local function bear ()
  getmetatable(newproxy(true)).__gc = function ()
    for _ = 1, 200 do n = walk(t) end
  end
end
for _ = 1, 100 do bear() end
collectgarbage()
collectgarbage()
print(n)
]]

describe("each", function ()
  it("gives keys and values", function ()
    local copy = {}
    for key, value in each {1, 2, a = "b", c = false} do copy[key] = value end
    assert.same({1, 2, a = "b", c = false}, copy)
  end)

  if jit then it("ends in a finalizer, too", function ()
    local name = os.tmpname()
    local file = assert(io.open(name, "w"))
    file:write(program)
    file:close()
    local lua = os.getenv("LUA") or arg[-1]
    local pipe = assert(io.popen(("timeout 60 '%s' %s"):format(lua, name)))
    assert.equal("5\n", pipe:read("*a"))
    pipe:close()
    os.remove(name)
  end) end
end)
