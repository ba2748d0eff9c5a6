-- A managed connection with the seed's rhythm on a fake clock in milliseconds,
-- and a driver that writes down what it wants: `dials`, `sent`, `events`.

local protocol = require "wsmanager.core".protocol

local BEAT = '{"action":4}'

local SWITCH = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
  .. "Connection: Upgrade\r\n"
  .. "Sec-WebSocket-Accept: ICX+Yqv66kxgM0FcWaLWlFLwTAI=\r\n\r\n"

local Life = {}
Life.__index = Life

-- A text frame of a manager, whose masks are zero (RFC 6455 5.2).
local function text (payload)
  return string.char(0x81, 0x80 + #payload, 0, 0, 0, 0) .. payload
end

-- A managed connection with the seed's rhythm, and all that happens to it.
local function new (options)
  local all = {
    role = "client", now = 0, heartbeat_message = BEAT, factor = 1, jitter = 0,
  }
  for name, value in pairs(options or {}) do all[name] = value end
  local self = setmetatable({
    now = 0, manager = protocol.manager(all), dials = {}, sent = {},
    events = {},
  }, Life)
  self.manager:start(0)
  self:settle()
  return self
end

function Life:drain ()
  local name = self.manager:event()
  while name do
    table.insert(self.events, name)
    name = self.manager:event()
  end
end

-- Does what the driver does: looks at the wish, writes, hangs up.
function Life:settle ()
  self.manager:tick(self.now)
  self:drain()
  if self.manager:want() == "target" then
    self.manager:target({ url = "ws://h/" }, self.now)
  end
  if self.manager:want() == "connect" and not self.dialling then
    self.dialling = true
    table.insert(self.dials, self.now)
  end
  if self.is_open then
    local bytes = self.manager:write(self.now)
    if bytes ~= "" then
      table.insert(self.sent, { at = self.now, bytes = bytes })
    end
  end
  local want = self.manager:want()
  if want == "disconnect" or want == "finish" then
    self:hang_up()
  end
end

function Life:hang_up ()
  self.hung_up, self.is_open, self.dialling = self.now, false, false
  self.manager:lost(nil, nil, false, self.now)
  self:drain()
end

function Life:open ()
  self.manager:connected(self.now)
  self.manager:write(self.now)
  self.is_open = true
  self:hear(SWITCH)
end

function Life:hear (bytes)
  self.manager:feed(bytes, self.now)
  while self.manager:next(self.now) do self:drain() end
  self:settle()
end

function Life:lose (token)
  self.is_open, self.dialling = false, false
  self.manager:lost(token, "gone", false, self.now)
  self:settle()
end

-- Lets time pass, from deadline to deadline.
function Life:pass (ms)
  local till = self.now + ms
  local due = self.manager:deadline()
  while due and due <= till do
    self.now = math.max(self.now, due)
    self:settle()
    due = self.manager:deadline()
  end
  self.now = till
end

-- When it said the seed's beat.
function Life:beats ()
  local at = {}
  for _, sent in ipairs(self.sent) do
    if sent.bytes == text(BEAT) then at[#at + 1] = sent.at end
  end
  return at
end

return { new = new, text = text }
