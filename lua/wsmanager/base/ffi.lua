-- The core's receive and send for compiled code: LuaJIT calls C by its FFI, past
-- the stack of Lua. What is rare is left to the functions of core.link.
-- Stands on core.link and, where it is there and compiles, LuaJIT.
-- Never makes a table or a closure for a message.

local core = require "wsmanager.core"

local link = core.link
local link_receive, link_send = link.receive, link.send

local direct = {receive = link_receive, send = link_send}

-- The FFI, if this Lua compiles: what only interprets is faster without.
local function compiler ()
  local jit = rawget(_G, "jit")
  if not jit or not jit.status() or not link.ffi then return nil end
  local found, ffi = pcall(require, "ffi")
  return found and ffi or nil
end

local ffi = compiler()
if not ffi then return direct end

-- As src/lua/lffi.c has it.
local taken = ffi.typeof [[
  struct { const void *from; uint64_t before; uint32_t length; char bytes[16384]; }]]
local calls = ffi.cast(ffi.typeof([[
  const struct {
    int (*next) (const void *box, $ *to);
    int (*take) (const void *box, const $ *to);
    int (*send) (const void *box, const char *data, size_t n, int kind);
  } *]], taken, taken), link.ffi)

local next_message, take_message, send_message = calls.next, calls.take, calls.send
local getmetatable, type, string = getmetatable, type, ffi.string
local metatable = core.metatable
local message = taken()
local bytes = message.bytes     -- to index it anew would make garbage

local TEXT, BINARY = 1, 2

local function is_ours (ws)
  return type(ws) == "userdata" and getmetatable(ws) == metatable
end

function direct.receive (ws)
  if is_ours(ws) then
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

function direct.send (ws, data, kind)
  if type(data) == "string" and is_ours(ws) then
    if kind == nil or kind == "text" then
      if send_message(ws, data, #data, TEXT) ~= 0 then return true end
    elseif kind == "binary" then
      if send_message(ws, data, #data, BINARY) ~= 0 then return true end
    end
  end
  return link_send(ws, data, kind)
end

local methods, lookup = core.methods, metatable.__index

-- `ws.name`: compiled code finds a method without a call.
function metatable.__index (ws, name)
  local method = methods[name]
  if method ~= nil then return method end
  return lookup(ws, name)
end

return direct
