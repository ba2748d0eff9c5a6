-- A server whose connections go by scripts.
-- Depends on server.lua and peer.lua.

local arguments = require "wsmanager.base.arguments"
local core = require "wsmanager.core"
local peer = require "wsmanager.testing.peer"
local queue = require "wsmanager.run.queue"
local report = require "wsmanager.base.report"
local server = require "wsmanager.server"

local scripted = {}

--- A server that goes by scripts, on a free port of this machine.
---@class wsmanager.TestServer
---@field url string     for the program under test
---@field port integer   where it listens, on 127.0.0.1
---@field count integer  connections so far, those that were refused included
local TestServer = {}
TestServer.__index = TestServer

local function is_script (value)
  return type(value) == "function" or type(value) == "table" and value.status ~= nil
end

local function check (scripts)
  if is_script(scripts) then return end
  if type(scripts) ~= "table" or scripts[1] == nil then
    arguments.fail(2, "#1 to 'server' (function or list of scripts", scripts)
  end
  for i, script in ipairs(scripts) do
    if not is_script(script) then
      error("bad script " .. i .. " (a function, or testing.refuse(…), expected, got "
            .. type(script) .. ")", 3)
    end
  end
end

-- has_position: the text begins with a line of the script.
local function note_failure (self, text, has_position)
  if not self.failure then self.failure, self.has_position = text, has_position end
  self.news:put(true)
end

-- Of the connection of that number.
local function script_of (self, number)
  if is_script(self.scripts) then return self.scripts end
  return self.scripts[number]
end

local function authorize (self, request)
  self.count = self.count + 1
  local script = script_of(self, self.count)
  if not script then
    note_failure(self, "connection " .. self.count .. " came, and there are "
                 .. #self.scripts .. " scripts")
    return nil, 503
  elseif type(script) == "table" then
    self.ended = self.ended + 1
    self.news:put(true)
    return nil, script.status, script.body or "", script.headers
  end
  self.numbers[request] = self.count
  return true
end

local function handle (self, ws, request)
  local number = self.numbers[request]
  script_of(self, number)(peer.new(ws, request, number))
  self.ended = self.ended + 1
  self.news:put(true)
end

function scripted.new (scripts, options)
  check(scripts)
  local self = setmetatable({
    scripts = scripts, count = 0, ended = 0, news = queue.new(), numbers = {},
  }, TestServer)
  local given = {host = "127.0.0.1", port = 0, heartbeat = false}
  for name, value in pairs(options or {}) do given[name] = value end
  given.authorize = function (request) return authorize(self, request) end
  given.handler = function (ws, request) handle(self, ws, request) end
  given.onerror = function (why) note_failure(self, report.text(why), true) end
  self.server = assert(arguments.call_at_level(3, server.serve, given))
  self.port = self.server.port
  self.url = (given.tls and "wss" or "ws") .. "://127.0.0.1:" .. self.port .. "/"
  return self
end

local function is_done (self)
  local wanted = is_script(self.scripts) and 1 or #self.scripts
  return self.ended >= wanted and self.ended == self.count
end

local function describe (self, within)
  if self.count == self.ended then
    return "connection " .. (self.count + 1) .. " did not come within " .. within .. " s"
  end
  return "the script of a connection has not ended within " .. within .. " s: "
         .. self.count .. " came, " .. self.ended .. " have ended"
end

--- Waits until every script has run to its end, and stops. Raises the first failure: what was
--- expected, what came, and the line of the script.
---@param within? number  seconds; 5, and an hour while the clock is a test's
function TestServer:finish (within)
  within = within or peer.patience()
  local deadline = core.now() + within
  while not self.failure and not is_done(self) do
    local left = deadline - core.now()
    if left <= 0 or not self.news:take(left) then break end
  end
  local failure = self.failure or not is_done(self) and describe(self, within)
  self.server:stop(1)
  if failure then error(failure, self.has_position and 0 or 2) end
end

return scripted
