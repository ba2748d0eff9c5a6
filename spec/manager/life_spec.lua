-- A manager through random events, on a simulated clock, with and without memory.
-- Runs once: C, the same under each Lua.

local core = require "wsmanager.core"
local managers = require "support.managers"

-- A small generator of our own: the same lives under every Lua.
local function dice(seed)
  return function(n)
    seed = (seed * 16807) % 2147483647
    return seed % n + 1
  end
end

-- The text frames of a client with a zero key, from the start of `stream`:
-- payloads, and the bytes of them.
local function payloads(stream)
  local list, at = {}, 1
  while true do
    local f = core.protocol.parse(stream:sub(at))
    if not f or at + f.header + f.length - 1 > #stream then return list end
    local from = at + f.header
    if f.opcode == 1 then list[#list + 1] = stream:sub(from, from + f.length - 1) end
    at = from + f.length
  end
end

-- One life: a manager, and a driver and a peer that do anything at any time.
local Life = {}
Life.__index = Life

local options = {
  ask_target = true, outbox_messages = 20, output_bytes = 200, inbox_bytes = 100,
  budget = 5, stable_ms = 1000,
}

-- With `logs_in` each connection has a login, and the outbox waits for its owner.
local function life(seed, logs_in)
  local all = { ask_login = logs_in, ask_release = logs_in, login_ms = 4000 }
  for name, value in pairs(options) do all[name] = value end
  return setmetatable({
    logs_in = logs_in, m = managers.new(all), roll = dice(seed), now = 0, socket = false,
    sockets = 0, wire = "", accepted = 0, got = {}, peer_sent = 0, received = {},
  }, Life)
end

function Life:hang_up()
  -- what the kernel took of whole frames arrived; the rest did not
  local begun
  for _, one in ipairs(payloads(self.wire)) do
    local epoch = one:match "^L(%d+)$"
    if epoch then
      assert.is_nil(begun)                         -- a login comes first
      assert.equal(self.m:counters().epoch, tonumber(epoch))
    else
      begun = true
      self.got[#self.got + 1] = one
    end
  end
  self.wire, self.socket, self.left = "", false, false
end

-- The driver does what is wanted.
function Life:apply_want()
  local want = self.m:want()
  if want == "disconnect" or want == "target" then
    if self.socket then self:hang_up() end
  elseif want == "finish" then
    self:write(math.huge)
    self:hang_up()
    self.m:lost(nil, nil, nil, self.now)
  end
end

function Life:write(n)
  if not self.socket or self.socket == "connecting" then return end
  local out = self.m:output():sub(1, math.min(n, 1e6))
  if self.socket == "open" then self.wire = self.wire .. out end
  if #out > 0 then self.m:wrote(#out, self.now) end
end

function Life:feed(bytes)
  self.m:feed(bytes, self.now)
end

local acts = {}

function acts.wait(self) self.now = self.now + self.roll(3000) end

function acts.deadline(self)
  self.now = math.max(self.now, self.m:deadline() or 0)
end

function acts.event(self)
  if self.m:event() == "open" then self.m:release() end
end

function acts.events(self)
  managers.event_names(self.m)
  self.m:release()
end

-- What a login does: of the connection under way, or an earlier one.
function acts.login(self)
  if not self.logs_in then return end
  local m, epoch = self.m, self.m:counters().epoch - (self.roll(10) == 1 and 1 or 0)
  local what = self.roll(8)
  if what == 1 then
    m:login_failed(epoch, { why = "no", final = self.roll(4) == 1 }, self.now)
  elseif what == 2 then
    m:login_over()
  elseif what < 5 then
    m:login_send(epoch, "L" .. epoch)
  else
    local data = m:login_next(epoch, self.now)
    if data and self.roll(3) == 1 then m:give_back(epoch, data) end
    if what > 6 then m:login_done(epoch, self.now) end
  end
end

-- The peer's part of it.
function acts.hello(self)
  if not self.logs_in or self.socket ~= "open" or self.left then return end
  if self.m:state() == "connecting" then self:feed(managers.text "hello") end
end

function acts.target(self)
  if self.m:want() ~= "target" then return end
  managers.target(self.m, self.now)
  assert.equal("connect", self.m:want())
  assert.is_false(self.socket)
  self.socket = "connecting"
end

function acts.connected(self)
  if self.socket ~= "connecting" then return end
  self.m:connected(self.now)
  self.socket = "asking"
  self:write(math.huge)
end

function acts.answer(self)
  if self.socket ~= "asking" then return end
  self.socket = "open"
  self:feed(managers.response)
end

function acts.refuse(self)
  if self.socket ~= "asking" then return end
  self:feed("HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\nno")
end

function acts.lost(self)
  if not self.socket then return end
  self:hang_up()
  if self.roll(2) == 1 then self.m:lost(nil, nil, nil, self.now)
  else self.m:lost("closed", "reset", false, self.now) end
end

function acts.send(self)
  local sent = self.m:send(tostring(self.accepted + 1))
  if sent == "sent" or sent == "later" then self.accepted = self.accepted + 1 end
end

function acts.write(self) self:write(self.roll(60)) end

function acts.say(self)
  if self.socket ~= "open" or self.left or self.m:state() ~= "open" then return end
  self.peer_sent = self.peer_sent + 1
  self:feed(managers.text(tostring(self.peer_sent)))
end

function acts.ping(self)
  if self.socket == "open" then self:feed(managers.frame(9, "p")) end
end

function acts.bye(self)
  if self.socket ~= "open" or self.roll(4) > 1 then return end
  self.left = true
  self:feed(managers.close_frame(1000))
end

function acts.read(self)
  local data = self.m:next(self.now)
  if data and data ~= "hello" then self.received[#self.received + 1] = data end
end

function acts.close(self)
  if self.roll(20) == 1 then self.m:close(1000, "", self.now) end
end

function acts.start(self)
  if self.m:state() ~= "open" or self.roll(20) == 1 then self.m:start(self.now) end
end

function acts.lock(self)
  if self.roll(10) == 1 then self.m:lock("no session", self.now) end
end

-- More of what leads to an open connection, and of its messages.
local weights = {
  target = 10, connected = 8, answer = 8, deadline = 2, events = 3,
  send = 5, say = 5, read = 3, write = 3, login = 5, hello = 2,
}

local names = {}
for name in pairs(acts) do
  for _ = 1, weights[name] or 1 do names[#names + 1] = name end
end
table.sort(names)

local has_socket = { open = true, closing = true }

-- A tick at the deadline moves the deadline, or the state.
function Life:progress()
  for _ = 1, 100 do
    local at = self.m:deadline()
    if not at or at > self.now then return end
    self.m:tick(self.now)
    self:apply_want()
  end
  error("the deadline stays in the past in " .. self.m:state())
end

function Life:step()
  acts[names[self.roll(#names)]](self)
  self.m:tick(self.now)
  self:apply_want()
  self:progress()
  local state, counters = self.m:state(), self.m:counters()
  assert.is_true(counters.failures <= options.budget)
  if has_socket[state] then assert.is_truthy(self.socket) end
  if not has_socket[state] and state ~= "connecting" then
    assert.is_false(self.socket)
  end
end

-- The peer at last takes and answers all.
function Life:conclude()
  local m = self.m
  for _ = 1, 200 do
    acts.events(self)
    if m:state() == "open" then
      self:write(math.huge)
      if m:buffered() == 0 then break end
    elseif m:state() ~= "closing" then
      if m:state() ~= "connecting" then m:start(self.now) end
      acts.target(self)
      acts.connected(self)
      acts.answer(self)
      m:login_done(m:counters().epoch, self.now)
    end
    acts.deadline(self)
    m:tick(self.now)
    self:apply_want()
  end
  self:hang_up()
  while true do
    local data = m:next(self.now)
    if not data then break end
    if data ~= "hello" then self.received[#self.received + 1] = data end
  end
end

local function sequence(n)
  local list = {}
  for i = 1, n do list[i] = tostring(i) end
  return list
end

describe("any life of a manager", function()
  local function live(logs_in)
    local opens, sent, peer_sent = 0, 0, 0
    for seed = 1, 300 do
      local one = life(seed, logs_in)
      one.m:start(0)
      for _ = 1, 300 do one:step() end
      one:conclude()
      opens = opens + one.m:counters().opens
      sent, peer_sent = sent + one.accepted, peer_sent + one.peer_sent
      assert.same(sequence(one.accepted), one.got, "seed " .. seed)
      assert.same(sequence(one.peer_sent), one.received, "seed " .. seed)
      one.m:free()
    end
    return opens, sent, peer_sent
  end

  it("loses and doubles no message, has one socket and a budget, and moves on", function()
    local opens, sent, peer_sent = live()
    assert.is_true(opens > 600 and sent > 2000 and peer_sent > 500)
  end)

  it("does so with logins, which come first on each connection", function()
    local opens, sent, peer_sent = live(true)
    assert.is_true(opens > 400 and sent > 1500 and peer_sent > 100)
  end)

  it("leaks nothing", function()
    collectgarbage()
    local before = core.memory().blocks
    for seed = 1, 50 do
      local one = life(seed, seed % 2 == 0)
      one.m:start(0)
      for _ = 1, 200 do one:step() end
      one.m:free()
    end
    assert.equal(before, core.memory().blocks)
  end)
end)

describe("any life without memory", function()
  after_each(function() core.failmemory(-1) end)

  it("neither crashes nor leaks nor hangs, and goes on afterwards", function()
    collectgarbage()
    local before = core.memory().blocks
    for seed = 1, 100 do
      local one = life(seed, seed % 2 == 0)
      one.m:start(0)
      for step = 1, 200 do
        core.failmemory(step % 3 == 0 and one.roll(3) - 1 or -1)
        local done, why = pcall(one.step, one)
        assert(done or tostring(why):find("not enough memory", 1, true), why)
      end
      core.failmemory(-1)
      one:hang_up()
      one.m:lost(nil, nil, nil, one.now)
      one.m:start(one.now)
      acts.target(one)
      acts.connected(one)
      acts.answer(one)
      one.m:login_done(one.m:counters().epoch, one.now)
      assert.equal("open", one.m:state())
      one.m:free()
    end
    assert.equal(before, core.memory().blocks)
  end)
end)
