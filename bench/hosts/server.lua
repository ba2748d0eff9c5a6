-- An echo server of ours on a free port, which it prints.

local wsmanager = require "wsmanager"

local server = assert(wsmanager.serve {
  host = "127.0.0.1", port = 0,
  handler = function (ws)
    local data, kind = ws:receive()
    while data do
      ws:send(data, kind)
      data, kind = ws:receive()
    end
  end,
})
print(server.port)
io.flush()
wsmanager.run()
