-- A bot on MQTT 3.1.1: lua5.4 mqtt.lua ws://host:port NAME TOPIC [TEXT]
-- Its password is in $MQTT_PASSWORD. It prints what is published on TOPIC, and what was
-- while it was away; with a TEXT it publishes that, at least once, and ends when the
-- broker has it.
-- OASIS, "MQTT Version 3.1.1"; a packet may begin in one frame and end in another (6).
local wsmanager = require "wsmanager"
local url, name, topic, text = arg[1], arg[2], arg[3], arg[4]
local REFUSED = {"the version is not spoken here", "the client's identifier is refused",
                 "the broker is not available", "bad name or password", "not authorized"}
io.stdout:setvbuf "line"

local function to_16_bits (n) return string.char(math.floor(n / 256), n % 256) end
local function field (value) return to_16_bits(#value) .. value end

local function packet (first, body)
  local size, length = #body, ""
  repeat
    local byte = size % 128
    size = (size - byte) / 128
    length = length .. string.char(size > 0 and byte + 128 or byte)
  until size == 0
  return string.char(first) .. length .. body
end

-- The packet at that place: its first byte, its body, where the next one begins; nothing
-- if it is not whole yet.
local function parse (bytes, at)
  local size, factor, i = 0, 1, at
  repeat
    i = i + 1
    local byte = bytes:byte(i)
    if not byte then return nil end
    size, factor = size + byte % 128 * factor, factor * 128
  until byte < 128 or factor > 128 ^ 3
  if #bytes < i + size then return nil end
  return bytes:byte(at), bytes:sub(i + 1, i + size), i + size + 1
end

local function login (ws)
  local flags = text and 194 or 192            -- a name, a password; a clean session
  local client = name .. (text and "-out" or "-in")
  ws:send(packet(16, field "MQTT" .. string.char(4, flags, 0, 60) .. field(client)
                     .. field(name) .. field(os.getenv "MQTT_PASSWORD")), "binary")
  local bytes = ""
  repeat
    local data, _, why = ws:receive(5)
    if not data then return nil, why end
    bytes = bytes .. data
  until #bytes >= 4                            -- CONNACK
  local code = bytes:byte(4)
  if code ~= 0 then return nil, REFUSED[code], code ~= 3 and "final" end
  if #bytes > 4 then ws:giveback(bytes:sub(5), "binary") end
  if not text then ws:send(packet(130, "\0\1" .. field(topic) .. "\1"), "binary") end
end

local function tell (event) io.stderr:write(event.message, "\n") end

wsmanager.run(function ()
  local rest, opens, ws = "", 0, wsmanager.new {
    url = url, protocols = "mqtt", login = login, onerror = tell,
    heartbeat = {message = "\192\0", kind = "binary", interval = 30, timeout = 45},
  }

  local function send (bytes) ws:send(bytes, "binary", {volatile = true}) end

  local on = {}      -- by the upper four bits of a packet's first byte

  on[3] = function (body, first)               -- PUBLISH
    local at = 3 + body:byte(1) * 256 + body:byte(2)
    local quality = math.floor(first / 2) % 4
    print(body:sub(3, at - 1) .. ": " .. body:sub(quality > 0 and at + 2 or at))
    if quality > 0 then send(packet(64, body:sub(at, at + 1))) end
  end

  on[4] = function () ws:close() end           -- PUBACK

  on[9] = function (body)                      -- SUBACK
    if body:byte(3) < 128 then return print("listening on " .. topic) end
    tell {message = "the broker does not let us hear " .. topic}
    os.exit(1)
  end

  function ws.onopen ()
    rest, opens = "", opens + 1
    local first = opens > 1 and 58 or 50       -- with QoS 1; again, with DUP
    if text then send(packet(first, field(topic) .. "\0\1" .. text)) end
  end

  function ws.onmessage (event)
    rest = rest .. event.data
    local at, first, body, after = 1, parse(rest, 1)
    while first do
      at = after
      local handle = on[math.floor(first / 16)]
      if handle then handle(body, first) end
      first, body, after = parse(rest, at)
    end
    rest = rest:sub(at)
  end

  local code, _, why = ws:closed()
  if not code then tell {message = why} os.exit(1) end
end)
