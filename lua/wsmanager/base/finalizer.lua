-- An object that calls a function when it is collected, in each Lua.
-- Depends on nothing. Never lets an error of the function out.

local new_proxy = rawget(_G, "newproxy")   -- Lua 5.1: no table has a finalizer

local finalizer = {}

-- Has fn() called when what is returned is collected; fn may run within any other
-- function, so it is not to wake a coroutine.
function finalizer.new (fn)
  local function collect () pcall(fn) end
  if not new_proxy then return setmetatable({}, {__gc = collect}) end
  local proxy = new_proxy(true)
  getmetatable(proxy).__gc = collect
  return proxy
end

return finalizer
