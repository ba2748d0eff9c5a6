-- A bot on NATS: lua5.4 nats.lua ws://host:port SUBJECT [QUESTION]
-- Its token is in $NATS_TOKEN. It answers the requests on SUBJECT; with a QUESTION it
-- asks one until it is answered.
-- NATS documentation, "Client Protocol". The frames of the WebSocket carry a stream of
-- bytes: a message may begin in one and end in another.
local json = require "cjson"
local wsmanager = require "wsmanager"
local url, subject, question = arg[1], arg[2], arg[3]
local inbox = ("_INBOX.%d%s"):format(os.time(), tostring({}):match "%x+$")
io.stdout:setvbuf "line"

-- The message at that place: the words of its line, its payload, where the next one
-- begins; nothing if it is not whole yet.
local function parse (bytes, at)
  local stop = bytes:find("\r\n", at, true)
  if not stop then return nil end
  local words = {line = bytes:sub(at, stop - 1)}
  for word in words.line:gmatch "%S+" do words[#words + 1] = word end
  if not words.line:find "^H?MSG " then return words, nil, stop + 2 end
  local last = stop + 1 + tonumber(words[#words])
  if #bytes < last + 2 then return nil end
  return words, bytes:sub(stop + 2, last), last + 3
end

-- Calls `handle` with each whole message; returns the rest.
local function each (bytes, handle)
  local at = 1
  while true do
    local words, payload, after = parse(bytes, at)
    if not words then return bytes:sub(at) end
    at = after
    handle(words, payload)
  end
end

local function login (ws)
  ws:send("CONNECT " .. json.encode {
    auth_token = os.getenv "NATS_TOKEN", headers = true, no_responders = true, verbose = false,
  } .. "\r\nPING\r\n", "binary")
  local rest, answer = "", nil
  repeat
    local data, _, why = ws:receive(5)
    if not data then return nil, why end
    rest = each(rest .. data, function (words)
      if words[1] == "PONG" or words[1] == "-ERR" then answer = answer or words.line end
    end)
  until answer
  if answer ~= "PONG" then return nil, answer, answer:find "Auth" and "final" end
  ws:send(("SUB %s 1\r\n"):format(question and inbox or subject), "binary")
end

local function tell (event) io.stderr:write(event.message, "\n") end

wsmanager.run(function ()
  local rest, ws = "", wsmanager.new {
    url = url, login = login, onerror = tell,
    heartbeat = {message = "PING\r\n", kind = "binary", interval = 20, timeout = 30},
  }

  local function publish (to, reply, text)
    ws:send(("PUB %s %s %d\r\n%s\r\n"):format(to, reply, #text, text), "binary")
  end

  local function ask () publish(subject, inbox, question) end

  local function handle (words, payload)
    local name = words[1]
    if name == "PING" then ws:send("PONG\r\n", "binary", {volatile = true})
    elseif name == "-ERR" then tell {message = words.line}
    elseif name == "HMSG" and payload:find "^NATS/1.0 503" then    -- nobody listens
      wsmanager.spawn(function () wsmanager.sleep(1) ask() end)
    elseif name == "MSG" then
      print(payload)
      if question then ws:close()
      elseif words[5] then publish(words[4], "", "you said: " .. payload) end
    end
  end

  function ws.onopen ()
    rest = ""       -- what a lost connection left is never completed
    if question then ask() else print("listening on " .. subject) end
  end

  function ws.onmessage (event) rest = each(rest .. event.data, handle) end

  local code, _, why = ws:closed()
  if not code then tell {message = why} os.exit(1) end
end)
