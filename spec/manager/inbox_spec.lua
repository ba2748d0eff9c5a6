local managers = require "support.managers"

local event_names, messages = managers.event_names, managers.messages

describe("an open manager", function()
  it("gives messages in their order, with their kinds", function()
    local m = managers.open()
    m:feed(managers.text("one") .. managers.frame(2, "two"), 1)
    assert.same({ "one", "text" }, { m:next(1) })
    assert.same({ "two", "binary" }, { m:next(1) })
    assert.is_nil(m:next(1))
    assert.equal(2, m:counters().messages_in)
  end)

  it("counts what is unread", function()
    local m = managers.open()
    m:feed(managers.text("12345"), 1)
    assert.equal(5, m:unread())
    m:next(1)
    assert.equal(0, m:unread())
  end)

  it("answers a ping that nobody waits for", function()
    local m = managers.open()
    m:feed(managers.frame(9, "you?"), 1)
    assert.equal(managers.masked(10, "you?"), m:write(1))
  end)

  it("answers a ping behind a message that nobody takes", function()
    local m = managers.open()
    m:feed(managers.text("held") .. managers.frame(9, "you?"), 1)
    m:tick(1)
    assert.equal(managers.masked(10, "you?"), m:write(1))
    assert.same({ "held" }, messages(m, 1))
    assert.equal("", m:write(1))
  end)
end)

describe("messages received", function()
  it("stay readable when the connection is lost", function()
    local m = managers.open()
    m:feed(managers.text("one") .. managers.text("two") .. "\129\5thr", 1)
    m:lost(nil, nil, nil, 2)
    assert.equal(6, m:unread())
    event_names(m)
    m:tick(2002)
    managers.connect(m, 2002)
    m:feed(managers.text("three"), 2003)
    assert.same({ "one", "two", "three" }, messages(m, 2003))
  end)

  it("stay readable when it is closed here, and then none will come", function()
    local m = managers.open()
    m:feed(managers.text("one") .. managers.text("two"), 1)
    assert.equal("one", (m:next(1)))
    m:close(1000, "", 2)
    m:feed(managers.text("three") .. managers.close_frame(1000), 3)
    m:lost(nil, nil, nil, 4)
    assert.same({ "two", "three" }, messages(m, 4))
    assert.is_false(m:next(4))
  end)

  it("are taken after our close as far as the inbox reaches, and the rest is told", function()
    for limit, kept in pairs { [8] = 5, [9] = 5, [10] = 10, [11] = 10 } do
      local m = managers.open { inbox_bytes = limit }
      m:close(1000, "", 2)
      for _ = 1, 5 do m:feed(managers.text("12345"), 3) end
      assert.equal(kept, m:unread())
      m:feed(managers.close_frame(1000), 4)
      m:lost(nil, nil, nil, 4)
      local dropped = 5 - kept / 5
      assert.same({ "untaken", dropped, 5 * dropped, "full" }, { m:event() })
      assert.equal("close", event_names(m))
      assert.equal(5 * dropped, m:counters().unread)
    end
  end)

  it("that were looked at are popped wherever they went", function()
    local m = managers.open()
    m:feed(managers.text("one") .. managers.text("two"), 1)
    m:lost(nil, nil, nil, 1)
    assert.same({ "one", "two" }, messages(m, 1))
  end)

  it("after the connection is over are ignored", function()
    local m = managers.open { reconnect = false }
    m:lost(nil, nil, nil, 1)
    m:feed(managers.text("ghost"), 2)
    assert.is_false(m:next(2))
  end)
end)

describe("what successive connections leave", function()
  local ONE = managers.text(("x"):rep(50))

  -- Another connection, which brings `bytes` and is lost.
  local function connect_and_lose(m, now, bytes)
    event_names(m)
    m:start(now)
    managers.connect(m, now)
    event_names(m)
    if bytes then m:feed(bytes, now) end
    m:lost(nil, nil, nil, now)
  end

  it("fills the inbox together: then a new one is not read", function()
    local m = managers.open { inbox_bytes = 100 }
    m:feed(ONE, 1)
    m:lost(nil, nil, nil, 1)
    connect_and_lose(m, 2, ONE)
    event_names(m)
    m:start(3)
    managers.connect(m, 3)
    assert.equal(100, m:unread())
    assert.is_true(m:full())
    m:pause(true, 3)
    m:next(4)
    assert.is_false(m:full())
  end)

  it("leaves room for one message beyond the inbox, and for one alone", function()
    local m = managers.open { inbox_bytes = 100 }
    m:feed(ONE, 1)
    m:lost(nil, nil, nil, 1)
    event_names(m)
    m:start(2)
    managers.connect(m, 2)
    local long = managers.text(("y"):rep(120))
    m:feed(long:sub(1, 100), 3)
    assert.is_false(m:full())
    m:feed(long:sub(101), 4)
    assert.is_true(m:full())
    m:lost(nil, nil, nil, 5)
    assert.equal(170, m:unread())
    connect_and_lose(m, 6)
    assert.equal(170, m:unread())
  end)

  it("counts what was taken and is kept for others", function()
    local m = managers.open { inbox_bytes = 100 }
    assert.is_false(m:keep(50))
    assert.is_true(m:keep(51))
    assert.equal(51, m:unread())
    m:feed(ONE, 1)
    assert.is_true(m:full())
    m:pause(true, 1)
    m:next(2)
    assert.is_true(m:full())    -- until half of it is taken
    assert.is_false(m:keep(50))
    assert.is_false(m:full())
    m:pause(false, 2)
    assert.is_true(m:keep(100))
    assert.is_true(m:full())    -- also without a message
    m:lost(nil, nil, nil, 3)
    event_names(m)
    m:start(4)
    managers.connect(m, 4)
    assert.is_true(m:full())    -- of all connections together
    m:keep(0)
    assert.is_false(m:full())
  end)

  it("lets no byte behind the 101 be read while it is full", function()
    local m = managers.open { inbox_bytes = 100 }
    assert.equal(4096, m:read_size(4096))
    m:feed(ONE .. ONE, 1)
    m:lost(nil, nil, nil, 1)
    event_names(m)
    m:start(2)
    managers.target(m, 2)
    m:connected(2)
    m:write(2)
    local stream, at = "HTTP/1.1 103 Early\r\nA: b\r\n\r\n" .. managers.response .. ONE, 1
    while m:state() == "connecting" do
      local n = m:read_size(4096)
      assert.is_true(n <= 4)
      m:feed(stream:sub(at, at + n - 1), 3)
      at = at + n
    end
    assert.equal(#stream - #ONE + 1, at)
    assert.is_true(m:full())
    assert.equal(4096, m:read_size(4096))
  end)

  it("is bounded whatever came with the 101, and its loss is told", function()
    local m = managers.open { inbox_bytes = 100 }
    m:feed(ONE .. ONE, 1)
    m:lost(nil, nil, nil, 1)
    for now = 2, 1000 do connect_and_lose(m, now, ONE) end
    assert.equal(100, m:unread())
    local list = managers.events(m)
    assert.same({ "untaken", 1, 50, "full" }, list[1])
    assert.equal("error", list[2][1])
    assert.matches("messages were lost: nobody took them and the inbox is full",
                   list[2][3], 1, true)
  end)

  it("is all kept of one connection, as far as it was read", function()
    local m = managers.open { inbox_bytes = 100 }
    m:feed(ONE:rep(5), 1)
    m:lost(nil, nil, nil, 1)
    assert.equal(250, m:unread())
  end)
end)
