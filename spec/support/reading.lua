-- reading.lua URL LIMIT [compress]: reads one message in parts from /large of a peer and
-- checks its bytes; a program of its own, for what it holds is measured. Prints how many
-- bytes came, the largest part, and by how many KiB the process has grown beyond what it
-- had when it was connected.

local wsmanager = require "wsmanager"

local url, limit, compress = ...
local line = "0123456789 é € 𝄞 \n\n\n"
local lines = line:rep(8000)      -- more than the largest part and a line
local LONG = 60

local function resident ()
  local file = assert(io.open "/proc/self/statm")
  local pages = file:read("*l"):match "^%d+ (%d+)"
  file:close()
  return tonumber(pages) * 4
end

wsmanager.run(function ()
  local ws = wsmanager.new {
    url = url, stream = true, inbox = 262144, compress = compress == "compress",
    limits = {message = tonumber(limit) or false}, reconnect = false,
  }
  assert(ws:opened(LONG))
  local reader = assert(ws:receive(LONG))
  local before, most, largest, at = resident(), 0, 0, 0
  while true do
    local part, token, why = reader:read(LONG)
    if not part then
      assert(not token, why)
      break
    end
    local from = at % #line
    assert(part == lines:sub(from + 1, from + #part), "other bytes came")
    at, largest = at + #part, math.max(largest, #part)
    most = math.max(most, resident())
  end
  print(reader.kind, at, largest, most - before)
  ws:close()
end)
