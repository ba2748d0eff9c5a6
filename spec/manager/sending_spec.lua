-- What is sent within a rate, and how large it may be.

local core = require "wsmanager.core"
local managers = require "support.managers"

local event_names, masked = managers.event_names, managers.masked

local function rated(options)
  local all = { rate_limit = 3, rate_per_ms = 1000, heartbeat_interval_ms = 30000 }
  for name, value in pairs(options or {}) do all[name] = value end
  return all
end

-- Sends these texts at `now`: what was answered, and the output, written at once.
local function send(m, now, ...)
  local answers = {}
  for i, text in ipairs { ... } do answers[i] = m:send(text, false, now) end
  return table.concat(answers, " "), m:write(now)
end

local function frames(...)
  local list = {}
  for i, text in ipairs { ... } do list[i] = masked(1, text) end
  return table.concat(list)
end

describe("a manager with a rate", function()
  after_each(function() core.failmemory(-1) end)

  it("sends so many at once, and keeps the rest until the window allows it", function()
    local m = managers.open(rated())
    local answers, output = send(m, 0, "1", "2", "3", "4", "5")
    assert.equal("sent sent sent later later", answers)
    assert.equal(frames("1", "2", "3"), output)
    assert.equal(1001, m:deadline())
    m:tick(1000)
    assert.equal("", m:write(1000))
    m:tick(1001)
    assert.equal(frames("4", "5"), m:write(1001))
    answers = send(m, 1002, "6", "7")
    assert.equal("sent later", answers)
    assert.equal(2002, m:deadline())
  end)

  it("slides, also over connections", function()
    local m = managers.open(rated())
    send(m, 0, "1")
    send(m, 600, "2", "3")
    m:lost(nil, nil, nil, 700)
    event_names(m)
    m:send("4", false, 700)
    m:send("5", false, 700)
    m:tick(2700)
    managers.connect(m, 2700)
    assert.equal(frames("4", "5"), m:write(2700))
    m = managers.open(rated { rate_per_ms = 9000 })
    send(m, 0, "1", "2")
    m:lost(nil, nil, nil, 700)
    event_names(m)
    for i = 4, 7 do m:send(tostring(i), false, 700) end
    m:tick(2700)
    managers.connect(m, 2700)
    assert.equal(frames("4"), m:write(2700))
    m:tick(9001)
    assert.equal(frames("5", "6"), m:write(9001))
  end)

  it("counts a message from when the kernel took it", function()
    local m = managers.open(rated())
    send(m, 0, "1")
    for i = 2, 3 do m:send(tostring(i), false, 0) end
    m:wrote(#masked(1, "2"), 400)
    m:wrote(#masked(1, "3"), 800)
    assert.equal("later", m:send("4", false, 800))
    assert.equal(1001, m:deadline())
    m:tick(1001)
    assert.equal(frames("4"), m:write(1001))
    m:send("5", false, 1001)
    assert.equal(1801, m:deadline())
  end)

  it("frames no more than the rate while the kernel takes nothing", function()
    local m = managers.open(rated())
    for i = 1, 5 do m:send(tostring(i), false, 0) end
    m:tick(5000)
    assert.equal(frames("1", "2", "3"), m:output())
    m:wrote(3 * #masked(1, "1"), 5000)
    m:tick(6001)
    assert.equal(frames("4", "5"), m:output())
  end)

  it("does not count what a lost connection gave back", function()
    local m = managers.open(rated { rate_per_ms = 9000 })
    for i = 1, 3 do m:send(tostring(i), false, 0) end
    m:wrote(#masked(1, "1"), 0)
    m:lost(nil, nil, nil, 10)
    event_names(m)
    m:tick(2010)
    managers.connect(m, 2010)
    assert.equal(frames("2", "3"), m:write(2010))
  end)

  it("keeps its reserve for heartbeats", function()
    local m = managers.open(rated {
      rate_reserve = 1, heartbeat_message = "beat", heartbeat_interval_ms = 800,
    })
    local answers = send(m, 0, "1", "2", "3")
    assert.equal("sent sent later", answers)
    m:tick(800)
    assert.equal(frames("beat"), m:write(800))
    m:tick(1001)
    assert.equal(frames("3"), m:write(1001))
    -- one is the heartbeat's and one the reserve
    assert.equal("later", m:send("4", false, 1001))
  end)

  it("pings instead of a heartbeat's message that the service would count", function()
    local m = managers.open(rated {
      heartbeat_message = "beat", heartbeat_interval_ms = 500,
    })
    send(m, 0, "1", "2", "3")
    m:tick(500)
    assert.equal(0x89, m:write(500):byte())
  end)

  it("refuses what its outbox has no room for, until half of that is free", function()
    local m = managers.open(rated { outbox_messages = 4 })
    local answers = send(m, 0, "1", "2", "3", "4", "5", "6", "7", "8")
    assert.equal("sent sent sent later later later later full", answers)
    m:tick(1001)
    assert.equal("drain", event_names(m))
    assert.equal(frames("4", "5", "6"), m:write(1001))
    assert.equal("later", m:send("8", false, 1001))
  end)

  it("refuses what is over it without an outbox, and then owes a drain", function()
    local m = managers.open(rated { outbox_messages = 0 })
    local answers = send(m, 0, "1", "2", "3", "4")
    assert.equal("sent sent sent full", answers)
    assert.equal(1001, m:deadline())
    m:tick(1001)
    assert.equal("drain", event_names(m))
    assert.equal("sent", m:send("4", false, 1001))
  end)

  it("refuses what is volatile and would have to wait", function()
    local m = managers.open(rated())
    send(m, 0, "1", "2", "3")
    assert.equal("full", m:send("4", false, 0, { volatile = true }))
    assert.equal("sent", m:send("4", false, 1001, { volatile = true }))
  end)

  it("leaves behind what is over it when it closes", function()
    local m = managers.open(rated())
    send(m, 0, "1", "2", "3", "4")
    m:close(1000, "", 10)
    assert.equal(masked(8, "\3\232"), m:write(10))
    m:feed(managers.frame(8, "\3\232"), 20)
    m:lost(nil, nil, nil, 30)
    assert.equal(1, m:counters().unsent)
    assert.same({ "4" }, (m:unsent()))
  end)

  it("is never denser than its limit where it writes", function()
    math.randomseed(11)
    local m = managers.open(rated {
      rate_limit = 7, outbox_messages = 1000, heartbeat_interval_ms = 0, heartbeat_timeout_ms = 0,
    })
    local times, now = {}, 0
    for _ = 1, 2000 do
      now = now + math.random(0, 60)
      if m:counters().waiting < 900 then m:send("x", false, now) end
      m:tick(now)
      local pending = #m:output() / #masked(1, "x")
      local count = math.min(pending, math.random(0, 3))
      if count > 0 then m:wrote(count * #masked(1, "x"), now) end
      for _ = 1, count do times[#times + 1] = now end
    end
    assert.is_true(#times > 100)
    for i = 8, #times do assert.is_true(times[i] - times[i - 7] > 1000) end
  end)

  it("sends nothing that it cannot count", function()
    local m = managers.open(rated())
    core.failmemory(0)
    local sent = m:send("1", false, 0)
    core.failmemory(-1)
    assert.not_equal("sent", sent)
    assert.equal("", m:write(0))
  end)
end)

describe("a login with a rate", function()
  it("has the reserve, and is told when the window allows more", function()
    local m = managers.new(rated { ask_login = true, rate_reserve = 1 })
    m:start(0)
    managers.connect(m, 0)
    local epoch = m:counters().epoch
    event_names(m)
    for i = 1, 3 do assert.equal("sent", m:login_send(epoch, tostring(i), false, 0)) end
    assert.equal("full", m:login_send(epoch, "4", false, 0))
    m:write(0)
    assert.is_nil(m:event())
    assert.equal(1001, m:deadline())
    m:tick(1001)
    assert.equal("room", event_names(m))
    assert.equal("sent", m:login_send(epoch, "4", false, 1001))
  end)
end)

describe("a manager with a largest message", function()
  it("refuses what is larger, in every state", function()
    local m = managers.new { send_bytes = 5 }
    m:start(0)
    assert.equal("toobig", m:send("123456"))
    assert.equal("later", m:send("12345"))
    managers.connect(m, 0)
    assert.equal("toobig", m:send("123456"))
    assert.equal(frames("12345"), m:write(0))
  end)
end)

describe("a manager that tells what may be lost", function()
  local function tracked(options)
    local m = managers.open(options)
    assert.is_true(m:track())
    return m
  end

  -- The peer's TCP has acknowledged all but `rest` bytes of what was written.
  local function acknowledge(m, rest, now)
    m:delivered(1000000 - rest, false, now, { written = 1000000 })
  end

  local function lose(m, now)
    m:lost("closed", "reset", false, now)
    for _, event in ipairs(managers.events(m)) do
      if event[1] == "uncertain" then return event[2], event[3] end
    end
  end

  local length = #masked(1, "message 1")

  it("counts what was written and not acknowledged", function()
    local m = tracked()
    for i = 1, 5 do
      m:send("message " .. i)
      m:write(0)
    end
    acknowledge(m, 2 * length, 1)
    assert.same({ 2, 2 * length }, { lose(m, 2) })
    assert.equal(2, m:counters().uncertain)
  end)

  it("counts one of which a part is not acknowledged", function()
    local m = tracked()
    for i = 1, 3 do
      m:send("message " .. i)
      m:write(0)
    end
    acknowledge(m, 1, 1)
    assert.same({ 1, 1 }, { lose(m, 2) })
  end)

  it("tells nothing where all was acknowledged, or nothing was sent", function()
    local m = tracked()
    assert.is_nil((lose(m, 2)))
    m = tracked()
    m:send("message 1")
    m:write(0)
    acknowledge(m, 0, 1)
    assert.is_nil((lose(m, 2)))
  end)

  it("leaves out what goes back to the outbox", function()
    local m = tracked()
    m:send("message 1")
    m:write(0)
    m:send("message 2")
    m:send("message 3")
    m:wrote(length + 3, 0)
    acknowledge(m, 2 * length + 3, 1)
    assert.same({ 2, 2 * length + 3 }, { lose(m, 2) })
    assert.equal(1, m:counters().waiting)
  end)

  it("counts all of a connection that nobody reported on", function()
    local m = tracked()
    for i = 1, 3 do
      m:send("message " .. i)
      m:write(0)
    end
    assert.same({ 3, 3 * length }, { lose(m, 2) })
  end)

  it("begins anew with each connection", function()
    local m = tracked()
    m:send("message 1")
    m:write(0)
    assert.equal(1, (lose(m, 2)))
    m:tick(2002)
    managers.connect(m, 2002)
    event_names(m)
    assert.is_nil((lose(m, 2003)))
  end)

  it("needs no more memory for more messages: then it counts at most too many", function()
    local m = tracked()
    for i = 1, 10000 do
      m:send("message " .. i % 10)
      m:write(0)
    end
    acknowledge(m, 3 * length, 1)
    local messages, bytes = lose(m, 2)
    assert.equal(3 * length, bytes)
    assert.is_true(messages >= 3)
    assert.is_true(messages < 10, messages)
  end)

  it("knows what was written while output always waits", function()
    local m = tracked { output_bytes = 2^24 }
    for _ = 1, 1000 do m:send(("x"):rep(4096)) end
    for _ = 1, 15 do m:wrote(256 * 1024, 0) end
    acknowledge(m, 256 * 1024, 1)
    local messages, bytes = lose(m, 2)
    assert.equal(256 * 1024, bytes)
    assert.is_true(messages >= 63 and messages <= 130, messages)
  end)

  it("trusts the peer's answer to our close frame", function()
    local m = tracked()
    m:send("message 1")
    m:close(1000, "", 1)
    m:write(1)
    m:feed(managers.frame(8, "\3\232"), 2)
    assert.is_nil((lose(m, 3)))
  end)
end)
