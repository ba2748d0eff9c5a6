-- What game.c calls: the arguments of its command line come in, a table of functions
-- goes out. The player runs in a circle; what is typed is said to all.
local world = require "world"

local url, name, seconds = ...
local here = world.join(url, name)
local elapsed, heard = 0, 0

-- Prints the lines of the chat that are new.
local function tell ()
  while heard < #here.lines do
    heard = heard + 1
    print(here.lines[heard])
  end
  io.stdout:flush()
end

local function others ()
  local names = {}
  for other in pairs(here.players) do
    if other ~= name then names[#names + 1] = other end
  end
  table.sort(names)
  return table.concat(names, " ")
end

local seen = ""

return {
  -- Once a frame; false: the game is over.
  frame = function (dt)
    elapsed = elapsed + dt
    here:move(100 * math.cos(elapsed), 100 * math.sin(elapsed))
    here:update()
    tell()
    if others() ~= seen then
      seen = others()
      print("with: " .. seen)
    end
    return not seconds or elapsed < tonumber(seconds)
  end,

  -- A line was typed.
  line = function (text) here:say(text) end,

  leave = function () here:leave() end,
}
