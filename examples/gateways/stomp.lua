-- A bot on STOMP 1.2: lua5.4 stomp.lua ws://host:port/ws NAME QUEUE [TEXT]
-- Its password is in $STOMP_PASSWORD. It prints what comes in QUEUE and confirms it; with
-- a TEXT it sends that, and ends when the broker has it. STOMP, "STOMP Protocol Specification, Version 1.2".
local wsmanager = require "wsmanager"
local url, name, queue, text = arg[1], arg[2], arg[3], arg[4]
local ESCAPED = {["\\"] = "\\\\", ["\r"] = "\\r", ["\n"] = "\\n", [":"] = "\\c"}
local PLAIN = {["\\\\"] = "\\", ["\\r"] = "\r", ["\\n"] = "\n", ["\\c"] = ":"}
io.stdout:setvbuf "line"

-- Frames {command, headers, body}; raises for what is none.
local codec = {}

function codec.encode (frame)
  local lines = {frame.command}
  for header, value in pairs(frame.headers) do
    if frame.command ~= "CONNECT" then value = value:gsub("[\\\r\n:]", ESCAPED) end
    lines[#lines + 1] = header .. ":" .. value
  end
  return table.concat(lines, "\n") .. "\n\n" .. (frame.body or "") .. "\0"
end

function codec.decode (data)
  if data:find "^[\r\n]+$" then return {command = "heart-beat", headers = {}} end
  local command, stop, start = data:match "^[\r\n]*([^\r\n]+)().-\n\r?\n()"
  local frame = {command = assert(command, "a frame without an end of its headers"), headers = {}}
  for header, value in data:sub(stop, start - 1):gmatch "\n([^:\r\n]+):([^\r\n]*)" do
    local key, plain = header:gsub("\\.", PLAIN), value:gsub("\\.", PLAIN)
    frame.headers[key] = frame.headers[key] or plain    -- the first one counts
  end
  local size = tonumber(frame.headers["content-length"])
  local last = size and start + size or data:find("\0", start, true)
  assert(last and data:byte(last) == 0, "a frame without its end")
  frame.body = data:sub(start, last - 1)
  return frame
end

local function why_of (frame) return (frame.headers.message or "") .. ": " .. frame.body end

-- In a login: waits for a frame, or the broker's refusal.
local function expect (ws, command)
  local frame, _, why
  repeat
    frame, _, why = ws:receive(5)
    if not frame then return nil, why end
    if frame.command == "ERROR" then return nil, why_of(frame), "final" end
    if frame.command == "MESSAGE" then ws:giveback(frame) end
  until frame.command == command
  return frame
end

local function login (ws)
  ws:send {command = "CONNECT", headers = {
    ["accept-version"] = "1.2", host = "/", login = name,
    passcode = os.getenv "STOMP_PASSWORD", ["heart-beat"] = "10000,10000",
  }}
  local frame, why, final = expect(ws, "CONNECTED")
  if not frame then return nil, why, final end
  local wanted = tonumber(frame.headers["heart-beat"]:match ",(%d+)") / 1000
  ws:heartbeat {interval = math.max(10, wanted), timeout = 3 * math.max(10, wanted)}
  if text then return end
  ws:send {command = "SUBSCRIBE", headers = {
    id = "1", destination = queue, ack = "client-individual", receipt = "subscribed",
  }}
  return expect(ws, "RECEIPT")
end

local function tell (event) io.stderr:write(event.message, "\n") end

wsmanager.run(function ()
  local ws = wsmanager.new {
    url = url, protocols = "v12.stomp", login = login, decode = codec, onerror = tell,
    heartbeat = {message = "\n", interval = 10, timeout = 30}, dispatch = "command",
    correlate = {
      set = function (frame, id) frame.headers.receipt = tostring(id) return frame end,
      get = function (frame) return tonumber(frame.headers["receipt-id"]) end,
    },
    onopen = function () if not text then print("listening on " .. queue) end end,
  }

  ws:on("MESSAGE", function (frame)
    print(frame.body)
    ws:send({command = "ACK", headers = {id = frame.headers.ack}}, "text", {volatile = true})
  end)

  ws:on("ERROR", function (frame) tell {message = why_of(frame)} end)
  ws:on(function () end)    -- heartbeats

  if text then
    local message = {command = "SEND", headers = {destination = queue}, body = text}
    local _, _, why = ws:request(message, {timeout = 60, retry = true})
    if why then tell {message = why} end
    ws:close()
  end
  local code, _, why = ws:closed()
  if not code then tell {message = why} os.exit(1) end
end)
