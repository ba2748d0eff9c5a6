-- The notes of a connection as sentences, for a log: level, text, and the values in it.
-- Depends on close_codes.lua and masking.lua.
-- Never has a credential or a control character in a text.

local close_codes = require "wsmanager.base.close_codes"
local masking = require "wsmanager.base.masking"

-- A sentence gets the note and the connection's memory: url, address, ending, proxy.
-- It returns level, text, and a table of values, where it has some.
local sentences = {}

local function clean (text)
  return masking.line(masking.prose(text))
end

local function split (text)
  local first, rest = text:match "^([^\n]*)\n?(.*)$"
  return first, rest
end

local function seconds (ms)
  return ("%.3g s"):format(ms / 1000)
end

local function count (n, what)
  return ("%.0f %s%s"):format(n, what, n == 1 and "" or "s")
end

-- "4004 (private): go away"
local function describe_code (code, reason)
  local text = close_codes.describe(code)
  if reason ~= "" then text = text .. ": " .. clean(reason) end
  return text
end

function sentences.lost (note)
  return "warn", count(note.a, "note") .. " found no room in the journal, and were lost"
end

function sentences.connecting (note, memory)
  local url, proxy = split(note.text)
  memory.url, memory.address = masking.line(url), nil
  memory.proxy = proxy ~= "" and masking.line(proxy) or nil
  local text = "connecting to " .. memory.url
  if memory.proxy then text = text .. " by the proxy " .. memory.proxy end
  if note.a > 0 then text = text .. (": attempt %.0f"):format(note.a) end
  return "info", text, {url = memory.url, proxy = memory.proxy, attempt = note.a}
end

function sentences.tcp (note, memory)
  memory.address = masking.line(note.text)
  return "debug", "TCP is connected to " .. memory.address, {address = memory.address}
end

function sentences.connected (note, memory)
  local version, cipher = split(note.text)
  if version == "" then
    if not memory.proxy then return nil end
    return "debug", "the proxy " .. memory.proxy .. " is connected", {proxy = memory.proxy}
  end
  return "debug", version .. " with " .. cipher
    .. (note.a == 1 and ", a session that was resumed" or ""),
    {tls = version, cipher = cipher, resumed = note.a == 1}
end

function sentences.redirect (note, memory)
  memory.url = masking.line(note.text)
  return "info", "redirected to " .. memory.url, {url = memory.url}
end

function sentences.agreed (note)
  local protocol, extensions = split(note.text)
  protocol = masking.line(masking.protocols(protocol))
  local text = "the opening handshake is done: "
    .. (protocol ~= "" and "subprotocol " .. protocol or "no subprotocol") .. ", "
    .. (extensions ~= "" and clean(extensions) or "no extension")
  return "debug", text, {protocol = protocol, extensions = clean(extensions)}
end

function sentences.login () return "debug", "the login begins" end

function sentences.loggedin () return "debug", "the login is done" end

function sentences.loginfailed (note)
  return "warn", "the login failed: " .. clean(note.text), {detail = clean(note.text)}
end

function sentences.open (note, memory)
  local text = "open: " .. (memory.address or "the peer")
  if note.b > 0 then text = text .. ", after " .. count(note.b, "failure") end
  memory.ending = nil
  return "info", text, {address = memory.address, epoch = note.a, failures = note.b}
end

local heartbeats = {
  [0] = "a ping", "its message", "the program is asked for its message",
  "nothing: the one before still waits to be written",
}

function sentences.heartbeat (note)
  local text = "heartbeat: " .. heartbeats[note.a]
  if note.b == 0 then return "debug", text end
  return "warn", text .. "; the one before is unanswered for " .. seconds(note.b),
    {unanswered = note.b / 1000}
end

function sentences.pong (note)
  return "debug", "a pong after " .. seconds(note.a), {latency = note.a / 1000}
end

function sentences.late (note)
  return "warn", "the program was blocked or the machine suspended for " .. seconds(note.a)
    .. ": the peer is asked once more", {late = note.a / 1000}
end

function sentences.paused (note)
  return "warn", "slow consumer: " .. count(note.a, "byte") .. " received and not taken, the "
    .. "inbox is full, and reading is paused", {unread = note.a}
end

function sentences.resumed (note)
  return "info", "reading goes on, after a pause of " .. seconds(note.a),
    {pause = note.a / 1000}
end

function sentences.full (note)
  return "warn", "no room to send: " .. count(note.a, "message") .. " in the outbox, "
    .. count(note.b, "byte") .. " not written" .. (note.text ~= "" and "; " .. note.text or ""),
    {outbox = note.a, buffered = note.b}
end

local drops = {timeout = "too old", full = "no room", closed = "the connection was lost"}

function sentences.dropped (note)
  return "warn", count(note.a, "message") .. " (" .. count(note.b, "byte") .. ") dropped: "
    .. (drops[note.text] or note.text), {count = note.a, bytes = note.b, token = note.text}
end

function sentences.uncertain (note)
  return "warn", "at most " .. count(note.a, "message") .. " (" .. count(note.b, "byte")
    .. ") may be lost: the peer's TCP had not acknowledged them",
    {messages = note.a, bytes = note.b}
end

function sentences.hungup ()
  return "warn", "the peer has ended the connection, and the inbox is full"
end

function sentences.closing (note, memory)
  memory.reason, memory.is_local = note.text, true
  return "info", "closing with " .. describe_code(note.a, note.text),
    {code = note.a, reason = clean(note.text)}
end

function sentences.peercloses (note, memory)
  memory.reason = note.text
  return "info", "the peer closes with " .. describe_code(note.a, note.text),
    {code = note.a, reason = clean(note.text)}
end

function sentences.violation (note)
  return "error", "closing with " .. describe_code(note.a, "") .. ": " .. clean(note.text),
    {code = note.a, detail = clean(note.text)}
end

function sentences.retryafter (note, memory)
  memory.retry_after = note.a / 1000
  return "info", ("the peer answered %.0f and asks to wait "):format(note.b) .. seconds(note.a),
    {status = note.b, retry_after = note.a / 1000}
end

local function has (bits, bit)
  return math.floor(bits / bit) % 2 == 1
end

-- "close 1006 by [::1]:443: the peer reset the connection", "a failed attempt (refused):
-- connection to ... failed"
local function describe_end (note, memory)
  local token, detail = split(note.text)
  if not has(note.b, 2) and memory.is_server then
    return (memory.address or "the peer") .. " has no WebSocket"
           .. (detail ~= "" and ": " .. clean(detail) or "")
  elseif not has(note.b, 2) then
    return "a failed attempt (" .. (token ~= "" and token or "closed") .. "): "
           .. clean(detail)
  end
  local why = detail ~= "" and clean(detail)
              or memory.reason and memory.reason ~= "" and clean(memory.reason)
              or close_codes.name(note.a) or "no reason"
  local who = memory.is_local and "us" or memory.address or "the peer"
  return ("close %.0f by %s: %s"):format(note.a, who, why)
end

sentences["end"] = function (note, memory)
  local token, detail = split(note.text)
  local text = describe_end(note, memory)
  memory.ending, memory.reason, memory.is_local = text, nil, nil
  local is_clean = has(note.b, 1)
  local is_fine = token == "" and (is_clean or memory.is_server)
  return is_fine and "info" or "warn", "ended: " .. text, {
    code = has(note.b, 2) and note.a or nil, clean = is_clean,
    token = token ~= "" and token or nil, detail = clean(detail),
    address = memory.address,
  }
end

function sentences.demoted (_, memory)
  return "info", (memory.address or "its address")
    .. " goes behind the other addresses of its name", {address = memory.address}
end

function sentences.waiting (note, memory)
  local text = "waiting " .. seconds(note.a)
  if note.b == 0 then text = text .. ": reconnect.rate lets no attempt begin now"
  else text = text .. (": attempt %.0f"):format(note.b) end
  if memory.ending then text = text .. ", after " .. memory.ending end
  local asked = memory.retry_after
  if asked then text = text .. (" (it asked for %g s)"):format(asked) end
  memory.retry_after = nil
  return "warn", text, {delay = note.a / 1000, attempt = note.b, retry_after = asked}
end

function sentences.locked (note)
  return "error", "locked until reconnect(): " .. clean(note.text),
    {detail = clean(note.text)}
end

function sentences.exhausted (note)
  return "error", "exhausted, until reconnect(): " .. clean(note.text),
    {detail = clean(note.text)}
end

local function were (n, noun)
  return (noun and count(n, noun) or ("%.0f"):format(n)) .. (n == 1 and " was" or " were")
end

function sentences.closed (note)
  local parts = {}
  if note.a > 0 then parts[1] = were(note.a, "message") .. " never sent" end
  if note.b > 0 then
    parts[#parts + 1] = were(note.b, not parts[1] and "message") .. " not confirmed"
  end
  local text = #parts > 0 and ": " .. table.concat(parts, ", and ") or ""
  return text == "" and "info" or "warn", "closed for good" .. text,
    {unsent = note.a, unacknowledged = note.b}
end

return sentences
