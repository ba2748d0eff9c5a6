-- Timers in a binary heap: the earliest is first, any can be removed.
-- Depends on nothing. Never reads a clock.
--
-- A timer is a table with `due`; the heap sets its `index` and its `serial`, which
-- keeps equal times in the order in which they were added.

local timers = {}
timers.__index = timers

function timers.new ()
  return setmetatable({count = 0, serial = 0}, timers)
end

local function before (a, b)
  return a.due < b.due or (a.due == b.due and a.serial < b.serial)
end

local function put (heap, timer, index)
  heap[index] = timer
  timer.index = index
end

local function sift_up (heap, timer, index)
  while index > 1 do
    local parent = (index - index % 2) / 2
    if not before(timer, heap[parent]) then break end
    put(heap, heap[parent], index)
    index = parent
  end
  put(heap, timer, index)
end

local function sift_down (heap, timer, index)
  local count = heap.count
  while 2 * index <= count do
    local child = 2 * index
    if child < count and before(heap[child + 1], heap[child]) then
      child = child + 1
    end
    if not before(heap[child], timer) then break end
    put(heap, heap[child], index)
    index = child
  end
  put(heap, timer, index)
end

function timers:add (timer)
  self.count = self.count + 1
  self.serial = self.serial + 1
  timer.serial = self.serial
  sift_up(self, timer, self.count)
end

function timers:remove (timer)
  local index, last = timer.index, self[self.count]
  self[self.count] = nil
  self.count = self.count - 1
  timer.index = nil
  if last == timer then return end
  if index > 1 and before(last, self[(index - index % 2) / 2]) then
    sift_up(self, last, index)
  else
    sift_down(self, last, index)
  end
end

-- The earliest timer, or nil.
function timers:first ()
  return self[1]
end

return timers
