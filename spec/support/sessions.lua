-- Sessions for specs: what a peer sends them, and all that comes of it.
local assert = require "luassert"
local protocol = require "wsmanager.core".protocol
local bytes = require "support.bytes"

local hex, frame = bytes.hex, protocol.frame

local sessions = {}

sessions.key = hex "37 fa 21 3d"
sessions.keys = (sessions.key .. hex "01 02 03 04 a5 5a ff 00 10 20 30 40"):rep(200)

sessions.other = { client = "server", server = "client" }

-- A session whose keys are known.
function sessions.new(role, options)
  local o = { role = role, keys = sessions.keys }
  for name, value in pairs(options or {}) do o[name] = value end
  return protocol.session(o)
end

-- A frame as the peer of that role sends it.
function sessions.from_peer(role, opcode, payload, options)
  local o = {}
  for name, value in pairs(options or {}) do o[name] = value end
  if o.mask == nil and role == "server" then o.mask = sessions.key end
  return frame(opcode, payload, o)
end

-- The frames of an output: what protocol.parse says of each, and its payload.
function sessions.parsed(output)
  local list, at = {}, 1
  while at <= #output do
    local f = assert(protocol.parse(output:sub(at)))
    f.payload = output:sub(at + f.header, at + f.header + f.length - 1)
    if f.mask then f.payload = protocol.mask(f.payload, f.mask) end
    list[#list + 1] = f
    at = at + f.header + f.length
  end
  return list
end

-- The same as { opcode, payload } each.
function sessions.frames(output)
  local list = sessions.parsed(output)
  for i, f in ipairs(list) do list[i] = { f.opcode, f.payload } end
  return list
end

-- A close code as it stands on the wire.
function sessions.code(n)
  return string.char((n - n % 256) / 256, n % 256)
end

-- Feeds the pieces and pulls all messages after each: all that came of it.
function sessions.outcome(role, pieces, options)
  local s = sessions.new(role, options)
  local got = { messages = {} }
  for _, piece in ipairs(pieces) do
    assert(s:feed(piece))
    local data, kind, detail, n = s:next()
    while data do
      got.messages[#got.messages + 1] = { data, kind }
      data, kind, detail, n = s:next()
    end
    if data == false then got.token, got.detail, got.code = kind, detail, n end
  end
  local state = s:state()
  got.pings, got.pongs, got.unread = state.pings, state.pongs, state.unread
  got.output = sessions.frames(s:take())
  s:free()
  return got
end

-- The same whole, in two pieces cut anywhere, and one byte at a time.
function sessions.however_cut(role, text, options)
  local whole = sessions.outcome(role, { text }, options)
  for pieces in bytes.cuts(text) do
    assert.are.same(whole, sessions.outcome(role, pieces, options))
  end
  return whole
end

function sessions.each_role(test)
  test("client")
  test("server")
end

return sessions
