-- What the specs of fetch do often: a web server of node's, and requests of it.

local assert = require "luassert"
local wsmanager = require "wsmanager"
local ours = require "support.ours"
local peers = require "support.peers"

local web = {}

-- A server with these options; a table with `url`, and `port` and `event` of the peer.
function web.serve(options)
  local peer = peers.start("web_server", options)
  local scheme = options and options.tls and "https" or "http"
  return { peer = peer, port = peer.port, url = scheme .. "://127.0.0.1:" .. peer.port }
end

-- The response, which there must be; with a deadline of the spec's own.
function web.get(url, options)
  local copy = { timeout = ours.LONG }
  for name, value in pairs(options or {}) do copy[name] = value end
  local response, token, detail = wsmanager.fetch(url, copy)
  if not response then error(token .. ": " .. detail, 2) end
  return response
end

-- What the server's /echo says of the request.
function web.echo(url, options)
  local response = web.get(url, options)
  local value, token, detail = response:json()
  if value == nil then error(token .. ": " .. detail, 2) end
  return value, response
end

-- It fails with that token; the detail.
function web.fails(token, url, options)
  local copy = { timeout = ours.LONG }
  for name, value in pairs(options or {}) do copy[name] = value end
  local response, why, detail = wsmanager.fetch(url, copy)
  assert.is_nil(response)
  assert.equal(token, why, detail)
  assert.is_string(detail)
  return detail
end

-- Waits until the peer has told such an event (a pattern of fields); the event.
function web.await(server, wanted)
  local found
  ours.await(function()
    for _, event in ipairs(server.peer:events()) do
      local same = true
      for name, value in pairs(wanted) do same = same and event[name] == value end
      if same then found = event end
    end
    return found
  end)
  return found
end

-- How many events of that name it has told.
function web.count(server, name)
  local n = 0
  for _, event in ipairs(server.peer:events()) do
    if event.event == name then n = n + 1 end
  end
  return n
end

return web
