-- Managers on a fake clock: a server's response, frames, and events.
local protocol = require("wsmanager.core").protocol

local managers = {}

managers.url = "ws://example.com/chat"
managers.nonce = "the sample nonce"           -- RFC 6455 1.3
managers.response = "HTTP/1.1 101 Switching Protocols\r\n"
  .. "Upgrade: websocket\r\nConnection: Upgrade\r\n"
  .. "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
managers.request = "GET /chat HTTP/1.1\r\nHost: example.com\r\n"
  .. "Upgrade: websocket\r\nConnection: Upgrade\r\n"
  .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
  .. "Sec-WebSocket-Version: 13\r\n\r\n"

-- The seed's rhythm unless an option says otherwise.
function managers.new(options)
  local all = { factor = 1, jitter = 0 }
  for name, value in pairs(options or {}) do all[name] = value end
  return protocol.manager(all)
end

-- Pops every event: a list of { name, values ... }.
function managers.events(m)
  local list = {}
  repeat
    local one = { m:event() }
    if one[1] then list[#list + 1] = one end
  until not one[1]
  return list
end

-- The names alone: "error close reconnecting".
function managers.event_names(m)
  local names = {}
  for i, one in ipairs(managers.events(m)) do names[i] = one[1] end
  return table.concat(names, " ")
end

function managers.target(m, now)
  m:target({ url = managers.url, nonce = managers.nonce }, now)
end

function managers.connect(m, now)
  managers.target(m, now)
  m:connected(now)
  m:write(now)
  m:feed(managers.response, now)
end

-- A client that is open since `now`, its events popped.
function managers.open(options, now)
  local m = managers.new(options)
  m:start(now or 0)
  managers.connect(m, now or 0)
  assert(m:state() == "open")
  managers.event_names(m)
  return m
end

-- A client whose request was sent.
function managers.asking(options)
  local m = managers.new(options)
  m:start(0)
  managers.target(m, 0)
  m:connected(0)
  m:write(0)
  return m
end

-- The same, which has got this answer.
function managers.answered(answer, now, options)
  local m = managers.asking(options)
  m:feed(answer, now or 0)
  return m
end

-- A client with a login.
function managers.with_login(options)
  local all = { ask_login = true }
  for name, value in pairs(options or {}) do all[name] = value end
  return managers.new(all)
end

-- The same whose 101 came at `now`; the event `login` is popped.
function managers.logging_in(options, now)
  local m = managers.with_login(options)
  m:start(now or 0)
  managers.connect(m, now or 0)
  assert(m:state() == "connecting")
  assert(m:event() == "login")
  return m
end

function managers.lose(m, now)
  m:lost("closed", "reset", false, now)
end

-- Connects again when the wait is over; returns when.
function managers.reconnect(m)
  local now = m:deadline()
  m:tick(now)
  managers.connect(m, now)
  return now
end

-- A server's side, open.
function managers.serve(options, now)
  local all = { role = "server" }
  for name, value in pairs(options or {}) do all[name] = value end
  local m = managers.new(all)
  m:feed(managers.request, now or 0)
  m:accept(nil, nil, now or 0)
  m:write(now or 0)
  managers.event_names(m)
  return m
end

-- Frames of a server, and of a client whose key is zero.
managers.frame = protocol.frame

function managers.masked(opcode, payload)
  return protocol.frame(opcode, payload, { mask = "\0\0\0\0" })
end

function managers.text(payload)
  return protocol.frame(1, payload)
end

local function closing(code, reason)
  return string.char(math.floor(code / 256), code % 256) .. (reason or "")
end

function managers.close_frame(code, reason)
  return protocol.frame(8, closing(code, reason))
end

function managers.masked_close(code, reason)
  return managers.masked(8, closing(code, reason))
end

-- Every message that can be taken now.
function managers.messages(m, now)
  local list = {}
  local data = m:next(now)
  while data do
    list[#list + 1] = data
    data = m:next(now)
  end
  return list
end

return managers
