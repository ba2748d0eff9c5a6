-- A managed connection with the seed's rhythm on a fake clock in milliseconds,
-- and a driver that records what it did: `attempts`, `sent`, `events`.

local protocol = require "wsmanager.core".protocol

local HEARTBEAT = '{"action":4}'

local RESPONSE = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
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
    role = "client", now = 0, heartbeat_message = HEARTBEAT, factor = 1, jitter = 0,
    heartbeat_mode = 1,   -- "received"
    budget = 10,
  }
  for name, value in pairs(options or {}) do all[name] = value end
  local self = setmetatable({
    now = 0, manager = protocol.manager(all), attempts = {}, sent = {},
    events = {},
  }, Life)
  self.manager:start(0)
  self:update()
  return self
end

function Life:pop_events ()
  local name = self.manager:event()
  while name do
    table.insert(self.events, name)
    name = self.manager:event()
  end
end

-- What a driver does: applies the want, writes, disconnects.
function Life:update ()
  self.manager:tick(self.now)
  self:pop_events()
  if self.manager:want() == "target" then
    self.manager:target({ url = "ws://h/" }, self.now)
  end
  if self.manager:want() == "connect" and not self.connecting then
    self.connecting = true
    table.insert(self.attempts, self.now)
  end
  if self.is_open then
    local bytes = self.manager:write(self.now)
    if bytes ~= "" then
      table.insert(self.sent, { at = self.now, bytes = bytes })
    end
  end
  local want = self.manager:want()
  if want == "disconnect" or want == "finish" then
    self:disconnect()
  end
end

function Life:disconnect ()
  self.disconnected, self.is_open, self.connecting = self.now, false, false
  self.manager:lost(nil, nil, false, self.now)
  self:pop_events()
end

function Life:open ()
  self.manager:connected(self.now)
  self.manager:write(self.now)
  self.is_open = true
  self:receive(RESPONSE)
end

function Life:receive (bytes)
  self.manager:feed(bytes, self.now)
  while self.manager:next(self.now) do self:pop_events() end
  self:update()
end

function Life:lose (token)
  self.is_open, self.connecting = false, false
  self.manager:lost(token, "gone", false, self.now)
  self:update()
end

-- Lets time pass, from deadline to deadline.
function Life:pass (ms)
  local till = self.now + ms
  local due = self.manager:deadline()
  while due and due <= till do
    self.now = math.max(self.now, due)
    self:update()
    due = self.manager:deadline()
  end
  self.now = till
end

-- When it sent the heartbeat of the seed.
function Life:heartbeats ()
  local at = {}
  for _, sent in ipairs(self.sent) do
    if sent.bytes == text(HEARTBEAT) then at[#at + 1] = sent.at end
  end
  return at
end

return { new = new, text = text }
