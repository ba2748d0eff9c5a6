-- What a bundle must do where nothing else is: /bundle has it, and /cert.pem and /key.pem
-- may be there; then the certificate is also among the CAs that a system trusts.
package.path, package.cpath = "/bundle/?.lua", ""
local wsmanager = require "wsmanager"

local function read (path)
  local file = io.open(path, "rb")
  local text = file and file:read "*a"
  if file then file:close() end
  return text
end

local function echo (scheme, tls, ca)
  local server = assert(wsmanager.serve {
    host = "127.0.0.1", port = 0, compress = true, tls = tls,
    handler = function (ws)
      local data = ws:receive()
      while data do
        ws:send(data)
        data = ws:receive()
      end
    end,
  })
  local ws = wsmanager.new {
    url = ("%s://127.0.0.1:%d/"):format(scheme, server.port), compress = true,
    reconnect = false, tls = ca and { ca = ca } or nil,
  }
  local sent = ("from a root with nothing else; "):rep(1000)
  assert(ws:send(sent))
  local data, token, why = ws:receive(20)
  assert(data == sent, why and token .. ": " .. why)
  ws:close()
  assert(ws:closed(20))
  server:stop()
end

local function json ()
  local value = { 1, 2.5, wsmanager.null, "text", { list = wsmanager.array {} } }
  local codec = require "wsmanager.base.codec".json()
  local text = codec.encode(value)
  assert(text == '[1,2.5,null,"text",{"list":[]}]', text)
  assert(codec.decode(text)[3] == wsmanager.null)
  assert(wsmanager.chat)
end

wsmanager.run(function ()
  local tried = "ws, deflate, JSON"
  json()
  echo "ws"
  local cert, key = read "/cert.pem", read "/key.pem"
  if cert then
    echo("wss", { cert = cert, key = key }, cert)
    echo("wss", { cert = cert, key = key })
    tried = tried .. ", wss, the system's CAs"
  end
  print("Tried in an empty root: " .. tried)
end)
