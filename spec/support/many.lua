-- Many core connections to a server of ours, all on one loop: `clients` dial,
-- `peers` are what the server accepted. Every wait has a deadline.

local core = require "wsmanager.core"

local link = core.link
local many = {}
many.__index = many

function many.new()
  local loop = assert(core.loop())
  return setmetatable({
    loop = loop, server = assert(core.server(loop, { host = "127.0.0.1" })),
    clients = {}, peers = {},
  }, many)
end

-- One more, that does not reconnect.
function many:dial(config)
  config = config or {}
  config.url, config.reconnect = "ws://127.0.0.1:" .. self.server:port(), false
  local ws = core.connection(self.loop, config)
  self.clients[#self.clients + 1] = ws
  link.start(ws)
  return ws
end

-- Turns, and accepts, until done() is true; raises after 60 s.
function many:till(done)
  local last = core.now() + 60
  while not done() do
    assert(core.now() < last, "nothing came in time")
    self.loop:turn(0.1)
    while self.loop:ready() do end
    local peer = self.server:next()
    while peer do
      assert(link.accept(peer))
      self.peers[#self.peers + 1] = peer
      peer = self.server:next()
    end
  end
end

function many:close()
  for _, ws in ipairs(self.clients) do link.drop(ws) end
  for _, ws in ipairs(self.peers) do link.drop(ws) end
  self.server:close()
  self.loop:close()
end

return many
