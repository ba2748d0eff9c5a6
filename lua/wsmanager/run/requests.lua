-- Requests and their answers: `ws:request`, matched by a field of the messages, or by
-- functions of the program (the option `correlate`).
-- Depends on correlation.lua, coroutines.lua, dispatch.lua, failures.lua and sending.lua.
-- A deadline is that of the coroutine that waits, in the scheduler's heap.
-- Never puts a request into the outbox: what its connection has not sent when it is lost
-- is never sent by another one.

local correlation = require "wsmanager.run.correlation"
local coroutines = require "wsmanager.run.coroutines"
local dispatch = require "wsmanager.run.dispatch"
local failures = require "wsmanager.run.failures"
local fifo = require "wsmanager.base.fifo"
local scheduler = require "wsmanager.run.scheduler"
local sending = require "wsmanager.run.sending"

local has_waiting, wake = coroutines.has_waiting, coroutines.wake
local wait = scheduler.wait

local DEFAULT_TIMEOUT = 30    -- seconds
local LATE = 16384            -- numbers of requests whose answers may still come

local requests = {}

---@class wsmanager.Pending  a request that was sent, and waits for its answer
---@field queue table        of the coroutine that waits
---@field id string|number
---@field n integer          it was the n-th
---@field opens integer      of the connection that it was sent on
---@field all wsmanager.Requests
---@field record wsmanager.Record
---@field ws wsmanager.Connection
---@field value? any         the answer
---@field kind? string
---@field lost? string       why no answer will come
---@field other? string|number  the id of a message that only its type keeps from being it

---@class wsmanager.Requests  those of a connection
---@field pending table<string|number, wsmanager.Pending>
---@field count integer
---@field late integer       answers that came too late: for stats()
---@field expected table<string|number, true>  ids of requests that were given up
---@field given_up wsmanager.Fifo              the same, oldest first
---@field left integer       how many these are

-- ## The option

-- Seconds that a request waits when it names none, or nil, of the options.
function requests.to_timeout (given)
  local timeout = given.timeouts and given.timeouts.request
  if timeout == nil then return DEFAULT_TIMEOUT end
  return timeout or nil
end

-- ## The answers

function requests.new ()
  return {
    pending = {}, count = 0, late = 0, expected = {}, given_up = fifo.new(), left = 0,
  }
end

-- It waits no more, and does not keep its connection.
local function finish (request)
  local all = request.all
  if all.pending[request.id] ~= request then return end
  all.pending[request.id] = nil
  all.count = all.count - 1
  local d = request.record.distribution
  d.users = d.users - 1
  if d.users == 0 then dispatch.retain(request.ws, request.record) end
end

-- Its answer is not for anybody when it comes. Only the last ones are remembered.
local function give_up (request)
  local all = request.all
  if all.pending[request.id] ~= request then return end
  finish(request)
  all.expected[request.id] = true
  fifo.push(all.given_up, request.id)
  all.left = all.left + 1
  if all.left <= LATE then return end
  all.left = all.left - 1
  all.expected[fifo.pop(all.given_up)] = nil
end

-- Its coroutine was closed.
local metatable = {__close = give_up}

-- A request waits for 7, and "7" came: it is told so when it times out.
local function note_other_type (all, id)
  local other
  if type(id) == "string" then other = tonumber(id) else other = tostring(id) end
  local request = other ~= nil and all.pending[other]
  if request then request.other = id end
end

-- Is the message an answer? Wakes who waits for it; one that is too late is dropped.
function requests.give (record, all, value, kind)
  local id = correlation.id_of(record, value, kind)
  if id == nil then return false end
  local request = all.pending[id]
  if not request then
    if not all.expected[id] then
      note_other_type(all, id)
      return false
    end
    all.expected[id] = nil
    all.late = all.late + 1
    return true
  end
  request.value, request.kind = value, kind
  finish(request)
  if has_waiting(request.queue) then wake(request.queue) end
  return true
end

local function by_number (a, b) return a.n < b.n end

-- The connections up to that number have ended: what was asked on them is not answered.
function requests.lose (all, opens, why)
  local lost = {}
  for _, request in pairs(all.pending) do
    if request.opens <= opens then lost[#lost + 1] = request end
  end
  table.sort(lost, by_number)
  for _, request in ipairs(lost) do
    request.lost = why
    give_up(request)
  end
  for _, request in ipairs(lost) do
    if has_waiting(request.queue) then wake(request.queue) end
  end
end

-- ## Asking

local function once (_, again)
  if not again then return true end
end

-- Waits until it was answered, or lost, or the deadline has come.
local function await (request, deadline)
  for _ in once, nil, nil, request do
    while request.value == nil and not request.lost do
      if not wait(request.queue, deadline) then break end
    end
  end
end

local function register (ws, record, all, n, id)
  local d = record.distribution
  local request = setmetatable({
    queue = coroutines.new_queue(), id = id, n = n, opens = record.opens or 0,
    all = all, record = record, ws = ws,
  }, metatable)
  all.pending[id], all.count = request, all.count + 1
  d.users = d.users + 1
  if d.users == 1 then
    scheduler.schedule(record.id)
    dispatch.retain(ws, record)
  end
  return request
end

-- Raises at `level` for an id that no answer could be found by.
local function check_id (level, all, id)
  local is = type(id)
  if is ~= "string" and is ~= "number" or id ~= id then
    error("'correlate.id' returned " .. (id ~= id and "nan" or is)
          .. " where a string or a number is expected", level)
  elseif all.pending[id] then
    error("'correlate.id' returned an id that another request waits with: "
          .. tostring(id), level)
  end
end

-- "; a message came with the string "7" as its id, ...", or "".
local function describe_other (request)
  local other = request.other
  if other == nil then return "" end
  local is_text = type(other) == "string"
  return ("; a message came with the %s %s as its id, and the request's is a %s (option "
          .. "'correlate')"):format(type(other), is_text and '"' .. other .. '"' or other,
                                    type(request.id))
end

-- Asks once. The answer and its kind; nil, token, detail; or nil, "lost", why.
local function ask (level, ws, record, all, asked)
  local n, id = correlation.next_id(record)
  check_id(level + 3, all, id)
  local text, token, why = correlation.to_text(level + 1, ws, record, asked, id)
  if text == nil then return nil, token, why end
  local sent
  sent, token, why = sending.send_open(ws, text, asked)
  if not sent then return nil, token, why end
  check_id(level + 3, all, id)     -- sending may have waited
  asked.times = asked.times + 1
  local request = register(ws, record, all, n, id)
  await(request, asked.deadline)
  if request.value ~= nil then return request.value, request.kind end
  if request.lost then return nil, "lost", request.lost end
  give_up(request)
  token, why = select(2, failures.timed_out(ws, "no answer", asked.timeout))
  return nil, token, why .. describe_other(request)
end

---@class wsmanager.Asked
---@field message any
---@field kind? string
---@field timeout? number
---@field deadline? number
---@field retry? boolean
---@field times? integer  it was sent

-- Why a request that was asked again has failed: how its last attempt did says little.
local function describe_retries (asked, lost, token, why, last)
  local times = ("asked %s, and lost with the connection %s"):format(
    asked.times == 1 and "once" or asked.times .. " times",
    lost == 1 and "once" or lost .. " times")
  if token ~= "timeout" then return why .. "; " .. times end
  return ("no answer within %s s: %s; last: %s"):format(asked.timeout, times, last)
end

-- Raises at `level` for a message that cannot be asked.
function requests.request (level, ws, record, asked)
  local d = record.distribution
  scheduler.check_wait()
  if not d.requests then d.requests = requests.new() end
  asked.times = 0
  local lost, last = 0, nil
  repeat
    local value, kind, why = ask(level + 1, ws, record, d.requests, asked)
    if value ~= nil then return value, kind end
    if kind ~= "lost" then
      if lost > 0 then why = describe_retries(asked, lost, kind, why, last) end
      return nil, kind, why
    end
    lost, last = lost + 1, why
  until not asked.retry
  return nil, "closed", last
end

return requests
