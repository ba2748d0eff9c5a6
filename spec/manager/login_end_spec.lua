-- How a login ends, on a fake clock, and what comes after.

local managers = require "support.managers"

local unpack = table.unpack or unpack

local names, text, masked = managers.event_names, managers.text, managers.masked

local function options (more)
  local all = {ask_login = true}
  for name, value in pairs(more or {}) do all[name] = value end
  return all
end

-- A client whose 101 came at `now`; the event `login` is popped.
local function logging_in (more, now)
  local m = managers.new(options(more))
  m:start(now or 0)
  managers.connect(m, now or 0)
  assert.equal("connecting", m:state())
  assert.equal("login", (m:event()))
  return m
end

local function lose (m, now)
  m:lost("closed", "reset", false, now)
end

-- Connects again when the wait is over; returns when.
local function reconnect (m)
  local now = m:deadline()
  m:tick(now)
  managers.connect(m, now)
  return now
end

-- Answers the close frame that was written.
local function finish_close (m, code, now)
  m:write(now)
  m:feed(managers.close_frame(code), now)
  m:lost(nil, nil, nil, now)
end

describe("the end of a login", function ()
  it("gives the budget back only once it has been open so long", function ()
    local m = logging_in {stable_ms = 5000, login_ms = 0}
    lose(m, 60000)            -- a minute after the 101
    assert.equal(1, m:counters().failures)
    names(m)
    local now = reconnect(m)
    names(m)
    m:login_done(2, now + 20000)
    lose(m, now + 24999)
    assert.equal(2, m:counters().failures)
    names(m)
    now = reconnect(m)
    names(m)
    m:login_done(3, now + 20000)
    lose(m, now + 25000)
    assert.equal(1, m:counters().failures)
  end)

  it("does not send again what it sent, when that was not written", function ()
    for _, compress in ipairs {false, true} do
      local m = managers.new(options {compress = compress})
      m:start(0)
      managers.connect(m, 0)
      m:send("order")
      m:login_send(1, "IDENTIFY")
      m:login_send(1, "more")
      m:wrote(4, 0)
      m:login_done(1, 0)
      names(m)
      m:send("order 2")
      lose(m, 10)
      names(m)
      local now = reconnect(m)
      names(m)
      m:login_done(2, now)
      assert.equal(masked(1, "order") .. masked(1, "order 2"), m:write(now))
    end
  end)

  it("sends again what followed it, as much as was not written", function ()
    local m = logging_in()
    m:login_send(1, "IDENTIFY")
    m:login_done(1, 0)
    m:send("a")
    m:send("b")
    m:wrote(#masked(1, "IDENTIFY") + #masked(1, "a"), 0)
    lose(m, 10)
    assert.same({"b"}, (function ()
      names(m)
      m:close(1000, "", 10)
      return (m:unsent())
    end)())
  end)

  it("sends no message of its own again after it failed", function ()
    local m = logging_in()
    m:login_send(1, "IDENTIFY")
    lose(m, 10)
    assert.equal(0, m:counters().waiting)
  end)

  it("is cut by the end of the connection", function ()
    local m = logging_in()
    lose(m, 10)
    assert.equal("error close reconnecting", names(m))
    assert.equal("closed", m:login_send(1, "x"))
    assert.equal(false, (m:login_next(1, 10)))
    m:login_done(1, 10)
    assert.equal("waiting", m:state())
    reconnect(m)
    assert.equal("login", names(m))
    m:login_done(1, 11)                 -- of the one before
    assert.equal("connecting", m:state())
    m:login_failed(1, {why = "no"}, 11)
    assert.equal("connecting", m:state())
    assert.equal("closed", m:login_send(1, "x"))
    m:login_done(2, 12)
    assert.equal("open", m:state())
  end)

  it("is cut by close(), which drops nothing that others sent", function ()
    local m = logging_in()
    m:send("order")
    m:close(1000, "bye", 10)
    assert.equal("closing", m:state())
    assert.equal(managers.masked_close(1000, "bye"), m:write(10))
    assert.equal("closed", m:login_send(1, "x"))
    m:login_done(1, 11)
    assert.equal("closing", m:state())
    m:feed(text("late") .. managers.close_frame(1000), 12)
    m:lost(nil, nil, nil, 12)
    assert.equal("closed", m:state())
    assert.equal(false, (m:next(12)))
    assert.same({"order"}, (m:unsent()))
  end)

  it("is cut by reconnect(), and the next one is asked for", function ()
    local m = logging_in()
    m:feed(text("HELLO"), 1)
    m:start(10)
    assert.equal("target", m:want())
    assert.equal("closed", m:login_send(1, "x"))
    managers.connect(m, 10)
    assert.same({"untaken", 1, 5, "login"}, {m:event()})
    assert.equal("close login", names(m))
    m:login_done(1, 10)
    assert.equal("connecting", m:state())
    m:login_done(2, 10)
    assert.equal("open", m:state())
    assert.is_nil(m:next(10))
  end)

  it("tells what it had not taken, unless it was done", function ()
    local m = logging_in()
    m:feed(text("HELLO") .. text("and more"), 1)
    m:login_failed(1, {why = "no"}, 10)
    m:write(10)
    m:feed(text("late"), 11)
    finish_close(m, 1000, 12)
    assert.same({"untaken", 3, 17, "login"}, {m:event()})
    assert.equal("error close reconnecting", names(m))
    assert.equal(17, m:counters().unread)

    m = logging_in()
    m:feed(text("HELLO") .. text("later"), 1)
    lose(m, 10)
    assert.equal("error close reconnecting", names(m))
    assert.equal("HELLO", (m:login_next(1, 10)))    -- a peer's last words are there
    reconnect(m)
    assert.equal("untaken login", names(m))
    assert.equal(5, m:counters().unread)

    m = logging_in()
    m:feed(text("HELLO") .. text("and more"), 1)
    m:login_done(1, 10)
    assert.equal("open", names(m))
    assert.equal(0, m:counters().unread)
  end)

  it("comes when it takes too long, from the 101", function ()
    local m = managers.new(options {login_ms = 4000, open_ms = 3000})
    m:start(0)
    managers.connect(m, 2000)
    names(m)
    assert.equal(6000, m:deadline())
    m:tick(5999)
    assert.equal("connecting", m:state())
    m:tick(6000)
    assert.equal("closing", m:state())
    assert.equal("cut", names(m))
    assert.equal("closed", m:login_send(1, "x"))
    m:login_done(1, 6000)
    finish_close(m, 1000, 6010)
    assert.equal("waiting", m:state())
    local event = managers.events(m)[1]
    assert.same({"error", "timeout", "the login was not done within 4 s"}, event)
  end)

  it("never comes by itself without timeouts.login", function ()
    local m = logging_in {login_ms = 0, heartbeat_interval_ms = 0, heartbeat_timeout_ms = 0}
    assert.is_nil(m:deadline())
  end)

  it("is a failure: closed with 1000, counted, and tried again", function ()
    local m = logging_in()
    m:send("order")
    m:login_failed(1, {why = "wrong password"}, 10)
    assert.equal("closing", m:state())
    assert.equal(managers.masked_close(1000), m:write(10))
    m:feed(managers.close_frame(1000), 11)
    m:lost(nil, nil, nil, 11)
    assert.same({
      {"error", "login", "wrong password"}, {"close", 1000, "", true},
      {"reconnecting", 1, 2000},
    }, managers.events(m))
    assert.equal(1, m:counters().failures)
    assert.equal(1, m:counters().waiting)
  end)

  it("closes with the code that it names, and tells why whatever the peer does", function ()
    for _, finish in ipairs {
      function (m) m:feed(managers.close_frame(1008, "mine"), 11) m:lost(nil, nil, nil, 11) end,
      function (m) lose(m, 11) end,
      function (m) m:tick(60000) end,
      function (m) m:feed("\255\255", 11) m:lost(nil, nil, nil, 11) end,
    } do
      local m = logging_in()
      m:login_failed(1, {why = "not now", code = 4000, reason = "r"}, 10)
      assert.equal(managers.masked_close(4000, "r"), m:write(10))
      finish(m)
      assert.equal("waiting", m:state())
      assert.same({"error", "login", "not now"}, managers.events(m)[1])
    end
  end)

  it("exhausts the budget", function ()
    local m = logging_in {budget = 2, stable_ms = 1000}
    for epoch = 1, 3 do
      m:login_failed(epoch, {why = "no"}, 60000 * epoch)
      finish_close(m, 1000, 60000 * epoch)
      if epoch < 3 then
        names(m)
        reconnect(m)
        names(m)
      end
    end
    assert.equal("exhausted", m:state())
    assert.same({"error", "login", "no"}, managers.events(m)[1])
  end)

  it("locks when it is final, and keeps the outbox", function ()
    local m = logging_in()
    m:send("order")
    m:login_failed(1, {why = "no such user", final = true}, 10)
    finish_close(m, 1000, 11)
    assert.equal("locked", m:state())
    assert.same({
      {"error", "login", "no such user"}, {"close", 1000, "", true},
      {"locked", "no such user"},
    }, managers.events(m))
    assert.equal("later", m:send("order 2"))
    m:start(20)
    managers.connect(m, 20)
    names(m)
    m:login_done(2, 20)
    m:write(20)
    assert.equal(0, m:counters().waiting)
  end)

  it("is closed for good where it does not reconnect", function ()
    local m = logging_in {reconnect = false}
    m:login_failed(1, {why = "no", final = true}, 10)
    finish_close(m, 1000, 11)
    assert.equal("closed", m:state())
    assert.equal("error close", names(m))
  end)

  it("asks for the verdict, and locks unless that is to try again", function ()
    for _, again in ipairs {true, false} do
      local m = logging_in {ask_verdict = true}
      m:login_failed(1, {why = "no", final = true}, 10)
      finish_close(m, 1000, 11)
      local list = managers.events(m)
      assert.same({"verdict", "login", 1000, true}, list[#list])
      m:verdict(again, 500, 11)
      assert.equal(again and "waiting" or "locked", m:state())
    end
  end)

  it("cannot come twice", function ()
    local m = logging_in()
    m:login_failed(1, {why = "first"}, 10)
    m:login_failed(1, {why = "second", final = true}, 10)
    m:login_done(1, 10)
    assert.equal("closing", m:state())
    finish_close(m, 1000, 11)
    assert.same({"error", "login", "first"}, managers.events(m)[1])
    local other = logging_in()
    other:login_done(1, 10)
    other:login_done(1, 10)
    other:login_failed(1, {why = "late"}, 10)
    assert.equal("open", other:state())
    assert.equal(1, other:counters().opens)
  end)

  it("drops what a login that failed did not take, but not what it gave back", function ()
    local m = logging_in()
    m:feed(text("a") .. text("-ERR") .. text("b"), 1)
    m:login_next(1, 1)
    m:give_back(1, "a")
    m:login_next(1, 1)
    m:login_failed(1, {why = "no"}, 2)
    m:feed(text("c"), 3)
    finish_close(m, 1000, 3)
    assert.same({"a"}, managers.messages(m, 3))
    assert.equal(0, m:unread())
  end)
end)

describe("a peer that ends the connection during a login", function ()
  it("is read to its end by the login", function ()
    local m = logging_in()
    m:feed(text("-ERR") .. text("bye"), 1)
    lose(m, 2)
    assert.equal("waiting", m:state())
    assert.equal("-ERR", (m:login_next(1, 2)))
    assert.is_nil(m:next(2))
    assert.equal("bye", (m:login_next(1, 2)))
    assert.equal(false, (m:login_next(1, 2)))
  end)

  it("is told apart by what the login says of its last message", function ()
    local m = logging_in()
    m:feed(text("-ERR"), 1)
    lose(m, 2)
    assert.equal("-ERR", (m:login_next(1, 2)))
    m:login_failed(1, {why = "-ERR", final = true}, 2)
    assert.equal("locked", m:state())
    assert.same({
      {"error", "login", "-ERR"}, {"close", 1006, "", false}, {"locked", "-ERR"},
    }, managers.events(m))
  end)

  it("is heard by a login that has not begun, too", function ()
    local m = managers.new(options())
    m:start(0)
    managers.connect(m, 0)
    m:feed(text("-ERR"), 1)
    lose(m, 1)
    assert.equal("login", (m:event()))
    assert.equal("-ERR", (m:login_next(1, 2)))
    m:login_failed(1, {why = "-ERR"}, 2)
    assert.same({"error", "login", "-ERR"}, managers.events(m)[1])
    local silent = managers.new(options())
    silent:start(0)
    managers.connect(silent, 0)
    lose(silent, 1)
    assert.equal("error close reconnecting", names(silent))
  end)

  it("is not, once that was told", function ()
    local m = logging_in()
    m:feed(text("-ERR"), 1)
    lose(m, 2)
    m:login_over()
    assert.equal(0, m:unread())
    assert.equal(false, (m:login_next(1, 2)))
    m:login_failed(1, {why = "-ERR", final = true}, 2)
    assert.equal("waiting", m:state())
    assert.same({"error", "closed"}, {unpack(managers.events(m)[1], 1, 2)})
  end)

  it("is waited for while a close follows messages that it has not taken", function ()
    local m = logging_in()
    m:feed(text("-ERR") .. managers.close_frame(4004, "auth"), 1)
    assert.equal("connecting", m:state())
    m:tick(1)
    m:tick(1002)                  -- the grace of a close behind messages
    assert.equal("closing", m:state())
    assert.equal("-ERR", (m:login_next(1, 1002)))
    assert.is_nil(m:login_next(1, 1002))
    m:login_failed(1, {why = "told"}, 1002)
    m:write(1002)
    m:lost(nil, nil, nil, 1003)
    assert.same({
      {"error", "login", "told"}, {"close", 4004, "auth", true},
    }, {unpack(managers.events(m), 1, 2)})
  end)

  it("does not send what waits in the outbox when it closes", function ()
    local m = logging_in()
    m:send("order")
    m:feed(managers.close_frame(1000), 1)
    assert.equal(managers.masked_close(1000), m:write(1))
    m:lost(nil, nil, nil, 1)
    assert.equal(1, m:counters().waiting)
  end)

  it("that breaks a rule is told so, and closed for good", function ()
    local m = logging_in()
    m:feed("\255\1x", 1)
    m:write(1)
    m:lost(nil, nil, nil, 1)
    assert.same({"error", "protocol"}, {unpack(managers.events(m)[1], 1, 2)})
    assert.equal("closed", m:state())
  end)
end)
