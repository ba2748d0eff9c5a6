-- The bytes of a terminal as keys: "left", "word-left", "enter", "text" ...
-- Depends on nothing. What is cut waits for its rest.

local keys = {}

local controls = {
  ["\1"] = "home", ["\2"] = "left", ["\3"] = "interrupt", ["\4"] = "end-of-input",
  ["\5"] = "end", ["\6"] = "right", ["\8"] = "backspace", ["\9"] = "tab", ["\10"] = "enter",
  ["\11"] = "kill-end", ["\12"] = "clear", ["\13"] = "enter", ["\14"] = "down",
  ["\16"] = "up", ["\21"] = "kill-start", ["\23"] = "kill-word", ["\25"] = "yank",
  ["\26"] = "suspend", ["\127"] = "backspace",
}

-- Behind ESC [ or ESC O, xterm's and rxvt's; with ";5" and ";3" Ctrl and Alt.
local sequences = {
  A = "up", B = "down", C = "right", D = "left", H = "home", F = "end",
  ["1~"] = "home", ["7~"] = "home", ["4~"] = "end", ["8~"] = "end", ["3~"] = "delete",
  ["1;5C"] = "word-right", ["1;3C"] = "word-right", ["1;5D"] = "word-left",
  ["1;3D"] = "word-left", ["200~"] = "paste", ["201~"] = "pasted",
}

local metas = {b = "word-left", f = "word-right", d = "kill-word-right", ["\127"] = "kill-word"}

---@class wsmanager.cli.Keys
local Keys = {}
Keys.__index = Keys

function keys.new () return setmetatable({rest = "", pasting = false}, Keys) end

-- The key of an escape sequence at `at`, and what is behind it; nil: it is cut.
local function take_escape (bytes, at)
  local char = bytes:sub(at + 1, at + 1)
  if char == "" then return nil end
  if char ~= "[" and char ~= "O" then return metas[char] or "unknown", at + 2 end
  local sequence, after = bytes:match("^([%d;]*[%a~])()", at + 2)
  if sequence then return sequences[sequence] or "unknown", after end
  if bytes:find("^[%d;]*$", at + 2) and #bytes - at < 16 then return nil end
  return "unknown", at + 2
end

local function length_of (byte)
  return byte >= 0xF0 and 4 or byte >= 0xE0 and 3 or byte >= 0xC0 and 2 or 1
end

-- Where the last whole character of those from `at` to `stop` ends.
local function whole_stop (bytes, at, stop)
  for back = 0, math.min(3, stop - at) do
    local byte = bytes:byte(stop - back)
    if byte < 0x80 then break end
    if byte >= 0xC0 then return length_of(byte) > back + 1 and stop - back - 1 or stop end
  end
  return stop
end

-- Printable text from `at` on, whole characters; what a key cuts never becomes whole.
local function take_text (bytes, at)
  local key = bytes:find("[%c\127]", at)
  local stop = key and key - 1 or whole_stop(bytes, at, #bytes)
  return bytes:sub(at, stop), stop + 1
end

-- Within a paste line feeds are text.
local function take_paste (self, bytes, at)
  local stop = bytes:find("\27", at, true)
  local text, after
  if stop == at then
    local key
    key, after = take_escape(bytes, at)
    if not key then return nil end
    if key == "pasted" then self.pasting = false end
    return "", after
  end
  after = stop or whole_stop(bytes, at, #bytes) + 1
  if not stop and bytes:sub(-1) == "\r" then after = #bytes end   -- a line feed may follow
  if after == at then return nil end
  text = bytes:sub(at, after - 1)
  return text:gsub("\r\n?", "\n"):gsub("[%z\1-\8\11-\31\127]", ""), after
end

local function take (self, bytes, at)
  if self.pasting then
    local text, after = take_paste(self, bytes, at)
    return text and "text", after, text
  end
  local char = bytes:sub(at, at)
  if char == "\27" then
    local key, after = take_escape(bytes, at)
    if key == "paste" then
      self.pasting = true
      return "text", after, ""
    end
    return key, after
  end
  if char:find "[%c\127]" then return controls[char] or "unknown", at + 1 end
  local text, after = take_text(bytes, at)
  if text == "" then return nil end
  return "text", after, text
end

-- The keys of these bytes: {name, text}, a list.
---@param bytes string
function Keys:feed (bytes)
  local found, at = {}, 1
  bytes = self.rest .. bytes
  while at <= #bytes do
    local name, after, text = take(self, bytes, at)
    if not name then break end
    if text ~= "" then found[#found + 1] = {name = name, text = text} end
    at = after
  end
  self.rest = bytes:sub(at)
  return found
end

return keys
