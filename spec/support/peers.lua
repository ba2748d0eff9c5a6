-- Real peers, each a process of its own, started and stopped from a spec.
--
--   local server = peers.start("python_server", { protocols = { "chat" } })
--   local ws = wsmanager.new { url = "ws://127.0.0.1:" .. server.port .. "/echo" }
--   ...
--   server:event()     -- { event = "closed", code = 1000, ... }
--   after_each(peers.stop)
--
-- A peer says what happened to it in events, tables with a field `event`; each
-- program's head names its options and its events. Options go over as JSON. A
-- peer binds port 0 and tells it; it ends when it is stopped, when its work is
-- done, after ten minutes, and when the process that started it is gone.

local is_there, json = pcall(require, "cjson")
if not is_there then json = require "dkjson" end

local peers = {}
local peer = {}
peer.__index = peer

local folder = "spec/support/peers/"
local python = "/usr/bin/python3 -B " .. folder
local node = "NODE_PATH=/usr/share/nodejs:$NODE_PATH exec node " .. folder
local npm = "NODE_PATH=build/peers/node_modules exec node " .. folder

local programs = {
  python_server = "exec " .. python .. "python_server.py",
  python_client = "exec " .. python .. "python_client.py",
  node_server = node .. "node_server.js",
  node_client = node .. "node_client.js",
  web_server = node .. "web_server.js",
  scripted = "exec " .. python .. "scripted.py",
  gateway = "exec " .. python .. "gateway.py",
  discord = node .. "discord.js",
  slack = node .. "slack.js",
  twitch = node .. "twitch.js",
  proxy = "exec " .. python .. "proxy.py",
  cutting_proxy = "exec " .. python .. "cutting_proxy.py",
  conformance = "exec " .. python .. "conformance.py",
  daemon = "exec " .. python .. "daemon.py",
  nginx = "exec " .. python .. "nginx.py",
  graphql_server = npm .. "graphql_server.js",
  socket_io_server = npm .. "socket_io_server.js",
}

local started = {}

local function quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

-- Starts a peer and waits until it listens (a server) or runs (a client).
-- Its fields: port (a server's; 0 on a Unix socket), pid.
function peers.start(name, options)
  local command = assert(programs[name], "no such peer: " .. tostring(name))
  local log = os.tmpname()
  local pipe = assert(io.popen(command .. " " .. quote(log) .. " "
    .. quote(json.encode(options or {})), "r"))
  local line = pipe:read("*l")
  local port, pid = (line or ""):match("^port (%d+) pid (%d+)$")
  if not port then
    pipe:close()
    os.remove(log)
    error(name .. " did not start: " .. tostring(line), 2)
  end
  local self = setmetatable({ name = name, port = tonumber(port), pid = tonumber(pid),
                              pipe = pipe, log = log, taken = 0 }, peer)
  started[self] = true
  return self
end

-- Stops every peer that is still there, but for one that is to be kept and those that
-- say so themselves (`is_kept`); for after_each.
function peers.stop(kept)
  for each in pairs(started) do
    if each ~= kept and not each.is_kept then each:stop() end
  end
end

-- All events so far; does not wait.
function peer:events()
  local list = {}
  local file = io.open(self.log, "rb")
  if not file then return self.last or list end
  -- a line without its end is still being written
  local whole = file:read("*a"):match("^.*\n") or ""
  for line in whole:gmatch("([^\n]*)\n") do
    list[#list + 1] = json.decode(line)
  end
  file:close()
  return list
end

-- Skips events until one has that name, and that value in a field, if one is given.
function peer:await(name, field, value)
  for event in self.event, self do
    if event.event == name and (not field or event[field] == value) then return event end
  end
  error(self.name .. " has ended without the event " .. name, 2)
end

-- The next event, waiting for it; nil when the peer has ended. The wait turns
-- no loop: use `events` while the peer needs an answer from this process.
function peer:event()
  if self.pipe and not self.pipe:read("*l") then return nil end
  self.taken = self.taken + 1
  return self:events()[self.taken]
end

local function finish(self, signal)
  if not self.pipe then return end
  if signal then os.execute("kill -" .. signal .. " " .. self.pid .. " 2>/dev/null") end
  self.pipe:read("*a")
  self.pipe:close()
  self.pipe = nil
  self.last = self:events()
  os.remove(self.log)
  started[self] = nil
end

-- cutting_proxy: cuts every connection that goes through it.
function peer:cut() os.execute("kill -USR1 " .. self.pid) end

function peer:stop() finish(self, "TERM") end    -- idempotent
function peer:kill() finish(self, "KILL") end

-- Waits for the peer's own end; then all its events.
function peer:wait()
  finish(self)
  return self.last
end

return peers
