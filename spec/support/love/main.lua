-- main.lua URL: two threads and the game itself, each with a connection of its own.
local url

local CODE = [[
local url, name, out = ...
local wsmanager = require "wsmanager"
local function talk ()
  local ws = wsmanager.new { url = url .. "/?name=" .. name }
  assert(ws:opened(60))
  assert(ws:send("say from " .. name))
  repeat
    local text, token, why = ws:receive(60)
    assert(text, why)
  until text == name .. " say from " .. name
  ws:close()
  assert(ws:closed(60))
  return "heard by " .. name
end
out:push(wsmanager.run(talk))
]]

local out = love.thread.newChannel()
local threads, left = {}, 3

function love.load (arguments)
  url = arguments[1]
  for _, name in ipairs { "one", "two" } do
    local thread = love.thread.newThread(CODE)
    thread:start(url, name, out)
    threads[#threads + 1] = thread
  end
  assert(loadstring(CODE))(url, "game", out)
end

function love.update ()
  local text = out:pop()
  while text do
    print(text)
    left = left - 1
    text = out:pop()
  end
  if left == 0 then love.event.quit() end
end

function love.threaderror (_, why)
  print(why)
  love.event.quit(1)
end
