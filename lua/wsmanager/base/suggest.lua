-- The nearest of some names to one that was mistyped.
-- Stands on nothing. Never answers a name that is not near.

local distance = {}

-- How many letters must be put in, taken out or replaced (Levenshtein).
function distance.between (a, b)
  local row = {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local diagonal = row[0]
    row[0] = i
    for j = 1, #b do
      local cost = a:byte(i) == b:byte(j) and 0 or 1
      local best = math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
      diagonal, row[j] = row[j], best
    end
  end
  return row[#b]
end

-- The nearest key of `names`, or nil; of two equally near the first by name.
function distance.nearest (name, names)
  local found
  local best = math.max(2, math.floor(#name / 3)) + 1
  for candidate in pairs(names) do
    local away = distance.between(name:lower(), candidate:lower())
    if away < best or (away == best and found and candidate < found) then
      found, best = candidate, away
    end
  end
  return found
end

-- " (did you mean 'open'?)", or "".
function distance.hint (name, names)
  local found = distance.nearest(name, names)
  return found and " (did you mean '" .. found .. "'?)" or ""
end

return distance
