-- Lua's own functions of coroutines. nginx puts others in their places, which yield to
-- nginx and so cannot be called from C, as `require` does.
-- Depends on nothing.

local function original (name)
  return rawget(coroutine, "_" .. name) or coroutine[name]
end

return {
  create = original "create", resume = original "resume",
  status = original "status", yield = original "yield",
}
