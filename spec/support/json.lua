-- Is lua-cjson there? Where it is not, the specs that need it are pending.

local busted = require "busted"

local json = {}

-- Returns whether it is there; if not, `title` becomes a pending test.
function json.is_there (title)
  if pcall(require, "cjson") then return true end
  busted.pending(title .. " (lua-cjson is not installed)")
  return false
end

return json
