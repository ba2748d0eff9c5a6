-- Players that move and talk: love FOLDER ws://host:port NAME [demo]
-- wsmanager.lua and the .so files of `make bundle LUA=luajit` lie in this folder.
-- Arrow keys move, Return begins and ends a line of the chat. `demo` plays by itself
-- until it has heard another player, then saves a picture and leaves.
local world = require "world"
local demo = require "demo"

local SPEED = 160     -- pixels a second

local here, name, plays_itself
local x, y = 0, 0
local typed            -- the line that is being typed, or nil

function love.load (arguments)
  name = arguments[2] or "player" .. math.random(9999)
  here = world.join(arguments[1] or "ws://127.0.0.1:8080", name)
  plays_itself = arguments[3] == "demo"
  love.window.setTitle("wsmanager: " .. name)
end

local function along (less, more)
  local keyboard = love.keyboard
  return (keyboard.isDown(more) and 1 or 0) - (keyboard.isDown(less) and 1 or 0)
end

function love.update (dt)
  if plays_itself then
    x, y = demo.play(here, dt)
  elseif not typed then
    x = x + along("left", "right") * SPEED * dt
    y = y + along("up", "down") * SPEED * dt
  end
  here:move(x, y)
  here:update()
end

-- ## What is typed

function love.keypressed (key)
  if key == "return" then
    if typed and #typed > 0 then here:say(typed) end
    typed = not typed and "" or nil
  elseif key == "backspace" and typed then
    typed = typed:gsub("[%z\1-\127\194-\244][\128-\191]*$", "")
  elseif key == "escape" then
    love.event.quit()
  end
end

function love.textinput (text)
  if typed then typed = typed .. text end
end

-- ## What is seen

local function draw_player (who, player)
  local graphics = love.graphics
  if who == name then graphics.setColor(0.4, 0.8, 1) else graphics.setColor(1, 0.7, 0.3) end
  graphics.circle("fill", player.x, player.y, 12)
  graphics.setColor(1, 1, 1)
  graphics.printf(who, player.x - 60, player.y + 14, 120, "center")
end

function love.draw ()
  local graphics = love.graphics
  local width, height = graphics.getDimensions()
  graphics.clear(0.1, 0.12, 0.15)
  graphics.push()
  graphics.translate(width / 2, height / 2 - 40)
  for who, player in pairs(here.players) do draw_player(who, player) end
  graphics.pop()
  graphics.setColor(0.7, 0.75, 0.8)
  for i, line in ipairs(here.lines) do
    graphics.print(line, 12, height - 34 - 16 * (#here.lines - i + 1))
  end
  graphics.setColor(1, 1, 1)
  graphics.print(typed and "> " .. typed or "Return: say something", 12, height - 26)
  graphics.print(here.ws.state, 12, 8)
end

function love.quit ()
  here:leave()
end
