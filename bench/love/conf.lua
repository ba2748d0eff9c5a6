function love.conf (t)
  t.identity = "wsmanager-bench"
  t.window.width, t.window.height, t.window.vsync = 480, 160, 0
  t.modules.audio, t.modules.joystick = false, false
end
