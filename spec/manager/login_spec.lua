-- A login on a fake clock: what goes where, how it ends, and what comes after.

local core = require "wsmanager.core"
local managers = require "support.managers"

local unpack = table.unpack or unpack

local names, text, masked = managers.event_names, managers.text, managers.masked

local logging_in, lose, reconnect = managers.logging_in, managers.lose, managers.reconnect

describe("a login", function ()
  it("keeps the connection connecting from the 101 until it is done", function ()
    local m = managers.with_login()
    m:start(0)
    managers.connect(m, 0)
    assert.equal("connecting", m:state())
    assert.same({{"login", 0, 1}}, managers.events(m))
    assert.equal("nothing", m:want())
    m:login_done(1, 50)
    assert.equal("open", m:state())
    assert.equal("open", names(m))
  end)

  it("is not asked for without the option", function ()
    local m = managers.open()
    assert.equal(1, m:counters().epoch)
  end)

  it("has the number of its connection, 1, 2 ...", function ()
    local m = logging_in()
    m:login_done(1, 0)
    names(m)
    lose(m, 10000)
    names(m)
    reconnect(m)
    assert.same({"login", 1, 2}, managers.events(m)[1])
    lose(m, 20000)
    names(m)
    reconnect(m)
    assert.same({"login", 2, 3}, managers.events(m)[1])
    assert.equal(1, m:counters().opens)
  end)

  it("sends at once, and everybody else into the outbox", function ()
    local m = logging_in()
    assert.equal("later", m:send("order"))
    assert.equal("sent", m:login_send(1, "IDENTIFY"))
    assert.equal("later", m:send("order 2"))
    assert.equal(masked(1, "IDENTIFY"), m:write(0))
    assert.equal("", m:write(1))
    assert.equal("sent", m:login_send(1, "\1\2", true))
    assert.equal(masked(2, "\1\2"), m:write(1))
    m:login_done(1, 2)
    assert.equal(masked(1, "order") .. masked(1, "order 2"), m:write(2))
  end)

  it("alone gets its connection's messages", function ()
    local m = logging_in()
    m:feed(text("HELLO"), 1)
    assert.is_nil(m:next(1))
    assert.same({"HELLO", "text"}, {m:login_next(1, 1)})
    assert.is_nil(m:login_next(1, 1))
  end)

  it("leaves what it did not take to the others, in order", function ()
    local m = logging_in()
    m:feed(text("READY") .. text("a") .. text("b"), 1)
    assert.equal("READY", (m:login_next(1, 1)))
    m:login_done(1, 1)
    m:feed(text("c"), 2)
    assert.same({"a", "b", "c"}, managers.messages(m, 2))
  end)

  it("gives back what was not its own, before what it did not take", function ()
    local m = logging_in()
    m:feed(text("a") .. managers.frame(2, "b") .. text("READY") .. text("c"), 1)
    assert.same({"a", "text"}, {m:login_next(1, 1)})
    assert.same({"b", "binary"}, {m:login_next(1, 1)})
    assert.equal("READY", (m:login_next(1, 1)))
    assert.equal("sent", m:give_back(1, "a"))
    assert.equal("sent", m:give_back(1, "b", true))
    assert.is_nil(m:next(1))
    m:login_done(1, 1)
    assert.same({"a", "text"}, {m:next(1)})
    assert.same({"b", "binary"}, {m:next(1)})
    assert.same({"c", "text"}, {m:next(1)})
    assert.equal(4, m:counters().messages_in)
  end)

  it("lets the others take what earlier connections left", function ()
    local m = logging_in()
    m:login_done(1, 0)
    m:feed(text("old 1") .. text("old 2"), 1)
    lose(m, 10000)
    names(m)
    local now = reconnect(m)
    names(m)
    m:feed(text("HELLO") .. text("new"), now)
    assert.equal("old 1", (m:next(now)))
    assert.equal("HELLO", (m:login_next(2, now)))
    assert.equal("sent", m:give_back(2, "HELLO"))
    assert.equal("old 2", (m:next(now)))
    assert.is_nil(m:next(now))
    m:login_done(2, now)
    assert.same({"HELLO", "new"}, managers.messages(m, now))
  end)

  it("refuses what it gives back when the inbox is full", function ()
    local m = logging_in {inbox_bytes = 10}
    m:feed(text("0123456789ab") .. text("c"), 1)
    m:login_next(1, 1)
    assert.equal("sent", m:give_back(1, "0123456789ab"))
    m:login_next(1, 1)
    assert.equal("full", m:give_back(1, "c"))
  end)

  it("is full at the limit of the output, and is told of room", function ()
    local m = logging_in {output_bytes = 20}
    assert.equal("sent", m:login_send(1, ("x"):rep(30)))
    assert.equal("full", m:login_send(1, "y"))
    assert.equal("", names(m))
    m:wrote(30, 1)
    assert.equal("room", names(m))
    assert.equal("sent", m:login_send(1, "y"))
  end)

  it("has an outbox beside it that is full at its own limit", function ()
    local m = logging_in {outbox_messages = 1}
    assert.equal("later", m:send("a"))
    assert.equal("full", m:send("b"))
    assert.equal("sent", m:login_send(1, "login"))
  end)

  it("refuses others without an outbox", function ()
    local m = logging_in {outbox_messages = 0}
    assert.equal("closed", m:send("a"))
    m:login_done(1, 0)
    assert.equal("sent", m:send("a"))
  end)

  it("answers pings, and sends heartbeats", function ()
    local m = logging_in {heartbeat_interval_ms = 1000, login_ms = 60000}
    m:feed(managers.frame(9, "p"), 1)
    assert.equal(masked(10, "p"), m:write(1))
    assert.is_true(m:deadline() <= 1001)
    m:tick(1001)
    assert.equal(0x89, m:write(1001):byte())
  end)

  it("notices a dead peer", function ()
    local m = logging_in {
      heartbeat_interval_ms = 100, heartbeat_timeout_ms = 300, login_ms = 60000,
    }
    for now = 100, 3000, 100 do m:tick(now) m:write(now) end
    assert.equal("waiting", m:state())
    local event = managers.events(m)[1]
    assert.same({"error", "timeout"}, {event[1], event[2]})
  end)

  it("reads on while others leave a full inbox", function ()
    local m = managers.with_login({inbox_bytes = 10})
    m:start(0)
    managers.connect(m, 0)
    m:login_done(1, 0)
    m:feed(text("0123456789"), 1)
    lose(m, 10000)
    names(m)
    local now = reconnect(m)
    m:feed(text("HELLO"), now)
    assert.equal("HELLO", (m:login_next(2, now)))
    m:feed(text("READY"), now)
    assert.equal("READY", (m:login_next(2, now)))
    m:login_done(2, now)
    assert.same({"0123456789"}, managers.messages(m, now))
  end)
end)

describe("what is sent first", function ()
  local function opening (more)
    local all = {ask_release = true}
    for name, value in pairs(more or {}) do all[name] = value end
    local m = managers.new(all)
    m:start(0)
    m:send("outbox")
    managers.connect(m, 0)
    return m
  end

  it("goes before the outbox, from the event open to the release", function ()
    local m = opening()
    assert.equal("open", m:state())
    assert.equal("later", m:send("too early"))
    assert.equal("", m:write(0))
    assert.equal("open", names(m))
    assert.equal("sent", m:send("listener"))
    assert.equal(masked(1, "listener"), m:write(0))
    m:tick(1000)
    assert.equal("", m:write(1000))
    m:release()
    assert.equal(masked(1, "outbox") .. masked(1, "too early"), m:write(1000))
    assert.equal("sent", m:send("after"))
  end)

  it("is the listeners' after a login, too", function ()
    local m = opening {ask_login = true}
    names(m)
    m:login_send(1, "IDENTIFY")
    m:login_done(1, 0)
    assert.equal("later", m:send("later"))
    names(m)
    m:send("listener")
    m:release()
    assert.equal(
      masked(1, "IDENTIFY") .. masked(1, "listener") .. masked(1, "outbox") .. masked(1, "later"),
      m:write(0))
  end)

  it("finds no room for others without an outbox, and tells of it after the release", function ()
    local m = managers.new {ask_release = true, outbox_messages = 0}
    m:start(0)
    managers.connect(m, 0)
    assert.equal("full", m:send("too early"))
    assert.equal("open", names(m))
    assert.equal("sent", m:send("listener"))
    assert.equal("", names(m))
    m:release()
    assert.equal("drain", names(m))
  end)

  it("is followed by the outbox when a listener closes", function ()
    local m = opening()
    names(m)
    m:send("listener")
    m:close(1000, "", 0)
    m:release()
    assert.equal(
      masked(1, "listener") .. masked(1, "outbox") .. managers.masked_close(1000), m:write(0))
  end)

  it("is kept with the outbox when the connection ends before the release", function ()
    local m = opening()
    names(m)
    m:send("listener")
    lose(m, 1)
    m:release()
    names(m)
    local now = reconnect(m)
    names(m)
    m:release()
    assert.equal(masked(1, "listener") .. masked(1, "outbox"), m:write(now))
  end)
end)

describe("a server's login", function ()
  local function accepted (more)
    local m = managers.with_login({role = "server", login_ms = (more or {}).login_ms})
    m:feed(managers.request, 0)
    m:accept(nil, nil, 0)
    m:write(0)
    assert.equal("login", names(m))
    return m
  end

  it("is between the 101 and open", function ()
    local m = accepted()
    assert.equal("connecting", m:state())
    m:feed(masked(1, "token"), 1)
    assert.equal("token", (m:login_next(1, 1)))
    m:login_send(1, "welcome")
    assert.equal(text("welcome"), m:write(1))
    m:login_done(1, 1)
    assert.equal("open", m:state())
  end)

  it("is not finished for a client that has left when it fails", function ()
    local m = accepted()
    m:login_failed(1, {why = "no"}, 1)
    assert.is_false(m:halfclosed())
    m:lost(nil, nil, nil, 1)
    assert.equal("closed", m:state())
  end)

  it("closes with 1008 when it fails or takes too long", function ()
    local m = accepted()
    m:login_failed(1, {why = "no", reason = "bad token"}, 1)
    assert.equal(managers.close_frame(1008, "bad token"), m:write(1))
    m:feed(managers.masked_close(1008), 2)
    m:lost(nil, nil, nil, 2)
    assert.equal("closed", m:state())
    assert.same({"error", "login", "no"}, managers.events(m)[1])
    local slow = accepted {login_ms = 500}
    slow:tick(500)
    assert.equal(managers.close_frame(1008), slow:write(500))
  end)
end)

describe("a login without memory", function ()
  after_each(function () core.failmemory(-1) end)

  it("fails, and is tried again", function ()
    local refused = 0
    for calls = 0, 10 do
      local m = managers.with_login()
      m:start(0)
      managers.target(m, 0)
      m:connected(0)
      m:write(0)
      core.failmemory(calls)
      m:feed(managers.response, 0)
      core.failmemory(-1)
      if m:state() == "waiting" then
        refused = refused + 1
        assert.same({"error", "full"}, {unpack(managers.events(m)[1], 1, 2)})
        reconnect(m)
      end
      if m:counters().epoch > 0 then
        m:login_done(m:counters().epoch, 0)
        assert.equal("open", m:state())
      end
      m:free()
    end
    assert.is_true(refused > 0)
  end)

  it("answers full to what it gives back", function ()
    local m, large = logging_in(), ("a"):rep(2e6)
    m:feed(text(large) .. text("b"), 0)
    m:login_next(1, 0)
    core.failmemory(0)
    local given = m:give_back(1, large)
    core.failmemory(-1)
    assert.equal("full", given)
    assert.equal("sent", m:give_back(1, large))
  end)
end)
