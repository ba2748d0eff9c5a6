-- Tells a chat from its transcript (journal.lua writes it) and checks it.
-- A line is printed once it cannot change: a message when it was read.

local cjson = require "cjson"

local messageType = require "wsmanager.chat".messageType

local Story = {}
Story.__index = Story

local other = { doctor = "customer", customer = "doctor" }

---@param name string   of the transcript
---@param tell fun(line: string)
local function new (name, tell)
  return setmetatable({
    file = assert(io.open(name)), rest = "", tell = tell,
    said = { doctor = {}, customer = {} },      -- messages, in order
    heard = { doctor = {}, customer = {} },
    received = {}, was_read = {},               -- by id
    opens = { doctor = 0, customer = 0 }, left = {}, attempts = 0, heartbeats = 0,
    lines = {}, told = 0,
  }, Story)
end

local function bytes_text (message)
  if message.type ~= messageType.img then return message.content end
  if not message.bytes then return "[picture at " .. message.content .. "]" end
  return ("[picture %s, %d bytes, %d x %d]"):format(message.content,
    message.bytes, message.width or 0, message.height or 0)
end

local function mark (self, id)
  return self.was_read[id] and "✓✓ read" or self.received[id] and "✓ received"
    or "not received"
end

local function told (self, line)
  if line.remark then return "          -- " .. line.remark end
  local said = line.said
  return ("%s  %-8s  %-50s %s"):format(os.date("%H:%M:%S", math.floor(said.time / 1000)),
    said.who, bytes_text(said), mark(self, said.id))
end

local function tell_on (self, is_over)
  while self.told < #self.lines do
    local line = self.lines[self.told + 1]
    if line.said and not self.was_read[line.said.id] and not is_over then
      return
    end
    self.told = self.told + 1
    self.tell(told(self, line))
  end
end

function Story:remark (text)
  table.insert(self.lines, { remark = text })
end

local on = {}

function on.said (self, line)
  table.insert(self.said[line.who], line)
  table.insert(self.lines, { said = line })
end

function on.heard (self, line) table.insert(self.heard[line.who], line) end
function on.received (self, line) self.received[line.id] = true end
function on.read (self, line) self.was_read[line.id] = true end
function on.left (self, line) self.left[line.who] = true end
function on.heartbeat (self) self.heartbeats = self.heartbeats + 1 end
function on.listening (self, line)
  self.server = "listening"
  self.kept, self.kept_messages = line.kept, line.messages
end
function on.failed (self) self.server = "failed" end

function on.open (self, line)
  local opens = self.opens[line.who] + 1
  self.opens[line.who] = opens
  if opens > 1 then self:remark("the " .. line.who .. " is back") end
end

function on.reconnecting (self, line)
  self.attempts = self.attempts + 1
  if line.attempt == 1 then
    self:remark("the " .. line.who .. " lost the connection, reconnects")
  end
end

--- Takes in what the programs wrote since the last time.
function Story:read ()
  self.rest = self.rest .. (self.file:read "*a" or "")
  for text in self.rest:gmatch "([^\n]*)\n" do
    local line = cjson.decode(text)
    on[line.event](self, line)
  end
  self.rest = self.rest:match "[^\n]*$"
  tell_on(self, false)
end

--- Tells what is left, read or not.
function Story:finish ()
  tell_on(self, true)
end

local function side_is_complete (self, who)
  local said, heard = self.said[who], self.heard[other[who]]
  for _, line in ipairs(said) do
    if not self.was_read[line.id] then return false end
  end
  return self.left[who] and #said > 0 and #heard >= #said
end

function Story:is_complete ()
  return side_is_complete(self, "doctor") and side_is_complete(self, "customer")
end

local function same (said, heard)
  return heard and said.id == heard.id and said.content == heard.content
    and said.bytes == heard.bytes and said.checksum == heard.checksum
end

local function quoted (line)
  return line and ("'%s' (%s)"):format(bytes_text(line), line.id) or "nothing"
end

local function check_side (self, who, faults)
  local said, heard = self.said[who], self.heard[other[who]]
  local function fault (...) table.insert(faults, string.format(...)) end
  if #said == 0 then fault("the %s said nothing", who) end
  for i = 1, math.max(#said, #heard) do
    if not said[i] or not same(said[i], heard[i]) then
      fault("message %d of the %s: said %s, heard %s", i, who,
        quoted(said[i]), quoted(heard[i]))
    elseif not self.received[said[i].id] or not self.was_read[said[i].id] then
      fault("message %d of the %s: %s is %s", i, who, quoted(said[i]),
        mark(self, said[i].id))
    end
  end
  if self.opens[who] < 2 then fault("the %s never came back", who) end
  if not self.left[who] then fault("the %s did not end well", who) end
end

---@return string[]   what is wrong, a sentence each
function Story:faults ()
  local faults = {}
  check_side(self, "doctor", faults)
  check_side(self, "customer", faults)
  return faults
end

---@return string
function Story:summary ()
  return ("%d messages: every one arrived exactly once, in order, and was read."
    .. "\n%d attempts after the server was killed, %d heartbeats.")
    :format(#self.said.doctor + #self.said.customer, self.attempts, self.heartbeats)
end

return { new = new }
