-- One core connection on a loop of its own, turned until something is so. Every
-- wait has a deadline; nothing sleeps.

local core = require "wsmanager.core"

local link = core.link
local turns = {}
turns.__index = turns

-- What a connection to `url` does, as a record: events is a list of
-- { name, a, b, c }, messages a list of { data, kind }.
function turns.new(config)
  local loop = assert(core.loop())
  local self = setmetatable({ loop = loop, events = {}, messages = {} }, turns)
  self.ws = core.connection(loop, config)
  link.start(self.ws)
  return self
end

local function take(self)
  for name, a, b, c in link.event, self.ws do
    self.events[#self.events + 1] = { name, a, b, c }
  end
  local data, kind, detail = link.receive(self.ws)
  while data do
    self.messages[#self.messages + 1] = { data, kind }
    data, kind, detail = link.receive(self.ws)
  end
  if kind then self.ended = { kind, detail } end
end

-- Turns until done(self) is true; raises after `seconds` (60).
function turns:till(done, seconds)
  local last = core.now() + (seconds or 60)
  take(self)
  while not done(self) do
    assert(core.now() < last, "nothing came in time")
    self.loop:turn(0.02)
    while self.loop:ready() do take(self) end
    take(self)
  end
  return self
end

-- The first event of that name, waited for.
function turns:event(name, seconds)
  local found
  self:till(function()
    for _, event in ipairs(self.events) do
      if event[1] == name then found = event end
    end
    return found
  end, seconds)
  return found
end

function turns:message(n)
  self:till(function() return #self.messages >= n end)
  return self.messages[n][1], self.messages[n][2]
end

function turns:close()
  link.drop(self.ws)
  self.loop:close()
end

-- Descriptors this process has open, but for pipes: while they are counted, an
-- end of popen's own may not be closed yet.
local function count_descriptors()
  local pipe = io.popen("ls -l /proc/$PPID/fd 2>/dev/null | grep -vc pipe:")
  local n = tonumber(pipe:read("*a"))
  pipe:close()
  assert(n and n > 2, "the descriptors cannot be listed")
  return n
end

-- Counted until two counts agree: a thread that looks up a name has a file open
-- for a moment.
function turns.descriptors()
  local before, n
  repeat before, n = n, count_descriptors() until n == before
  return n
end

return turns
