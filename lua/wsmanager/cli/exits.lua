-- With what `wsm` ends: a number for each token.
-- Depends on nothing. docs/wsm.md has the table.

local exits = {
  ok = 0, usage = 1,
  resolve = 2, refused = 3, tls = 4, handshake = 5, timeout = 6, closed = 7, protocol = 8,
  proxy = 9, login = 10, toobig = 11, codec = 12, full = 13, locked = 14, exhausted = 15,
  cancelled = 16, output = 17,
}

-- Close codes that say that all is well.
local fine = {[1000] = true, [1001] = true, [1005] = true}

-- Of the peer's close frame.
function exits.of_code (code)
  return fine[code] and exits.ok or exits.closed
end

return exits
