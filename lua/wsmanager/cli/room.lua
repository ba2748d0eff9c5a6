-- A page with a room: who has it open talks with all others, and so does `wsm`.
-- Depends on room_page.lua. What is written is shown as text: nobody's words run there.

local codec = require "wsmanager.base.codec"
local page = require "wsmanager.cli.room_page"

local room = {}

local REMEMBERED = 50       -- messages for who comes later
local LONGEST_NAME = 24     -- characters

-- A page of somebody else's is refused.
function room.same_origin (request)
  local origin = request.origin
  if not origin or origin:match "^https?://(.*)$" == request.host then return true end
  return nil, 403, "another origin\n"
end

local function encode (value) return (codec.encode(codec.json(), value)) end

local function to_name (request, number)
  local name = (request.query.name or ""):gsub("%c", ""):match "^%s*(.-)%s*$"
  local short = name:match("^" .. ("[%z\1-\127\194-\244]?[\128-\191]*"):rep(LONGEST_NAME))
  return short ~= "" and short or "guest " .. number
end

-- Texts of a room: {"from", "text"} for a message, {"joined"} and {"left"} for people.
-- Sets the handler and the page of a server's options.
function room.add (options, get_server)
  local recent, number = {}, 0
  local function tell (value)
    local text = encode(value)
    if value.text then
      table.insert(recent, text)
      if #recent > REMEMBERED then table.remove(recent, 1) end
    end
    get_server():broadcast(text)
  end
  options.page = page.routes
  options.authorize = room.same_origin
  options.handler = function (ws, request)
    number = number + 1
    local name = to_name(request, number)
    for _, text in ipairs(recent) do ws:send(text) end
    tell {joined = name}
    local message, kind = ws:receive()
    while message do
      if kind == "text" and message ~= "" then tell {from = name, text = message} end
      message, kind = ws:receive()
    end
    tell {left = name}
  end
end

return room
