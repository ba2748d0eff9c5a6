-- The scene by itself: a player that runs in a circle, greets whom it sees, and leaves
-- with a picture when it was greeted and the other has seen it move.
local demo = {}

local RADIUS = 90
local FRAMES = 60      -- after the greeting, before the picture

local elapsed, greeted, frames = 0, false, 0

local function somebody (here)
  for who in pairs(here.players) do
    if who ~= here.name then return who end
  end
end

local function was_greeted (here)
  for _, line in ipairs(here.lines) do
    if not line:find("^" .. here.name .. ":") then return true end
  end
  return false
end

local function take_picture (here)
  love.graphics.captureScreenshot(function (image)
    image:encode("png", here.name .. ".png")
    print(("picture %s/%s.png"):format(love.filesystem.getSaveDirectory(), here.name))
    io.stdout:flush()
    love.event.quit()
  end)
end

-- Once a frame; where the player is now.
function demo.play (here, dt)
  elapsed = elapsed + dt
  local other = somebody(here)
  if other and not greeted then
    greeted = true
    here:say("hello " .. other .. ", here is " .. here.name)
  end
  if greeted and was_greeted(here) then
    frames = frames + 1
    if frames == FRAMES then take_picture(here) end
  end
  local start = here.name:byte()
  return RADIUS * math.cos(elapsed + start), RADIUS * math.sin(elapsed + start)
end

return demo
