-- Numbers of what stands above the core, for metrics: each part that has some adds an
-- object with a function that tells them.
-- Depends on nothing. Never keeps an object alive.

local gauges = {}

local readers = setmetatable({}, {__mode = "k"})    -- object -> fn(object)

-- fn(object) -> {name = number}, until the object is removed or collected. fn must not
-- refer to the object by itself.
function gauges.add (object, fn)
  readers[object] = fn
end

function gauges.remove (object)
  readers[object] = nil
end

-- The sums of all of them, of the names in `sums`, which is returned.
function gauges.sum (sums)
  for object, fn in pairs(readers) do
    local own = fn(object)
    for name, value in pairs(sums) do sums[name] = value + (own[name] or 0) end
  end
  return sums
end

return gauges
