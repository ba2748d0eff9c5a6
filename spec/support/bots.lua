-- Programs of examples/gateways/, run as a user runs them: their output is read line
-- by line, while other processes are their servers.
--
--   local bot = bots.start("nats.lua", url, "secret", "greetings")
--   local bot = bots.start("discord.lua", {DISCORD_TOKEN = "secret"}, url)
--   assert.equal("ready", bot:line())
--   after_each(bots.stop)

local files = require "support.files"
local peers = require "support.peers"

local bots = {}
local bot = {}
bot.__index = bot

local lua = os.getenv "LUA" or "lua"
local started, folders = {}, {}

local function quote (text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

-- Starts a program, which ends after LIFE seconds at the latest. A table among its
-- arguments is its environment.
local LIFE = 100

function bots.start (name, ...)
  local environment = {}
  local words = {"exec timeout", LIFE, quote(lua), "examples/gateways/" .. name}
  for _, argument in ipairs {...} do
    if type(argument) == "table" then
      for key, value in pairs(argument) do
        environment[#environment + 1] = key .. "=" .. quote(value) .. " "
      end
    else
      words[#words + 1] = quote(argument)
    end
  end
  table.insert(words, 1, "echo $$; " .. table.concat(environment))
  local pipe = assert(io.popen(table.concat(words, " ") .. " 2>&1", "r"))
  local self = setmetatable({pipe = pipe, pid = pipe:read "*l", before = {}}, bot)
  started[self] = true
  return self
end

-- The next line of what it writes, waiting for it.
function bot:line ()
  local line = self.pipe:read "*l"
  if not line then error("the program has ended after:\n" .. table.concat(self.before, "\n"), 2) end
  self.before[#self.before + 1] = line
  return line
end

-- Skips lines until one has this pattern, and returns that.
function bot:until_line (pattern)
  while true do
    local line = self.pipe:read "*l"
    if not line then
      error("no line " .. pattern .. " in:\n" .. table.concat(self.before, "\n"), 2)
    end
    self.before[#self.before + 1] = line
    if line:find(pattern) then return line end
  end
end

-- The rest of what it writes until it ends by itself.
function bot:rest ()
  local text = self.pipe:read "*a"
  self.pipe:close()
  started[self] = nil
  return text
end

function bot:stop ()
  os.execute("kill " .. self.pid .. " 2>/dev/null")
  self:rest()
end

-- A local of a program, of those before `login` or before it runs.
function bots.pure (name, wanted)
  local all = files.read("examples/gateways/" .. name)
  local text = all:match "^(.-)\nlocal function login" or all:match "^(.-)\nwsmanager.run"
  return assert((loadstring or load)(text .. "\nreturn " .. wanted, "@" .. name))()
end

-- A new folder, for what a server or a program keeps.
function bots.folder ()
  local pipe = io.popen "mktemp -d"
  local name = pipe:read "*l"
  pipe:close()
  folders[#folders + 1] = name
  return name
end

-- Ends the programs and the peers (but for one that is to be kept), and removes the
-- folders; for after_each.
function bots.stop (kept)
  while next(started) do (next(started)):stop() end
  peers.stop(kept)
  for _, name in ipairs(folders) do os.execute("rm -rf '" .. name .. "'") end
  folders = {}
end

return bots
