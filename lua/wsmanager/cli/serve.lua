-- `wsm serve`: an echo, a broadcast, or a page and a room, to try a client with.
-- Depends on the public module, room.lua and stop.lua.

local wsmanager = require "wsmanager"
local exits = require "wsmanager.cli.exits"
local room = require "wsmanager.cli.room"
local stop = require "wsmanager.cli.stop"

local serve = {}

local modes = {}

-- Each message back to who sent it.
function modes.echo (options)
  options.handler = function (ws)
    local message, kind = ws:receive()
    while message do
      ws:send(message, kind)
      message, kind = ws:receive()
    end
  end
end

-- Each message to all others.
function modes.broadcast (options, get_server)
  options.authorize = room.same_origin
  options.handler = function (ws)
    local message, kind = ws:receive()
    while message do
      get_server():broadcast(message, kind, ws)
      message, kind = ws:receive()
    end
  end
end

modes.room = room.add

local function tell (values, ...)
  if not values.quiet then io.stderr:write("wsm: ", table.concat {...}, "\n") end
end

-- Wraps the handler: who comes and goes is told.
local function announce (values, options)
  local handler, count = options.handler, 0
  options.handler = function (ws, request)
    count = count + 1
    local name = request.address .. (request.port and ":" .. request.port or "")
    tell(values, "+ ", name, " (", count, " connected)")
    ws:addEventListener("close", function (event)
      count = count - 1
      tell(values, "- ", name, " ", event.code, " (", count, " connected)")
    end)
    handler(ws, request)
    ws:close(1000)
  end
end

local function tls_of (values)
  if not values.cert then return nil end
  return {cert = values.cert, key = values.key or values.cert}
end

local function to_options (values)
  return {
    host = not values.path and values.host or nil, port = not values.path and values.port or nil,
    path = values.path, tls = tls_of(values), protocols = values.subprotocol,
    compress = values.compress,
    limits = values.max_message and {message = values.max_message},
    log = values.verbose and "debug" or nil,
  }
end

local function address_of (values, server)
  if values.path then return values.path end
  local host = values.host:find ":" and "[" .. values.host .. "]" or values.host
  return ("ws%s://%s:%d/"):format(values.cert and "s" or "", host, server.port)
end

-- The number to leave with.
---@param values table  of parse.words
---@return integer
function serve.run (values)
  local mode = values[1] or "echo"
  if not modes[mode] or values[2] then
    io.stderr:write("wsm: serve what? echo, broadcast or room, not '", values[2] or mode, "'\n")
    return exits.usage
  end
  values.host, values.port = values.host or "127.0.0.1", values.port or 8080
  local server
  local options = to_options(values)
  modes[mode](options, function () return server end)
  announce(values, options)
  local token, detail
  server, token, detail = wsmanager.serve(options)
  if not server then
    io.stderr:write("wsm: ", token, ": ", detail, "\n")
    return exits[token]
  end
  local address = address_of(values, server)
  tell(values, mode, " at ", address)
  if mode == "room" then tell(values, "the page is ", (address:gsub("^ws", "http"))) end
  stop.await()
  server:stop()
  return exits.ok
end

return serve
