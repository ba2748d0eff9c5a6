-- make.lua: writes docs/reference/*.md from the annotations in lua/, the tables of options
-- and the module itself. To be run where `require "wsmanager"` finds the built module:
-- `make reference`.

package.path = "scripts/?.lua;" .. package.path
local book = require "reference.book"

local texts, faults = book.make()
for _, fault in ipairs(faults) do io.stderr:write(fault, "\n") end
if #faults > 0 then os.exit(1) end

for name, text in pairs(texts) do
  local file = assert(io.open("docs/reference/" .. name, "wb"))
  assert(file:write(text))
  file:close()
end
