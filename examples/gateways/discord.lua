-- A Discord bot: DISCORD_TOKEN=... lua5.4 discord.lua [API]
-- It answers "!ping". Discord's documentation, "Gateway" and "Rate Limits".
local wsmanager = require "wsmanager"
local token, api = os.getenv "DISCORD_TOKEN", arg[1] or "https://discord.com/api/v10"
local INTENTS = 512 + 32768      -- GUILD_MESSAGES, MESSAGE_CONTENT
local session = {}               -- what a resume needs
local free_at = 0                -- when the next request may go, to whatever route
io.stdout:setvbuf "line"

-- The answer to a REST request, or nil, why, status.
local function rest (path, json)
  wsmanager.sleep(math.max(0, free_at - wsmanager.now()))
  local response, _, why = wsmanager.fetch(api .. path, {
    headers = {Authorization = "Bot " .. token}, json = json,
  })
  if not response then return nil, why end
  local status, headers, body = response.status, response.headers, response:json() or {}
  local wait = status == 429 and (body.retry_after or headers["Retry-After"] or 60)
               or headers["X-RateLimit-Remaining"] == "0" and headers["X-RateLimit-Reset-After"]
  if wait then free_at = wsmanager.now() + tonumber(wait) end
  if status == 429 then return rest(path, json) end
  if response.ok then return body end
  return nil, body.message or response.reason, status
end

-- The session's own for one attempt: where nobody is there, the next one asks again.
local function url ()
  local gateway = session.url
  session.url = nil
  if not gateway then
    local answer, why, status = rest "/gateway/bot"
    if status == 401 then return nil, why end      -- for good: locked
    gateway = assert(answer, why).url              -- again later: an error is a failed attempt
  end
  session.used = gateway
  return gateway .. "/?v=10&encoding=json&compress=zlib-stream"
end

local function heartbeat () return {op = 1, d = session.sequence or wsmanager.null} end

-- It cannot be resumed, unless the message says so.
local function invalidate (message)
  if not message.d then session = {} end
  wsmanager.sleep(math.random(1, 5))
end

-- Closes with 4000 where it fails: 1000 would end the session, too.
local function login (ws)
  local hello, _, why = ws:receive(10)
  if not hello or hello.op ~= 10 then return nil, why or "no HELLO", nil, 4000 end
  local interval = hello.d.heartbeat_interval / 1000
  ws:heartbeat {interval = interval, timeout = 2 * interval}
  if session.id then
    ws:send {op = 6, d = {token = token, session_id = session.id, seq = session.sequence}}
  else
    local properties = {os = "linux", browser = "wsmanager", device = "wsmanager"}
    ws:send {op = 2, d = {token = token, intents = INTENTS, properties = properties}}
  end
  local answer
  repeat answer, _, why = ws:receive(10) until not answer or answer.op ~= 11
  if not answer then return nil, why, nil, 4000 end
  if answer.op == 9 then
    invalidate(answer)
    return nil, "the session is invalid", nil, 4000
  end
  ws:giveback(answer)
end

wsmanager.run(function ()
  local ws = wsmanager.new {
    preset = wsmanager.presets.discord, url = url, login = login,
    decode = "json", inflate = "zlib-stream",
    timeouts = {login = 30},                       -- over what login waits by itself
    heartbeat = {message = heartbeat, ack = function (message) return message.op == 11 end},
    dispatch = function (message)                  -- for each: "READY", ...; 1, 7, 9, 11
      if message.op ~= 0 then return message.op end
      session.sequence = message.s
      return message.t
    end,
  }

  ws:on("READY", function (message)
    session.id, session.url = message.d.session_id, message.d.resume_gateway_url
    print("ready as " .. message.d.user.username)
  end)
  ws:on("RESUMED", function ()
    session.url = session.used
    print "resumed"
  end)
  ws:on("MESSAGE_CREATE", function (message)
    if message.d.content ~= "!ping" then return end
    local ok, why = rest("/channels/" .. message.d.channel_id .. "/messages", {content = "pong"})
    if not ok then print("not answered: " .. why) end
  end)
  ws:on(1, function () ws:send(heartbeat()) end)
  ws:on(7, function () ws:reconnect {code = 4000} end)
  ws:on(9, function (message)
    invalidate(message)
    ws:reconnect {code = 4000}
  end)
  ws:on(function () end)                           -- the others: else they would wait for receive

  function ws.onclose (event)
    if event.code == 4007 or event.code == 4009 then session = {} end
  end
  function ws.onerror (event) print(event.message) end
  print("ended", ws:closed())
end)
