-- Requests under way: started, awaited, given up.
-- Depends on wsmanager.fetch.core, coroutines.lua and scheduler.lua.
-- Never follows a redirect.

local coroutines = require "wsmanager.run.coroutines"
local native = require "wsmanager.fetch.native"
local scheduler = require "wsmanager.run.scheduler"

local has_waiting, wake = coroutines.has_waiting, coroutines.wake

local transfers = {}

local core, multi
local active = {}     -- number -> one that is under way
local count, last = 0, 0

-- libcurl's part for this Lua state; nil, token, detail without memory. Raises where
-- there is no libcurl.
local function open ()
  if multi then return multi end
  core = native.load()
  local made, token, detail = core.open()
  multi = made
  return made, token, detail
end

-- It is not under way any more.
local function forget (one)
  if not active[one.number] then return end
  active[one.number] = nil
  count = count - 1
  scheduler.forget(one)
  if count > 0 then return end
  scheduler.forget(multi:id())
  multi:rest()
end

-- The coroutine that awaits it was ended by somebody else.
local function give_up (one)
  if not one.parked or has_waiting(one.queue) then return end
  one.transfer:cancel()
  forget(one)
end

local function take_finished ()
  for number in multi.next, multi do
    local one = active[number]
    if one then
      one.finished = true
      forget(one)
      if has_waiting(one.queue) then wake(one.queue) end
    end
  end
end

local function start (request)
  local made, token, detail = open()
  if not made then return nil, token, detail end
  last = last + 1
  local one = {number = last}
  one.transfer, token, detail = core.start(multi, scheduler.loop(), last, request)
  if not one.transfer then return nil, token, detail end
  one.queue = coroutines.new_queue(one)
  one.parked = coroutines.can_yield()
  active[last], count = one, count + 1
  scheduler.attend(multi:id(), take_finished)
  scheduler.attend(one, give_up, one)
  return one
end

-- Makes the request of the core's shape, and waits for its response until the
-- deadline: the response, or nil, token, detail; or false: it came too late, or the
-- wait was cut short. With the last, how far it had come.
function transfers.perform (request, deadline)
  local one, token, detail = start(request)
  if not one then return nil, token, detail end
  local in_time = true
  while not one.finished and in_time do
    in_time = scheduler.wait(one.queue, deadline)
  end
  if one.finished then return one.transfer:result() end
  local bytes, has_head = one.transfer:progress()
  one.transfer:cancel()
  forget(one)
  return false, has_head and bytes or nil
end

-- Raises, without a position, where there is no libcurl.
function transfers.check () open() end

return transfers
