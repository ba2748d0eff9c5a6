-- "Did you mean": the nearest of some names to a mistyped one.
-- Depends on nothing.

local suggest = {}

-- Levenshtein's distance: letters to insert, remove or replace.
function suggest.distance (a, b)
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

-- The nearest key of `names` that is a string (of equals the alphabetically
-- first), or nil where none is near: within `most` letters, when absent two or a third.
function suggest.nearest (name, names, most)
  local found
  local best = (most or math.max(2, math.floor(#name / 3))) + 1
  for candidate in pairs(names) do
    local distance = type(candidate) == "string"
                     and suggest.distance(name:lower(), candidate:lower())
    if distance and (distance < best
                     or distance == best and found and candidate < found)
    then
      found, best = candidate, distance
    end
  end
  return found
end

-- " (did you mean 'open'?)", or "".
function suggest.hint (name, names)
  local found = suggest.nearest(name, names)
  return found and " (did you mean '" .. found .. "'?)" or ""
end

return suggest
