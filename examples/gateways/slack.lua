-- A Slack bot: SLACK_APP_TOKEN=xapp-... SLACK_BOT_TOKEN=xoxb-... lua5.4 slack.lua [API]
-- It answers those who mention it. Slack's documentation, "Using Socket Mode".
local wsmanager = require "wsmanager"
local api = arg[1] or "https://slack.com/api"
local app_token, bot_token = os.getenv "SLACK_APP_TOKEN", os.getenv "SLACK_BOT_TOKEN"
io.stdout:setvbuf "line"

-- The answer of a method of the Web API, or nil, why, and whether it is Slack that says so.
local function call (method, token, json)
  local response, _, why = wsmanager.fetch(api .. "/" .. method, {
    method = "POST", headers = {Authorization = "Bearer " .. token}, json = json,
  })
  if not response then return nil, why end
  if response.status == 429 then
    wsmanager.sleep(tonumber(response.headers["Retry-After"]) or 1)
    return call(method, token, json)
  end
  local answer = response:json() or {error = response.reason}
  if answer.ok then return answer end
  return nil, answer.error, response.ok
end

-- A URL is for one connection.
local function url ()
  local answer, why, refused = call("apps.connections.open", app_token)
  if refused then return nil, why end              -- for good
  return assert(answer, why).url                   -- again later
end

local function login (ws)
  local hello, _, why = ws:receive(10)
  if not hello or hello.type ~= "hello" then return nil, why or hello.reason end
end

wsmanager.run(function ()
  local ws = wsmanager.new {
    preset = wsmanager.presets.slack, url = url, login = login,
    decode = "json", dispatch = "type",
    dedupe = function (message) return message.payload and message.payload.event_id end,
  }

  -- What is not acknowledged within 3 s comes again.
  local function acknowledge (message) ws:send {envelope_id = message.envelope_id} end

  ws:on("events_api", function (message)
    acknowledge(message)
    local event = message.payload.event
    if event.type ~= "app_mention" then return end
    local text = "you said: " .. event.text
    local ok, why = call("chat.postMessage", bot_token, {channel = event.channel, text = text})
    if not ok then print("not answered: " .. why) end
  end)
  ws:on("disconnect", function (message)
    if message.reason == "link_disabled" then ws:close()
    elseif message.reason == "warning" then ws:migrate(url())
    else ws:reconnect() end
  end)
  function ws.onduplicate (event) acknowledge(event.data) end
  function ws.onopen (event) print(event.migrated and "moved" or "connected") end
  function ws.onerror (event) print(event.message) end
  print("ended", ws:closed())
end)
