local core = require "wsmanager.core"
local unpack = table.unpack or unpack
local managers = require "support.managers"

local events, event_names, messages = managers.events, managers.event_names, managers.messages

local function eof(seconds)
  return "the peer ended the connection without a close frame, after " .. seconds
    .. " s without traffic"
end

describe("close() by a client", function()
  it("asks the peer, waits for its answer and its hang-up", function()
    local m = managers.open()
    m:send("last")
    m:close(4000, "done", 100)
    assert.same({ "closing", "nothing", 5100 }, { m:state(), m:want(), m:deadline() })
    assert.equal(managers.masked(1, "last") .. managers.masked_close(4000, "done"),
                 m:write(100))
    m:feed(managers.close_frame(4000, "done"), 200)
    assert.same({ "closing", "nothing" }, { m:state(), m:want() })
    m:lost(nil, nil, nil, 300)
    assert.same({ "closed", "disconnect" }, { m:state(), m:want() })
    assert.same({ { "close", 4000, "done", true } }, events(m))
    assert.is_nil(m:deadline())
  end)

  it("is clean when the peer answered but never hung up", function()
    local m = managers.open()
    m:close(1000, "", 100)
    m:feed(managers.close_frame(1000), 200)
    m:tick(5100)
    assert.same({ "closed", "disconnect" }, { m:state(), m:want() })
    assert.same({ { "close", 1000, "", true } }, events(m))
  end)

  it("gives up on a peer that never answers", function()
    local m = managers.open()
    m:close(1000, "", 100)
    m:tick(5099)
    assert.equal("closing", m:state())
    m:tick(5100)
    assert.same({ "closed", "disconnect" }, { m:state(), m:want() })
    assert.same({
      { "error", "timeout", "the peer did not finish the close within 5 s" },
      { "close", 1006, "", false }
    }, events(m))
  end)

  it("is not clean when the peer hangs up without an answer", function()
    local m = managers.open()
    m:close(1000, "", 100)
    m:lost(nil, nil, nil, 200)
    assert.same({ { "error", "closed", eof "0.2" }, { "close", 1006, "", false } }, events(m))
    assert.equal("closed", m:state())
  end)

  it("sends a close without a code", function()
    local m = managers.open()
    m:close(nil, "", 0)
    assert.equal(managers.masked(8, ""), m:write(0))
    m:feed(managers.frame(8, ""), 1)
    m:lost(nil, nil, nil, 1)
    assert.same({ { "close", 1005, "", true } }, events(m))
  end)

  it("is done once", function()
    local m = managers.open()
    m:close(1000, "", 0)
    m:close(4000, "again", 1)
    assert.equal(managers.masked_close(1000), m:write(1))
    m:feed(managers.close_frame(1000), 2)
    m:lost(nil, nil, nil, 2)
    m:close(1000, "", 3)
    assert.equal("close", event_names(m))
    assert.equal("closed", m:state())
  end)

  it("frames the whole outbox first", function()
    local m = managers.new { output_bytes = 10 }
    m:start(0)
    for i = 1, 9 do m:send("message " .. i) end
    managers.connect(m, 0)
    m:close(1000, "", 1)
    local out = m:write(1)
    assert.truthy(out:find("message 9", 1, true))
    assert.truthy(out:find(managers.masked_close(1000), 1, true))
  end)

  it("meets the peer's close on its way", function()
    local m = managers.open()
    m:feed(managers.text("hello") .. managers.close_frame(4001, "bye"), 1)
    m:close(1000, "", 2)
    assert.equal("closing", m:state())
    m:lost(nil, nil, nil, 3)
    assert.same({ { "close", 4001, "bye", true } }, events(m))
    assert.equal("closed", m:state())
    assert.same({ "hello" }, messages(m, 3))
  end)

  it("closes at once without memory for the frame", function()
    local m = managers.open()
    m:keys(0)
    m:close(1000, "", 1)
    assert.same({ "closed", "disconnect" }, { m:state(), m:want() })
    assert.equal("full", events(m)[1][2])
  end)
end)

describe("close() in other states", function()
  it("abandons an attempt", function()
    for _, steps in ipairs { 0, 1, 2, 3 } do
      local m = managers.new()
      m:start(0)
      if steps > 0 then managers.target(m, 0) end
      if steps > 1 then m:connected(0) end
      if steps > 2 then m:feed("HTTP/1.1 500 Oops\r\n\r\n", 0) end
      m:close(1000, "", 1)
      assert.same({ "closed", "disconnect" }, { m:state(), m:want() })
      assert.same({
        { "error", "closed", "closed before the connection was there" },
        { "close", 1006, "", false }
      }, events(m))
    end
  end)

  it("ends the wait, and tells nothing twice", function()
    local m = managers.open()
    m:lost(nil, nil, nil, 1)
    assert.equal("error close reconnecting", event_names(m))
    m:close(1000, "", 2)
    assert.same({ "closed", "disconnect" }, { m:state(), m:want() })
    assert.equal("", event_names(m))
    m:tick(1e9)
    assert.equal("closed", m:state())
  end)

  it("ends the wait for a verdict", function()
    local m = managers.open { ask_verdict = true }
    m:lost(nil, nil, nil, 1)
    m:close(1000, "", 2)
    assert.equal("error close", event_names(m))
    m:verdict(true, nil, 3)
    assert.equal("closed", m:state())
  end)

  it("ends a lock and an exhaustion", function()
    local m = managers.new { ask_target = true }
    m:start(0)
    m:lock("why", 0)
    m:close(1000, "", 1)
    assert.same({ "closed", "" }, { m:state(), event_names(m) })
    m = managers.open { budget = 0 }
    m:lost(nil, nil, nil, 1)
    assert.equal("error close exhausted", event_names(m))
    m:close(1000, "", 2)
    assert.same({ "closed", "" }, { m:state(), event_names(m) })
  end)

  it("does nothing to one that is closed", function()
    local m = managers.new()
    m:close(1000, "", 0)
    assert.same({ "closed", "" }, { m:state(), event_names(m) })
  end)

  it("reports what was never sent, and keeps it", function()
    local m = managers.open()
    m:lost(nil, nil, nil, 1)
    m:send("one")
    m:send("\2", true)
    event_names(m)
    m:close(1000, "", 2)
    assert.same({ { "error", "closed",
      "2 messages (4 bytes) were never sent; take them with unsent()" } }, events(m))
    assert.equal(2, m:counters().unsent)
    assert.same({ { "one", "\2" }, { "text", "binary" } }, { m:unsent() })
    assert.same({ {}, {} }, { m:unsent() })
  end)

  it("adds what was never sent to an error not yet popped", function()
    local m = managers.open()
    m:lost("closed", "reset", false, 1)
    m:send("one")
    m:close(1000, "", 2)
    assert.same({ "error", "closed",
      "reset, after 0.0 s without traffic; "
      .. "1 message (3 bytes) was never sent; take it with unsent()" },
      events(m)[1])
  end)
end)

describe("a close by the peer", function()
  it("is answered; a client waits for the hang-up", function()
    local m = managers.open()
    m:feed(managers.close_frame(1001, "going"), 10)
    assert.same({ "closing", "nothing", 5010 }, { m:state(), m:want(), m:deadline() })
    assert.equal(managers.masked_close(1001), m:write(10))
    m:lost(nil, nil, nil, 20)
    assert.same({ { "close", 1001, "going", true }, { "reconnecting", 1, 5000 } },
                events(m))
    assert.equal(5020, m:deadline())
  end)

  it("is answered by a server, which hangs up", function()
    local m = managers.serve()
    m:feed(managers.masked_close(1000), 10)
    assert.same({ "closing", "finish" }, { m:state(), m:want() })
    assert.equal(managers.close_frame(1000), m:write(10))
    m:lost(nil, nil, nil, 11)
    assert.same({ { "close", 1000, "", true } }, events(m))
    assert.equal("closed", m:state())
  end)

  it("answers a server's own, which then hangs up", function()
    local m = managers.serve()
    m:close(1001, "", 0)
    assert.same({ managers.close_frame(1001), "nothing" }, { m:write(0), m:want() })
    m:feed(managers.masked_close(1001), 1)
    assert.equal("finish", m:want())
  end)

  it("is found after messages that were not taken when the socket goes", function()
    local m = managers.open()
    m:feed(managers.text("one") .. managers.close_frame(1000), 1)
    m:lost(nil, nil, nil, 2)
    assert.same({ { "close", 1000, "", true }, { "reconnecting", 1, 5000 } }, events(m))
    assert.same({ "one" }, messages(m, 2))
  end)

  it("waits a second behind messages that nobody takes", function()
    local m = managers.open()
    m:feed(managers.text("one") .. managers.text("two") .. managers.close_frame(1000), 10)
    m:tick(10)
    assert.equal(1010, m:deadline())
    m:tick(1009)
    assert.equal("open", m:state())
    m:tick(1010)
    assert.equal("closing", m:state())
    assert.equal(managers.masked_close(1000), m:write(1010))
    assert.same({ "one", "two" }, messages(m, 1010))
  end)

  it("is answered at once when the messages before it are taken", function()
    local m = managers.open()
    m:feed(managers.text("one") .. managers.close_frame(1000), 10)
    m:tick(10)
    assert.same({ "one" }, messages(m, 11))
    assert.equal("closing", m:state())
    assert.equal(5011, m:deadline())
  end)
end)

describe("a peer that breaks a rule", function()
  it("gets our close frame and time to read it", function()
    local m = managers.open()
    m:feed(managers.frame(3, ""), 10)
    assert.same({ "closing", "nothing", 5010 }, { m:state(), m:want(), m:deadline() })
    assert.equal(managers.masked_close(1002, "protocol error"), m:write(10))
    m:feed("whatever", 11)
    m:lost(nil, nil, nil, 12)
    local list = events(m)
    assert.equal("protocol", list[1][2])
    assert.same({ "close", 1002, "protocol error", false }, list[2])
    assert.equal("closed", m:state())
  end)

  it("gets a second of a server's time", function()
    local m = managers.serve()
    m:feed(managers.text("unmasked"), 10)
    assert.same({ "closing", "finish", 1010 }, { m:state(), m:want(), m:deadline() })
    m:tick(1010)
    assert.same({ "closed", "disconnect" }, { m:state(), m:want() })
    assert.same({ "error", "protocol" }, { unpack(events(m)[1], 1, 2) })
  end)

  it("is not dialled again after 1002, 1007 and 1009", function()
    for _, bytes in ipairs { managers.frame(3, ""), managers.text("\255"),
                             "\130\127\0\0\0\1\0\0\0\0" } do
      local m = managers.open()
      m:feed(bytes, 1)
      m:lost("closed", "reset", false, 2)
      assert.equal("closed", m:state())
    end
  end)

  it("is checked after the messages before it", function()
    local m = managers.open()
    m:feed(managers.text("one") .. managers.frame(3, ""), 1)
    assert.equal("open", m:state())
    assert.same({ "one" }, messages(m, 2))
    assert.equal("closing", m:state())
  end)
end)

describe("a lost connection", function()
  it("reports that there was no close frame", function()
    local m = managers.open()
    m:lost(nil, nil, nil, 10)
    assert.same({ { "error", "closed", eof "0.0" }, { "close", 1006, "", false },
                  { "reconnecting", 1, 2000 } }, events(m))
    assert.same({ "waiting", "disconnect", 2010 }, { m:state(), m:want(), m:deadline() })
  end)

  it("reports what the driver reports", function()
    local m = managers.open()
    m:lost("tls", "bad record", false, 10)
    assert.same({ "error", "tls", "bad record" }, events(m)[1])
  end)

  it("is lost once", function()
    local m = managers.open()
    m:lost(nil, nil, nil, 10)
    m:lost(nil, nil, nil, 11)
    assert.equal("error close reconnecting", event_names(m))
    assert.equal(1, m:counters().failures)
  end)

  it("is the end without reconnect, and reports what was not sent", function()
    local m = managers.open { reconnect = false }
    m:send("hello")
    m:lost(nil, nil, nil, 10)
    assert.equal("closed", m:state())
    assert.same({
      { "error", "closed", eof "0.0" .. "; 1 message (5 bytes) was never sent; "
        .. "take it with unsent()" },
      { "close", 1006, "", false }
    }, events(m))
    assert.same({ { "hello" }, { "text" } }, { m:unsent() })
  end)

  it("reports what was not sent even after an orderly close", function()
    local m = managers.open { reconnect = false }
    m:feed(managers.close_frame(1000), 1)
    m:lost(nil, nil, nil, 1)
    assert.equal("close", event_names(m))
    m = managers.open { reconnect = false }
    m:send("hello")
    m:feed(managers.close_frame(1000), 1)
    m:lost(nil, nil, nil, 1)
    assert.equal("error close", event_names(m))
  end)
end)

describe("an ending", function()
  it("frees all that the connection held", function()
    collectgarbage()
    local before = core.memory().blocks
    local m = managers.open()
    m:send("unsent")
    m:feed(managers.text("unread") .. managers.close_frame(1000, "reason"), 1)
    m:lost(nil, nil, nil, 1)
    m:free()
    assert.equal(before, core.memory().blocks)
  end)
end)

describe("an end without a close frame", function()
  local function detail(m)
    for _, event in ipairs(events(m)) do
      if event[1] == "error" then return event[3] end
    end
  end

  it("tells how long there was no traffic in either direction", function()
    local m = managers.open({ heartbeat_interval = 0, heartbeat_timeout = 0 }, 1000)
    m:lost(nil, nil, nil, 61000)
    assert.equal(eof "60.0", detail(m))
    m = managers.open(nil, 1000)
    m:feed(managers.text "x", 2000)
    m:lost(nil, nil, nil, 4250)
    assert.matches("after 2.[23] s without", detail(m))
    m = managers.open(nil, 1000)
    m:feed(managers.text "x", 2000)
    m:send("y")
    m:write(4000)
    m:lost(nil, nil, nil, 9000)
    assert.equal(eof "5.0", detail(m))
    m = managers.serve(nil, 1000)
    m:lost(nil, nil, nil, 1000)
    assert.equal(eof "0.0", detail(m))
  end)

  it("tells it of a reset, but not of what this side did", function()
    local m = managers.open(nil, 1000)
    m:lost("closed", "the peer reset the connection", false, 61000)
    assert.equal("the peer reset the connection, after 60.0 s without traffic", detail(m))
    m = managers.open(nil, 1000)
    m:lost("full", "no memory", false, 61000)
    assert.equal("no memory", detail(m))
    m = managers.new()
    m:start(0)
    managers.target(m, 0)
    m:lost("closed", "the peer reset the connection", false, 5000)
    assert.equal("the peer reset the connection", detail(m))
    m = managers.open(nil, 1000)
    m:close(1000, "", 1000)
    m:feed(managers.close_frame(1000), 1000)
    m:lost(nil, nil, nil, 9000)
    assert.is_nil(detail(m))
  end)
end)

describe("an HTTP response where a frame is due", function()
  local response = "HTTP/1.1 400 Bad Request\r\nContent-Length: 3\r\n\r\nno!"
  local quote = 'sent an HTTP response where a frame was due: "HTTP/'

  local function detail_of(m)
    m:write(1)
    m:lost(nil, nil, nil, 2)
    local list = events(m)
    assert.same({ "close", 1002 }, { list[#list][1], list[#list][2] })
    for _, event in ipairs(list) do
      if event[1] == "error" then
        assert.equal("protocol", event[2])
        return event[3]
      end
    end
  end

  it("is told, after the 101 and later, compressed or not", function()
    for _, before in ipairs { "", managers.text "x" .. managers.text "", managers.frame(9, "p") } do
      local m = managers.open()
      m:feed(before .. response, 1)
      managers.messages(m, 1)
      assert.matches(quote .. '1.1 400 Bad Request"', detail_of(m), 1, true)
    end
    local m = managers.new()
    m:start(0)
    managers.target(m, 0)
    m:connected(0)
    m:write(0)
    m:feed(managers.response .. response, 0)
    assert.matches(quote .. '1.1 400 Bad Request"', detail_of(m), 1, true)
  end)

  it("is told however it is cut", function()
    for cut = 1, #response - 1 do
      local m = managers.open()
      m:feed(response:sub(1, cut), 1)
      m:feed(response:sub(cut + 1), 1)
      assert.matches(quote, detail_of(m), 1, true)
    end
    local m = managers.open()
    for i = 1, #response do m:feed(response:sub(i, i), 1) end
    assert.matches(quote, detail_of(m), 1, true)
  end)

  it("is not told of what only begins so, nor to a server", function()
    for _, text in ipairs { "HT", "HTTP", "HTTPS", "HTML/", "HT\r\nHTTP/" } do
      local m = managers.open()
      m:feed(text, 1)
      assert.matches("opcode 0x8", detail_of(m), 1, true)
      m = managers.open()
      for i = 1, #text do m:feed(text:sub(i, i), 1) end
      m:feed("P/1.1 ", 1)
      local detail = detail_of(m)
      if text ~= "HTT" and text ~= "HTTP" then
        assert.matches("opcode 0x8", detail, 1, true)
      end
    end
    local m = managers.serve()
    m:feed(response, 1)
    assert.matches("opcode 0x8", detail_of(m), 1, true)
  end)
end)
