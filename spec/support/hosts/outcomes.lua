-- What the contract of a host has written, by its parts.

local contract = require "support.hosts.contract"

local outcomes = {names = {"leaves no descriptor", "leaves no memory"}}

for _, name in ipairs(contract.names) do outcomes.names[#outcomes.names + 1] = name end

-- name of a part -> its line; where one of them failed, that one.
function outcomes.read (text)
  local found = {}
  for line in text:gmatch "[^\n]+" do
    local how, rest = line:match "^(%u*o?k?) (.*)"
    if how == "ok" or how == "FAILED" then
      local part = rest:match "^[^:]+"
      if found[part] == nil or how == "FAILED" then found[part] = line end
    end
  end
  return found
end

return outcomes
