-- Receives for a chat, and keeps what comes while something else is awaited.
-- Depends on frames.lua and message.lua; the chat is given.

local core = require "wsmanager.core"
local frames = require "wsmanager.chat.frames"
local message = require "wsmanager.chat.message"

local now = core.now

local receiving = {}

local function seconds_left (deadline)
  return deadline and math.max(0, deadline - now())
end

-- Who does not read our receipts is not read: waits for room for one more.
-- Returns false where there is none in time.
local function await_room (self, deadline)
  if not self.ledger:is_choked() then return true end
  local _, token = self.ws:drain(seconds_left(deadline))
  return token ~= "timeout"
end

-- Receives one frame: a message and its size; false for another one; nil, token,
-- detail, raw.
function receiving.receive_frame (self, deadline)
  if not await_room(self, deadline) then
    return nil, "timeout", "the peer does not read its receipts"
  end
  local data, kind, detail = self.ws:receive(seconds_left(deadline))
  if not data then return nil, kind, detail end
  local frame, why = message.decode(data, kind)
  if not frame then return nil, "codec", why, data end
  return frames.handle(self, frame, #data) or false, #data
end

-- What one message in the inbox weighs: its bytes, and what Lua needs for a table.
local OVERHEAD = 512

local function keep (self, received, size)
  self.inbox_bytes = self.inbox_bytes + size + OVERHEAD
  table.insert(self.inbox, { received, size + OVERHEAD })
end

-- The oldest message of the inbox, or nil.
function receiving.take_kept (self)
  local kept = table.remove(self.inbox, 1)
  if not kept then return nil end
  self.inbox_bytes = self.inbox_bytes - kept[2]
  return kept[1]
end

-- Seconds.
local LOOK_AGAIN = 0.2

-- Receives, and keeps what comes, until `is_done`; true, or nil, token, detail.
function receiving.keep_until (self, deadline, is_done)
  while not is_done() do
    if self.inbox_bytes >= self.inbox_limit then
      return nil, "full", #self.inbox .. " messages wait for receive()"
    end
    -- another coroutine may receive what this one waits for: looks again
    local slice = now() + LOOK_AGAIN
    if deadline and deadline < slice then slice = deadline end
    local received, token, detail = receiving.receive_frame(self, slice)
    if received then
      keep(self, received, token)
    elseif token == "timeout" then
      if deadline and now() >= deadline then return nil, token, detail end
    elseif received == nil and token ~= "codec" then
      return nil, token, detail
    end
  end
  return true
end

function receiving.is_timeout (value)
  return value == nil or type(value) == "number"
end

function receiving.to_deadline (timeout)
  return timeout and now() + timeout
end

return receiving
