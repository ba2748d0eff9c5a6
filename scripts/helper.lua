-- Notes which test runs, so that a crash or a hang has a name.
local busted = require "busted"

local function title(element)
  local parent = busted.parent(element)
  if not parent or element.descriptor == "file" then return element.name end
  return title(parent) .. ", " .. element.name
end

busted.subscribe({ "test", "start" }, function(element)
  local file = assert(io.open(os.getenv "RUNNING", "w"))
  file:write(title(element), "\n")
  file:close()
end)

busted.subscribe({ "suite", "end" }, function()
  os.remove(os.getenv "RUNNING")
end)
