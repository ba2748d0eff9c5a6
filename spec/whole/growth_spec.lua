-- What connections hold before their server restarts and after they are back,
-- counted in blocks of C and in bytes of Lua: nothing may have grown.
-- Runs alone.

local core = require "wsmanager.core"
local many = require "support.many"
local ours = require "support.ours"
local wsmanager = require "wsmanager"

local COUNT = 200
local SPARE = 8        -- blocks that the pool may keep more or less
local TOLERANCE = 96   -- bytes of Lua a connection: tables of the scheduler,
                       -- stacks of coroutines; a key more in a record is 192

local function held ()
  for _ = 1, 4 do collectgarbage() end
  return {
    blocks = core.memory().blocks, bytes = collectgarbage "count" * 1024,
  }
end

-- In a process of its own, so that its side is not counted. "stop" makes it say
-- goodbye and end.
local PROGRAM = [[
  local wsmanager = require "wsmanager"
  local server
  server = assert(wsmanager.serve {
    host = "127.0.0.1", port = PORT,
    handler = function (ws)
      if ws:receive() then wsmanager.spawn(server.stop, server) end
    end,
  })
  print(server.port)
  io.stdout:flush()
  wsmanager.run()
]]

local function serve (port)
  local pipe = io.popen("echo $$; exec " .. os.getenv "LUA" .. " -e '"
                        .. PROGRAM:gsub("PORT", port) .. "'")
  return { pipe = pipe, pid = pipe:read "*l", port = pipe:read "*l" }
end

local function kill (server)
  if not server.pipe then return end
  os.execute("kill -9 " .. server.pid)
  server.pipe:close()
  server.pipe = nil
end

describe("many connections whose server restarts", function()
  local server, all

  local function are_open (opens)
    for _, ws in ipairs(all) do
      if ws.state ~= "open" or ws:stats().opens ~= opens then return false end
    end
    return true
  end

  local function are_gone ()
    for _, ws in ipairs(all) do
      if ws.state == "open" or ws.state == "closing" then return false end
    end
    return true
  end

  local function begin (delay)
    all, server = {}, serve(0)
    for i = 1, COUNT do
      all[i] = wsmanager.new {
        url = "ws://127.0.0.1:" .. server.port,
        reconnect = { delay = delay, factor = 1, jitter = 0, pause = 0 },
      }
    end
    ours.await(function () return are_open(1) end)
    return held()
  end

  -- Its successor has the same port.
  local function come_back (opens)
    server = serve(server.port)
    ours.await(function () return are_open(opens) end)
    return held()
  end

  local function check (before, after)
    local blocks = after.blocks - before.blocks
    local bytes = (after.bytes - before.bytes) / COUNT
    assert.is_true(blocks <= SPARE, blocks .. " blocks more")
    assert.is_true(bytes <= TOLERANCE, bytes .. " bytes of Lua more on each")
  end

  -- What LuaJIT compiles meanwhile is memory of Lua's, too.
  local jit = rawget(_G, "jit")

  before_each(function()
    if jit then jit.off() jit.flush() end
  end)

  after_each(function()
    if jit then jit.on() end
    for _, ws in ipairs(all) do ws:close() end
    kill(server)
  end)

  it("hold no more when it was killed", function()
    wsmanager.run(function ()
      local before = begin(0.3)
      for opens = 2, 3 do
        kill(server)
        ours.await(are_gone)
        check(before, come_back(opens))
      end
    end)
  end)

  it("hold no more when it said goodbye", function()
    wsmanager.run(function ()
      local before = begin(0.3)
      for opens = 2, 3 do
        all[1]:send "stop"
        ours.await(are_gone)
        server.pipe:close()
        server.pipe = nil
        check(before, come_back(opens))
      end
    end)
  end)

  it("hold no more while it is away: they share what they know of the end",
     function()
    wsmanager.run(function ()
      local before = begin(60)
      kill(server)
      ours.await(are_gone)
      wsmanager.sleep(0)
      check(before, held())
      server = serve(server.port)
    end)
  end)
end)

describe("many connections that open", function()
  local crowd

  before_each(function () crowd = many.new() end)
  after_each(function () crowd:close() end)

  -- The blocks of those that are there, once all of them are open.
  local function settle ()
    crowd:till(function ()
      for _, ws in ipairs(crowd.clients) do
        if ws.state ~= "open" then return false end
      end
      return #crowd.peers == #crowd.clients
    end)
    return core.memory().blocks
  end

  it("hold no more when they dial all at once", function ()
    crowd:dial()
    local one = settle()
    crowd:dial()
    local two = settle()
    for _ = 3, COUNT do crowd:dial() end
    assert.equal(one + (COUNT - 1) * (two - one), settle())
  end)
end)
