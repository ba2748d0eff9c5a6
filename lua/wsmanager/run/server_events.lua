-- What happens to all servers of this Lua state, for one who looks at them: the
-- dashboard.
-- Depends on nothing. Until somebody looks it costs a call for a connection.

local server_events = {}

local function ignore () end

server_events.began = ignore    -- began(): a server listens
server_events.ended = ignore    -- ended(): one has stopped
server_events.over = ignore     -- over(record): a connection that was accepted has ended

-- Has the functions of that table called from now on.
function server_events.watch (functions)
  for name, fn in pairs(functions) do server_events[name] = fn end
end

return server_events
