-- The doctor's side of the chat: lua5.4 doctor.lua host:port
-- A bot: once somebody writes, it reads the messages and sends its lines by the
-- clock, connected or not.

package.path = (arg[0]:match "^.*/" or "./") .. "?.lua;" .. package.path

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local journal = require "journal" "doctor"

local lines = {
  "Good morning. What can I do for you?",
  "How did it happen?",
  "Which movement hurts?",
  "Please mark the place on a drawing.",
  "I see it.",
  "Do you wake up from it?",
  "Can you make a fist?",
  { url = "http://" .. arg[1] .. "/images/doctor.png" },
  "That is our sign; you find us below it.",
  "Is a finger numb?",
  "It looks like a sprain.",
  "We should make sure that nothing is broken.",
  "Tomorrow at nine?",
  "Keep it cool until then. Goodbye.",
}

local unread = #lines

local function say_all (talk)
  for i, line in ipairs(lines) do
    local said
    if line.url then
      said = talk:image(line.url)
    else
      said = talk:text(line, { last = i == #lines })
    end
    journal.said(assert(said))
    wsmanager.sleep(0.25)
  end
end

wsmanager.run(function ()
  local talk = chat.new {
    server = arg[1], secure = false,
    uid = "7", token = "a doctor's secret", mode = chat.chatTypes.doctor,
    peer = "42",
    heartbeat = { interval = 0.1 },
    reconnect = { delay = 0.2, factor = 1, jitter = 0, pause = 0, limit = 100 },
    onreceipt = function (receipt)
      journal.receipt(receipt)
      if receipt.action == chat.chatAction.read then unread = unread - 1 end
    end,
  }
  journal.follow(talk.ws)

  local speaking = false
  repeat
    local message = assert(talk:receive())
    journal.heard(message)
    talk:read(message)
    if not speaking then
      speaking = true
      wsmanager.spawn(say_all, talk)
    end
  until message.last
  while unread > 0 do talk:receive(0.1) end
  assert(talk:settled(10))
  talk:close()
  assert(talk.ws:closed(5))
end)
journal.note "left"
