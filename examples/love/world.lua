-- A world of players that move and talk, as a client has it: world.join(url, name).
-- Any engine can draw it; all that it asks is wsmanager.step(0) once a frame.
local wsmanager = require "wsmanager"

local INTERVAL = 0.05   -- seconds between two positions that are sent
local LINES = 6         -- of the chat

local World = {}
World.__index = World

local world = {}

local function say (self, line)
  local lines = self.lines
  lines[#lines + 1] = line
  if #lines > LINES then table.remove(lines, 1) end
end

local function hear (self, text)
  local name, x, y = text:match "^(%w+) at (%-?%d+) (%-?%d+)$"
  if name then
    self.players[name] = { x = tonumber(x), y = tonumber(y) }
    return
  end
  local who, what = text:match "^(%w+) say (.*)$"
  if who then return say(self, who .. ": " .. what) end
  name = text:match "^(%w+) gone$"
  if name and name ~= self.name then self.players[name] = nil end
end

-- Joins the world of that server, and joins it again whenever the connection was lost.
function world.join (url, name)
  local self = setmetatable({ name = name, players = {}, lines = {}, due = 0 }, World)
  self.players[name] = { x = 0, y = 0 }
  self.ws = wsmanager.new {
    url = url .. "/?name=" .. name, heartbeat = { interval = 5, timeout = 10 },
  }
  self.ws.onopen = function ()
    self.players = { [name] = self.players[name] }
    self.moved = true
  end
  self.ws.onmessage = function (event) hear(self, event.data) end
  return self
end

-- This player is there now.
function World:move (x, y)
  local me = self.players[self.name]
  x, y = math.floor(x + 0.5), math.floor(y + 0.5)
  if me.x == x and me.y == y then return end
  me.x, me.y, self.moved = x, y, true
end

-- A line for the chat: while there is no connection it waits.
function World:say (text)
  return self.ws:send("say " .. text, "text", 0)
end

-- Once a frame: sends where the player is, if that is due, and takes what has come.
function World:update ()
  local now = wsmanager.now()
  if self.moved and now >= self.due and self.ws.state == "open" then
    local me = self.players[self.name]
    if self.ws:send(("at %d %d"):format(me.x, me.y), "text", { volatile = true }) then
      self.moved, self.due = false, now + INTERVAL
    end
  end
  wsmanager.step(0)
end

-- The server is told, but not waited for.
function World:leave ()
  self.ws:close()
  wsmanager.step(0)
end

return world
