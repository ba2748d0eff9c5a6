-- Bytes to a server on a plain TCP connection, and what it answers.

local ours = require "support.ours"
local peers = require "support.peers"

local requests = {}

-- The answer to a script of the peer `scripted`, which reads on until the server's end.
-- Waits for that end, too, with `whole`.
function requests.play (server, script, whole)
  script[#script + 1] = {"drain"}
  local peer = peers.start("scripted", {
    connect = {host = "127.0.0.1", port = server.port}, script = script,
  })
  local answer, ended
  ours.await(function ()
    for _, event in ipairs(peer:events()) do
      if event.event == "read" then answer = event.hex end
      ended = ended or event.event == "ended"
    end
    return answer and not whole or ended
  end)
  peer:stop()
  return ((answer or ""):gsub("%x%x", function (hex)
    return string.char(tonumber(hex, 16))
  end))
end

return requests
