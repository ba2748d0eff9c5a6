-- Queues of the coroutines that wait, and of what is to run: first in, first out.
-- Depends on nothing. Who leaves from the middle leaves a gap there, `false`; the last is
-- never one.
-- Never wakes anybody: coroutines.lua does.

local MANY_GAPS = 16

local waiters = {}

local index_of = {}         -- coroutine -> its place in its latest queue

waiters.index_of = index_of

-- The owner, if any, is notified when a coroutine that waits in it is closed. Threads of
-- a host wait on its `condition`: threads.lua.
function waiters.new (owner)
  return {nil, first = 1, last = 0, owner = owner}   -- with room for one
end

local function push (queue, value)
  queue.last = queue.last + 1
  queue[queue.last] = value
end

local function pop (queue)
  local first = queue.first
  local value = queue[first]
  queue[first] = nil
  queue.first = first + 1
  if first == queue.last then queue.first, queue.last = 1, 0 end
  return value
end

local function close_gaps (queue)
  local to = queue.first - 1
  for from = queue.first, queue.last do
    local thread = queue[from]
    if thread then
      to = to + 1
      index_of[thread], queue[to] = to, thread
    end
  end
  for i = to + 1, queue.last do queue[i] = nil end
  queue.last, queue.gaps = to, nil
end

local function leave_gap (queue, index)
  local gaps = (queue.gaps or 0) + 1
  queue[index], queue.gaps = false, gaps
  if gaps > MANY_GAPS and 2 * gaps > queue.last - queue.first then
    close_gaps(queue)
  end
end

-- Removes the gap or the coroutine that is first.
local function remove_first (queue)
  if queue[queue.first] == false then queue.gaps = queue.gaps - 1 end
  pop(queue)
end

local function remove_last (queue)
  local last = queue.last
  queue[last] = nil
  while last > queue.first and queue[last - 1] == false do
    last = last - 1
    queue[last], queue.gaps = nil, queue.gaps - 1
  end
  queue.last = last - 1
  if queue.first == last then queue.first, queue.last = 1, 0 end
end

local function remove (queue, index)
  if index == queue.last then
    remove_last(queue)
  elseif index == queue.first then
    remove_first(queue)
  else
    leave_gap(queue, index)
  end
end

waiters.push, waiters.pop = push, pop
waiters.remove, waiters.remove_first = remove, remove_first

-- How many there are, with those of whose end nobody knows yet.
function waiters.count (queue)
  return queue.last - queue.first + 1 - (queue.gaps or 0)
end

return waiters
