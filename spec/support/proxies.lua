-- Handshakes with proxies, as protocol.exchange does them.

local assert = require "luassert"
local bytes = require "support.bytes"
local protocol = require "wsmanager.core".protocol

local proxies = {}

-- Feeds a handshake the pieces of the proxy's responses: its status, all that was
-- sent after the first request, and the bytes left for the tunnel.
function proxies.feed(exchange, pieces)
  local sent, rest, open = "", "", false
  for _, piece in ipairs(pieces) do
    if open then rest = rest .. piece else
      local status, out, left, final = exchange:feed(piece)
      if status == nil then return nil, out, left, final end
      sent = sent .. out
      if status == "open" then open, rest = true, left end
    end
  end
  return open and "open" or "more", sent, rest
end

-- A handshake with that proxy, and its first request.
function proxies.begin(proxy, host, port)
  local exchange = protocol.exchange(proxy, host or "chat.example.com", port or 443)
  return exchange, assert(exchange:start())
end

-- The pieces, cut where a turn of the proxy ends: it waits there for a request.
local function in_turns(pieces, turns)
  local result, left, turn = {}, #turns[1], 1
  for _, piece in ipairs(pieces) do
    while #piece > left and turns[turn + 1] do
      result[#result + 1] = piece:sub(1, left)
      piece, turn = piece:sub(left + 1), turn + 1
      left = #turns[turn]
    end
    left = left - #piece
    result[#result + 1] = piece
  end
  return result
end

-- The same responses, cut anywhere, end the same.
function proxies.every_way(proxy, turns, check)
  local response = table.concat(turns)
  for pieces in bytes.cuts(response) do
    check(proxies.feed(proxies.begin(proxy), in_turns(pieces, turns)))
  end
end

-- The responses open the tunnel; told: what was sent after the first request.
function proxies.opens(proxy, turns, told)
  if type(turns) == "string" then turns = { turns } end
  local response, last = table.concat(turns), turns[#turns]
  turns[#turns] = last .. "\0tunnel"
  proxies.every_way(proxy, turns, function(status, sent, rest)
    assert.equal("open", status)
    assert.equal(told or "", sent)
    assert.equal("\0tunnel", rest)
  end)
  turns[#turns] = last
  for n = 0, #response - 1 do
    local pieces = in_turns({ response:sub(1, n) }, turns)
    assert.equal("more", (proxies.feed(proxies.begin(proxy), pieces)))
  end
end

-- The responses fail the handshake.
function proxies.fails(proxy, turns, detail, final)
  if type(turns) == "string" then turns = { turns } end
  proxies.every_way(proxy, turns, function(status, token, got, last)
    assert.is_nil(status)
    assert.equal("proxy", token)
    assert.equal(detail, got)
    assert.equal(final, last)
  end)
end

return proxies
