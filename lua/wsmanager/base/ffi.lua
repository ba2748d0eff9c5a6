-- The core's receive and send. In LuaJIT the common case goes through its FFI,
-- which compiled code calls without Lua's stack; anything else falls back to
-- core.link.
-- Depends on core.link and optional.lua.
-- Never makes a table or a closure for a message.

local core = require "wsmanager.core"
local optional = require "wsmanager.base.optional"

local link = core.link
local link_receive, link_send = link.receive, link.send

local ffi = {receive = link_receive, send = link_send}

-- The FFI, if this is LuaJIT with its compiler on: interpreted, the FFI is slower.
local function load_ffi ()
  local jit = rawget(_G, "jit")
  if not jit or not jit.status() or not link.ffi then return nil end
  local found, library = optional.load "ffi"
  return found and library or nil
end

local luajit_ffi = load_ffi()
if not luajit_ffi then return ffi end

-- The types of src/lua/lffi.c.
local taken_message = luajit_ffi.typeof [[
  struct { const void *owner; uint64_t before; uint32_t length; int binary; char bytes[16384]; }]]
local calls = luajit_ffi.cast(luajit_ffi.typeof([[
  const struct {
    int (*next) (const void *box, $ *to);
    int (*take) (const void *box, const $ *to);
    int (*send) (const void *box, const char *data, size_t n, int kind);
  } *]], taken_message, taken_message), link.ffi)

local next_message, take_message, send_message = calls.next, calls.take, calls.send
local getmetatable, type, string = getmetatable, type, luajit_ffi.string
local metatable = core.metatable
local message = taken_message()
local bytes = message.bytes     -- each access would allocate

local TEXT, BINARY = 1, 2

local function is_connection (ws)
  return type(ws) == "userdata" and getmetatable(ws) == metatable
end

function ffi.receive (ws)
  if is_connection(ws) then
    local kind = next_message(ws, message)
    if kind ~= 0 then
      local data = string(bytes, message.length)
      if take_message(ws, message) ~= 0 then
        return data, kind == TEXT and "text" or "binary"
      end
    end
  end
  return link_receive(ws)
end

function ffi.send (ws, data, kind)
  if type(data) == "string" and is_connection(ws) then
    if kind == nil or kind == "text" then
      if send_message(ws, data, #data, TEXT) ~= 0 then return true end
    elseif kind == "binary" then
      if send_message(ws, data, #data, BINARY) ~= 0 then return true end
    end
  end
  return link_send(ws, data, kind)
end

local methods, lookup = core.methods, metatable.__index

-- `ws.name`: compiled code finds a method without a call of C.
function metatable.__index (ws, name)
  local method = methods[name]
  if method ~= nil then return method end
  return lookup(ws, name)
end

return ffi
