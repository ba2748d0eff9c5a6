-- Servers that answer requests, and clients that ask them.

local wsmanager = require "wsmanager"
local ours = require "support.ours"

local asking = {}

-- A server that calls answer(ws, message, state) for each message of each client; `state`
-- has the connections and the messages.
function asking.serve (answer, options)
  local state = {all = {}, connections = {}}
  options = options or {decode = "json"}
  options.handler = function (ws)
    state.connections[#state.connections + 1] = ws
    local message = ws:receive()
    while message do
      state.all[#state.all + 1] = message
      answer(ws, message, state)
      message = ws:receive()
    end
  end
  local _, url = ours.serve(options)
  return url, state
end

function asking.echo (ws, message)
  message.answer = true
  ws:send(message)
end

function asking.ignore () end

-- A connection with these options over the usual ones.
function asking.connect (url, options)
  options = options or {}
  options.url, options.reconnect = url, options.reconnect or false
  if options.decode == nil then options.decode = "json" end
  options.decode = options.decode or nil
  options.correlate = options.correlate or "id"
  return wsmanager.new(options)
end

return asking
