-- What all connections of this Lua state counted in each of the last ten minutes' seconds,
-- and how the last connections of its servers ended.
-- Depends on the core's totals, server_events.lua, coroutines.lua and scheduler.lua.
-- Never holds more than its rings, and never keeps a program from ending: it looks once a
-- second as long as a server listens.

local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local scheduler = require "wsmanager.run.scheduler"
local server_events = require "wsmanager.run.server_events"

local now = core.now

local SAMPLES = 600        -- one a second
local WINDOW = 60          -- samples that the quantiles of the latency are of
local ENDINGS = 200

-- In the order in which `since` returns them.
local names = {
  "at", "servers", "clients", "messages_in", "messages_out", "bytes_in", "bytes_out",
  "p50", "p99", "buffered", "full", "ended", "reconnects",
}

local history = {names = names, SAMPLES = SAMPLES, ENDINGS = ENDINGS}

local rings = {}           -- name -> its values, by the number of the sample modulo SAMPLES
for _, name in ipairs(names) do rings[name] = {} end

-- Of this program's run, which numbers its samples.
history.run = ("%.3f"):format(core.walltime())

local last = 0             -- the number of the last sample
local begun                -- when the first was taken
local previous             -- what the last one was counted from
local latencies = {}       -- the counts of the buckets at the last WINDOW + 1 samples
local endings, ended = {}, 0
local timer                -- while a server listens

-- ## A sample

-- The sums of both roles, of what only grows.
local rates = {
  messages_in = "messages_in", messages_out = "messages_out", bytes_in = "bytes_in",
  bytes_out = "bytes_out", reconnects = "reconnects",
}

local function count_ended (totals)
  local sum = 0
  for _, by in pairs(totals.closed) do sum = sum + by["local"] + by.remote end
  return sum
end

local function count (clients, servers)
  local counted = {ended = count_ended(clients) + count_ended(servers)}
  for name, field in pairs(rates) do counted[name] = clients[field] + servers[field] end
  return counted
end

-- How many pings took no longer than each bound, and how many there were.
local function note_latencies (clients, servers)
  local at = last % (WINDOW + 1)
  local to = latencies[at] or {}
  local one, other = clients.round_trip, servers.round_trip
  for i = 1, #one.bounds do to[i] = one.buckets[i] + other.buckets[i] end
  to.count = one.count + other.count
  latencies[at] = to
  return to, one.bounds
end

-- The time, in seconds, that so many (0 to 1) of the pings since `before` did not exceed,
-- as far as the buckets tell; -1: there was none.
local function quantile (part, before, after, bounds)
  local total = after.count - before.count
  if total <= 0 then return -1 end
  local wanted, below, lower = part * total, 0, 0
  for i, bound in ipairs(bounds) do
    local upto = after[i] - before[i]
    if upto >= wanted and upto > below then
      return lower + (bound - lower) * (wanted - below) / (upto - below)
    end
    below, lower = upto, bound
  end
  return bounds[#bounds]
end

history.quantile = quantile

local nothing = setmetatable({count = 0}, {__index = function () return 0 end})

-- To so many parts of one: an answer has thousands of them.
local function round (value, parts)
  return math.floor(value * parts + 0.5) / parts
end

local function set (name, value)
  rings[name][last % SAMPLES + 1] = value
end

local function note_rates (counted, seconds)
  for name, value in pairs(counted) do
    local rate = previous and seconds > 0 and (value - previous[name]) / seconds or 0
    set(name, rate > 0 and round(rate, 100) or 0)    -- what is given back to an outbox was not sent
  end
end

-- Notes how it is at `time`.
local function sample (time)
  local clients, servers = core.totals(scheduler.loop())
  begun = begun or time
  local counted = count(clients, servers)
  last = last + 1
  note_rates(counted, time - (history.sampled_at or time))
  set("at", round(time - begun, 10))
  set("servers", servers.states.open)
  set("clients", clients.states.open)
  set("buffered", clients.buffered + servers.buffered)
  set("full", clients.full + servers.full)
  local latest, bounds = note_latencies(clients, servers)
  local before = latencies[(last + 1) % (WINDOW + 1)] or nothing
  set("p50", round(quantile(0.5, before, latest, bounds), 1e5))
  set("p99", round(quantile(0.99, before, latest, bounds), 1e5))
  previous, history.sampled_at = counted, time
  history.clients, history.servers = clients, servers
end

-- One more sample, now; for the bench.
function history.sample () sample(now()) end

-- ## Once a second

local schedule

local function tick ()
  timer = nil
  if next(scheduler.servers) == nil or coroutines.leaving then return end
  -- in a forked child there is no loop: whoever needs it is told
  if pcall(sample, now()) then schedule() end
end

function schedule ()
  timer = {due = now() + 1, late = tick}
  coroutines.sleepers:add(timer)
end

-- A server listens. The first sample comes in the next round, which a host's loop is told
-- of.
local function begin ()
  if timer or coroutines.leaving then return end
  timer = {later = tick}
  coroutines.later(timer)
end

local function stop ()
  if next(scheduler.servers) ~= nil or not timer then return end
  if timer.index then coroutines.sleepers:remove(timer) end
  if timer.late then timer = nil end
end

-- ## How connections ended

-- Keeps what is told of one that has ended; `describe(record)` makes it.
local describe

local function note_ending (record)
  ended = ended + 1
  endings[ended % ENDINGS + 1] = describe(record)
end

-- Begins to look, if nobody has yet; `describing(record)` says of a connection that has
-- ended what is to be kept.
function history.start (describing)
  if not describe then
    describe = describing
    server_events.watch {began = begin, ended = stop, over = note_ending}
  end
  if next(scheduler.servers) ~= nil then begin() end
end

-- The samples behind number `number`, at most all that there are: the number of the last,
-- and a list of values for each name.
function history.since (number)
  local first = math.max(number + 1, last - SAMPLES + 1, 1)
  if number > last then first = math.max(last - SAMPLES + 1, 1) end
  local lists = {}
  for i, name in ipairs(names) do
    local list, ring = {}, rings[name]
    for n = first, last do list[#list + 1] = ring[n % SAMPLES + 1] end
    lists[i] = list
  end
  return last, lists
end

-- How connections ended, the last first: those behind the first `skip`, at most `take`,
-- and how many are kept.
function history.endings (skip, take)
  local kept, page = math.min(ended, ENDINGS), {}
  for n = ended - skip, math.max(ended - skip - take, ended - kept) + 1, -1 do
    page[#page + 1] = endings[n % ENDINGS + 1]
  end
  return page, kept
end

return history
