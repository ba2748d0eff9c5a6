-- A heap of what is due when: the earliest is at the top, any can be removed.
-- Stands on nothing. An entry is a table with `due`; its place is kept in
-- `index`, equal times keep their order by `serial`.
-- Never reads a clock.

local timers = {}
timers.__index = timers

function timers.new ()
  return setmetatable({count = 0, serial = 0}, timers)
end

local function before (a, b)
  return a.due < b.due or (a.due == b.due and a.serial < b.serial)
end

local function put (heap, entry, index)
  heap[index] = entry
  entry.index = index
end

local function rise (heap, entry, index)
  while index > 1 do
    local above = (index - index % 2) / 2
    if not before(entry, heap[above]) then break end
    put(heap, heap[above], index)
    index = above
  end
  put(heap, entry, index)
end

local function sink (heap, entry, index)
  local count = heap.count
  while 2 * index <= count do
    local below = 2 * index
    if below < count and before(heap[below + 1], heap[below]) then
      below = below + 1
    end
    if not before(heap[below], entry) then break end
    put(heap, heap[below], index)
    index = below
  end
  put(heap, entry, index)
end

function timers:add (entry)
  self.count = self.count + 1
  self.serial = self.serial + 1
  entry.serial = self.serial
  rise(self, entry, self.count)
end

function timers:remove (entry)
  local index, last = entry.index, self[self.count]
  self[self.count] = nil
  self.count = self.count - 1
  entry.index = nil
  if last == entry then return end
  if index > 1 and before(last, self[(index - index % 2) / 2]) then
    rise(self, last, index)
  else
    sink(self, last, index)
  end
end

-- The earliest entry, or nil.
function timers:first ()
  return self[1]
end

return timers
