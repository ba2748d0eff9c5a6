-- Durations, counted in buckets that are each 3 % longer than the one before.
-- Depends on nothing. As small after a million as after one.

local histogram = {}

local SHORTEST = 1e-7                  -- seconds
local STEP = math.log(1.03)

---@class wsmanager.cli.Histogram
local Histogram = {}
Histogram.__index = Histogram

function histogram.new ()
  return setmetatable({buckets = {}, count = 0, sum = 0, max = 0, min = math.huge}, Histogram)
end

function Histogram:add (seconds)
  local bucket = seconds <= SHORTEST and 0 or math.ceil(math.log(seconds / SHORTEST) / STEP)
  self.buckets[bucket] = (self.buckets[bucket] or 0) + 1
  self.count, self.sum = self.count + 1, self.sum + seconds
  if seconds > self.max then self.max = seconds end
  if seconds < self.min then self.min = seconds end
end

-- So many of a hundred were not longer, but for 3 %; nil: there are none.
---@param percent number
---@return number?
function Histogram:percentile (percent)
  if self.count == 0 then return nil end
  local places = {}
  for bucket in pairs(self.buckets) do places[#places + 1] = bucket end
  table.sort(places)
  local left = math.ceil(self.count * percent / 100)
  for _, bucket in ipairs(places) do
    left = left - self.buckets[bucket]
    if left <= 0 then return math.min(SHORTEST * math.exp(bucket * STEP), self.max) end
  end
  return self.max
end

return histogram
