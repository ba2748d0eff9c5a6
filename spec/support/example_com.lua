-- example_com.lua CERTIFICATE KEY: the peer of the documents' programs, run in a process
-- of its own. It prints its two ports, that of ws:// and http:// and that of wss:// and
-- https://, and its process. CONTRIBUTING.md lists its paths.

local wsmanager = require "wsmanager"

local certificate, key = ...

local paths = {}

-- Each message comes back.
paths["/echo"] = function (ws)
  local data, kind = ws:receive()
  while data do
    ws:send(data, kind)
    data, kind = ws:receive()
  end
end

-- Three prices, and then nothing more.
paths["/feed"] = function (ws)
  for _, price in ipairs {100, 101, 99} do
    ws:send(('{"symbol":"ABC","price":%d}'):format(price))
  end
  ws:closed()
end

-- Confirms each message by the field `id` of its JSON.
paths["/chat"] = function (ws)
  local message = ws:receive()
  while message do
    ws:send(('{"ack":"%s"}'):format(message:match '"id":"([^"]*)"'))
    message = ws:receive()
  end
end

-- {"token":"secret"} logs in; then each message comes back.
paths["/login"] = function (ws)
  if not ws:receive():find '"token":"secret"' then
    ws:send '{"ok":false,"why":"unknown token"}'
    return
  end
  ws:send '{"ok":true}'
  paths["/echo"](ws)
end

-- Takes everything and sends nothing.
paths["/silent"] = function (ws)
  while ws:receive() do end     -- luacheck: ignore
end

local function handler (ws, request)
  return (paths[request.path] or paths["/echo"])(ws, request)
end

local pages = {
  ["/messages"] = function (request)
    return 201, ('{"id":"1","bytes":%d}'):format(#request.body),
           {["Content-Type"] = "application/json"}
  end,
  ["/token"] = function ()
    return 200, '{"token":"secret"}', {["Content-Type"] = "application/json"}
  end,
}

local function serve (tls)
  return assert(wsmanager.serve {
    host = "127.0.0.1", port = 0, handler = handler, page = pages, tls = tls,
    protocols = {"chat"},
  })
end

local plain, secure = serve(), serve {cert = certificate, key = key}
local stat = io.open "/proc/self/stat"
print(plain.port .. " " .. secure.port)
print(stat:read "*l":match "^%d+")
io.stdout:flush()

wsmanager.run()
