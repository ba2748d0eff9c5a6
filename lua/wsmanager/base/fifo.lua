-- First in, first out.
-- Depends on nothing. Never moves what it holds.

local fifo = {}

---@class wsmanager.Fifo   its values are at `first` to `last`
---@field first integer
---@field last integer

---@return wsmanager.Fifo
function fifo.new ()
  return {first = 1, last = 0}
end

function fifo.is_empty (queue)
  return queue.last < queue.first
end

function fifo.push (queue, value)
  local last = queue.last + 1
  queue.last, queue[last] = last, value
end

-- The oldest value, or nil.
function fifo.pop (queue)
  local first = queue.first
  local value = queue[first]
  if value == nil then return nil end
  queue[first] = nil
  if first == queue.last then queue.first, queue.last = 1, 0
  else queue.first = first + 1 end
  return value
end

return fifo
