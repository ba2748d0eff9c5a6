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

  it("are taken after our close as far as the inbox reaches", function()
    for limit, kept in pairs { [8] = 5, [9] = 5, [10] = 10, [11] = 10 } do
      local m = managers.open { inbox_bytes = limit }
      m:close(1000, "", 2)
      for _ = 1, 5 do m:feed(managers.text("12345"), 3) end
      assert.equal(kept, m:unread())
      m:feed(managers.close_frame(1000), 4)
      m:lost(nil, nil, nil, 4)
      assert.equal("close", event_names(m))
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
