-- The sentence that says why a connection is as it is.

local core = require "wsmanager.core"
local managers = require "support.managers"

local events, event_names = managers.events, managers.event_names

-- The peer closes with this, and the events are popped.
local function close(m, code, reason, now)
  m:feed(managers.close_frame(code, reason), now)
  m:lost(nil, nil, nil, now)
end

describe("why a connection is over", function()
  it("is the peer's code and reason after an orderly close", function()
    local m = managers.open { never = { 4004 } }
    close(m, 4004, "Authentication failed.", 1)
    assert.equal("closed", m:state())
    assert.equal("the connection was closed (4004 Authentication failed.)", m:why())
    m = managers.open { reconnect = false }
    close(m, 1000, nil, 1)
    assert.equal("the connection was closed (1000)", m:why())
  end)

  it("has the longest reason, and no line break of it", function()
    local m = managers.open { reconnect = false }
    close(m, 4004, ("é"):rep(60) .. "\r\n!", 1)
    assert.equal("the connection was closed (4004 " .. ("é"):rep(60) .. "??!)", m:why())
  end)

  it("is in the event of an exhausted one, and names the limit", function()
    local m = managers.open { budget = 1 }
    close(m, 4004, "Authentication failed.", 1)
    event_names(m)
    m:tick(m:deadline())
    managers.connect(m, 5001)
    close(m, 4004, "Authentication failed.", 5001)
    local list = events(m)
    local why = "no attempt is left of 1 (reconnect.limit); the last: "
                .. "the connection was closed (4004 Authentication failed.)"
    assert.same({ "exhausted", why }, list[#list])
    assert.equal(why, m:why())
  end)

  it("is the last failure of an exhausted one that never opened", function()
    local m = managers.new { budget = 0 }
    m:start(0)
    managers.target(m, 0)
    m:lost("refused", "nobody listens", false, 0)
    assert.same({ "error", "refused", "nobody listens" }, (events(m))[1])
    assert.equal("no attempt is left of 0 (reconnect.limit); the last: nobody listens",
                 m:why())
  end)

  it("follows the owner's reason of a locked one, once", function()
    local m = managers.new { ask_target = true, pause_ms = 0 }
    m:start(0)
    m:lock("log in first")
    assert.equal("log in first", m:why())
    m:start(0)
    managers.connect(m, 0)
    close(m, 4004, "Authentication failed.", 1)
    event_names(m)
    m:tick(2001)
    local why = "log in first; last: the connection was closed (4004 Authentication failed.)"
    for _ = 1, 3 do
      event_names(m)
      m:lock("log in first")
      assert.same({ { "locked", why } }, events(m))
      m:start(3000)
    end
  end)

  it("is cut at a whole character", function()
    local m = managers.new { ask_target = true }
    for extra = 0, 5 do
      for _, character in ipairs { "é", "€", "\240\159\152\128" } do
        m:start(0)
        m:lock(("x"):rep(extra) .. character:rep(200))
        assert.is_true(core.utf8(m:why()))
        assert.is_true(#m:why() > 250)
        m:close(1000, "", 0)
      end
    end
  end)

  it("is that there is none yet, before", function()
    local m = managers.new()
    assert.equal("the connection is not there yet", m:why())
    m:start(0)
    managers.connect(m, 0)
    m:close(1000, "", 0)
    assert.equal("the connection is being closed", m:why())
  end)
end)
