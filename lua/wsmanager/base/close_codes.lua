-- Close codes in words (RFC 6455 7.4, and the registry that it began).
-- Depends on nothing.

local close_codes = {}

local names = {
  [1000] = "normal closure", [1001] = "going away", [1002] = "protocol error",
  [1003] = "unsupported data", [1005] = "no status", [1006] = "no close frame",
  [1007] = "invalid payload data", [1008] = "policy violation",
  [1009] = "message too big", [1010] = "mandatory extension",
  [1011] = "internal error", [1012] = "service restart", [1013] = "try again later",
  [1014] = "bad gateway",
}

-- nil: it has none.
function close_codes.name (code)
  if names[code] then return names[code] end
  if code >= 3000 and code <= 3999 then return "registered by a library" end
  if code >= 4000 and code <= 4999 then return "the service's own" end
end

-- "1001 (going away)"
function close_codes.describe (code)
  local name = close_codes.name(code)
  return ("%.0f"):format(code) .. (name and " (" .. name .. ")" or "")
end

return close_codes
