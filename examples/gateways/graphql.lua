-- A client of GraphQL over WebSocket: lua5.4 graphql.lua ws://host:port/graphql [TEXT]
-- Its token is in $GRAPHQL_TOKEN. It prints what is said, also after a cut; with a TEXT it
-- says that, and ends.
-- graphql-ws, "GraphQL over WebSocket Protocol" (graphql-transport-ws).
local wsmanager = require "wsmanager"
local url, text = arg[1], arg[2]
io.stdout:setvbuf "line"

local function login (ws)
  ws:send {type = "connection_init", payload = {token = os.getenv "GRAPHQL_TOKEN"}}
  repeat
    local message, _, why = ws:receive(10)
    if not message then return nil, why end
    if message.type == "ping" then ws:send {type = "pong"} end
  until message.type == "connection_ack"
  if text then return end
  ws:send {type = "subscribe", id = "said", payload = {query = "subscription { said }"}}
end

local function tell (event) io.stderr:write(event.message, "\n") end

wsmanager.run(function ()
  local ws = wsmanager.new {
    url = url, protocols = "graphql-transport-ws", login = login, onerror = tell,
    decode = "json", dispatch = "type",
    correlate = {
      field = "id", id = tostring,
      get = function (message) return message.type ~= "complete" and message.id end,
    },
    heartbeat = {
      message = '{"type":"ping"}', interval = 20, timeout = 30,
      ack = function (message) return message.type == "pong" end,
    },
    reconnect = {never = {4400, 4401, 4403, 4406, 4409, 4429, 4500}},
    onopen = function () if not text then print "listening" end end,
  }

  ws:on("ping", function () ws:send({type = "pong"}, "text", {volatile = true}) end)
  ws:on("next", function (message) print(message.payload.data.said) end)
  ws:on("error", function (message) tell(message.payload[1]) ws:close(1000) end)
  ws:on(function () end)      -- pong, complete

  if text then
    local answer, _, why = ws:request {type = "subscribe", payload = {
      query = "mutation ($text: String!) { say(text: $text) }", variables = {text = text},
    }}
    local errors = answer and (answer.payload.errors or answer.type == "error" and answer.payload)
    if errors or why then tell(errors and errors[1] or {message = why}) os.exit(1) end
    ws:close(1000)
  end
  local code, reason, why = ws:closed()
  if code ~= 1000 then tell {message = code and code .. " " .. reason or why} os.exit(1) end
end)
