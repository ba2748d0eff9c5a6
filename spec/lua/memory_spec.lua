-- Memory ends at the first, the second, the third ... allocation, and comes
-- back: nothing crashes, hangs or leaks, and a program that says again what it
-- said on a connection that was lost is heard.
-- Runs alone.

local certificates = require "support.certificates"
local core = require "wsmanager.core"

local link = core.link
local unpack = table.unpack or unpack
local LONG = 60      -- seconds: none waits so long unless it fails
local SHORT = 0.1    -- of a program that waits for memory and says nothing
local PATIENT = {timeouts = {open = 2, close = 1}}

local function with (config, more)
  local all = {}
  for k, v in pairs(config or {}) do all[k] = v end
  for k, v in pairs(more or {}) do all[k] = v end
  return all
end

-- A loop with a server that echoes and clients that dial again.
local world = {}
world.__index = world

function world.new (options)
  return setmetatable({
    options = options, members = {}, clients = {}, opens = 0, trouble = {},
  }, world)
end

function world:note (what)
  self.trouble[#self.trouble + 1] = what
end

-- A message is echoed, or waits here until it can be.
function world:answer (member)
  while true do
    if not member.echo then
      member.echo, member.kind = link.receive(member.ws)
    end
    if not member.echo then return end
    if not link.send(member.ws, member.echo, member.kind) then
      self:note("full")
      return
    end
    member.echo = nil
  end
end

function world:serve_one (member)
  for event, token in link.event, member.ws do
    if event == "error" or event == "close" then self:note(token) end
    member.asked = member.asked or event == "request"
  end
  if member.asked and not member.accepted then
    member.accepted = link.accept(member.ws)
    if not member.accepted then self:note("accept") end
  end
  if member.accepted then self:answer(member) end
end

function world:hear (client)
  for event, token in link.event, client.ws do
    if event == "error" or event == "close" then self:note(token) end
    if event == "open" then client.sent, self.opens = 0, self.opens + 1 end
  end
  local text = client.texts[client.sent + 1]
  if text and link.send(client.ws, text) then client.sent = client.sent + 1 end
  local data, token = link.receive(client.ws)
  while data do
    client.heard[data] = (client.heard[data] or 0) + 1
    data, token = link.receive(client.ws)
  end
  if token then self:note(token) end
end

function world:turn ()
  self.loop:turn(0.02)
  repeat until not self.loop:ready()
  local ws = self.server:next()
  while ws do
    self.members[#self.members + 1] = {ws = ws}
    ws = self.server:next()
  end
  for _, member in ipairs(self.members) do self:serve_one(member) end
  for _, client in ipairs(self.clients) do self:hear(client) end
end

-- A client that says these texts on each of its connections.
function world:dial (...)
  local scheme = self.options.tls and "wss" or "ws"
  local config = with(PATIENT, with(self.options.client, {
    url = scheme .. "://localhost:" .. self.server:port(),
    reconnect = {delay = 0.01, jitter = 0, pause = 0, limit = false},
  }))
  local ws = core.connection(self.loop, config)
  self.clients[#self.clients + 1] = {
    ws = ws, texts = {...}, sent = 0, heard = {},
  }
  link.start(ws)
end

function world:begin ()
  self.loop = assert(core.loop())
  self.server = assert(core.server(self.loop, with(self.options.server, {
    host = "127.0.0.1", policy = with(PATIENT, self.options.policy),
  })))
end

-- Turns until done().
function world:till (done)
  local last = core.now() + LONG
  while not done() do
    if core.now() > last then error("nothing came in time") end
    self:turn()
  end
end

-- Turns until done(), something has gone wrong, or nothing happens any more.
function world:starve (done)
  local last = core.now() + SHORT
  while #self.trouble == 0 and core.now() < last and not done() do
    self:turn()
  end
end

function world:finish ()
  for _, client in ipairs(self.clients) do link.drop(client.ws) end
  for _, member in ipairs(self.members) do link.drop(member.ws) end
  if self.server then self.server:close() end
  if self.loop then self.loop:close() end
  self.options = nil    -- their TLS contexts go, too
end

-- Begins with little memory, goes on with enough.
local function live_through (w, scenario, calls)
  w:begin()
  core.failmemory(calls)
  local begun, done = pcall(scenario.begin, w)
  local ok, why = pcall(function () if begun then w:starve(done) end end)
  core.failmemory(-1)
  assert(begun or done:find("memory"), done)
  assert(ok, why)
  w:till(begun and done or scenario.begin(w))
end

-- One course of a scenario; memory ends after `calls` allocations (-1: never).
-- Returns how many there were.
local function course (scenario, calls)
  local before = core.memory()
  local w = world.new(scenario.options and scenario.options() or {})
  local ok, why = pcall(live_through, w, scenario, calls)
  core.failmemory(-1)
  w:finish()
  collectgarbage()
  collectgarbage()
  assert(ok, why)
  assert.equal(before.blocks, core.memory().blocks)
  return core.memory().calls - before.calls
end

local function survives (scenario)
  for n = 0, course(scenario, -1) do
    local ok, why = pcall(course, scenario, n)
    if not ok then error(n .. " allocations: " .. tostring(why), 0) end
  end
end

-- Has every client heard the text?
local function heard (w, text)
  for _, client in ipairs(w.clients) do
    if not client.heard[text] then return false end
  end
  return true
end

local function echoes (...)
  local texts = {...}
  return function (w)
    w:dial(unpack(texts))
    return function ()
      for _, text in ipairs(texts) do
        if not heard(w, text) then return false end
      end
      return true
    end
  end
end

local long = ("a long message, "):rep(20000)

describe("without memory", function ()
  after_each(function () core.failmemory(-1) end)

  it("a loop is refused, and leaves nothing behind", function ()
    collectgarbage()
    collectgarbage()
    local before, kept = core.memory().blocks, nil
    for n = 0, 20 do
      core.failmemory(n)
      local loop, token = core.loop()
      core.failmemory(-1)
      if loop then loop:close() else assert.equal("full", token) end
      -- what a closed loop keeps is for the next one
      if loop and not kept then kept = core.memory().blocks end
      assert.equal(kept or before, core.memory().blocks)
    end
    assert.is_true(kept - before <= 1)
  end)

  it("a connection with all its texts is refused", function ()
    collectgarbage()
    collectgarbage()
    local before, made = core.memory().blocks, nil
    for n = 0, 30 do
      local loop = assert(core.loop())
      core.failmemory(n)
      made = pcall(core.connection, loop, {
        url = "ws://127.0.0.1:1/", protocols = "chat", headers = "A: b\r\n",
        proxy = "http://127.0.0.1:2", heartbeat = {message = "beat"},
      })
      core.failmemory(-1)
      loop:close()
      collectgarbage()
      collectgarbage()
      assert.equal(before, core.memory().blocks)
    end
    assert.is_true(made)
  end)

  it("a server is refused", function ()
    local before, made = core.memory().blocks, nil
    for n = 0, 20 do
      local loop = assert(core.loop())
      core.failmemory(n)
      local server, token = core.server(loop, {
        host = "127.0.0.1", policy = {heartbeat = {message = "beat"}},
      })
      core.failmemory(-1)
      made = server
      if server then server:close() else assert.equal("full", token) end
      loop:close()
      assert.equal(before, core.memory().blocks)
    end
    assert.truthy(made)
  end)

  it("an echo comes once there is some again", function ()
    survives {begin = echoes("one", "two", "three")}
  end)

  it("so does one of a long message", function ()
    survives {begin = echoes(long)}
  end)

  it("so does one of compressed messages", function ()
    local compress = {threshold = 0}
    survives {
      options = function ()
        return {client = {compress = compress}, policy = {compress = compress}}
      end,
      begin = echoes("one", long, "three"),
    }
  end)

  it("a broadcast comes, or says that it does not", function ()
    survives {
      begin = function (w)
        for _ = 1, 3 do w:dial("here") end
        local said
        return function ()
          if not heard(w, "here") then return false end
          if said ~= w.opens then
            local ok, sent = pcall(w.server.broadcast, w.server, long)
            if ok and sent == #w.clients then said = w.opens end
            if not ok then w:note(sent) end
          end
          return heard(w, long)
        end
      end,
    }
  end)

  it("a connection comes back from one that was lost", function ()
    local begin = echoes("one", "two")
    survives {
      begin = function (w)
        local done, dropped = begin(w), false
        return function ()
          if not dropped and done() then
            dropped = true
            w.clients[1].heard = {}
            for i = #w.members, 1, -1 do
              link.drop(table.remove(w.members, i).ws)
            end
          end
          return dropped and done()
        end
      end,
    }
  end)

  describe("with TLS", function ()
    local made

    setup(function () made = certificates.make() end)
    teardown(function () made:remove() end)

    it("an echo comes once there is some again", function ()
      local mine = {cert = made:path("good.pem"), key = made:path("leaf.key")}
      local theirs = {ca = made:path("ca.pem")}
      survives {
        options = function ()
          return {
            tls = true,
            server = {tls = assert(core.tls(mine, true))},
            client = {tls = assert(core.tls(theirs, false))},
          }
        end,
        begin = echoes("one", long),
      }
    end)
  end)
end)
