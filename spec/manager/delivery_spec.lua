-- Acknowledged delivery: messages with an id, until the peer confirms it.

local core = require "wsmanager.core"
local managers = require "support.managers"

local event_names, masked = managers.event_names, managers.masked

local function frames(...)
  local list = {}
  for i, text in ipairs { ... } do list[i] = masked(1, text) end
  return table.concat(list)
end

-- Sends each text with itself as its id.
local function deliver(m, now, ...)
  local answers = {}
  for i, text in ipairs { ... } do
    answers[i] = m:send(text, false, now, { id = text })
  end
  return table.concat(answers, " ")
end

-- Loses the connection and opens the next one: what is sent on it at once.
local function reopen(m, now)
  m:lost(nil, nil, nil, now)
  event_names(m)
  m:tick(now + 2000)
  managers.connect(m, now + 2000)
  event_names(m)
  return m:write(now + 2000)
end

local function count(m) return (m:unacknowledged()) end

describe("a message with an id", function()
  after_each(function() core.failmemory(-1) end)

  it("is sent again until it is confirmed, before anything else, oldest first", function()
    local m = managers.open()
    assert.equal("sent sent sent", deliver(m, 0, "1", "2", "3"))
    assert.equal(frames("1", "2", "3"), m:write(0))
    assert.is_true(m:confirm("2", 1))
    m:lost(nil, nil, nil, 10)
    event_names(m)
    m:send("plain", false, 20)
    deliver(m, 30, "4")
    m:tick(2010)
    managers.connect(m, 2010)
    assert.equal(frames("1", "3", "plain", "4"), m:write(2010))
    for _, id in ipairs { "1", "3", "4" } do assert.is_true(m:confirm(id, 2020)) end
    assert.is_false(m:confirm("4", 2020))
    assert.equal(0, count(m))
    assert.equal("", reopen(m, 3000))
  end)

  it("goes back to the outbox when it was not wholly written, in its place", function()
    local m = managers.open()
    deliver(m, 0, "1")
    m:send("plain one", false, 0)
    deliver(m, 0, "2")
    m:send("plain two", false, 0)
    m:wrote(#masked(1, "1") + 3, 0)
    assert.equal(2, count(m))
    m:lost(nil, nil, nil, 10)
    assert.equal(1, count(m))
    assert.equal(3, m:counters().waiting)
    event_names(m)
    m:tick(2010)
    managers.connect(m, 2010)
    assert.equal(frames("1", "plain one", "2", "plain two"), m:write(2010))
    assert.equal(2, count(m))
  end)

  it("keeps its place over many cuts, wherever they are", function()
    math.randomseed(5)
    local m = managers.open { outbox_messages = 10000, budget = 100000 }
    local now, sent, got, seen, highest = 0, 0, {}, {}, 0
    local buffer = ""
    -- The peer reads what was written, and what it has read it may confirm.
    local function read(text)
      buffer = buffer .. text
      while #buffer >= 10 do
        local id = buffer:sub(7, 10)
        buffer = buffer:sub(11)
        if not seen[id] then
          got[#got + 1] = id
          seen[id] = true
        end
        if math.random() < 0.7 then m:confirm(id, now) end
      end
    end
    local function next_connection()
      m:lost(nil, nil, nil, now)
      buffer = ""
      event_names(m)
      now = now + 2000
      m:tick(now)
      managers.target(m, now)
      m:connected(now)
      m:wrote(#m:output(), now)
      m:feed(managers.response, now)
      event_names(m)
    end
    for _ = 1, 3000 do
      now = now + 1
      if sent < 2000 and math.random() < 0.8 then
        sent = sent + 1
        deliver(m, now, ("%04d"):format(sent))
      end
      local output = m:output()
      local n = math.random(0, #output)
      if n > 0 and m:state() == "open" then
        m:wrote(n, now)
        -- some of it is lost in the network with the connection
        read(output:sub(1, n))
      end
      if math.random() < 0.05 then
        local all = m:output()
        m:wrote(#all, now)
        if math.random() < 0.5 then read(all:sub(1, math.random(0, #all))) end
        next_connection()
      end
    end
    for _ = 1, 50 do
      local output = m:output()
      m:wrote(#output, now)
      read(output)
      if count(m) > 0 then next_connection() end
    end
    assert.equal(0, count(m))
    assert.equal(sent, #got)
    for _, id in ipairs(got) do
      assert.is_true(tonumber(id) > highest)
      highest = tonumber(id)
    end
  end)

  it("is sent on after what an output had no room for", function()
    local m = managers.open { output_bytes = 20 }
    for i = 1, 9 do
      deliver(m, 0, tostring(i))
      m:write(0)
    end
    m:lost(nil, nil, nil, 0)
    event_names(m)
    m:send("new", false, 0)
    m:tick(2000)
    managers.connect(m, 2000)
    local all = ""
    repeat
      local some = m:write(2000)
      all = all .. some
    until some == ""
    assert.equal(frames("1", "2", "3", "4", "5", "6", "7", "8", "9", "new"), all)
  end)

  it("makes what is sent meanwhile wait behind it", function()
    local m = managers.open { output_bytes = 10 }
    for i = 1, 4 do
      deliver(m, 0, tostring(i))
      m:write(0)
    end
    m:lost(nil, nil, nil, 0)
    event_names(m)
    m:tick(2000)
    managers.connect(m, 2000)
    assert.equal("later", m:send("new", false, 2000))
    local all = ""
    for _ = 1, 6 do all = all .. m:write(2000) end
    assert.equal(frames("1", "2", "3", "4", "new"), all)
  end)

  it("is sent again behind what the owner sends first", function()
    local m = managers.open { ask_release = true }
    m:release(0)
    deliver(m, 0, "1", "2")
    m:write(0)
    m:lost(nil, nil, nil, 0)
    event_names(m)
    m:tick(2000)
    managers.connect(m, 2000)
    deliver(m, 2000, "3")
    assert.equal("open", event_names(m))
    deliver(m, 2000, "first")
    m:release(2000)
    assert.equal(frames("first", "1", "2", "3"), m:write(2000))
    assert.equal(frames("1", "2", "first", "3"), (function()
      m:lost(nil, nil, nil, 2010)
      event_names(m)
      m:tick(4010)
      managers.connect(m, 4010)
      event_names(m)
      m:release(4010)
      return m:write(4010)
    end)())
  end)

  it("may be confirmed before it is sent again, or again in the middle of that", function()
    local m = managers.open { output_bytes = 10 }
    for i = 1, 5 do
      deliver(m, 0, tostring(i))
      m:write(0)
    end
    m:lost(nil, nil, nil, 0)
    event_names(m)
    assert.is_true(m:confirm("1", 0))
    m:tick(2000)
    managers.connect(m, 2000)
    assert.equal(frames("2", "3"), m:output())
    m:confirm("2", 2000)
    m:confirm("4", 2000)
    assert.equal(frames("2", "3"), m:write(2000))
    assert.equal(frames("5"), m:write(2000))
    m:confirm("3", 2000)
    m:confirm("5", 2000)
    assert.equal(0, count(m))
  end)

  it("that was sent twice under one id is confirmed with it", function()
    local m = managers.open()
    m:send("a", false, 0, { id = "x" })
    m:send("b", false, 0, { id = "x" })
    m:write(0)
    assert.is_true(m:confirm("x", 0))
    assert.equal(0, count(m))
  end)

  it("expires instead of being sent again too late", function()
    local m = managers.open()
    m:send("brief", false, 0, { id = "1", expires = 1000 })
    m:send("long", false, 0, { id = "2" })
    m:write(0)
    assert.equal(frames("long"), reopen(m, 500))
    assert.equal(1, m:counters().dropped)
    assert.equal(1, count(m))
  end)

  it("is bounded: more wait until the peer confirms, in the outbox' bounds", function()
    local m = managers.open {
      unacknowledged_messages = 2, outbox_messages = 3,
    }
    assert.equal("sent sent later later later full",
                 deliver(m, 0, "1", "2", "3", "4", "5", "6"))
    assert.equal(frames("1", "2"), m:write(0))
    -- and nothing is retried in vain
    assert.equal(30000, m:deadline())
    m:confirm("1", 10)
    assert.equal(frames("3"), m:write(10))
    m:confirm("2", 10)
    assert.equal(frames("4"), m:write(10))
    assert.equal("drain", event_names(m))
    assert.equal("later", m:send("plain", false, 10))
    m:confirm("3", 10)
    assert.equal(frames("5", "plain"), m:write(10))
  end)

  it("is bounded by bytes, and one of any size fits into nothing", function()
    local m = managers.open { unacknowledged_bytes = 10 }
    m:send(("x"):rep(100), false, 0, { id = "1" })
    assert.equal("later", m:send("y", false, 0, { id = "2" }))
    m:write(0)
    m:confirm("1", 0)
    assert.equal(frames("y"), m:write(0))
  end)

  it("is refused without an outbox while too many are unconfirmed", function()
    local m = managers.open { unacknowledged_messages = 1, outbox_messages = 0 }
    assert.equal("sent full", deliver(m, 0, "1", "2"))
    assert.equal("sent", m:send("plain", false, 0))
    m:write(0)
    assert.is_nil(m:event())
    m:confirm("1", 0)
    assert.equal("drain", event_names(m))
    assert.equal("sent", deliver(m, 0, "2"))
  end)

  it("without an outbox is still sent again once it was written", function()
    local m = managers.open { outbox_messages = 0 }
    deliver(m, 0, "1")
    m:write(0)
    deliver(m, 0, "2")
    assert.equal(frames("1"), reopen(m, 10))
    assert.equal(1, m:counters().dropped)
  end)

  it("counts for a rate each time", function()
    local m = managers.open { rate_limit = 2, rate_per_ms = 5000 }
    deliver(m, 0, "1", "2")
    m:write(0)
    assert.equal("", reopen(m, 10))
    assert.equal(5001, m:deadline())
    m:tick(5001)
    assert.equal(frames("1", "2"), m:write(5001))
  end)

  it("is what the output and its masks are reckoned with", function()
    local m = managers.open()
    deliver(m, 0, "1", "2", "3")
    m:write(0)
    m:lost(nil, nil, nil, 10)
    event_names(m)
    m:tick(2010)
    m:keys(1)
    managers.connect(m, 2010)
    assert.equal(frames("1"), m:write(2010))
    m:keys()
    m:tick(2110)
    assert.equal(frames("2", "3"), m:write(2110))
  end)

  it("is not sent where there is no memory to keep it", function()
    local m = managers.open()
    for calls = 0, 4 do
      core.failmemory(calls)
      local sent = m:send(("x"):rep(10000), false, 0, { id = "1" })
      core.failmemory(-1)
      if sent == "sent" then break end
      assert.equal("full", sent)
      assert.equal("", m:output())
      assert.equal(0, count(m))
    end
    assert.equal(1, count(m))
  end)

  it("stays for the program when the connection is closed", function()
    local m = managers.open()
    deliver(m, 0, "1")
    m:write(0)
    m:close(1000, "", 10)
    m:write(10)
    m:lost(nil, nil, nil, 20)
    assert.equal("closed", m:state())
    assert.equal(1, count(m))
  end)
end)

describe("a manager that remembers ids", function()
  it("knows the last ones, over connections", function()
    local m = managers.open { dedupe_ids = 3 }
    assert.is_false(m:repeated("a"))
    assert.is_true(m:repeated("a"))
    reopen(m, 0)
    assert.is_true(m:repeated("a"))
    for _, id in ipairs { "b", "c", "d" } do assert.is_false(m:repeated(id)) end
    assert.is_false(m:repeated("a"))
  end)

  it("gives all of it back", function()
    collectgarbage()
    local before = core.memory().blocks
    local m = managers.open()
    m:repeated("a")
    m:send("x", false, 0, { id = "x" })
    m:free()
    assert.equal(before, core.memory().blocks)
  end)
end)
