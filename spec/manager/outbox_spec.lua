local core = require "wsmanager.core"
local managers = require "support.managers"

local event_names = managers.event_names

describe("an open manager", function()
  it("frames what is sent", function()
    local m = managers.open()
    assert.equal("sent", m:send("hello"))
    assert.equal("sent", m:send("\0\255", true))
    assert.equal(11 + 8, m:buffered())
    assert.equal(managers.masked(1, "hello") .. managers.masked(2, "\0\255"), m:write(1))
    assert.equal(0, m:buffered())
    assert.equal(2, m:counters().messages_out)
  end)
end)

describe("a full output", function()
  it("returns full, and tells drain once half of it is written", function()
    local m = managers.open { output_bytes = 1000 }
    assert.equal("sent", m:send(("x"):rep(1000)))
    assert.equal("full", m:send("y"))
    m:wrote(400, 1)
    assert.is_nil(m:event())
    assert.equal("sent", m:send("y"))
    m:wrote(300, 1)
    assert.equal("drain", event_names(m))
    m:wrote(300, 1)
    assert.is_nil(m:event())
  end)

  it("owes no drain to one who was never refused", function()
    local m = managers.open { output_bytes = 1000 }
    m:send(("x"):rep(1000))
    m:write(1)
    assert.is_nil(m:event())
  end)

  it("owes the drain across a reconnect", function()
    local m = managers.open { output_bytes = 1000 }
    m:send(("x"):rep(1000))
    assert.equal("full", m:send("y"))
    m:lost("closed", "reset", false, 1)
    event_names(m)
    m:tick(2001)
    managers.connect(m, 2001)
    assert.equal("open", event_names(m))
    m:write(2001)
    assert.equal("drain", event_names(m))
  end)
end)

describe("the outbox", function()
  it("keeps what is sent before the connection is there", function()
    local m = managers.new()
    m:start(0)
    assert.equal("later", m:send("one"))
    assert.equal("later", m:send("\1", true))
    assert.equal(4, m:buffered())
    managers.connect(m, 0)
    assert.equal(managers.masked(1, "one") .. managers.masked(2, "\1"), m:write(0))
    assert.equal("open", event_names(m))
  end)

  it("is bounded by messages and by bytes", function()
    local m = managers.new { outbox_messages = 2, outbox_bytes = 5 }
    m:start(0)
    assert.equal("full", m:send("123456"))
    assert.equal("later", m:send("1234"))
    assert.equal("full", m:send("12"))
    assert.equal("later", m:send("1"))
    assert.equal("full", m:send(""))
    managers.connect(m, 0)
    m:write(0)
    assert.equal("open drain", event_names(m))
  end)

  it("can be off: then only an open connection sends", function()
    local m = managers.new { outbox_messages = 0 }
    assert.equal("closed", m:send("x"))
    m:start(0)
    assert.equal("closed", m:send("x"))
    managers.connect(m, 0)
    assert.equal("sent", m:send("x"))
    m:lost(nil, nil, nil, 1)
    assert.equal("closed", m:send("y"))
    event_names(m)
    m:tick(2001)
    managers.connect(m, 2001)
    assert.equal(managers.masked(1, "x"), m:write(2001))
  end)

  it("takes nothing once the connection is closed or exhausted", function()
    local m = managers.open { budget = 0 }
    m:close(1000, "", 1)
    assert.equal("closed", m:send("x"))
    m = managers.open { budget = 0 }
    m:lost(nil, nil, nil, 1)
    assert.equal("exhausted", m:state())
    assert.equal("closed", m:send("x"))
  end)

  it("goes in order when keys run out, and what comes later goes behind", function()
    local m = managers.new()
    m:start(0)
    for i = 1, 5 do m:send(tostring(i)) end
    m:keys(2)
    managers.connect(m, 0)
    assert.equal("later", m:send("6"))
    assert.equal(managers.masked(1, "1") .. managers.masked(1, "2"), m:write(0))
    m:keys(1)
    assert.equal(100, m:deadline())
    m:tick(100)
    assert.equal(managers.masked(1, "3"), m:write(100))
    m:keys()
    m:tick(200)
    assert.equal("sent", m:send("7"))
    local rest = {}
    for i = 4, 7 do rest[#rest + 1] = managers.masked(1, tostring(i)) end
    assert.equal(table.concat(rest), m:write(200))
  end)

  it("is framed as far as the output reaches, and on as it is written", function()
    local m = managers.new { output_bytes = 20 }
    m:start(0)
    for i = 1, 9 do m:send("message " .. i) end
    managers.connect(m, 0)
    local all, expected = "", ""
    repeat
      local some = m:write(0)
      assert.is_true(#some < 40)
      all = all .. some
    until some == ""
    for i = 1, 9 do expected = expected .. managers.masked(1, "message " .. i) end
    assert.equal(expected, all)
  end)

  it("takes back what the kernel did not take, in front", function()
    local m = managers.open()
    m:send("one")
    m:send("two")
    m:send("three")
    m:wrote(12, 1)
    m:lost("closed", "reset", false, 2)
    assert.equal("error close reconnecting", event_names(m))
    m:send("four")
    m:tick(2002)
    managers.connect(m, 2002)
    assert.equal(managers.masked(1, "two") .. managers.masked(1, "three")
                 .. managers.masked(1, "four"), m:write(2002))
    assert.equal(4, m:counters().messages_out)
  end)

  it("takes back no heartbeat", function()
    local m = managers.open { heartbeat_message = "beat" }
    m:send("one")
    m:tick(30000)
    m:lost("closed", "reset", false, 30001)
    assert.equal(1, m:counters().waiting)
    assert.same({ "one" }, (m:unsent()))
  end)
end)

describe("an outbox without memory", function()
  after_each(function() core.failmemory(-1) end)

  it("refuses to send and owes a drain", function()
    local m = managers.open()
    local large = ("x"):rep(100000)
    core.failmemory(0)
    local sent = m:send(large)
    core.failmemory(-1)
    assert.equal("full", sent)
    assert.equal(100, m:deadline())
    m:tick(100)
    assert.equal("drain", event_names(m))
  end)

  it("reports what it cannot keep of a lost connection", function()
    local m = managers.open()
    m:send(("x"):rep(100000))
    core.failmemory(0)
    m:lost(nil, nil, nil, 1)
    core.failmemory(-1)
    local _, token, detail = m:event()
    assert.equal("closed", token)
    assert.truthy(detail:find("messages were lost: no memory", 1, true))
  end)
end)
