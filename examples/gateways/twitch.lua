-- A Twitch bot: lua5.4 twitch.lua TOKENS [API [ID [EVENTSUB]]]
-- TOKENS is a JSON file with client_id, client_secret, access_token, refresh_token, user_id
-- and broadcaster_id; new tokens are written to it. It answers "!ping" in the chat. Twitch's
-- documentation, "Handling WebSocket Events" and "Refreshing Access Tokens".
local json = require "cjson"
local wsmanager = require "wsmanager"
local file, api = arg[1], arg[2] or "https://api.twitch.tv/helix"
local id_api = arg[3] or "https://id.twitch.tv/oauth2"
local me = json.decode(assert(io.open(file)):read "*a")
io.stdout:setvbuf "line"

-- A new access token for the old one; or nil, why.
local function refresh ()
  local response, _, why = wsmanager.fetch(id_api .. "/token", {form = {
    grant_type = "refresh_token", refresh_token = me.refresh_token,
    client_id = me.client_id, client_secret = me.client_secret,
  }})
  local tokens = response and response:json()
  if not tokens or not response.ok then return nil, why or tokens and tokens.message end
  me.access_token, me.refresh_token = tokens.access_token, tokens.refresh_token
  local kept = assert(io.open(file, "w"))
  kept:write(json.encode(me))
  kept:close()
  return true
end

-- The answer to a REST request, or nil, why.
local function rest (path, body, refreshed)
  local response, _, why = wsmanager.fetch(api .. path, {
    json = body,
    headers = {Authorization = "Bearer " .. me.access_token, ["Client-Id"] = me.client_id},
  })
  if not response then return nil, why end
  if response.status == 429 then
    wsmanager.sleep(math.max(1, response.headers["Ratelimit-Reset"] - os.time()))
    return rest(path, body, refreshed)
  elseif response.status == 401 and not refreshed then
    local ok
    ok, why = refresh()
    if not ok then return nil, why end
    return rest(path, body, true)
  end
  local answer = response:json() or {}
  if response.ok then return answer end
  return nil, answer.message or response.reason
end

-- The session of a new connection.
local function welcome (ws)
  local message, _, why = ws:receive(10)
  if not message then return nil, why end
  local session = message.payload.session
  ws:heartbeat {silence = session.keepalive_timeout_seconds + 5}
  return session
end

local function login (ws)
  local session, why = welcome(ws)
  if not session then return nil, why end
  return rest("/eventsub/subscriptions", {
    type = "channel.chat.message", version = "1",
    condition = {broadcaster_user_id = me.broadcaster_id, user_id = me.user_id},
    transport = {method = "websocket", session_id = session.id},
  })
end

wsmanager.run(function ()
  local ws = wsmanager.new {
    preset = wsmanager.presets.twitch, login = login, decode = "json",
    url = arg[4] or "wss://eventsub.wss.twitch.tv/ws",
    dispatch = function (message) return message.metadata.message_type end,
    dedupe = function (message) return message.metadata.message_id end,
  }

  ws:on("notification", function (message)
    if message.payload.event.message.text ~= "!ping" then return end
    local ok, why = rest("/chat/messages", {
      broadcaster_id = me.broadcaster_id, sender_id = me.user_id, message = "pong",
    })
    if not ok then print("not answered: " .. why) end
  end)
  ws:on("session_reconnect", function (message)    -- subscriptions come along
    ws:migrate(message.payload.session.reconnect_url, welcome)
  end)
  ws:on("revocation", function (message)
    print("no longer allowed: " .. message.payload.subscription.status)
    ws:close()
  end)
  ws:on(function () end)                           -- session_keepalive
  function ws.onopen (event) print(event.migrated and "moved" or "connected") end
  function ws.onerror (event) print(event.message) end
  print("ended", ws:closed())
end)
