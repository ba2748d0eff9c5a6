-- The option `stream`: messages that are read in parts, each by a reader, as they come.
-- Depends on the core's link, coroutines.lua, dispatch.lua, failures.lua and finalizer.lua.
-- Never holds more of a message than one part: what nobody reads is not read from the
-- socket either.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local coroutines = require "wsmanager.run.coroutines"
local dispatch = require "wsmanager.run.dispatch"
local failures = require "wsmanager.run.failures"
local finalizer = require "wsmanager.base.finalizer"
local scheduler = require "wsmanager.run.scheduler"

local link = core.link
local has_waiting, wake, wake_all =
  coroutines.has_waiting, coroutines.wake, coroutines.wake_all
local wait_in = dispatch.wait

local PARTS_PER_ROUND = 64   -- of one connection: 4 MiB
local PRIVATE = {}    -- the key of a reader's private fields
local FINALIZER = {}  -- of what is collected with it

local readers = {}

--- A message that is read in parts, in order, while it comes. What is not read stays where it
--- is: beyond `inbox` the socket is not read, and the peer waits. A reader that the program has
--- forgotten is discarded when it is collected.
---@class wsmanager.Reader
---@field kind "text"|"binary"  of the message; a text is checked as it comes
local Reader = {}

Reader.__index = Reader

---@class wsmanager.Reading  the private fields of a reader
---@field ws wsmanager.Connection
---@field record wsmanager.Record
---@field first? string   the part that it was made with, until that is read
---@field more boolean    another part follows
---@field token? string   why not all of the message was read
---@field why? string
---@field forgotten? true  nobody has the reader any more

---@class wsmanager.Parts  what the record has as its `distribution`
---@field reading? wsmanager.Reading  the message of which more is to be read
---@field last? wsmanager.Reading     the one that `receive` returned last
---@field skips? true     the rest of a message is dropped as it comes
---@field streams true

-- ## A message

-- There will be no more of it. Those who wait for a part look again, and those who wait
-- for the next message.
local function finish (mine)
  local record = mine.record
  local parts = record.distribution
  mine.more = false
  if parts.reading ~= mine then return end
  parts.reading = nil
  if record.readers then wake_all(record.readers) end
  if has_waiting(record.takers) then scheduler.schedule(record.id) end
end

-- One that is collected is discarded in the next round: others wait for its end.
local function new_finalizer (mine)
  return finalizer.new(function ()
    mine.forgotten = true
    scheduler.schedule(mine.record.id)
  end)
end

local function new_reader (ws, record, data, kind, more)
  local mine = {ws = ws, record = record, first = data, more = more}
  local parts = record.distribution
  parts.last, parts.skips = mine, nil
  if more then parts.reading = mine end
  return setmetatable({
    kind = kind, [PRIVATE] = mine, [FINALIZER] = more and new_finalizer(mine) or nil,
  }, Reader)
end

-- The next part, and whether it was the last; nil, true: there will be none; nil: there
-- is none yet.
local function take (mine)
  local data, more, why = link.nextpart(mine.ws)
  if data then return data, not more end
  if more == nil then return nil end
  mine.token, mine.why = more, why
  return nil, true
end

-- What is left of it is dropped, now and as it comes.
local function drop (mine, why)
  if not mine.more and not mine.first then return end
  mine.first, mine.token, mine.why = nil, "cancelled", why
  if mine.more then
    mine.record.distribution.skips = not link.skipparts(mine.ws) or nil
  end
  finish(mine)
end

local function private (reader, method)
  local mine = type(reader) == "table" and rawget(reader, PRIVATE)
  if mine then return mine end
  error("call it with ':', as in reader:" .. method .. "(...)", 3)
end

-- ## Who waits

-- Threads of a host look themselves. Returns whether it is they who wait.
local function wake_threads (queue)
  if not queue or not queue.condition then return false end
  wake_all(queue)
  return true
end

-- Gives a part to the first who waits for one. Returns whether there was any.
local function give_part (record, mine)
  if not has_waiting(record.readers) or wake_threads(record.readers) then return false end
  local data, is_last = take(mine)
  if is_last then mine.more, record.distribution.reading = false, nil end
  if data then wake(record.readers, data) end
  if is_last then wake_all(record.readers) end
  return data ~= nil or is_last
end

-- Gives the next message to the first who waits for one. Returns whether there was any.
local function give_message (ws, record, parts)
  if not has_waiting(record.takers) then
    if parts.skips and link.skipparts(ws) then parts.skips = nil end
    return false
  end
  if wake_threads(record.takers) then return false end
  local data, kind, more = link.firstpart(ws)
  if data then wake(record.takers, new_reader(ws, record, data, kind, more))
  elseif kind then wake_all(record.takers, nil, kind, more) end
  return data ~= nil
end

local function deliver (ws, record, budget)
  local parts = record.distribution
  if parts.reading and parts.reading.forgotten then
    drop(parts.reading, "nobody has its reader any more")
  end
  for _ = 1, math.min(budget, PARTS_PER_ROUND) do
    local mine = parts.reading
    local given
    if mine then given = give_part(record, mine)
    else given = give_message(ws, record, parts) end
    if not given then return end
  end
  scheduler.schedule(record.id)
end

-- May it take what is there before those who wait? A thread of a host was woken for it.
local function may_take (queue, timeout, waited)
  return not has_waiting(queue) or timeout == 0 or not coroutines.can_yield()
         or waited and coroutines.has_threads()
end

-- `receive`: the reader of the next message. What is left of the one before is dropped.
local function receive (ws, record, timeout, deadline)
  local parts, restarts, in_time = record.distribution, record.restarts, true
  local waited = false
  if parts.last then
    drop(parts.last, "the next message was received, and what was left of this one "
                     .. "is dropped")
    parts.last = nil
  end
  repeat
    if not parts.reading and may_take(record.takers, timeout, waited) then
      local data, kind, more = link.firstpart(ws)
      if data then return new_reader(ws, record, data, kind, more), kind end
      if kind then return nil, kind, failures.detail_of(ws, kind, more) end
    else
      scheduler.schedule(record.id)
    end
    if not in_time then return failures.timed_out(ws, "no message", timeout) end
    local reader, token, detail
    in_time, reader, token, detail = wait_in(ws, record, "takers", deadline)
    waited = true
    if reader then return reader, reader.kind end
    if token then return nil, token, failures.detail_of(ws, token, detail) end
    -- on the main thread nobody was notified of the end
    if record.restarts ~= restarts then
      return nil, "closed", "the connection was closed"
    end
  until false
end

local function is_needed (record)
  return has_waiting(record.takers) or has_waiting(record.readers)
end

-- The connection has ended: the core tells who reads.
local function lose () end

-- ## The reader

--- The next part of the message: what has come of it, at most 64 KiB and never empty. A
--- part of a text may end within a character; the text as a whole is UTF-8.
---@param timeout? number  seconds; after a timeout the message is as it was
---@return string? part  nil, and no token: that was all
---@return wsmanager.Token? token  "closed": its connection ended; "cancelled": it was discarded; "timeout"
---@return string? detail  why
function Reader:read (timeout)
  local mine = private(self, "read")
  timeout = arguments.timeout(1, "#1 to 'read'", timeout)
  local deadline = timeout and core.now() + timeout
  local ws, record, in_time, waited = mine.ws, mine.record, true, false
  local data = mine.first
  mine.first = nil
  while not data or data == "" do
    if not mine.more then
      if mine.token then return nil, mine.token, mine.why end
      return nil
    end
    if may_take(record.readers, timeout, waited) then
      local is_last
      data, is_last = take(mine)
      if is_last then finish(mine) end
    end
    if (not data or data == "") and mine.more then
      if not in_time then
        return failures.timed_out(ws, "no part of the message", timeout)
      end
      in_time, data = wait_in(ws, record, "readers", deadline)
      waited = true
    end
  end
  return data
end

--- The rest of the message is not wanted: it is dropped, now and as it comes, and read
--- from the socket even if nobody receives.
function Reader:discard ()
  drop(private(self, "discard"), "the rest of the message was discarded")
end

function Reader:__tostring ()
  return "wsmanager reader: " .. self.kind
end

-- ## Connections

-- For a connection that was registered: its `receive` returns readers.
function readers.attach (ws, record)
  record.distribution = {
    deliver = deliver, receive = receive, is_needed = is_needed, lose = lose,
    users = 0, lost = 0, streams = true,
  }
  record.shared, record.only_listener = true, nil
  link.share(ws, true)
end

-- Raises, at `level`, where messages are read in parts: `what` needs whole ones.
function readers.check_whole (level, record, what)
  if record.distribution and record.distribution.streams then
    error(what .. " needs whole messages, and with the option 'stream' they come in "
          .. "parts: call 'receive'", level + 2)
  end
end

return readers
