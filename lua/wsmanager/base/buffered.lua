-- How many bytes of messages a WebSocket's output holds, without their framing
-- (WebSockets 3.1, "bufferedAmount").
-- Depends on nothing. It is told of each message that is sent, and asked with the
-- bytes that the output holds, framing included.
-- Never counts control frames: while one waits the answer may be larger by it.

local buffered = {}
buffered.__index = buffered

local FEW = 64

function buffered.new ()
  return setmetatable({sizes = {}, count = 0, limit = FEW}, buffered)
end

-- A client's frame header (RFC 6455 5.2): 2 bytes, a longer length, a masking key.
local function header_size (n)
  if n > 65535 then return 14 end
  return n > 125 and 8 or 6
end

-- Messages that were written are forgotten.
local function keep_last (self, n)
  local kept, sizes, count = {}, self.sizes, self.count
  for i = 1, n do kept[i] = sizes[count - n + i] end
  self.sizes, self.count = kept, n
  self.limit = n > FEW and 2 * n or FEW
end

-- The bytes of messages among so many that the output holds: what was sent last is
-- written last.
function buffered:pending (output)
  local sizes, i, sum = self.sizes, self.count, 0
  while i > 0 and output > 0 do
    local n = sizes[i]
    sum = sum + (n < output and n or output)
    output = output - n - header_size(n)
    i = i - 1
  end
  if i > 0 then keep_last(self, self.count - i) end
  return sum
end

-- A message of n bytes was sent; the output held so many bytes before it.
function buffered:add (n, output)
  if output == 0 and self.count > 0 or self.count >= self.limit then
    self:pending(output)
  end
  self.count = self.count + 1
  self.sizes[self.count] = n
end

return buffered
