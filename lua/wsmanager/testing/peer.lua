-- The other end of a connection under test: what a script does with it.
-- Depends on a server's connection and the scheduler. What is not as expected raises at
-- the script's line.

local codec = require "wsmanager.base.codec"
local dispatch = require "wsmanager.run.dispatch"
local scheduler = require "wsmanager.run.scheduler"

local peer = {}

local patience        -- seconds that are waited for what is expected

-- Seconds; nil: as many as a real clock deserves.
function peer.set_patience (seconds)
  patience = seconds
end

function peer.patience () return patience or 5 end

--- The client of a scripted server, for the script.
---@class wsmanager.TestPeer
---@field request wsmanager.Request  its opening handshake
---@field number integer             the first connection is 1
local Peer = {}
Peer.__index = Peer

function peer.new (ws, request, number)
  return setmetatable({ws = ws, request = request, number = number}, Peer)
end

-- ## Words

-- A value as JSON, its names in the order of the alphabet: nil where it cannot be sent.
local function show_json (value)
  local whole = codec.encode(codec.of "json", {value}, "text")
  if type(whole) ~= "string" then return nil end
  if type(value) ~= "table" or next(value) == nil then return (whole:sub(2, -2)) end
  local names, parts = {}, {}
  if value[1] ~= nil then
    for i, each in ipairs(value) do parts[i] = show_json(each) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names, function (a, b) return tostring(a) < tostring(b) end)
  for i, name in ipairs(names) do
    parts[i] = show_json(tostring(name)) .. ":" .. show_json(value[name])
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

local function show (value)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) == "function" then return "what the function accepts" end
  return type(value) == "table" and show_json(value) or tostring(value)
end

local function is_equal (a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not is_equal(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

-- The message as the wish is: a table is compared with what JSON says.
local function read (wanted, data)
  if type(wanted) ~= "table" or type(data) ~= "string" then return data end
  local value = codec.decode(codec.of "json", data, "text")
  if value == nil then return data end
  return value
end

local function accepts (wanted, got)
  if type(wanted) == "function" then return wanted(got) end
  return is_equal(wanted, got)
end

local function fail (self, text)
  error("connection " .. self.number .. ": " .. text, 3)
end

-- ## Steps

--- Waits for the next message, and fails if it is another one: a string is compared, a table
--- with the message as JSON, a function returns whether it is right.
---@param wanted string|table|fun(message: any): any
---@param within? number  seconds; 5, and an hour while the clock is a test's
---@return any message
---@return string kind
function Peer:expect (wanted, within)
  within = within or peer.patience()
  local data, kind, detail = self.ws:receive(within)
  if data == nil then
    local came = kind == "timeout" and "and nothing came within " .. within .. " s"
                 or "but " .. tostring(detail)
    fail(self, "expected " .. show(wanted) .. ", " .. came)
  end
  local got = read(wanted, data)
  if not accepts(wanted, got) then
    fail(self, "expected " .. show(wanted) .. ", got " .. show(got) .. " (" .. kind .. ")")
  end
  return got, kind
end

--- Waits until the client closes, and fails if a message comes, or another code.
---@param code? integer   any when absent
---@param within? number  seconds, as of `expect`
function Peer:expect_close (code, within)
  within = within or peer.patience()
  local what = "expected a close" .. (code and " with " .. code or "")
  local data, token = self.ws:receive(within)
  if data ~= nil then
    fail(self, what .. ", got " .. show(data))
  elseif token == "timeout" then
    fail(self, what .. ", and none came within " .. within .. " s")
  end
  local got = self.ws:closed(within)
  if code and got ~= code then fail(self, what .. ", got " .. tostring(got)) end
end

--- Sends a message.
---@param data any   a string; a table is sent as JSON
---@param kind? "text"|"binary"
function Peer:send (data, kind)
  if type(data) == "table" then
    local why
    data, kind, why = codec.encode(codec.of "json", data, "text"), "text", nil
    if data == nil then fail(self, "this cannot be sent as JSON: " .. tostring(why)) end
  end
  local ok, _, detail = self.ws:send(data, kind)
  if not ok then fail(self, "could not send: " .. detail) end
end

--- Closes the connection, and waits for the client's answer.
---@param code? integer    1000 when absent
---@param reason? string   at most 123 bytes of UTF-8
function Peer:close (code, reason)
  self.ws:close(code, reason)
  self.ws:closed(peer.patience())
end

--- Breaks the connection, without a close frame.
function Peer:cut ()
  dispatch.abort(self.ws)
end

--- Waits so many seconds.
---@param seconds number  of the test's clock, if there is one
function Peer:delay (seconds)
  if getmetatable(self) ~= Peer then error("call it with ':', as in peer:delay(...)", 2) end
  scheduler.sleep(seconds)
end

return peer
