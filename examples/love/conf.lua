function love.conf (t)
  t.identity = "wsmanager-world"
  t.window.title = "wsmanager"
  t.window.width, t.window.height = 480, 360
  t.modules.audio, t.modules.sound, t.modules.joystick = false, false, false
  t.modules.physics, t.modules.video = false, false
end
