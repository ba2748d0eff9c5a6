-- What a program of the chat did, one JSON object on a line of stdout, so that
-- demo.lua can tell the story and check it.

local cjson = require "cjson"

local chat = require "wsmanager.chat"

io.stdout:setvbuf "line"

-- Tells two pictures apart.
local function checksum (bytes)
  local sum = 7
  for i = 1, #bytes do sum = (sum * 31 + bytes:byte(i)) % 2147483647 end
  return sum
end

local function describe (message)
  local line = {
    id = message.id, content = message.content, time = message.sendTime,
    type = message.type,
  }
  if message.bytes then
    line.bytes, line.checksum = #message.bytes, checksum(message.bytes)
    line.width, line.height = chat.size(message.bytes)
  end
  return line
end

---@param who string
return function (who)
  local journal = {}

  function journal.note (event, line)
    line = line or {}
    line.who, line.event = who, event
    print(cjson.encode(line))
  end

  -- Returns what it is given; where that is nil, token, detail, the program ends.
  function journal.try (value, token, detail)
    if value then return value end
    journal.note("failed", { token = token, detail = detail })
    os.exit(1)
  end

  function journal.said (message)
    journal.note("said", describe(message))
  end

  function journal.heard (message)
    journal.note("heard", describe(message))
  end

  function journal.receipt (receipt)
    local is_read = receipt.action == chat.chatAction.read
    journal.note(is_read and "read" or "received", { id = receipt.id })
  end

  function journal.follow (ws)
    ws:addEventListener("open", function () journal.note "open" end)
    ws:addEventListener("reconnecting", function (event)
      journal.note("reconnecting", { attempt = event.attempt })
    end)
  end

  return journal
end
