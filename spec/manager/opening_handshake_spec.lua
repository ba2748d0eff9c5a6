local core = require "wsmanager.core"
local managers = require "support.managers"

local events, event_names = managers.events, managers.event_names

local asking, refused = managers.asking, managers.answered

describe("a response that rejects", function()
  local answer = "HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\n\r\nno such"

  it("is kept with its head and body, and is final", function()
    local m = refused(answer)
    assert.same({ "closed", "disconnect" }, { m:state(), m:want() })
    local list = events(m)
    assert.equal("handshake", list[1][2])
    assert.truthy(list[1][3]:find("404", 1, true))
    assert.same({ "close", 1006, "", false }, list[2])
    local head, body = m:head()
    assert.truthy(head:find("^HTTP/1.1 404 Not Found\r\n"))
    assert.equal("no such", body)
  end)

  it("is the same byte by byte, and cut at every offset", function()
    for cut = 1, #answer - 1 do
      local m = refused(answer:sub(1, cut))
      assert.equal("connecting", m:state())
      m:feed(answer:sub(cut + 1), 1)
      assert.equal("closed", m:state())
      assert.equal("no such", (select(2, m:head())))
    end
    local m = asking()
    for i = 1, #answer do m:feed(answer:sub(i, i), i) end
    assert.equal("no such", (select(2, m:head())))
  end)

  it("is awaited for a second, but not beyond the open deadline", function()
    local head = "HTTP/1.1 500 Oops\r\n\r\n"
    local m = refused(head .. "half", 2000)
    assert.equal(3000, m:deadline())
    m:tick(2999)
    assert.equal("connecting", m:state())
    m:tick(3000)
    assert.equal("waiting", m:state())
    assert.equal("handshake", events(m)[1][2])
    assert.equal("half", (select(2, m:head())))
    assert.equal(10000, refused(head, 9500):deadline())
  end)

  it("ends with the connection", function()
    local m = refused("HTTP/1.1 500 Oops\r\n\r\nhalf")
    m:lost(nil, nil, nil, 5)
    assert.equal("handshake", events(m)[1][2])
    assert.equal("half", (select(2, m:head())))
  end)

  it("keeps 4 KiB of body and no more", function()
    local head = "HTTP/1.1 403 No\r\nContent-Length: 100000\r\n\r\n"
    local m = refused(head .. ("x"):rep(3000))
    assert.equal("connecting", m:state())
    m:feed(("y"):rep(3000), 1)
    assert.equal("closed", m:state())
    assert.equal(("x"):rep(3000) .. ("y"):rep(1096), (select(2, m:head())))
  end)

  it("is decoded when it is chunked, however it is cut", function()
    local text = "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"
      .. "3;x=y\r\nno \r\n4\r\nsuch\r\n0\r\nA: b\r\n\r\n"
    for cut = 1, #text - 1 do
      local m = refused(text:sub(1, cut))
      assert.equal("connecting", m:state())
      m:feed(text:sub(cut + 1), 1)
      assert.equal("closed", m:state())
      assert.equal("no such", (select(2, m:head())))
    end
  end)

  it("ends at a bad chunk, at 4 KiB and with the connection", function()
    local head = "HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n"
    local m = refused(head .. "3\r\nabc\r\nno chunk\r\n")
    assert.equal("closed", m:state())
    assert.equal("abc", (select(2, m:head())))
    m = refused(head .. ("5\r\nabcde\r\n"):rep(1000))
    assert.equal("closed", m:state())
    assert.equal(("abcde"):rep(819) .. "a", (select(2, m:head())))
    m = refused(head .. "ffffff\r\nabc")
    m:lost(nil, nil, nil, 5)
    assert.equal("closed", m:state())
    assert.equal("abc", (select(2, m:head())))
    m = refused(head .. "0;" .. ("x"):rep(20000))
    assert.equal("closed", m:state())
    assert.equal("", (select(2, m:head())))
  end)

  it("has no body when its head says so", function()
    for _, lines in ipairs { "500 A\r\nContent-Length: 0", "204 B", "304 C" } do
      local m = refused("HTTP/1.1 " .. lines .. "\r\n\r\n")
      assert.equal("waiting", m:state())
    end
  end)

  it("is tried again when it may change", function()
    for _, status in ipairs { 301, 408, 425, 429, 500, 502, 503 } do
      local m = refused("HTTP/1.1 " .. status .. " S\r\nContent-Length: 0\r\n\r\n")
      assert.equal("waiting", m:state(), status)
    end
    for _, status in ipairs { 400, 401, 403, 404, 410, 426 } do
      local m = refused("HTTP/1.1 " .. status .. " S\r\nContent-Length: 0\r\n\r\n")
      assert.equal("closed", m:state(), status)
    end
  end)
end)

describe("Retry-After", function()
  local function wait(status, value)
    local m = refused("HTTP/1.1 " .. status .. " S\r\nContent-Length: 0\r\n"
                      .. "Retry-After: " .. value .. "\r\n\r\n")
    return events(m)[3][3]
  end

  it("is honoured for 429 and 503", function()
    assert.equal(7000, wait(429, "7"))
    assert.equal(7000, wait(503, "7"))
    assert.equal(2000, wait(500, "7"))
  end)

  it("does not shorten the wait", function()
    assert.equal(2000, wait(503, "1"))
  end)

  it("is at most ten minutes", function()
    assert.equal(600000, wait(503, "601"))
    assert.equal(600000, wait(503, ("9"):rep(100)))
  end)

  it("is a date, seen from the answer's own", function()
    local date = "\r\nDate: Fri, 31 Dec 1999 23:59:00 GMT"
    assert.equal(59000, wait(503, "Fri, 31 Dec 1999 23:59:59 GMT" .. date))
    assert.equal(59000, wait(429, "Friday, 31-Dec-99 23:59:59 GMT" .. date))
    assert.equal(600000, wait(503, "Fri, 31 Dec 2100 23:59:59 GMT" .. date))
    assert.equal(2000, wait(503, "Fri, 31 Dec 1999 23:58:00 GMT" .. date))
  end)

  it("is ignored when it is nonsense, or a date without one to see it from", function()
    assert.equal(2000, wait(503, "Fri, 31 Dec 2100 23:59:59 GMT"))
    assert.equal(2000, wait(503, "Friday, 31-Dec-99 23:59:59 GMT"))
    assert.equal(2000, wait(503, "Fri, 31 Dec 2100 23:59:59 GMT\r\nDate: today"))
    assert.equal(2000, wait(503, "-5"))
    assert.equal(2000, wait(503, "soon\r\nDate: Fri, 31 Dec 1999 23:59:00 GMT"))
  end)

  it("is forgotten with the next attempt", function()
    local m = refused("HTTP/1.1 503 S\r\nContent-Length: 0\r\nRetry-After: 60\r\n\r\n")
    event_names(m)
    m:tick(60000)
    assert.equal("target", m:want())
    managers.target(m, 60000)
    m:lost("refused", "no", false, 60000)
    event_names(m)
    assert.equal(62000, m:deadline())
  end)
end)

describe("a response that is none", function()
  local function error_of(answer)
    local m = refused(answer)
    assert.is_not.equal("open", m:state())
    return events(m)[1][2]
  end

  it("is a handshake error", function()
    assert.equal("handshake", error_of("SSH-2.0-OpenSSH_9.2\r\n\r\n"))
    assert.equal("handshake",
                 error_of((managers.response:gsub("s3pP", "xxxx"))))
  end)

  it("is too big when its head is", function()
    local line = "X: " .. ("y"):rep(1000) .. "\r\n"
    assert.equal("toobig", error_of("HTTP/1.1 101 S\r\n" .. line:rep(17)))
    assert.equal("toobig", error_of("HTTP/1.1 101 " .. ("x"):rep(16385)))
    assert.equal("handshake", error_of(("x"):rep(16385)))
  end)

  it("is a handshake error when it comes before the whole request left", function()
    local m = managers.new { compress = true }
    m:start(0)
    managers.target(m, 0)
    m:connected(0)
    m:wrote(#m:output() - 1, 0)
    m:feed(managers.response, 0)
    assert.equal("closed", m:state())
    local told = events(m)[1]
    assert.same({ "error", "handshake" }, { told[1], told[2] })
    assert.matches("before it had the whole request", told[3], 1, true)
  end)

  it("is a handshake error when the connection ends first", function()
    local m = asking()
    m:feed("HTTP/1.1 101 Swit", 1)
    m:lost(nil, nil, nil, 2)
    assert.equal("handshake", events(m)[1][2])
    assert.equal("waiting", m:state())
  end)

  it("reports what the driver reports of a failed attempt", function()
    local m = managers.new()
    m:start(0)
    managers.target(m, 0)
    m:lost("tls", "certificate has expired", true, 1)
    assert.same({ "error", "tls", "certificate has expired" }, events(m)[1])
    assert.equal("closed", m:state())
  end)
end)

describe("a server's side", function()
  local function new(options)
    local all = { role = "server" }
    for k, v in pairs(options or {}) do all[k] = v end
    return managers.new(all)
  end

  it("waits for a request, tells it, and opens when it is accepted", function()
    local m = new()
    assert.same({ "connecting", "nothing", 10000 },
                { m:state(), m:want(), m:deadline() })
    m:feed(managers.request, 5)
    assert.same({ { "request" } }, events(m))
    assert.equal(managers.request, (m:head()))
    assert.equal(0, m:counters().reject_status)
    assert.is_true(m:accept(nil, "X-One: 1\r\n", 6))
    assert.same({ "open", "open" }, { m:state(), event_names(m) })
    local answer = m:write(6)
    assert.truthy(answer:find("^HTTP/1.1 101 "))
    assert.truthy(answer:find("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", 1, true))
    assert.truthy(answer:find("\r\nX-One: 1\r\n", 1, true))
  end)

  it("takes the request byte by byte", function()
    local m = new()
    for i = 1, #managers.request do
      assert.is_nil(m:event())
      m:feed(managers.request:sub(i, i), i)
    end
    assert.equal("request", event_names(m))
  end)

  it("tells which subprotocol was agreed on", function()
    local m = new()
    m:feed((managers.request:gsub("\r\n\r\n$",
           "\r\nSec-WebSocket-Protocol: a, chat\r\n\r\n")), 0)
    m:accept("chat", nil, 0)
    assert.equal("chat", (select(3, m:head())))
    assert.truthy(m:write(0):find("Sec-WebSocket-Protocol: chat\r\n", 1, true))
  end)

  it("reads frames that came with the request", function()
    local m = new()
    m:feed(managers.request .. managers.masked(1, "early"), 0)
    assert.equal("request", event_names(m))
    assert.is_nil(m:next(0))
    m:accept(nil, nil, 0)
    assert.same({ "early" }, managers.messages(m, 0))
  end)

  it("refuses one who sends too much before the answer", function()
    local m = new()
    m:feed(managers.request, 0)
    m:feed(("x"):rep(16385), 1)
    assert.same({ "closing", "finish" }, { m:state(), m:want() })
    assert.truthy(m:write(1):find("^HTTP/1.1 400 "))
    assert.is_nil(m:event())
    assert.is_true(m:accept(nil, nil, 2))
    assert.equal("closing", m:state())
  end)

  it("refuses with the owner's words, then hangs up", function()
    local m = new()
    m:feed(managers.request, 0)
    event_names(m)
    assert.is_true(m:refuse(403, "X-Why: no\r\n", "not you", 1))
    assert.same({ "closing", "finish", 5001 },
                { m:state(), m:want(), m:deadline() })
    local reply = m:write(1)
    assert.truthy(reply:find("^HTTP/1.1 403 Forbidden\r\n"))
    assert.truthy(reply:find("\r\n\r\nnot you$"))
    m:lost(nil, nil, nil, 2)
    assert.same({ "closed", "close" }, { m:state(), event_names(m) })
  end)

  it("drops a peer that does not take the refusal", function()
    local m = new()
    m:feed(managers.request, 0)
    m:refuse(403, nil, "", 1)
    m:tick(5001)
    assert.same({ "closed", "disconnect" }, { m:state(), m:want() })
  end)

  it("shows a plain request to its owner, who cannot accept it", function()
    local m = new()
    m:feed("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0)
    assert.equal("request", event_names(m))
    assert.equal(426, m:counters().reject_status)
    assert.is_true(m:accept(nil, nil, 1))
    assert.equal("closing", m:state())
    assert.truthy(m:write(1):find("^HTTP/1.1 426 "))
  end)

  it("answers a HEAD without a body, whatever is sent (RFC 9110 9.3.2)", function()
    for _, answer in ipairs {
      function(m) return m:accept(nil, nil, 1) end,
      function(m) return m:refuse(500, nil, "Sorry\n", 1) end,
    } do
      local m = new()
      m:feed("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n", 0)
      assert.is_true(answer(m))
      local sent = m:write(1)
      assert.matches("\r\nContent%-Length: [1-9]", sent)
      assert.matches("\r\n\r\n$", sent)
    end
  end)

  it("refuses a malformed request by itself", function()
    local m = new()
    m:feed("nonsense\r\n\r\n", 0)
    assert.same({ "closing", "finish" }, { m:state(), m:want() })
    assert.truthy(m:write(0):find("^HTTP/1.1 400 "))
    assert.is_nil(m:event())
    m:lost(nil, nil, nil, 1)
    assert.equal("error close", event_names(m))
  end)

  it("refuses 60,000 headers with 431", function()
    local m = new()
    m:feed("GET / HTTP/1.1\r\n" .. ("X: y\r\n"):rep(60000), 0)
    assert.truthy(m:write(0):find("^HTTP/1.1 431 "))
  end)

  it("looks at nothing beyond the limit of a head, however it arrives", function()
    local head = "GET / HTTP/1.1\r\nA: "
    local long = head .. ("a"):rep(16384 - #head)
    for cut = 16380, 16387 do
      for text, status in pairs {
        [long .. "\1\r\n\r\n"] = 431, [long:sub(1, -2) .. "\1\r\n\r\n"] = 400,
      } do
        local m = new()
        m:feed(text:sub(1, cut), 0)
        if m:state() == "connecting" then m:feed(text:sub(cut + 1), 0) end
        assert.truthy(m:write(0):find("^HTTP/1.1 " .. status))
      end
    end
  end)

  it("refuses a request that is never whole with 408", function()
    local m = new()
    m:feed("GET / HTTP/1.1\r\n", 5)
    m:tick(9999)
    assert.equal("connecting", m:state())
    m:tick(10000)
    assert.equal("finish", m:want())
    assert.truthy(m:write(10000):find("^HTTP/1.1 408 "))
  end)

  describe("behind TLS", function()
    it("ends at once when the handshake of TLS is not done in time", function()
      local m = new { tls = true }
      m:tick(9999)
      assert.equal("connecting", m:state())
      m:tick(10000)
      local all = managers.events(m)
      assert.same({ "closed", "disconnect", "" }, { m:state(), m:want(), m:output() })
      assert.same({ "error", "timeout" }, { all[1][1], all[1][2] })
      assert.matches("TLS handshake within 10 s", all[1][3])
    end)

    it("ends at once when the server stops meanwhile", function()
      local m = new { tls = true }
      m:stop(1)
      assert.same({ "closed", "disconnect", "" }, { m:state(), m:want(), m:output() })
    end)

    it("has the rest of the time for the request", function()
      local m = new { tls = true }
      m:connected(9000)
      m:tick(9999)
      assert.equal("connecting", m:state())
      m:tick(10000)
      assert.truthy(m:write(10000):find("^HTTP/1.1 408 "))
      m = new { tls = true }
      m:connected(9000)
      m:feed(managers.request, 9999)
      assert.equal("request", event_names(m))
    end)
  end)

  it("takes the request back when its peer leaves", function()
    local m = new()
    m:feed(managers.request, 0)
    m:lost(nil, nil, nil, 1)
    assert.same({ "closed", "error close" }, { m:state(), event_names(m) })
  end)

  it("refuses a TLS hello at its first bytes", function()
    local m = new()
    m:feed("\22\3\1\2\0\1\0\1", 0)
    assert.matches("^HTTP/1.1 400 ", m:write(0))
    assert.equal("closing", m:state())
  end)

  it("never connects", function()
    local m = managers.serve()
    m:lost(nil, nil, nil, 1)
    assert.equal("closed", m:state())
    m:start(2)
    assert.equal("closed", m:state())
  end)
end)

describe("an opening without memory", function()
  after_each(function() core.failmemory(-1) end)

  it("is reported and tried again", function()
    local m = managers.new()
    m:start(0)
    managers.target(m, 0)
    core.failmemory(0)
    m:connected(0)
    core.failmemory(-1)
    assert.same({ "waiting", "disconnect" }, { m:state(), m:want() })
    assert.equal("full", events(m)[1][2])
  end)

  it("lets an accept be tried again", function()
    local m = managers.new { role = "server" }
    m:feed(managers.request, 0)
    event_names(m)
    local headers = "X: " .. ("y"):rep(100000) .. "\r\n"
    core.failmemory(0)
    local accepted = m:accept(nil, headers, 1)
    core.failmemory(-1)
    assert.is_false(accepted)
    assert.equal("connecting", m:state())
    assert.is_true(m:accept(nil, nil, 2))
    assert.equal("open", m:state())
  end)
end)
