-- A game of LÖVE without a window, for spec/whole/bundle_spec.lua.
function love.conf (t)
  t.identity = "wsmanager-threads"
  for name in pairs(t.modules) do t.modules[name] = false end
  t.modules.event, t.modules.thread, t.modules.timer = true, true, true
  t.modules.data = true
end
