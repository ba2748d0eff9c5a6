-- Pings whose pongs are awaited: which pong answers which.

local managers = require "support.managers"

local PONG = 11    -- of the kinds of notes, as journal.h counts them

-- The payloads of the frames that a client sent; all of them are pings.
local function payloads(bytes)
  local list, at = {}, 1
  while at <= #bytes do
    assert(bytes:byte(at) == 0x89, "no ping")
    local n = bytes:byte(at + 1) % 128
    list[#list + 1] = bytes:sub(at + 6, at + 5 + n)
    at = at + 6 + n
  end
  return list
end

local function pong(payload) return managers.frame(10, payload) end

-- A client that has sent pings with these payloads (false: one of its own), and
-- awaits them: the manager, their numbers, their payloads.
local function pinging(given, more)
  local m = managers.open(more)
  local numbers = {}
  for i, payload in ipairs(given) do
    numbers[i] = assert(m:ping(payload or nil, 1000 + i, true))
  end
  return m, numbers, payloads(m:write(1000))
end

-- What has become of each: milliseconds, false or nil as "lost".
local function results(m, numbers)
  local list = {}
  for i, number in ipairs(numbers) do
    local found = m:pong(number)
    if found == nil then found = "lost" end
    list[i] = found
  end
  return list
end

describe("a ping that is awaited", function()
  it("is answered by the pong with its payload", function()
    local m, numbers = pinging { "one" }
    assert.is_false(m:pong(numbers[1]))
    m:feed(pong "one", 1050)
    assert.equal("pong", (m:event()))
    assert.same({ 49 }, results(m, numbers))
    assert.same({ "lost" }, results(m, numbers))
  end)

  it("has a payload of its own unless one is given", function()
    local m, numbers, sent = pinging { false, false, "x", false }
    local seen = {}
    for _, payload in ipairs(sent) do
      assert.is_nil(seen[payload])
      seen[payload] = true
    end
    for i, payload in ipairs(sent) do
      m:feed(pong(payload), 2000)
      assert.equal(1000 - i, m:pong(numbers[i]))
      assert.is_false(m:pong(numbers[i + 1] or m:ping(nil, 0, true)))
    end
  end)

  it("is answered by the pong of a later one, too (RFC 6455 5.5.3)", function()
    local m, numbers = pinging { "one", "two", "three" }
    m:feed(pong "two", 1100)
    assert.same({ 99, 98, false }, results(m, numbers))
    m, numbers = pinging { "one", false, "three" }
    m:feed(pong "three", 1100)
    assert.same({ 99, 98, 97 }, results(m, numbers))
  end)

  it("is answered by the pong of a later heartbeat, and of one nobody awaits", function()
    local m, numbers = pinging { "one" }
    m:tick(40000)
    local heartbeat = payloads(m:write(40000))
    m:feed(pong(heartbeat[#heartbeat]), 40010)
    assert.same({ 39009 }, results(m, numbers))
    m, numbers = pinging { "one" }
    m:ping("two", 1002, false)
    m:feed(pong "two", 1100)
    assert.same({ 99 }, results(m, numbers))
  end)

  it("is noted and counted where it is its own", function()
    local m, numbers = pinging { "one", "two" }
    m:notes()
    m:feed(pong "two", 1100)
    assert.same({ { PONG, 1100, 98, 0, "" } }, m:notes())
    assert.same({ 1, 98 }, { m:round_trips() })
    assert.same({ 99, 98 }, results(m, numbers))
  end)

  it("is not kept where nobody awaits it", function()
    local m, numbers = pinging { "one", "two" }
    local number = m:ping("three", 1003, false)
    m:feed(pong "three", 1100)
    assert.is_nil(m:pong(number))
    assert.same({ 99, 98 }, results(m, numbers))
    assert.same({ 0, 0 }, { m:round_trips() })
  end)

  it("is none that could not be sent", function()
    local m, numbers = pinging { "one" }
    m:keys(0)
    assert.is_nil(m:ping("two", 1002, true))
    assert.is_nil(m:pong(numbers[1] + 1))
    m:keys()
    assert.equal(numbers[1] + 1, m:ping("three", 1003, true))
  end)

  it("need not be awaited, the first one neither", function()
    local m = managers.open()
    local number = m:ping("one", 1000, false)
    m:feed(pong "one", 1100)
    assert.is_nil(m:pong(number))
    assert.is_nil(m:event())
  end)

  it("is not answered by the pong of an earlier one", function()
    local m = managers.open()
    m:tick(30000)
    local heartbeat = payloads(m:write(30000))[1]
    local number = m:ping("mine", 30001, true)
    m:feed(pong(heartbeat), 30002)
    assert.is_false(m:pong(number))
    assert.equal(2, (m:latency()))
  end)

  it("each waits for its own where payloads are the same", function()
    local m, numbers = pinging { "same", "same" }
    m:feed(pong "same", 1100)
    assert.same({ 99, false }, results(m, numbers))
    m:feed(pong "same", 1200)
    assert.same({ "lost", 198 }, results(m, numbers))
  end)

  it("is not answered by a pong that nobody asked for", function()
    local m, numbers = pinging { "one", false }
    for _, payload in ipairs { "", "on", "one\0", "two", "\0\0\0\0\0\0\0\9", "\0" } do
      m:feed(pong(payload), 1100)
    end
    assert.same({ false, false }, results(m, numbers))
    assert.is_nil(m:event())
    assert.is_nil(m:latency())
  end)

  it("may have an empty payload, and one of 125 bytes", function()
    for _, payload in ipairs { "", ("x"):rep(125) } do
      local m, numbers = pinging { payload }
      m:feed(pong(payload), 1100)
      assert.same({ 99 }, results(m, numbers))
    end
  end)

  it("may be forgotten", function()
    local m, numbers = pinging { "one", "two" }
    assert.is_false(m:pong(numbers[1], true))
    assert.is_nil(m:pong(numbers[1]))
    m:feed(pong "one", 1100)
    assert.is_false(m:pong(numbers[2]))
    m:feed(pong "two", 1100)
    assert.equal(98, m:pong(numbers[2]))
  end)

  it("is lost with its connection; one that was answered is not", function()
    local m, numbers = pinging { "one", "two" }
    m:feed(pong "one", 1100)
    m:lost(nil, nil, nil, 1200)
    assert.same({ 99, "lost" }, results(m, numbers))
    managers.event_names(m)
    m:tick(m:deadline())
    managers.connect(m, 5000)
    local number = m:ping("two", 5000, true)
    assert.same({ "two" }, { payloads(m:write(5000))[1] })
    m:feed(pong "one", 5001)
    assert.is_false(m:pong(number))
    m:feed(pong "two", 5002)
    assert.equal(2, m:pong(number))
  end)

  it("is not mixed up with one of an earlier connection that nobody took", function()
    local m = pinging { "one", "two" }
    m:feed(pong "two", 1100)
    m:lost(nil, nil, nil, 1200)
    managers.event_names(m)
    m:tick(m:deadline())
    managers.connect(m, 5000)
    local number = m:ping("one", 5000, true)
    assert.is_false(m:pong(number))
    m:feed(pong "one", 5007)
    assert.equal(7, m:pong(number))
  end)

  it("is one of 64 at most, whatever the peer does", function()
    local m = managers.open()
    local numbers = {}
    for i = 1, 64 do numbers[i] = assert(m:ping("p" .. i, i, true)) end
    assert.is_nil(m:ping("more", 100, true))
    assert.truthy(m:ping("not awaited", 100, false))
    m:write(100)
    m:feed(pong "p3", 200)
    -- those that nobody has asked for make room
    assert.truthy(m:ping("more", 300, true))
    assert.is_nil(m:pong(numbers[1]))
    assert.equal(198, m:pong(numbers[2]))
  end)

  it("is answered behind a message that nobody takes", function()
    local m, numbers = pinging { "one" }
    m:feed(managers.text "untaken", 1050)
    m:feed(pong "one", 1060)
    m:tick(1100)
    assert.same({ 99 }, results(m, numbers))
  end)
end)

describe("latencies", function()
  local function measured(list)
    local m = managers.open { heartbeat_timeout_ms = 0 }
    for i, ms in ipairs(list) do
      local now = i * 100000
      local number = m:ping("p" .. i, now, true)
      m:write(now)
      m:feed(pong("p" .. i), now + ms)
      assert.equal(ms, m:pong(number))
    end
    return m
  end

  it("are smoothed by eighths, the first as it is (RFC 6298 2)", function()
    local m = measured { 80 }
    assert.same({ n = 3, nil, 80, 80 }, { n = select("#", m:latency()), m:latency() })
    m = measured { 80, 160 }
    assert.same({ 90, 160 }, { select(2, m:latency()) })
    m = measured { 80, 160, 10 }
    assert.same({ 80, 160 }, { select(2, m:latency()) })
  end)

  it("have the last heartbeat's by itself", function()
    local m = measured { 80 }
    m:tick(400000)
    local sent = payloads(m:write(400000))
    m:feed(pong(sent[#sent]), 400016)
    assert.same({ 16, 72, 80 }, { m:latency() })
  end)

  it("have the one that 99 of the last 100 were not longer than", function()
    local list = {}
    for i = 1, 100 do list[i] = i end
    list[50] = 5000
    assert.equal(100, (select(3, measured(list):latency())))
    list[20] = 6000
    assert.equal(5000, (select(3, measured(list):latency())))
    for i = 101, 220 do list[i] = 7 end
    assert.equal(7, (select(3, measured(list):latency())))
  end)

  it("are not those of pings that a later pong answered", function()
    local m = pinging { "one", "two" }
    m:feed(pong "two", 1100)
    assert.same({ 98, 98 }, { select(2, m:latency()) })
  end)
end)
