-- The doctor, a bot: it reads what customers write, types for a while and answers.

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"

local LOOKS, TYPES = 0.5, 1.2     -- seconds

local lines = {
  "Good morning. What can I do for you?",
  "Since when does it hurt?",
  "Please send me a picture of it.",
  "Can you move all fingers?",
  "It looks like a sprain. Keep it cool, and come tomorrow at nine.",
  "Until tomorrow.",
}

-- Answers what has come into a room, one after the other.
local function answer (talk, room, waiting)
  local at, has_sign = 0, false
  while true do
    local message = waiting:take()
    if not message then return end
    wsmanager.sleep(LOOKS)
    repeat                        -- who writes three messages gets one answer
      talk:read(message)
      local following = waiting:take(0)
      message = following or message
    until not following
    talk:typing(true, room)
    wsmanager.sleep(TYPES)
    talk:typing(false, room)
    if message.type == chat.messageType.img then
      talk:text("Thank you, I see it.", { room = room })
      if not has_sign then
        talk:image(chat.doctorImg, { room = room, name = "our sign.png" })
        has_sign = true
      end
    else
      at = at % #lines + 1
      talk:text(lines[at], { room = room })
    end
  end
end

--- Begins; what it returns closes it.
---@param options table   of chat.new
---@return fun()
return function (options)
  local talk = assert(chat.new(options))
  local rooms = {}
  wsmanager.spawn(function ()
    while true do
      local message = talk:receive()
      if not message then break end
      local room = message.room
      if not rooms[room] then
        rooms[room] = wsmanager.queue(100)
        wsmanager.spawn(answer, talk, room, rooms[room])
      end
      rooms[room]:put(message, 0)
    end
    for _, queue in pairs(rooms) do queue:close() end
  end)
  return function () talk:close() end
end
