-- A test that runs in a coroutine, beside a server of this process: its body is
-- given the server's address.

local wsmanager = require "wsmanager"

return function (handler, body, options)
  return function ()
    local all = { host = "127.0.0.1", port = 0, handler = handler }
    for name, value in pairs(options or {}) do all[name] = value end
    local server = assert(wsmanager.serve(all))
    local ok, why = pcall(wsmanager.run, body, "127.0.0.1:" .. server.port)
    server:stop()
    assert(ok, why)
  end
end
