-- What a line in a terminal asks of `wsm` itself: /ping, /close 4000 bye, /help ...
-- Depends on input.lua. "//" at the beginning of a line sends one "/".

local input = require "wsmanager.cli.input"

local commands = {}

local HELP = [==[
/ping                 how long does a ping take?
/close [CODE [WHY]]   close, and leave
/reconnect            connect again, now
/hex 00 ff            send a binary message
/stats                what the connection has counted
/quit                 leave (or Ctrl-D)
//text                send "/text"]==]

local list = {}

function list.help (self)
  for line in HELP:gmatch "[^\n]+" do self.view:status(line) end
end

function list.ping (self)
  local seconds, token, detail = self.ws:ping("", 10)
  if seconds then
    self.view:status(("pong after %.1f ms"):format(seconds * 1000))
  else
    self.view:failed(token .. ": " .. detail)
  end
end

function list.close (self, rest)
  local code, reason = rest:match "^(%d*)%s*(.*)$"
  code = tonumber(code) or 1000
  if code ~= 1000 and (code < 3000 or code > 4999) then
    self.view:failed "a close code is 1000, or from 3000 to 4999"
  elseif #reason > 123 then
    self.view:failed "a reason has at most 123 bytes"
  else
    self.close_code, self.close_reason = code, reason
    self.events:put "leave"
  end
end

function list.quit (self) self.events:put "leave" end

function list.reconnect (self) self.ws:reconnect() end

function list.hex (self, rest)
  local bytes = input.unhex(rest)
  if not bytes then
    self.view:failed "these are no hexadecimal digits"
  elseif self.ws:send(bytes, "binary") then
    self.view:sent(bytes, "binary")
  end
end

function list.stats (self)
  local stats, names = self.ws:stats(), {}
  for name in pairs(stats) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = stats[name]
    if type(value) == "table" then value = value.version .. " " .. value.cipher end
    if value ~= 0 and value ~= "" then self.view:status(name .. " " .. tostring(value)) end
  end
end

-- The message that the line is; nil: it was a command, and is done.
---@param self wsmanager.cli.Session
---@param line string
---@return string?
function commands.take (self, line)
  if line:sub(1, 2) == "//" then return line:sub(2) end
  local name, rest = line:match "^/(%l+)%s*(.*)$"
  if not name then return line end
  if list[name] then
    list[name](self, rest)
  else
    self.view:failed("there is no /" .. name .. "; /help says what there is, //" .. name
                     .. " sends it")
  end
end

return commands
