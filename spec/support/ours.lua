-- Servers of ours in the process of a spec, and what the specs say often.

local assert = require "luassert"
local wsmanager = require "wsmanager"

local ours = {LONG = 60}   -- seconds: none waits so long unless it fails

local servers = {}

-- Answers each message with itself.
function ours.echo (ws)
  while true do
    local data, kind = ws:receive()
    if data == nil then return end
    ws:send(data, kind)
  end
end

-- A handler that says these texts and returns.
function ours.sayer (...)
  local texts = {...}
  return function (ws)
    for _, text in ipairs(texts) do ws:send(text) end
  end
end

-- A server with these options, or this handler, or an echo; and its URL. With
-- `handler = false` it has none.
function ours.serve (options)
  if type(options) ~= "table" then options = {handler = options} end
  options.host = options.host or "127.0.0.1"
  if options.handler == nil then options.handler = ours.echo end
  options.handler = options.handler or nil
  local server = assert(wsmanager.serve(options))
  servers[#servers + 1] = server
  return server, "ws://127.0.0.1:" .. server.port
end

-- A port where nobody listens.
function ours.nowhere ()
  local server, url = ours.serve()
  server:stop()
  return url
end

-- What a program would hear on stderr.
function ours.hush ()
  local heard = {}
  wsmanager.onerror = function (why, text)
    heard[#heard + 1] = {why = why, text = text}
  end
  return heard
end

-- For after_each.
function ours.stop ()
  wsmanager.onerror = nil
  for _, server in ipairs(servers) do server:stop(0) end
  servers = {}
end

-- Is it nil, this token, and a sentence?
function ours.refused (token, ...)
  local value, why, detail = ...
  assert.is_nil(value)
  assert.equal(token, why)
  assert.is_string(detail)
end

-- Waits, while everything goes on, until the condition is true.
function ours.await (condition)
  local deadline = wsmanager.now() + ours.LONG
  while not condition() do
    assert(wsmanager.now() < deadline, "it did not happen")
    wsmanager.sleep(0.001)
  end
end

-- Lets what was spawned run until it waits.
function ours.settle ()
  for _ = 1, 2 do wsmanager.sleep(0) end
end

-- What finalizers.lua prints with these arguments.
function ours.finalizers (arguments, option)
  local lua = os.getenv("LUA") or arg[-1] or "lua"
  local pipe = assert(io.popen("timeout 60 '" .. lua .. "' " .. (option or "")
    .. " spec/support/finalizers.lua " .. arguments .. " 2>&1"))
  local text = pipe:read("*a")
  pipe:close()
  return text
end

-- Does fn(...) raise this, and blame the line that called it?
function ours.fails (what, fn, ...)
  local unpack = table.unpack or unpack
  local n, arguments = select("#", ...), {...}
  local ok, why = pcall(function ()
    fn(unpack(arguments, 1, n))    -- no tail call: this is the line
  end)
  assert.is_false(ok)
  assert.matches("^[^\n]*ours.lua:%d+: " .. what, why)
end

return ours
