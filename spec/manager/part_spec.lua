-- Messages that a manager reads in parts: over the end of a connection, and the next.

local managers = require "support.managers"

local core = require "wsmanager.core"

local protocol = core.protocol
local event_names = managers.event_names
local frame = protocol.frame

local function open(options)
  local all = { stream = true }
  for name, value in pairs(options or {}) do all[name] = value end
  return managers.open(all)
end

-- Every part that can be taken now: "data", then "+" for a rest, "..." where more
-- follows, "broken: why".
local function parts(m, now)
  local list = {}
  while true do
    local data, _, rest, more, broken = m:part(now)
    if not data then return list end
    list[#list + 1] = broken and "broken: " .. data
                      or (rest and "+" or "") .. data .. (more and "..." or "")
  end
end

local function begin(data) return frame(2, data, { fin = false }) end
local function go_on(data) return frame(0, data, { fin = false }) end

describe("a manager that reads messages in parts", function()
  it("has each as it comes, and counts them when they are whole", function()
    local m = open()
    m:feed(begin "a", 1)
    assert.same({ "a..." }, parts(m, 1))
    assert.equal(0, m:counters().messages_in)
    m:feed(go_on "b" .. frame(0, "c") .. managers.text "d", 2)
    assert.same({ "+bc", "d" }, parts(m, 2))
    assert.equal(2, m:counters().messages_in)
  end)

  it("keeps what was not taken, and tells where the connection ended", function()
    local m = open()
    m:feed(begin "ab", 1)
    assert.same({ "ab..." }, parts(m, 1))
    m:feed(go_on "cd", 2)
    m:lost(nil, nil, nil, 3)
    assert.same({ "+cd...", "broken: the connection ended amidst the message: the peer ended the "
                            .. "connection without a close frame, after 0.0 s without traffic" },
                parts(m, 3))
    assert.equal(0, m:counters().messages_in)
  end)

  it("breaks no message off that came to its end, or that had none begun", function()
    local m = open()
    m:feed(begin "ab" .. frame(0, "cd") .. managers.text "e" .. begin "", 2)
    m:lost(nil, nil, nil, 3)
    assert.same({ "abcd", "e" }, parts(m, 3))
  end)

  it("breaks off at a close frame, at a broken rule, and at our own close", function()
    local ends = {
      { "4000 enough", function(m) m:feed(managers.close_frame(4000, "enough"), 2) end },
      { "continues no message", function(m) m:feed(frame(0, "c") .. frame(0, "d"), 2) end, "+c" },
      { "masked", function(m) m:feed(frame(0, "c", { mask = "\0\0\0\0" }), 2) end },
      { "1000", function(m)
        m:close(1000, "", 2)
        m:feed(managers.close_frame(1000), 2)
      end },
    }
    for _, case in ipairs(ends) do
      local m = open { reconnect = false }
      m:feed(begin "ab", 1)
      parts(m, 1)
      case[2](m)
      m:write(3)
      m:lost(nil, nil, nil, 3)
      local list = parts(m, 3)
      if case[3] then
        assert.same({ case[3] }, list)
      else
        assert.equal(1, #list)
        assert.matches("^broken: the connection ended amidst the message: .*" .. case[1], list[1])
      end
    end
  end)

  it("goes on with the next connection behind that", function()
    local m = open()
    m:feed(begin "old", 1)
    parts(m, 1)
    m:lost(nil, nil, nil, 2)
    event_names(m)
    m:start(3)
    managers.connect(m, 3)
    m:feed(begin "new", 4)
    local list = parts(m, 4)
    assert.matches("^broken", list[1])
    assert.same({ "new..." }, { list[2] })
    m:start(5)
    list = parts(m, 5)
    assert.matches("^broken: the connection ended amidst the message: the connection was closed",
                   list[1])
  end)

  it("is full like any other, and reads on as parts are taken", function()
    local m = open { inbox_bytes = 100 }
    m:feed(begin "x", 1)
    m:feed(go_on(("y"):rep(200)), 1)
    assert.is_true(m:full())
    m:pause(true, 1)
    assert.same({ "x..." }, { (parts(m, 1))[1] })
    assert.is_false(m:full())
    m:pause(false, 2)
    m:feed(frame(0, "z"), 2)
    assert.same({ "+z" }, parts(m, 2))
  end)

  it("stays full while more than half of the inbox is not taken", function()
    local m = open { inbox_bytes = 100000 }
    m:feed(begin(("x"):rep(250000)), 1)
    assert.is_true(m:full())
    m:pause(true, 1)
    local taken = 0
    repeat
      taken = taken + #m:part(1)
      assert.equal(250000 - taken > 50000, m:full())
    until taken == 250000
    -- part of a header is nothing to take
    m = open { inbox_bytes = 10 }
    m:feed(begin(("x"):rep(20)) .. go_on(("y"):rep(70000)):sub(1, 9), 1)
    m:pause(true, 1)
    assert.is_true(m:full())
    assert.same({ ("x"):rep(20) .. "..." }, { (parts(m, 1))[1] })
    assert.is_false(m:full())
  end)

  it("sends heartbeats and answers pings while nobody takes a part", function()
    local m = open { heartbeat_interval_ms = 10, heartbeat_timeout_ms = 50 }
    m:feed(begin "x" .. frame(9, "p"), 1)
    m:tick(1)
    assert.equal(frame(10, "p", { mask = "\0\0\0\0" }), m:output())
    m:write(1)
    m:tick(11)
    assert.matches("^\137", m:output())
  end)

  it("drops what exceeds the inbox after our close, and its message", function()
    local m = open { inbox_bytes = 10, reconnect = false }
    m:feed(begin "ab", 1)
    parts(m, 1)
    m:close(1000, "", 2)
    m:feed(go_on "12345678", 3)
    m:feed(go_on "12345678", 3)
    m:feed(go_on "9", 3)
    m:feed(frame(0, "0") .. managers.text "c", 3)
    m:feed(managers.close_frame(1000), 3)
    m:lost(nil, nil, nil, 4)
    local list = parts(m, 4)
    assert.same({ "+12345678..." }, { list[1] })
    assert.matches("^broken: the rest of the message was lost: nobody took it", list[2])
    assert.is_nil(list[3])
  end)

  it("has whole messages in a login, and parts from then on", function()
    local m = managers.new { stream = true, ask_login = true }
    m:start(0)
    managers.connect(m, 0)
    m:feed(begin "log" .. frame(0, "in") .. begin "be", 1)
    assert.same({ "login", "binary" }, { m:login_next(1, 1) })
    assert.is_nil((m:login_next(1, 1)))
    m:login_done(1, 2)
    assert.same({ "be..." }, parts(m, 2))
    m:feed(frame(0, "gun"), 3)
    assert.same({ "+gun" }, parts(m, 3))
  end)

  it("has the limits of a message that were given, and others in a login", function()
    local m = open { ["stream_limits.message"] = 5 }
    m:feed(begin "abc", 1)
    assert.same({ "abc..." }, parts(m, 1))
    m:feed(frame(0, "def"), 2)
    assert.equal("closing", m:state())
    m = open { ["limits.message"] = 5 }
    m:feed(managers.text(("x"):rep(300000)), 1)
    assert.equal(5, #parts(m, 1))
    assert.equal("open", m:state())
  end)

  it("tells what there was no memory to keep", function()
    local told, lost = {}, 0
    for left = 0, 40 do
      local m = open { reconnect = false }
      m:feed(begin("ab"), 1)
      parts(m, 1)
      m:feed(go_on(("x"):rep(70000)), 2)
      m:feed(go_on(("y"):rep(70000)), 2)
      m:feed(frame(0, "z"), 2)
      core.failmemory(left)
      m:lost(nil, nil, nil, 3)
      core.failmemory(-1)
      local n, why = 0, nil
      for _, part in ipairs(parts(m, 3)) do
        if part:find "^broken" then why = part else n = n + #part:gsub("[+.]", "") end
      end
      -- all of it, or less and why; or nothing at all could be kept
      if why then told[why] = true
      elseif n ~= 140001 then lost = lost + 1 end
    end
    local why = next(told)
    assert.matches("^broken: the rest of the message was lost: .*there is no memory", why)
    assert.is_nil(next(told, why))
    assert.is_true(lost <= 2)
  end)
end)
