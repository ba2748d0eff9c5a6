-- LUA_INIT=@no_ffi.lua: a LuaJIT without FFI, as far as the module sees. (Busted's
-- libraries want theirs.)

local require_any = require

function _G.require (name, ...)
  if name == "ffi" and debug.traceback():find("wsmanager/base/ffi.lua", 1, true) then
    error "module 'ffi' not found"
  end
  return require_any(name, ...)
end
