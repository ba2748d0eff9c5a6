-- Bytes for specs: written as the RFCs write them, and cut in every way.
local bytes = {}

-- hex "81 05 48" is the string of these three bytes.
function bytes.hex(text)
  return (text:gsub("%s+", ""):gsub("%x%x", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

-- All the ways to feed a text in pieces: cut in two at every offset, and one
-- byte at a time. Iterates over lists of pieces.
function bytes.cuts(text)
  local at = -1
  return function()
    at = at + 1
    if at < #text then return { text:sub(1, at), text:sub(at + 1) } end
    if at > #text then return nil end
    local single = {}
    for i = 1, #text do single[i] = text:sub(i, i) end
    return single
  end
end

-- The same numbers in every run: dice(n) is 1 to n.
function bytes.dice(seed)
  return function(n)
    seed = (seed * 16807) % 2147483647
    return seed % n + 1
  end
end

return bytes
