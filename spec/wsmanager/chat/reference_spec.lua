-- The class of the document that the project began with as the reference: its
-- JavaScript, run by node on a clock of its own, and a managed connection with the
-- same numbers (factor = 1, jitter = 0) go through the same script of a server.
-- They do the same things at the same times, but for what README says we correct.

local life = require "support.life"

local MESSAGE, CLOSE = "\129\2hi", "\136\2\3\232"
local BEAT = '{"action":4}'

-- What the class does by `till`: { connect = times, send = times }.
local function reference(script, till)
  local words = {}
  for i, one in ipairs(script) do words[i] = one[1] .. ":" .. one[2] end
  local pipe = assert(io.popen(("node spec/support/seed/run.js %d %s"):format(
    till, table.concat(words, " "))))
  local done = { connect = {}, send = {} }
  for line in pipe:lines() do
    local at, what, data = line:match "^(%d+) (%a+) ?(.*)$"
    assert(done[what], line)
    assert(what ~= "send" or data == BEAT, line)
    table.insert(done[what], tonumber(at))
  end
  pipe:close()
  assert(done.connect[1], "node did not run the class")
  return done
end

local events = {
  open = function(connection) connection:open() end,
  message = function(connection) connection:receive(MESSAGE) end,
  close = function(connection)
    connection:receive(CLOSE)
    connection:disconnect()
  end,
  error = function(connection) connection:lose "closed" end,
}

local function ours(script, till)
  local connection = life.new()
  for _, one in ipairs(script) do
    connection:pass(one[1] - connection.now)
    events[one[2]](connection)
  end
  connection:pass(till - connection.now)
  return { connect = connection.attempts, send = connection:heartbeats() }
end

local function before(times, limit)
  local list = {}
  for _, at in ipairs(times) do
    if at < limit then list[#list + 1] = at end
  end
  return list
end

local scripts = {
  ["silence after the opening"] = { till = 100000, { 7, "open" } },
  ["a message"] = { till = 119000, { 0, "open" }, { 20000, "message" } },
  ["messages all the time"] = {
    till = 150000, { 0, "open" }, { 10000, "message" }, { 39999, "message" },
    { 65000, "message" }, { 94999, "message" }, { 95000, "message" },
  },
  ["a message when a heartbeat is due"] = {
    till = 110000, { 0, "open" }, { 29999, "message" }, { 59999, "message" },
  },
  ["an attempt that fails"] = { till = 1999 + 2000, { 5, "error" } },
  ["a close in order"] = { till = 20000, { 0, "open" }, { 10000, "close" } },
  ["a loss"] = { till = 20000, { 0, "open" }, { 10000, "error" } },
  ["attempts that fail until none is left"] = {
    till = 600000, { 10, "error" }, { 2020, "error" }, { 4030, "error" }, { 6040, "error" },
    { 8050, "error" }, { 10060, "error" }, { 12070, "error" }, { 14080, "error" },
    { 16090, "error" }, { 18100, "error" }, { 20110, "error" },
  },
  ["a close, an attempt that fails, a loss"] = {
    till = 20000, { 3, "open" }, { 900, "close" }, { 6000, "error" }, { 8200, "open" },
    { 9000, "error" },
  },
}

describe("the seed's own class and ours", function()
  for name, script in pairs(scripts) do
    it("do the same at the same times: " .. name, function()
      assert.same(reference(script, script.till), ours(script, script.till))
    end)
  end

  -- Messages at random, on one connection.
  local function chatter(seed)
    local script, now = { { 0, "open" } }, 0
    for _ = 1, 20 do
      seed = (seed * 1103515 + 12345) % 2147483
      now = now + seed % 99000
      script[#script + 1] = { now, "message" }
    end
    return script, now + 99000
  end

  it("do the same at the same times: messages at random", function()
    for seed = 1, 8 do
      local script, till = chatter(seed * 7919)
      assert.same(reference(script, till), ours(script, till))
    end
  end)
end)

describe("the seed's own class, unlike ours,", function()
  it("makes two attempts after an error and the close that follows it", function()
    local script = { { 5, "error" }, { 6, "close" } }
    assert.same({ 0, 2005, 5006 }, reference(script, 12000).connect)
    assert.same({ 0, 2005 }, ours({ { 5, "error" } }, 12000).connect)
  end)

  it("never sets the count of attempts back", function()
    local script, now = {}, 0
    for _ = 1, 12 do
      script[#script + 1] = { now, "open" }
      script[#script + 1] = { now + 6000, "error" }
      now = now + 8000
    end
    local till = now + 100
    local seeds, mine = {}, ours(script, till).connect
    for i, one in ipairs(script) do
      if i <= 22 then seeds[i] = one end -- there is no other socket then
    end
    assert.equal(11, #reference(seeds, till).connect)
    assert.equal(13, #mine)
  end)

  it("never notices a dead peer", function()
    local script = { { 0, "open" } }
    assert.same({ 0 }, reference(script, 500000).connect)
    assert.same({ 0, 102000 }, before(ours(script, 103000).connect, 103000))
  end)

  it("sends the heartbeats of old connections, too", function()
    local script = { { 0, "open" }, { 1000, "error" }, { 4000, "open" } }
    assert.same({ 30000, 34000 }, reference(script, 40000).send)
    assert.same({ 34000 }, ours(script, 40000).send)
  end)
end)
