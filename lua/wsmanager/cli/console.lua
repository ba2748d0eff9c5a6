-- The input and the outputs of `wsm`, which wait without stopping the connection.
-- Depends on the core's descriptor, scheduler.lua and coroutines.lua.
-- Never changes what others share: a descriptor stays as blocking as it was.

local core = require "wsmanager.core"
local coroutines = require "wsmanager.run.coroutines"
local scheduler = require "wsmanager.run.scheduler"

local console = {}

---@class wsmanager.cli.Stream   a descriptor of the program's own
local Stream = {}
Stream.__index = Stream

---@param number integer  0, 1 or 2
---@return wsmanager.cli.Stream
function console.open (number)
  local descriptor, token, detail = core.descriptor(scheduler.loop(), number)
  if not descriptor then error(token .. ": " .. detail, 0) end
  local self = setmetatable({descriptor = descriptor, queue = coroutines.new_queue()}, Stream)
  scheduler.attend(descriptor:id(), function () coroutines.wake_all(self.queue) end)
  return self
end

-- Waits until it can be read, or written; false: not in time.
local function await (self, what, deadline)
  if not self.descriptor:await(what) then return true end   -- a file: always ready
  return scheduler.wait(self.queue, deadline)
end

-- Some bytes; nil, "end"; nil, "error", why; or nil, "timeout".
---@param deadline? number
---@return string? bytes
---@return string? ending
---@return string? why
function Stream:read (deadline)
  while true do
    local bytes, why = self.descriptor:read()
    if bytes then return bytes end
    if bytes == nil then return nil, why and "error" or "end", why end
    if not await(self, "read", deadline) then return nil, "timeout" end
  end
end

-- Waits until all of it is written; nil, why: it cannot be, because nobody reads it any
-- more or otherwise.
---@param text string
---@return true?
---@return string? why
---@return boolean? is_unread
function Stream:write (text)
  local at = 1
  while at <= #text do
    local after, why, is_unread = self.descriptor:write(text, at)
    if not after then return nil, why, is_unread end
    if after == at and not await(self, "write") then return nil, "cancelled" end
    at = after
  end
  return true
end

function Stream:is_terminal () return self.descriptor:terminal() end

-- Columns and rows; 80 and 24 where nobody knows.
function Stream:size ()
  local columns, rows = self.descriptor:size()
  return columns or 80, rows or 24
end

-- Key by key, or as it was; is it so now?
function Stream:raw (on) return self.descriptor:raw(on) end

-- Stops the program as Ctrl-Z does, until it is continued.
console.suspend = core.suspend

return console
