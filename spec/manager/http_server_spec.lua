-- A server's side before it is a WebSocket: requests, bodies, responses.

local managers = require "support.managers"

local event_names = managers.event_names

local function serving(options)
  local all = { role = "server", pages = true, now = 0 }
  for name, value in pairs(options or {}) do all[name] = value end
  return managers.new(all)
end

local function get(path, more)
  return "GET " .. path .. " HTTP/1.1\r\nHost: x\r\n" .. (more or "") .. "\r\n"
end

local function post(lines, body, path)
  return "POST " .. (path or "/") .. " HTTP/1.1\r\nHost: x\r\n" .. lines .. "\r\n"
         .. (body or "")
end

local function length(n) return "Content-Length: " .. n .. "\r\n" end

local CHUNKED = "Transfer-Encoding: chunked\r\n"
local CHUNKS = "3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nTrailer: x\r\n\r\n"

-- The path of the request that waits for its owner, and its body.
local function request(m)
  if event_names(m) ~= "request" then return nil end
  local head, body = m:head()
  return head:match "^%a+ (%S+)", body
end

-- Answers each request with its path and body; what is written.
local function answer_all(m, now)
  local out = {}
  local path, body = request(m)
  while path do
    assert(m:refuse(200, nil, path .. body, now, true))
    out[#out + 1] = m:write(now):match "\r\n\r\n(.*)$"
    path, body = request(m)
  end
  return table.concat(out, "|")
end

local function status(m, now) return tonumber(m:write(now):match "^HTTP/1.1 (%d+)") end

describe("a page's connection", function()
  it("serves one request after the other", function()
    local m = serving()
    for i = 1, 5 do
      m:feed(get("/" .. i), i)
      assert.equal("/" .. i, answer_all(m, i))
      assert.equal("connecting", m:state())
    end
  end)

  it("serves what was pipelined in order, cut at every byte", function()
    local all = get "/1" .. post(length(3), "abc", "/2") .. post(CHUNKED, CHUNKS, "/3")
                .. get "/4"
    local expected = "/1|/2abc|/3abcdefg|/4"
    local m = serving()
    m:feed(all, 0)
    assert.equal(expected, answer_all(m, 0))
    for cut = 1, #all - 1 do
      m = serving()
      local got = {}
      for _, part in ipairs { all:sub(1, cut), all:sub(cut + 1) } do
        m:feed(part, 0)
        local some = answer_all(m, 0)
        if some ~= "" then got[#got + 1] = some end
      end
      assert.equal(expected, table.concat(got, "|"))
    end
  end)

  it("does not read a request before the response before it is written", function()
    local m = serving()
    m:feed(get "/1" .. get "/2", 0)
    assert.equal("/1", request(m))
    m:refuse(200, nil, ("x"):rep(1000), 0, true)
    m:wrote(500, 0)
    assert.equal("", event_names(m))
    m:write(0)
    assert.equal("/2", request(m))
  end)

  it("answers the whole requests of a client that sends no more", function()
    local more = get "/1" .. post(length(3), "abc", "/2")
    for cut, expected in pairs { [#more] = "/1|/2abc", [#more - 1] = "/1", [#get "/1"] = "/1" } do
      local m = serving()
      m:feed(more:sub(1, cut), 0)
      assert.is_true(m:halfclosed())
      assert.equal(expected, answer_all(m, 0))
      assert.same({ "closing", "finish" }, { m:state(), m:want() })
      assert.is_false(m:halfclosed())
    end
    local m = serving()
    m:feed(get "/", 0)
    assert.is_true(m:halfclosed())
    m:refuse(200, nil, "x", 0, true)
    assert.is_true(m:halfclosed())
    assert.matches("\r\nConnection: close\r\n", m:write(0))
  end)

  it("is over when its client sends no more and awaits no response", function()
    for _, text in ipairs { "", "GET /", post(length(3), "ab"), managers.request } do
      local m = serving()
      if text ~= "" then m:feed(text, 0) end
      assert.is_false(m:halfclosed())
    end
    local m = serving()
    m:feed(get "/", 0)
    assert.equal("/", answer_all(m, 0))
    assert.is_false(m:halfclosed())
    assert.is_false(managers.serve():halfclosed())
    assert.is_false(managers.open():halfclosed())
  end)

  it("ends where either side wants it, or a request cannot be read", function()
    for _, case in ipairs {
      { get("/", "Connection: close\r\n"), true }, { get "/", false },
      { "GET / HTTP/1.0\r\nHost: x\r\n\r\n", true },
    } do
      local m = serving()
      m:feed(case[1] .. get "/2", 0)
      assert.equal("/", request(m))
      m:refuse(200, nil, "x", 0, case[2])
      assert.same({ "closing", "finish" }, { m:state(), m:want() })
      assert.matches("\r\nConnection: close\r\n", m:write(0))
      assert.equal("", event_names(m))
    end
  end)

  it("is told to HTTP/1.0, too", function()
    local m = serving()
    m:feed("GET / HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n", 0)
    m:refuse(200, nil, "x", 0, true)
    assert.matches("\r\nConnection: keep%-alive\r\n", m:write(0))
    assert.equal("connecting", m:state())
  end)

  it("becomes a WebSocket after other requests", function()
    local m = serving()
    m:feed(get "/1" .. managers.request .. managers.masked(1, "early"), 0)
    assert.equal("/1", request(m))
    m:refuse(200, nil, "x", 0, true)
    m:write(0)
    assert.equal("/chat", request(m))
    assert.is_true(m:accept(nil, nil, 0))
    assert.equal("open", m:state())
    assert.same({ "early" }, managers.messages(m, 0))
  end)

  it("has a Date where the time of day is known", function()
    local m = serving { now = 5000, clock = 784111777000 }
    m:feed(get "/", 6000)
    m:refuse(200, nil, "x", 7000, true)
    assert.matches("\r\nDate: Sun, 06 Nov 1994 08:49:39 GMT\r\n", m:write(7000))
    m:feed("\1", 8000)
    assert.matches("\r\nDate: Sun, 06 Nov 1994 08:49:40 GMT\r\n", m:write(8000))
  end)

  it("answers an upgrade that it rejects once, and ends", function()
    local m = serving()
    m:feed(managers.request, 0)
    assert.equal("/chat", request(m))
    m:refuse(403, nil, "no", 0, true)
    assert.matches("\r\nConnection: close\r\n", m:write(0))
    assert.equal("closing", m:state())
  end)

  it("is not kept without a page", function()
    local m = serving { pages = false }
    m:feed(post(length(3)), 0)
    assert.equal("/", request(m))
    m:refuse(426, nil, "x", 0, true)
    assert.matches("\r\nConnection: close, Upgrade\r\n", m:write(0))
    assert.equal("closing", m:state())
  end)
end)

describe("the body of a request", function()
  it("is bounded", function()
    for _, text in ipairs {
      post(length(11)), post(length "99999999999999999999"),
      post(CHUNKED, "b\r\nabcdefghijk"), post(CHUNKED, "6\r\nabcdef\r\n5\r\nghijk"),
    } do
      local m = serving { body_bytes = 10 }
      m:feed(text, 0)
      assert.equal(413, status(m, 0))
      assert.same({ "closing", "finish" }, { m:state(), m:want() })
      m:feed(("x"):rep(100000), 1)       -- the rest of it
      assert.equal("closing", m:state())
    end
    local m = serving { body_bytes = 10 }
    m:feed(post(length(10), "abcdefghij") .. post(CHUNKED, "a\r\nabcdefghij\r\n0\r\n\r\n"),
           0)
    assert.equal("/abcdefghij|/abcdefghij", answer_all(m, 0))
  end)

  it("is refused with broken chunks", function()
    for _, chunks in ipairs { "x", "3\nabc", "3\r\nabcd", "-1\r\n", "3\r\nabc\r\n\r\n" } do
      local m = serving()
      m:feed(post(CHUNKED, chunks), 0)
      assert.equal(400, status(m, 0))
      assert.equal("closing", m:state())
    end
  end)

  it("is asked for with a 100, unless it came or cannot be taken", function()
    local expect = "Expect: 100-continue\r\n"
    local m = serving()
    m:feed(post(length(3) .. expect), 0)
    assert.equal("HTTP/1.1 100 Continue\r\n\r\n", m:write(0))
    m:feed("abc", 0)
    assert.equal("/abc", answer_all(m, 0))
    m:feed(post(length(3) .. expect, "abc"), 0)
    assert.equal("/abc", answer_all(m, 0))
    m:feed(get("/x", expect), 0)
    assert.equal("/x", answer_all(m, 0))
    m:feed(post(length "1099511627776" .. expect), 0)
    assert.equal(413, status(m, 0))
  end)

  it("has timeouts.open for each 64 KiB", function()
    local m = serving { open_ms = 1000 }
    m:feed(post(length(200000)), 900)
    for i = 1, 3 do
      m:feed(("x"):rep(65536), 900 + i * 900)
      m:tick(900 + i * 900)
      assert.equal("connecting", m:state())
    end
    for i = 1, 100 do m:feed("x", 3600 + i * 9) end     -- a trickle
    m:tick(4600)
    assert.equal(408, status(m, 4600))
  end)
end)

describe("the time of a page's connection", function()
  it("ends between requests without a response", function()
    local m = serving()
    m:feed(get "/", 0)
    answer_all(m, 0)
    m:tick(1999)
    assert.equal("connecting", m:state())
    m:tick(2000)
    assert.same({ "closing", "finish", "" }, { m:state(), m:want(), m:write(2000) })
    m:lost(nil, nil, nil, 2000)
    assert.equal("close", event_names(m))
  end)

  it("is that of a head once the next request begins", function()
    local m = serving()
    m:feed(get "/", 0)
    answer_all(m, 0)
    m:feed("G", 1999)
    m:tick(11998)
    assert.equal("connecting", m:state())
    m:tick(11999)
    assert.equal(408, status(m, 11999))
  end)

  for _, text in ipairs { get "/", managers.request } do
    it("is timeouts.open for the program: " .. text:sub(1, 10), function()
      local m = serving { open_ms = 1000 }
      m:feed(text, 500)
      assert.truthy(request(m))
      assert.equal(1500, m:deadline())
      m:tick(1500)
      assert.equal(503, status(m, 1500))
      assert.equal("closing", m:state())
      assert.is_true(m:refuse(200, nil, "late", 1501, true))
      assert.is_true(m:accept(nil, nil, 1501))
      assert.same({ "closing", "" }, { m:state(), m:write(1501) })
    end)
  end

  it("is none for the program with timeouts.open = false", function()
    local m = serving { open_ms = 0 }
    m:feed(get "/", 0)
    assert.is_nil(m:deadline())
  end)

  it("begins anew while the peer takes bytes of a response", function()
    for _, persistent in ipairs { true, false } do
      local m = serving()
      m:feed(get "/", 0)
      m:refuse(200, nil, ("x"):rep(100000), 0, persistent)
      m:delivered(0, false, 0)
      for at = 1250, 60000, 1250 do
        m:wrote(1000, at)
        m:delivered(at, false, at)
        m:tick(at)
        assert.equal(persistent and "connecting" or "closing", m:state())
      end
      for at = 61250, 65000, 1250 do      -- it has stopped
        m:delivered(60000, false, at)
        m:tick(at)
      end
      assert.equal("closed", m:state())
    end
  end)

  it("does not come for a reader that has not taken its response", function()
    local m = serving()
    m:feed((get "/"):rep(1000), 0)
    assert.equal("/", request(m))
    m:refuse(200, nil, ("x"):rep(100), 0, true)
    assert.equal("", event_names(m))
    m:tick(4999)
    assert.equal("connecting", m:state())
    m:tick(5000)
    assert.equal("closed", m:state())
  end)
end)

describe("a page's connection that is stopped", function()
  it("writes what it has, and ends", function()
    local m = serving()
    m:feed(get "/", 0)
    m:refuse(200, nil, "body", 0, true)
    m:stop(0)
    assert.same({ "closing", "finish" }, { m:state(), m:want() })
    assert.matches("body$", m:write(0))
    m = serving()
    m:feed(get "/", 0)
    answer_all(m, 0)
    m:stop(0)
    assert.same({ "closing", "" }, { m:state(), m:write(0) })
    m = serving()
    m:feed(post(length(3)), 0)
    m:stop(0)
    assert.equal(503, status(m, 0))
    m = managers.serve()
    m:stop(0)
    assert.equal("open", m:state())
  end)
end)
