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

-- Receives one frame: a message and its size; false for another one; nil, token,
-- detail, raw.
function receiving.receive_frame (self, deadline)
  -- who does not read our receipts is not read
  local paid, token, detail = frames.pay(self, seconds_left(deadline))
  if not paid and token == "cancelled" then return nil, token, detail end
  if not paid then
    return nil, "timeout", "the peer does not read its receipts"
  end
  local frame, raw
  frame, token, detail, raw = self.ws:receive(seconds_left(deadline))
  if not frame then return nil, token, detail, raw end
  return frames.handle(self, frame) or false, message.size(frame)
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

function receiving.to_deadline (timeout)
  return timeout and now() + timeout
end

return receiving
