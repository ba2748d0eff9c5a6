-- When a manager sends heartbeats, and when it takes a peer for dead.

local managers = require "support.managers"

local events, event_names = managers.events, managers.event_names
local message = '{"action":4}'

-- Lets time pass to `till`, ticking at each deadline: a list of { now, bytes }.
local function pass(m, till)
  local list = {}
  while m:deadline() and m:deadline() <= till do
    local now = m:deadline()
    m:tick(now)
    local bytes = m:write(now)
    if bytes ~= "" then list[#list + 1] = { now, bytes } end
  end
  return list
end

describe("a heartbeat", function()
  it("beats after 30 s of silence and every 30 s after it", function()
    local m = managers.open({ heartbeat_message = message }, 1000)
    local bytes = managers.masked(1, message)
    assert.same({ { 31000, bytes }, { 61000, bytes }, { 91000, bytes } },
                pass(m, 100999))
  end)

  it("sends its message though the program has forgotten the text", function()
    local m = managers.open { heartbeat_message = ("beat"):rep(25) .. 7 }
    collectgarbage()
    collectgarbage()
    local others = {}
    for i = 1, 5000 do others[i] = ("x"):rep(96) .. 10000 + i end
    assert.equal(5000, #others)
    assert.same({ { 30000, managers.masked(1, ("beat"):rep(25) .. 7) } },
                pass(m, 59999))
  end)

  it("is of the kind that the policy names", function()
    local m = managers.open { heartbeat_message = "\255", heartbeat_binary = true }
    assert.same({ { 30000, managers.masked(2, "\255") } }, pass(m, 59999))
  end)

  it("begins anew with each byte from the peer", function()
    local m = managers.open { heartbeat_message = message }
    m:feed(managers.text("hello"), 20000)
    m:tick(49999)
    assert.equal("", m:write(49999))
    assert.equal(50000, m:deadline())
    m:tick(50000)
    m:write(50000)
    m:feed("\129", 60000)
    assert.equal(90000, m:deadline())
  end)

  it("does not begin anew with what is sent", function()
    local m = managers.open { heartbeat_message = message }
    m:send("hello")
    m:write(29999)
    assert.equal(30000, m:deadline())
  end)

  it("is one chain, also after a reconnect", function()
    local m = managers.open { heartbeat_message = message }
    pass(m, 30000)
    m:lost(nil, nil, nil, 40000)
    event_names(m)
    m:tick(42000)
    managers.connect(m, 42000)
    event_names(m)
    assert.same({ { 72000, managers.masked(1, message) } }, pass(m, 72000 + 29999))
  end)

  it("is a ping unless a message is given, and its pong is the latency", function()
    local m = managers.open()
    m:tick(30000)
    local ping = m:write(30000)
    assert.equal(0x89, ping:byte(1))
    assert.is_nil(m:latency())
    m:feed(managers.frame(10, ping:sub(7)), 30042)
    assert.equal(42, m:latency())
    m:tick(60042)
    assert.is_not.equal(ping, m:write(60042))
  end)

  it("takes no stray pong for an answer", function()
    local m = managers.open()
    m:feed(managers.frame(10, "\0\0\0\0\0\0\0\1"), 1)
    m:tick(30001)
    m:write(30001)
    assert.is_nil(m:latency())
  end)

  it("can be switched off", function()
    local m = managers.open { heartbeat_interval_ms = 0, heartbeat_timeout_ms = 0 }
    assert.is_nil(m:deadline())
    m:tick(1e12)
    assert.equal("", m:write(1e12))
  end)

  it("adds nothing to an output that is full", function()
    local m = managers.open { output_bytes = 100, heartbeat_timeout_ms = 0 }
    m:send(("x"):rep(100))
    local before = m:buffered()
    m:tick(30000)
    assert.equal(before, m:buffered())
    assert.equal(60000, m:deadline())
  end)

  it("looks after a server's side too", function()
    local m = managers.serve()
    m:tick(30000)
    assert.equal(0x89, m:write(30000):byte(1))
    m:tick(100000)
    assert.equal("closed", m:state())
  end)
end)

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
    m:feed("\129", 99999)
    m:tick(100000)
    assert.equal("open", m:state())
  end)

  it("does not run while the driver is paused", function()
    local m = managers.open { heartbeat_interval_ms = 0 }
    m:pause(true, 1000)
    assert.is_nil(m:deadline())
    m:tick(1e6)
    assert.equal("open", m:state())
    m:pause(false, 1e6)
    assert.equal(1e6 + 100000, m:deadline())
  end)

  it("keeps what the peer did not get for the next connection", function()
    local m = managers.open()
    m:send("hello")
    m:tick(100000)
    event_names(m)
    m:tick(102000)
    managers.connect(m, 102000)
    assert.equal(managers.masked(1, "hello"), m:write(102000))
  end)
end)
