-- Subscriptions: `ws:subscribe`, several readers that each get every message.
-- Depends on the scheduler's wait, coroutines.lua, dispatch.lua and failures.lua.
-- Never keeps a subscription that its program has forgotten.

local arguments = require "wsmanager.base.arguments"
local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local dispatch = require "wsmanager.run.dispatch"
local failures = require "wsmanager.run.failures"
local fifo = require "wsmanager.base.fifo"
local scheduler = require "wsmanager.run.scheduler"

local has_waiting, wake, wake_all =
  coroutines.has_waiting, coroutines.wake, coroutines.wake_all
local is_over = dispatch.is_over
local push, pop = fifo.push, fifo.pop

local DEFAULT_LIMIT = 1024    -- messages
local TOLD_EACH = 32          -- messages taken

local subscriptions = {}

--- A reader of its own: it gets every message that is taken from its beginning on, also those
--- that a request, a handler or `receive` gets. Lua 5.4 may close it: `local reader <close> =
--- ws:subscribe()`. One that the program has forgotten is collected.
---@class wsmanager.Subscription
---@field dropped integer  messages that were dropped instead of it getting them, with `full = "oldest"`
local Subscription = {}

Subscription.__index = Subscription

-- The private fields: ws, record; limit; drops: full = "oldest"; items, count, size: what
-- it has not taken; missed: dropped since it took the last one; readers: those who wait;
-- closed; over, why, restarts: the connection was
-- over, how, and how often it had been restarted.

---@class wsmanager.Subscriptions  of a connection; collected ones are nil
---@field n integer
---@field dropped integer  messages dropped, and
---@field bytes integer    their bytes, which the event has not told

local function check_self (self, method)
  if getmetatable(self) ~= Subscription then
    error("call it with ':', as in subscription:" .. method .. "(...)", 3)
  end
end

-- ## Those of a connection

local WEAK = {__mode = "v"}

local function copy_without (all, one)
  local copy = setmetatable({n = 0, dropped = 0, bytes = 0}, WEAK)
  for i = 1, all and all.n or 0 do
    local each = all[i]
    if each and each ~= one then
      copy.n = copy.n + 1
      copy[copy.n] = each
    end
  end
  if all then copy.dropped, copy.bytes = all.dropped, all.bytes end
  return copy
end

-- Is there any? Is there one that waits for a message?
function subscriptions.are (all)
  for i = 1, all.n do
    if all[i] then return true end
  end
  return false
end

function subscriptions.have_reader (all)
  for i = 1, all.n do
    if all[i] and has_waiting(all[i].readers) then return true end
  end
  return false
end

-- Is one full that may not drop messages?
function subscriptions.are_full (all)
  for i = 1, all.n do
    local each = all[i]
    if each and each.count >= each.limit and not each.drops then return true end
  end
  return false
end

-- Bytes that they keep. They keep the same messages, one of them the most.
function subscriptions.size (all)
  local size = 0
  for i = 1, all.n do
    local each = all[i]
    if each and each.size > size then size = each.size end
  end
  return size
end

local function take_first (self)
  local item = pop(self.items)
  if item then
    self.count, self.size = self.count - 1, self.size - item.size
  end
  return item
end

local function drop_first (all, self)
  local item = take_first(self)
  self.dropped, self.missed = self.dropped + 1, self.missed + 1
  all.dropped, all.bytes = all.dropped + 1, all.bytes + item.size
end

-- Drops, of those that may drop messages, what is over half of the most that one keeps.
function subscriptions.shrink (all)
  local enough = subscriptions.size(all) / 2
  for i = 1, all.n do
    local each = all[i]
    if each and each.drops then
      while each.size > enough do drop_first(all, each) end
    end
  end
end

-- Wakes those who wait for a message that is there.
function subscriptions.wake (all)
  for i = 1, all.n do
    local each = all[i]
    while each and each.count > 0 and has_waiting(each.readers) do wake(each.readers) end
  end
end

-- Gives the message to each of them; they are not woken yet. Returns whether there is any.
function subscriptions.give (all, item)
  local any = false
  for i = 1, all.n do
    local each = all[i]
    if each and not each.closed then
      any = true
      if each.count >= each.limit then drop_first(all, each) end
      push(each.items, item)
      each.count, each.size = each.count + 1, each.size + item.size
      each.over = nil
    end
  end
  return any
end

-- The connection is over, and has no more messages.
function subscriptions.finish (all, token, why)
  for i = 1, all.n do
    local each = all[i]
    if each then
      each.over, each.why, each.restarts = token, why, each.record.restarts
      wake_all(each.readers)
    end
  end
end

-- ## Its methods

-- One was taken: the connection goes on, if it waited for that. How much is kept is told
-- at times.
local function make_room (self)
  local count = self.count
  if count == 0 or count == self.limit - 1 or count % TOLD_EACH == 0 then
    scheduler.schedule(self.record.id)
  end
end

local function to_results (self, item)
  if item.value == nil then return nil, item.kind, item.why, item.raw end
  local missed = self.missed
  if missed == 0 then return item.value, item.kind end
  self.missed = 0
  return item.value, item.kind, missed
end

-- Is its connection over, with no reconnect() since?
local function is_finished (self)
  local record = self.record
  return self.over ~= nil and is_over[self.ws.state]
         and self.restarts == record.restarts and not record.reconnect_later
end

-- Waits once; keeps the connection from being collected meanwhile.
local function wait_once (self, deadline)
  local ws, record = self.ws, self.record
  scheduler.retain(record.id, ws)
  if is_over[ws.state] then scheduler.schedule(record.id) end
  local in_time = scheduler.wait(self.readers, deadline)
  dispatch.retain(ws, record)
  return in_time
end

--- The next message, as the connection's `receive`; also those that handlers, requests or
--- others get. All readers get the same table: it is not to be changed.
---@param timeout? number  seconds
---@return any data  the message, decoded where `decode` is set, or nil
---@return "text"|"binary"|wsmanager.Token kind  of nil: "timeout", "codec", "cancelled", "closed"
---@return integer|string|nil missed  messages dropped before this one, if any; of nil why
---@return string? raw  with "codec": the message as it came
function Subscription:receive (timeout)
  check_self(self, "receive")
  timeout = arguments.timeout(1, "#1 to 'receive'", timeout)
  local deadline, in_time = timeout and core.now() + timeout, true
  local woken
  repeat
    if woken or not has_waiting(self.readers) or not coroutines.can_yield() then
      local item = take_first(self)
      if item then
        make_room(self)
        return to_results(self, item)
      end
    end
    if self.closed then return nil, "closed", "the subscription was closed" end
    if is_finished(self) then
      return nil, self.over, failures.detail_of(self.ws, self.over, self.why)
    end
    if not in_time then return failures.timed_out(self.ws, "no message", timeout) end
    in_time = wait_once(self, deadline)
    woken = in_time
  until false
end

local function next_message (self)
  while true do
    local data, kind, missed = self:receive()
    if data ~= nil then return data, kind, missed end
    if kind ~= "codec" then return nil end
  end
end

--- Iterates over the messages: `for data, kind, missed in subscription:messages() do`. It gives
--- every message, across reconnects, until it is closed or the connection is over. One that does not decode is
--- left out. In a coroutine of PUC Lua 5.1 it raises: `receive` in a `while` does the same.
---@return fun(self: wsmanager.Subscription): any, string, integer? next  as `receive`
---@return wsmanager.Subscription subscription
function Subscription:messages ()
  check_self(self, "messages")
  failures.check_iterator(1)
  return next_message, self
end

--- Ends it: what it has not taken is dropped, and who waits in its `receive` gets nil,
--- "closed". May be called again.
function Subscription:close ()
  check_self(self, "close")
  if self.closed then return end
  self.closed = true
  self.items, self.count, self.size = fifo.new(), 0, 0
  local d = self.record.distribution
  d.subscriptions = copy_without(d.subscriptions, self)
  wake_all(self.readers)
  scheduler.schedule(self.record.id)
end

-- Lua 5.4: `local subscription <close>`.
Subscription.__close = Subscription.close

-- A new one; options: {limit =, full =}.
function subscriptions.add (ws, record, options)
  local self = setmetatable({
    ws = ws, record = record, limit = options.limit or DEFAULT_LIMIT,
    drops = options.full == "oldest", items = fifo.new(), count = 0, size = 0,
    missed = 0, dropped = 0, readers = coroutines.new_queue(), closed = false,
  }, Subscription)
  local d = record.distribution
  local all = copy_without(d.subscriptions)
  all.n = all.n + 1
  all[all.n] = self
  d.subscriptions = all
  scheduler.schedule(record.id)
  return self
end

return subscriptions
