-- When a manager takes its peer for dead: the rules row by row, on a fake clock.

local liveness = require "support.liveness"
local managers = require "support.managers"

local events, event_names = managers.events, managers.event_names
local acknowledging, dead_at = liveness.acknowledging, liveness.dead_at
local pass, times, end_of = liveness.pass, liveness.times, liveness.end_of
local pulled_cable = liveness.pulled_cable
local message = '{"action":4}'

describe("the heartbeat timeout", function()
  it("drops a silent peer at 100 s to the millisecond", function()
    local m = managers.open({}, 500)
    pass(m, 100499)
    assert.equal("open", m:state())
    assert.equal(100500, m:deadline())
    m:tick(100500)
    assert.same({ "waiting", "disconnect" }, { m:state(), m:want() })
    local list = events(m)
    assert.same({ "error", "timeout", "the peer sent nothing for 100 s" }, list[1])
    assert.same({ "close", 1006, "", false }, list[2])
    assert.same({ "reconnecting", 1, 2000 }, list[3])
  end)

  it("begins anew with any byte", function()
    local m = managers.open()
    pass(m, 99998)
    m:feed("\129", 99999)
    m:tick(100000)
    assert.equal("open", m:state())
    m:heard(150000) -- of a TLS record
    assert.equal(250000, dead_at(m, 1e6))
  end)

  it("keeps what the peer did not get for the next connection", function()
    local m = managers.open()
    m:send("hello")
    while m:state() == "open" do m:tick(m:deadline()) end
    event_names(m)
    m:tick(102000)
    managers.connect(m, 102000)
    assert.equal(managers.masked(1, "hello"), m:write(102000))
  end)

  it("is never over without one", function()
    local m = managers.open { heartbeat_timeout_ms = 0 }
    assert.is_nil(dead_at(m, 1e7))
  end)

  it("is plain silence without heartbeats", function()
    local m = managers.open { heartbeat_interval_ms = 0 }
    m:feed("\129", 50000)
    local now = dead_at(m, 1e6)
    assert.same({ 150000, "" }, { now, m:write(now) })
  end)
end)

describe("a dead peer is noticed", function()
  it("at the timeout, idle, its cable pulled", function()
    assert.equal(100000, dead_at(managers.open(), 1e6, pulled_cable()))
  end)

  it("at the timeout, its program hung while its kernel acknowledges", function()
    assert.equal(100000, dead_at(managers.open(), 1e6, acknowledging()))
  end)

  -- A trickle of ours each second.
  local function trickle(m, till, kernel, acknowledges)
    for now = 1000, till, 1000 do
      if pass(m, now, kernel, acknowledges) and m:state() ~= "open" then return now end
      m:send "a trickle"
      kernel.written = kernel.written + #m:write(now)
      if acknowledges then acknowledges() end
    end
  end

  it("at the timeout, while we send a trickle, its cable pulled", function()
    local m = managers.open { heartbeat_mode = 1 }
    assert.equal(100000, trickle(m, 1e6, pulled_cable()))
    assert.equal(100000, trickle(managers.open(), 1e6, pulled_cable()))
  end)

  it("at the timeout, while we send a trickle that its kernel acknowledges", function()
    local kernel, acknowledge = acknowledging()
    assert.equal(100000, trickle(managers.open(), 1e6, kernel, acknowledge))
  end)

  for mode, at in pairs { [2] = 170000, [3] = 100000 } do
    it("within twice the timeout less the interval, mode " .. mode, function()
      local m = managers.open { heartbeat_mode = mode }
      assert.equal(at, trickle(m, 1e6, pulled_cable()))
    end)
  end

  it("when it does not answer as it should, whatever else it sends", function()
    local m = managers.open {
      heartbeat_message = message, heartbeat_ack = true, heartbeat_mode = 3,
    }
    for now = 1000, 99000, 1000 do
      if m:deadline() <= now then m:tick(now) end
      m:feed(managers.text "news", now)
      managers.messages(m, now)
    end
    assert.equal("open", m:state())
    m:tick(100000)
    assert.same({ "waiting", "timeout", "the peer did not answer a heartbeat for 70 s" },
                { end_of(m) })
  end)

  it("not before its answer was taken", function()
    local m = managers.open {
      heartbeat_message = message, heartbeat_ack = true, heartbeat_mode = 3,
    }
    for now = 1000, 400000, 1000 do
      if m:deadline() <= now then m:tick(now) end
      m:feed(managers.text "the answer", now) -- waits to be taken
    end
    assert.equal("open", m:state())
    managers.messages(m, 400000)
    m:acknowledge()
    m:write(400000)
    local last = times(pass(m, 420000))
    assert.equal(1, #last)
    assert.equal(last[1] + 70000, dead_at(m, 1e6))
  end)

  it("not while each heartbeat is answered as it should be", function()
    local m = managers.open {
      heartbeat_message = message, heartbeat_ack = true, heartbeat_mode = 3,
    }
    for now = 30000, 600000, 30000 do
      pass(m, now)
      m:feed(managers.text "ack", now + 100)
      managers.messages(m, now + 100)
      m:acknowledge()
    end
    assert.equal("open", m:state())
  end)

  it("not by a message that waits to be taken: the next one is due first", function()
    local m = managers.open {
      heartbeat_message = message, heartbeat_ack = true, heartbeat_mode = 2,
      heartbeat_interval_ms = 10000, heartbeat_timeout_ms = 20000,
    }
    assert.same({ 10000 }, times(pass(m, 10100)))
    m:feed(managers.text "the answer", 10200) -- waits to be taken
    for _, now in ipairs { 15000, 24000 } do -- postpones the heartbeat
      pass(m, now)
      m:send "news"
      m:write(now)
    end
    assert.same({ 30200 }, times(pass(m, 40199)))
    assert.equal("open", m:state())
    assert.equal(40200, dead_at(m, 1e6))
  end)

  it("by a tick that finds nothing to read, and not before", function()
    local m = managers.open()
    pass(m, 99999)
    m:delivered(0, true, 100000, { readable = true })
    m:tick(100000)
    assert.equal("open", m:state())
    m:feed("\129", 100001)
    pass(m, 199999)
    assert.equal("open", m:state())
    m:delivered(0, true, 200001, {})
    m:tick(200001)
    assert.equal("waiting", m:state())
  end)

  it("after what was there to be read was no byte", function()
    local m = managers.open()
    pass(m, 99999)
    m:delivered(0, true, 100000, { readable = true })
    m:tick(100000)
    local again = m:deadline()
    assert.is_true(again > 100000 and again < 101000)
    m:delivered(0, true, again, {})
    m:tick(again)
    assert.equal("waiting", m:state())
  end)
end)

describe("a program that is late", function()
  it("asks once more, and gives the peer the time to answer", function()
    local m = managers.open()
    m:tick(500000)
    assert.equal("open", m:state())
    assert.equal(0x89, m:write(500000):byte(1))
    assert.equal(570000, dead_at(m, 1e6))
  end)

  it("asks anew though it has asked before", function()
    local m = managers.open()
    pass(m, 31000)
    m:tick(500000)
    assert.equal(0x89, m:write(500000):byte(1))
    assert.equal(570000, dead_at(m, 1e6))
  end)

  it("asks anew only once before the peer is heard", function()
    local m = managers.open()
    m:tick(500000)
    m:write(500000)
    m:tick(1000000)
    assert.equal("waiting", m:state())
  end)

  it("asks anew again after the peer was heard", function()
    local m = managers.open()
    m:tick(500000)
    m:write(500000)
    m:feed("\129", 500001)
    m:tick(1000000)
    assert.same({ "open", 0x89 }, { m:state(), m:write(1000000):byte(1) })
  end)

  it("reads first what lies in the socket", function()
    local m = managers.open()
    pass(m, 31000)
    m:delivered(0, true, 500000, { readable = true })
    m:tick(500000)
    m:feed("\129", 500000)
    assert.equal("open", m:state())
    assert.is_nil(dead_at(m, 599999))
  end)

  it("may be late by a second", function()
    local m = managers.open()
    pass(m, 99999)
    m:tick(101000)
    assert.equal("waiting", m:state())
  end)

  it("begins the time anew without heartbeats, and sends none", function()
    local m = managers.open { heartbeat_interval_ms = 0 }
    m:tick(500000)
    assert.same({ "open", "", 600000 }, { m:state(), m:write(500000), m:deadline() })
    m:tick(600000)
    assert.equal("waiting", m:state())
  end)

  it("sends nothing where nothing is due", function()
    local m = managers.open()
    m:feed("\129", 29000)
    m:send "x"
    m:write(29000)
    m:tick(32000) -- the deadline was 30000
    assert.equal("", m:write(32000))
    assert.equal(59000, m:deadline())
  end)
end)

describe("behind a full inbox", function()
  it("a healthy and silent peer is alive: its kernel acknowledges", function()
    local m = managers.open()
    m:pause(true, 1000)
    local kernel, acknowledge = acknowledging()
    local list = pass(m, 1e6, kernel, acknowledge)
    assert.equal("open", m:state())
    assert.is_true(#list >= 33) -- heartbeats go on
  end)

  it("a peer that acknowledges nothing is dead at the timeout", function()
    local m = managers.open()
    m:pause(true, 0)
    assert.equal(100000, dead_at(m, 1e6, pulled_cable()))
    assert.same({ "waiting", "timeout",
                  "the inbox is full and the peer acknowledged nothing for 70 s" },
                { end_of(m) })
  end)

  it("the time counts from the oldest byte that is not acknowledged", function()
    local m = managers.open { heartbeat_interval_ms = 90000 }
    local kernel = pulled_cable()
    m:pause(true, 0)
    m:delivered(0, true, 0, kernel)
    pass(m, 60000, kernel)
    m:send "hello"
    kernel.written = #m:write(60000)
    assert.equal(70000, dead_at(m, 1e6, kernel))
  end)

  it("the time begins anew with each byte that is acknowledged", function()
    local m = managers.open()
    local kernel = pulled_cable()
    m:pause(true, 0)
    kernel.written = 1e6
    local last
    local now = dead_at(m, 1e6, kernel, function(at)
      if at > 400000 then return end
      kernel.acknowledged, last = kernel.acknowledged + 1, at
    end)
    assert.equal(last + 70000, now)
  end)

  it("an answer that cannot be read is waited for anew after the next read", function()
    local m = managers.open()
    pass(m, 31000)
    m:pause(true, 32000)
    local kernel, acknowledge = acknowledging()
    pass(m, 300000, kernel, acknowledge)
    m:pause(false, 300000)
    assert.equal(370000, dead_at(m, 1e6))
  end)

  for name, options in pairs {
    ["the heartbeat's rules"] = {},
    ["no heartbeats"] = { heartbeat_interval_ms = 0, heartbeat_timeout_ms = 0 },
  } do
    it("a peer's end is looked for every 5 s, with " .. name, function()
      local m = managers.open(options)
      m:pause(true, 1000)
      local kernel, acknowledge = acknowledging()
      pass(m, 20000, kernel, acknowledge)
      kernel.hung_up, kernel.unread = true, 7
      local now = dead_at(m, 25000, kernel, acknowledge)
      assert.is_true(now and now <= 25000)
      assert.same({ "closing", "nothing", "closed" }, { m:state(), m:want(), m:send "x" })
      assert.equal(now + 100000, m:deadline())
      m:delivered(0, true, now + 100000, kernel)
      m:tick(now + 100000)
      local list = events(m)
      assert.same({ "error", "closed" }, { list[1][1], list[1][2] })
      assert.truthy(list[1][3]:find("and 7 bytes of it were never read", 1, true))
      assert.equal(7, m:counters().unread)
    end)
  end

  local function drained(options)
    local m = managers.open(options or { inbox_bytes = 100 })
    for i = 1, 4 do m:feed(managers.text(("%d"):format(i):rep(50)), 0) end
    m:pause(true, 0)
    m:delivered(0, true, 5000, { hung_up = true })
    m:tick(5000)
    assert.equal("closing", m:state())
    return m
  end

  it("what a peer left is taken, and read on as there is room", function()
    local m = drained()
    assert.equal(("1"):rep(50), m:next(5001))
    assert.equal(("2"):rep(50), m:next(5001))
    assert.equal(("3"):rep(50), m:next(5001))
    m:pause(false, 5002)
    m:feed(managers.text "the last one", 5003)
    assert.equal("closing", m:state())
    m:lost(nil, nil, nil, 5004)
    assert.same({ ("4"):rep(50), "the last one" }, managers.messages(m, 5005))
    assert.equal("error close reconnecting", event_names(m))
  end)

  it("a close frame among it is answered as ever", function()
    local m = drained()
    managers.messages(m, 5001)
    m:pause(false, 5001)
    m:feed(managers.close_frame(1000, "bye"), 5002)
    assert.same({ "closing", managers.masked_close(1000) }, { m:state(), m:write(5003) })
    m:lost(nil, nil, nil, 5004)
    assert.same({ "close", 1000, "bye", true }, events(m)[1])
  end)

  it("close() does not wait for what nobody takes", function()
    local m = drained()
    m:close(1000, "", 6000)
    assert.same({ "closing", 11000 }, { m:state(), m:deadline() })
    m:lost(nil, nil, nil, 6001)
    assert.equal("closed", m:state())
    assert.equal(4, #managers.messages(m, 6002))
  end)

  it("a server's side waits for its owner likewise", function()
    local m = managers.serve { inbox_bytes = 10 }
    m:feed(managers.masked(1, "0123456789abc"), 0)
    m:pause(true, 0)
    m:delivered(0, true, 5000, { hung_up = true })
    m:tick(5000)
    assert.same({ "closing", "nothing" }, { m:state(), m:want() })
    assert.equal("0123456789abc", m:next(5001))
  end)
end)

describe("heartbeat.silence", function()
  local options = { heartbeat_silence_ms = 10000 }

  it("ends a connection without messages, pongs or not", function()
    local m = managers.open(options)
    for now = 1000, 9000, 1000 do m:feed(managers.frame(10, ""), now) end
    assert.equal(10000, dead_at(m, 1e6))
    assert.same({ "waiting", "timeout", "the peer sent no message for 10 s" }, { end_of(m) })
  end)

  it("begins anew with each message, taken or not", function()
    local m = managers.open(options)
    m:feed(managers.text "hello", 9000)
    pass(m, 18000)
    assert.equal(19000, m:deadline())
    managers.messages(m, 18500)
    m:feed(managers.text "hello", 18900)
    assert.equal(28900, dead_at(m, 1e6))
  end)

  it("begins anew with what comes behind a message that waits: it may be another", function()
    local m = managers.open(options)
    m:feed(managers.text "hello", 1000)
    m:feed(managers.text "hello", 9000)
    m:feed(managers.text "hello", 18000)
    assert.equal(28000, dead_at(m, 1e6))
  end)

  it("stands still while the inbox is full", function()
    local m = managers.open(options)
    local kernel, acknowledge = acknowledging()
    m:feed(managers.text "hello", 1000)
    m:pause(true, 4000)
    pass(m, 60000, kernel, acknowledge)
    assert.equal("open", m:state())
    m:pause(false, 64000)
    managers.messages(m, 64000)
    assert.equal(71000, dead_at(m, 1e6))
  end)

  it("decides alone where there are no heartbeats", function()
    local m = managers.open {
      heartbeat_silence_ms = 10000, heartbeat_interval_ms = 0, heartbeat_timeout_ms = 0,
    }
    assert.equal(10000, dead_at(m, 1e6))
  end)
end)
