-- The chat's two pictures (drawn by examples/chat/draw.py), and the kind and size
-- of a picture from its first bytes.
-- Depends on nothing.

local drawn = {
  doctor = "\137\080\078\071\013\010\026\010\000\000\000\013\073\072\068\082"
    .. "\000\000\000\048\000\000\000\048\008\003\000\000\000\096\220\009"
    .. "\181\000\000\000\009\080\076\084\069\000\000\000\208\032\048\255"
    .. "\255\255\160\009\004\088\000\000\000\003\116\082\078\083\000\255"
    .. "\255\068\080\214\033\000\000\000\054\073\068\065\084\120\218\099"
    .. "\096\024\172\128\145\008\064\079\013\140\068\131\129\210\192\132"
    .. "\004\070\053\012\126\013\076\120\193\168\134\081\013\196\107\024"
    .. "\205\113\067\093\195\096\168\080\006\097\181\059\200\000\000\099"
    .. "\151\009\001\230\188\037\206\000\000\000\000\073\069\078\068\174"
    .. "\066\096\130",
  chat = "\137\080\078\071\013\010\026\010\000\000\000\013\073\072\068\082"
    .. "\000\000\000\048\000\000\000\048\008\003\000\000\000\096\220\009"
    .. "\181\000\000\000\009\080\076\084\069\000\000\000\032\112\208\255"
    .. "\255\255\091\247\147\178\000\000\000\003\116\082\078\083\000\255"
    .. "\255\068\080\214\033\000\000\000\062\073\068\065\084\120\218\099"
    .. "\096\024\172\128\145\008\064\079\013\140\068\131\081\013\131\083"
    .. "\003\019\024\224\097\143\106\024\077\075\067\078\195\032\044\042"
    .. "\049\181\145\092\232\211\088\003\201\245\016\141\053\144\092\053"
    .. "\210\088\195\040\192\001\000\098\238\005\107\153\127\089\196\000"
    .. "\000\000\000\073\069\078\068\174\066\096\130",
}

local signatures = {
  png = "^\137PNG\r\n\26\n", jpeg = "^\255\216\255", gif = "^GIF8[79]a",
  webp = "^RIFF....WEBP",
}

---@param bytes string
---@return "png"|"jpeg"|"gif"|"webp"|nil
local function kind (bytes)
  for name, signature in pairs(signatures) do
    if bytes:find(signature) then return name end
  end
  return nil
end

local function number (bytes, at)
  local a, b, c, d = bytes:byte(at, at + 3)
  return ((a * 256 + b) * 256 + c) * 256 + d
end

--- The size of a PNG, from its first chunk.
--- Source: ISO/IEC 15948 11.2.2.
---@param bytes string  a picture
---@return integer? width, integer? height
local function size (bytes)
  if type(bytes) ~= "string" then
    error("bad argument #1 to 'size' (string expected, got " .. type(bytes) .. ")", 2)
  end
  if kind(bytes) ~= "png" or #bytes < 24 then return nil end
  return number(bytes, 17), number(bytes, 21)
end

return { doctor = drawn.doctor, chat = drawn.chat, kind = kind, size = size }
