-- The customer's side of the chat: lua5.4 customer.lua host:port
-- It sends its lines by the clock, connected or not, and reads the messages.

package.path = (arg[0]:match "^.*/" or "./") .. "?.lua;" .. package.path

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local journal = require "journal" "customer"

local lines = {
  "Good morning, doctor.",
  "My left wrist has hurt since Sunday.",
  "I fell off my bicycle.",
  "I drew where it hurts:",
  { image = chat.chatImg, name = "wrist.png" },
  "It is worse when I turn the key in the door.",
  "And when I type, which I do all day.",
  "At night it is quiet.",
  "I can move all my fingers.",
  "There is a small swelling below the thumb.",
  "No, nothing is numb.",
  "Shall I come to you for a picture?",
  "Tomorrow at nine is fine.",
  "Thank you, doctor. Goodbye.",
}

local unread = #lines

local function say (talk, line, extra)
  if type(line) == "string" then return talk:text(line, extra) end
  return talk:image(line.image, { name = line.name })
end

local function say_all (talk)
  for i, line in ipairs(lines) do
    journal.said(assert(say(talk, line, { last = i == #lines })))
    wsmanager.sleep(0.25)
  end
end

wsmanager.run(function ()
  local talk = chat.new {
    server = arg[1], secure = false,
    uid = "42", token = "a customer's secret", mode = chat.chatTypes.customer,
    peer = "7",
    heartbeat = { interval = 0.1 },
    reconnect = { delay = 0.2, factor = 1, jitter = 0, pause = 0, limit = 100 },
    onreceipt = function (receipt)
      journal.receipt(receipt)
      if receipt.action == chat.chatAction.read then unread = unread - 1 end
    end,
  }
  journal.follow(talk.ws)
  wsmanager.spawn(say_all, talk)

  repeat
    local message = assert(talk:receive())
    journal.heard(message)
    talk:read(message)
  until message.last
  while unread > 0 do talk:receive(0.1) end
  assert(talk:settled(10))
  talk:close()
  assert(talk.ws:closed(5))
end)
journal.note "left"
