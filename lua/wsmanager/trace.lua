-- wsmanager.trace: the frames of a connection, both ways, a line each.
-- Depends on notes.lua, masking.lua and close_codes.lua.
-- Never writes a credential that it knows as one, nor a control character.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local close_codes = require "wsmanager.base.close_codes"
local dispatch = require "wsmanager.run.dispatch"
local masking = require "wsmanager.base.masking"
local notes = require "wsmanager.run.notes"
local report = require "wsmanager.base.report"
local stamp = require "wsmanager.base.stamp"
local waitless = require "wsmanager.base.waitless"

local BYTES = 200        -- of a payload that are shown
local MOST_BYTES = 65536
local MOST_JOINED = 4096 -- bytes of a message in fragments, whose later ones are shown

local opcodes = {
  [0] = "continuation", [1] = "text", [2] = "binary", [8] = "close", [9] = "ping",
  [10] = "pong",
}

--- What `wsmanager.trace` returns.
---@class wsmanager.Trace
local Trace = {}
Trace.__index = Trace

local directions = {
  framein = "<", frameout = ">", headin = "<", headout = ">",
}

-- ## Lines

local function has (bits, bit)
  return math.floor(bits / bit) % 2 == 1
end

-- The frame's payload as far as it is to be shown, another trace may want more; and
-- whether that is all of it.
local function to_payload (note, is_inflated, keep)
  local is_all = #note.text < keep or not is_inflated and note.b <= keep
  return note.text:sub(1, keep), is_all and (is_inflated or #note.text == note.b)
end

local function show_close (payload, is_all)
  if #payload < 2 then return "no code" end
  local code = payload:byte(1) * 256 + payload:byte(2)
  local reason = payload:sub(3)
  return close_codes.describe(code)
         .. (reason ~= "" and ' "' .. masking.line(masking.prose(reason, not is_all)) .. '"' or "")
end

-- What the option `mask` lets be seen of it; the masks of names come behind.
local function ask_mask (fn, payload, kind, direction)
  if not fn then return payload end
  local shown = fn(payload, kind, direction == "<" and "in" or "out")
  if shown == nil or shown == false then return nil end
  if type(shown) == "string" then return shown end
  error("'mask' returned a " .. type(shown) .. " (string or nil expected)", 0)
end

-- A data frame's payload. `of` is its message: what continues it is shown as long as all
-- before it was, and nothing in it was masked.
local function show_data (self, note, of, payload, is_all)
  local is_first, kind = note.a % 16 ~= 0, of.opcode == 2 and "binary" or "text"
  payload = ask_mask(self.mask, payload, kind, directions[note.kind])
  if not payload then
    of.text = nil
    return masking.MASK
  end
  local before = is_first and "" or of.text
  of.text = nil
  if not before or #before > MOST_JOINED then return masking.MASK end
  local text = before .. payload
  local is_cut = not is_all or not has(note.a, 128)
  local masked = of.opcode == 2 and masking.bytes(text) or masking.text(text, is_cut)
  local plain = of.opcode == 2 and masking.hex(text) or text
  if masked == plain and is_all then of.text = text end
  if is_first then return of.opcode == 2 and masked or masking.line(masked) end
  if masked ~= plain then return masking.MASK end
  return of.opcode == 2 and masking.hex(payload) or masking.line(payload)
end

-- "text fin rsv1 masked 12 bytes"
local function show_header (note, is_inflated)
  local opcode, words = note.a % 16, {}
  words[1] = opcodes[opcode] or ("opcode %.0f"):format(opcode)
  if has(note.a, 128) then words[#words + 1] = "fin" end
  for i, bit in ipairs {64, 32, 16} do
    if has(note.a, bit) then words[#words + 1] = "rsv" .. i end
  end
  if has(note.a, 256) then words[#words + 1] = "masked" end
  words[#words + 1] = ("%.0f bytes"):format(note.b)
  if is_inflated then words[#words + 1] = "inflated" end
  return table.concat(words, " ")
end

-- "text fin rsv1 masked 12 bytes: hello"
local function show_frame (self, record, note)
  if has(note.a, 1024) then return "no frame: its length is not minimal, or too long" end
  local opcode, is_inflated = note.a % 16, has(note.a, 512)
  local header, messages = show_header(note, is_inflated), self.messages[record] or {}
  self.messages[record] = messages
  if opcode == 1 or opcode == 2 then
    messages[note.kind] = {opcode = opcode, compressed = has(note.a, 64), text = ""}
  end
  if note.b == 0 then return header end
  local payload, is_all = to_payload(note, is_inflated, self.sink.keep)
  if opcode == 8 then return header .. ": " .. show_close(payload, is_all) end
  local more = is_all and "" or " ..."
  if opcode > 2 then return header .. ": " .. masking.bytes(payload) .. more end
  local of = messages[note.kind] or {opcode = 2}
  if of.compressed and not is_inflated then
    of.text = nil
    return header .. ": compressed"
  end
  return header .. ": " .. show_data(self, note, of, payload, is_all) .. more
end

-- Notes of decisions that say where the frames come from.
local decisions = {
  lost = true, connecting = true, tcp = true, connected = true, redirect = true,
  ["end"] = true,
}

local function add_head (out, start, note)
  for i, line in ipairs(masking.head(note.text)) do
    out[#out + 1] = start .. (i > 1 and "  " or "") .. masking.line(line)
  end
  if note.a > #note.text then
    out[#out + 1] = start .. ("  ... %.0f bytes in all"):format(note.a)
  end
end

local function to_lines (self, record, note)
  local out = {}
  local direction = directions[note.kind]
  if not direction and not decisions[note.kind] then return out end
  local start = ("%s #%.0f %s "):format(self.time(note.at), record.id, direction or "-")
  if not direction then
    local level, text = notes.sentence(record, note)
    if level then out[1] = start .. text end
  elseif note.kind:find "^head" then
    add_head(out, start, note)
  else
    out[1] = start .. show_frame(self, record, note)
  end
  return out
end

-- ## Where they go

local function write (self, line)
  local target = self.target
  if type(target) == "function" then return target(line) end
  local ok, why = target:write(line, "\n")
  if not ok and why then error(why, 0) end
end

local function flush (file)
  if not file.flush then return end
  local ok, why = file:flush()
  if not ok and why then error(why, 0) end
end

local function detach (self)
  local ws = self.held.ws
  if ws then notes.detach(ws, dispatch.record(ws), self.sink) end
  if self.is_ours then pcall(self.target.close, self.target) end
end

-- What cannot be written ends the trace, and is reported. A function may stop it.
local function write_note (self, record, note)
  if self.stopped then return end
  local ok, why = waitless.call("trace", function ()
    local lines = to_lines(self, record, note)
    for _, line in ipairs(lines) do
      if self.stopped then return end
      write(self, line)
    end
    if #lines > 0 and type(self.target) ~= "function" then flush(self.target) end
  end)
  if ok then return end
  if not self.stopped then
    self.stopped = true
    detach(self)
  end
  report.failure("a trace", why)
end

local function get_write (file) return file.write end

local function is_writable (file)
  local kind = type(file)
  if kind == "function" then return true end
  if kind ~= "userdata" and kind ~= "table" then return false end
  local ok, method = pcall(get_write, file)    -- not all userdata can be indexed
  return ok and type(method) == "function"
end

local function to_target (file)
  if type(file) ~= "string" then return file end
  local opened, why = io.open(file, "a")
  if not opened then return nil, "cannot open " .. why end
  opened:setvbuf("full")
  return opened, nil, true
end

--- Ends the trace; what was noted until now is written, but for a call from a trace's or
--- a log's function: then not another line is. May be called again.
function Trace:stop ()
  if getmetatable(self) ~= Trace then error("call it with ':', as in trace:stop()", 2) end
  if self.stopped then return end
  detach(self)
  self.stopped = true
end

-- The connection itself, also of a WebSocket; nil for anything else.
local function to_connection (ws)
  if type(ws) == "userdata" then
    return getmetatable(ws) == core.metatable and ws or nil
  end
  for connection, record in pairs(dispatch.records) do
    if ws ~= nil and record.event_target == ws then return connection end
  end
end

local function check (ws, file, options)
  if not to_connection(ws) then
    arguments.fail(2, "#1 to 'trace' (connection", ws)
  elseif type(file) ~= "string" and not is_writable(file) then
    arguments.fail(2, "#2 to 'trace' (path, file or function", file)
  elseif options ~= nil and type(options) ~= "table" then
    arguments.fail(2, "#3 to 'trace' (table", options)
  end
  options = options or {}
  for name in pairs(options) do
    if name ~= "bytes" and name ~= "mask" then
      error("unknown option '" .. tostring(name) .. "' of 'trace' (it has 'bytes' and 'mask')",
            3)
    end
  end
  if options.mask ~= nil and not arguments.is_callable(options.mask) then
    error("bad option 'mask' (function expected, got " .. type(options.mask) .. ")", 3)
  end
  local bytes = options.bytes or BYTES
  if type(bytes) ~= "number" or bytes % 1 ~= 0 or bytes < 1 or bytes > MOST_BYTES then
    error("bad option 'bytes' (integer from 1 to 65536 expected, got " .. tostring(bytes)
          .. ")", 3)
  end
  return bytes
end

--- The third argument of `wsmanager.trace`.
---@class wsmanager.TraceOptions
---
--- Bytes of each payload that are shown, 1 to 65,536; default: 200.
---@field bytes? integer
---
--- Returns what may be seen of the begin of a text or binary frame's payload, before the masks
--- of names; nil: nothing. It may not wait; an error in it ends the trace, and is reported.
---@field mask? fun(payload: string, kind: "text"|"binary", direction: "in"|"out"): string?

--- Writes each frame that is sent and received from now on, a line each, and the heads
--- of opening handshakes: through reconnects, until `stop`. Credentials in headers,
--- queries, messages and XML are masked by their names; a secret without a name is not:
--- `mask` is for that.
---@param ws wsmanager.Connection|wsmanager.WebSocket  whose frames
---@param file string|file*|fun(line: string)  a path, opened for appending; a function gets lines, and may not wait
---@param options? wsmanager.TraceOptions  how much of each frame
---@return wsmanager.Trace? trace
---@return wsmanager.Token? token  "refused": the file cannot be opened
---@return string? detail  why
local function trace (ws, file, options)
  local bytes = check(ws, file, options)
  ws = to_connection(ws)
  local target, why, is_ours = to_target(file)
  if not target then return nil, "refused", why end
  -- the connection's record has the sink: neither keeps the connection
  local self = setmetatable({
    time = stamp.clock(), target = target, is_ours = is_ours,
    mask = options and options.mask,
    messages = setmetatable({}, {__mode = "k"}),   -- of each connection, both ways
    held = setmetatable({ws = ws}, {__mode = "v"}),
  }, Trace)
  self.sink = {
    keep = bytes,
    write = function (_, record, note) write_note(self, record, note) end,
  }
  notes.attach(ws, dispatch.record(ws), self.sink)
  return self
end

return trace
