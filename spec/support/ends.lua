-- Two ends of a TLS connection, joined in memory, with the certificates of
-- support/certificates.lua.

local core = require "wsmanager.core"
local certificates = require "support.certificates"

-- One end: what its pipe answered so far.
local End = {}
End.__index = End

function End:take_in(status, plain, token, detail, final)
  self.status, self.plain = status, self.plain .. plain
  self.token, self.detail, self.final = token, detail, final
end

function End:start()
  self:take_in(self.pipe:start())
end

-- Hands over bytes in pieces of at most `size`.
function End:feed(bytes, size)
  size = size or math.max(#bytes, 1)
  for from = 1, #bytes, size do
    if self.status ~= "failed" then
      self:take_in(self.pipe:feed(bytes:sub(from, from + size - 1)))
    end
  end
end

local ends = {}

function ends.setup() ends.made = certificates.make() end
function ends.teardown() ends.made:remove() end

function ends.path(name) return ends.made:path(name) end
function ends.text(name) return ends.made:text(name) end

function ends.new(context, host)
  return setmetatable({ pipe = assert(core.protocol.tlspipe(context, host)), plain = "" }, End)
end

-- options.name: of a leaf; else cert and key.
function ends.server(options)
  options = options or {}
  options.cert = options.cert or ends.path((options.name or "good") .. ".pem")
  options.key = options.key or ends.path("leaf.key")
  return assert(core.tls(options, true))
end

function ends.client(options)
  options = options or {}
  options.ca = options.ca or ends.path("ca.pem")
  return assert(core.tls(options, false))
end

-- Carries bytes both ways until neither end has any more.
function ends.settle(client, server, size)
  repeat
    local up = client.pipe:take()
    server:feed(up, size)
    local down = server.pipe:take()
    client:feed(down, size)
  until up == "" and down == ""
end

-- Two ends after their handshake, done or failed. more: client and server,
-- contexts instead of options; host; size of the pieces.
function ends.join(client_options, server_options, more)
  more = more or {}
  local client = ends.new(more.client or ends.client(client_options),
                          more.host or "localhost")
  local server = ends.new(more.server or ends.server(server_options))
  client:start()
  ends.settle(client, server, more.size)
  return client, server
end

return ends
