-- Modules that may not be there: lua-cjson, LuaSQL, LuaJIT's FFI, the core of fetch, the
-- loops of others.
-- Depends on nothing.
-- Never hands a literal name to `require`: some engines' builders collect those, and
-- stop at one that is not in the game.

local optional = {}

-- true and the module, or false and why it cannot be loaded.
---@param name string
---@return boolean found
---@return any module_or_why
function optional.load (name)
  return pcall(require, name)
end

-- The module; raises as `require` does.
---@param name string
function optional.need (name)
  return require(name)
end

return optional
