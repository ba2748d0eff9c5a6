-- Raises what went wrong, in place of returning it.
-- Depends on nothing.

local try = {}

--- Raises what a call returned as its failure: for a program that can do nothing about it, as
--- at its start. `wsmanager.try(wsmanager.serve { … })` answers the server, or ends the program
--- with the sentence that says why there is none, where `assert` shows the token alone.
--- The error is the detail, or the token where there is none, at the line that calls `try`.
---@param ... any  what a function returned: its results, or nil, token, detail
---@return any ...  all of them, if the first is a value that counts as true
function try.try (...)
  if (...) then return ... end
  local _, token, detail = ...
  if detail == nil then detail = token end
  if detail == nil then detail = "it failed and did not say why" end
  error(detail, 2)
end

return try
