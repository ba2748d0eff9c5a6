-- wsmanager.dashboard over HTTP: who is let in, what is asked, what may be closed.

local codec = require "wsmanager.base.codec"
local ours = require "support.ours"
local peers = require "support.peers"
local wsmanager = require "wsmanager"

local run, LONG = wsmanager.run, ours.LONG

local function anybody () return "ann" end

-- A server with a dashboard of these options at /status; its URL.
local function serve (options, more)
  local given = more or {}
  given.page = {["/status"] = wsmanager.dashboard(options)}
  local server, url = ours.serve(given)
  return server, url
end

-- Status, headers as text (names in lower case), body.
local function ask (server, method, path, headers, body)
  local given = {}
  for _, line in ipairs(headers or {}) do
    local name, value = line:match "^(.-): (.*)$"
    given[name] = value
  end
  local response, token, why = wsmanager.fetch("http://127.0.0.1:" .. server.port .. path, {
    method = method, headers = given, body = body, redirects = false, timeout = LONG,
  })
  if not response then error(token .. ": " .. why) end
  local lines = {""}
  for name, value in pairs(response.headers) do lines[#lines + 1] = name .. ": " .. value end
  return response.status, table.concat(lines, "\r\n") .. "\r\n", response.body
end

local function get (server, path, headers)
  return ask(server, "GET", path, headers)
end

local function look (server, query)
  local status, _, body = get(server, "/status/look?" .. (query or ""))
  assert.equal(200, status, body)
  return codec.json().decode(body)
end

local kept = {}     -- a connection that nobody has is collected

local function open (url, options)
  options = options or {}
  options.url, options.reconnect = url .. (options.path or ""), options.reconnect or false
  options.path = nil
  local ws = wsmanager.new(options)
  assert(ws:opened(LONG))
  kept[#kept + 1] = ws
  return ws
end

-- The table of a dashboard with that many rows, once it has them.
local function await_rows (server, count, query)
  local answer
  ours.await(function ()
    answer = look(server, query)
    return answer.count == count
  end)
  return answer
end

describe("a dashboard", function ()
  after_each(function ()
    wsmanager.log, kept = nil, {}
    peers.stop()
    ours.stop()
  end)

  it("shows nothing without a function that lets somebody in, and says what to do", function ()
    run(function ()
      local told = {}
      wsmanager.log = function (level, text) told[#told + 1] = level .. " " .. text end
      local server = serve {close = true}
      for _, path in ipairs {"", "/", "/dashboard.js", "/look", "/connection?id=1", "/close"} do
        local status, _, body = get(server, "/status" .. path)
        assert.equal(403, status)
        assert.matches("give wsmanager.dashboard a function 'authorize'", body, 1, true)
      end
      local warnings = 0
      for _, line in ipairs(told) do
        if line:find("^warn the dashboard shows nothing") then warnings = warnings + 1 end
      end
      assert.equal(1, warnings)
    end)
  end)

  it("asks for each request, and refuses as it is told", function ()
    run(function ()
      local asked = 0
      local server = serve {authorize = function (request)
        asked = asked + 1
        if request.headers.authorization == "Basic YW5uOnNlY3JldA==" then return true end
        return nil, 401, "a password is needed\n", {["WWW-Authenticate"] = "Basic realm=\"a\""}
      end}
      local status, head, body = get(server, "/status/")
      assert.equal(401, status)
      assert.matches("\r\nwww%-authenticate: Basic realm=\"a\"\r\n", head)
      assert.matches("a password is needed", body)
      status, head, body = get(server, "/status/", {"Authorization: Basic YW5uOnNlY3JldA=="})
      assert.equal(200, status)
      assert.matches("\r\ncontent%-type: text/html; charset=utf%-8\r\n", head)
      assert.matches("^<!doctype html>", body)
      assert.equal(2, asked)
    end)
  end)

  it("lets nobody in by mistake", function ()
    local reports = ours.hush()
    run(function ()
      local result
      local server = serve {authorize = function () return result end}
      for _, wrong in ipairs {1, {}, "", print} do
        result = wrong
        assert.equal(500, (get(server, "/status/look")))
      end
      result = false
      assert.equal(403, (get(server, "/status/look")))
    end)
    assert.equal(4, #reports)
    assert.matches("authorize must return true or an operator's name", reports[1].why)
  end)

  it("serves its files from the path it was given, with a strict policy", function ()
    run(function ()
      local server = serve {authorize = anybody}
      local status, head = get(server, "/status?x=1")
      assert.equal(308, status)
      assert.matches("\r\nlocation: %./status/\r\n", head)
      for path, content_type in pairs {
        [""] = "text/html; charset=utf-8", ["dashboard.css"] = "text/css; charset=utf-8",
        ["dashboard.js"] = "text/javascript; charset=utf-8", ["icon.svg"] = "image/svg+xml",
        look = "application/json",
      } do
        local answer, headers = get(server, "/status/" .. path)
        assert.equal(200, answer)
        assert.truthy(headers:find("\r\ncontent-type: " .. content_type .. "\r\n", 1, true))
        local policy = headers:match "\r\ncontent%-security%-policy: ([^\r]+)"
        assert.matches("^default%-src 'none'; script%-src 'self'; style%-src 'self'", policy)
        assert.is_nil(policy:find "unsafe")
        assert.matches("frame%-ancestors 'none'", policy)
        assert.matches("\r\nx%-content%-type%-options: nosniff\r\n", headers)
      end
      assert.equal(404, (get(server, "/status/other")))
      assert.equal(404, (get(server, "/statusx")))
      assert.equal(405, (ask(server, "POST", "/status/look", nil, "1")))
      status, head = get(server, "/status/close")
      assert.equal(405, status)
      assert.matches("\r\nallow: POST\r\n", head)
      local _, headers = get(server, "/status/dashboard.js")
      local etag = headers:match "\r\netag: ([^\r]+)"
      assert.equal(304, (get(server, "/status/dashboard.js", {"If-None-Match: " .. etag})))
    end)
  end)

  it("is a page of its own as well", function ()
    run(function ()
      local server = ours.serve {handler = false, page = wsmanager.dashboard {authorize = anybody}}
      assert.equal(200, (get(server, "/")))
      assert.equal(200, (get(server, "/look")))
      server = ours.serve {handler = false,
                           page = {["/"] = wsmanager.dashboard {authorize = anybody}}}
      assert.equal(200, (get(server, "/")))
      assert.equal(200, (get(server, "/dashboard.css")))
    end)
  end)

  it("has pages of its rows, in an order that is asked for", function ()
    run(function ()
      local server, url = serve({authorize = anybody}, {handler = function (ws)
        while ws:receive() do end
      end})
      for i = 1, 7 do
        local ws = open(url, {path = "/room/" .. i .. "?token=secret",
                              headers = {["User-Agent"] = "agent " .. i}})
        for _ = 1, i do ws:send "x" end
      end
      ours.await(function ()
        local answer = look(server, "order=messages_in&take=1")
        return answer.count == 7 and answer.rows[1].messages_in == 7
      end)
      local answer = look(server, "order=messages_in&take=3&skip=2")
      assert.same({2, 3, 7}, {answer.skip, answer.take, answer.count})
      local counts = {}
      for i, row in ipairs(answer.rows) do counts[i] = row.messages_in end
      assert.same({5, 4, 3}, counts)
      assert.equal("agent 5", answer.rows[1].agent)
      assert.matches("^127.0.0.1:%d+$", answer.rows[1].address)
      assert.is_true(answer.rows[1].age >= 0)
      answer = look(server, "order=messages_in&ascending=1&take=1")
      assert.equal(1, answer.rows[1].messages_in)
      answer = look(server, "word=AGENT+3")
      assert.equal(1, answer.count)
      assert.equal("agent 3", answer.rows[1].agent)
      answer = look(server, "word=room/4")
      assert.equal("agent 4", answer.rows[1].agent)
      assert.same({}, look(server, "word=nothing").rows)
      assert.is_nil(look(server, "since=0").token)
      -- what is nonsense is the default
      answer = look(server, "order=nothing&skip=-1&take=x&view=nothing&since=nan")
      assert.same({0, 25, "server", 7}, {answer.skip, answer.take, answer.view, answer.count})
      assert.equal(100, look(server, "take=100000").take)
    end)
  end)

  it("tells all of one connection, and no query", function ()
    run(function ()
      local server, url = serve({authorize = anybody, label = function (ws, request)
        assert(ws.id)
        return "user of " .. request.path
      end})
      open(url, {path = "/room?token=hunter2", headers = {Origin = "http://a.example.com"}})
      local row = await_rows(server, 1).rows[1]
      assert.equal("user of /room", row.label)
      local status, _, body = get(server, "/status/connection?id=" .. row.id)
      assert.equal(200, status)
      local details = {}
      for _, one in ipairs(codec.json().decode(body).details) do details[one[1]] = one[2] end
      assert.equal("/room", details.path)
      assert.equal("http://a.example.com", details.origin)
      assert.equal(0, details.buffered)
      assert.is_nil(body:find "hunter2")
      for _, wrong in ipairs {"0", "x", "-1", "1e300", "", "1.5"} do
        assert.equal(404, (get(server, "/status/connection?id=" .. wrong)))
      end
    end)
  end)

  it("closes nothing unless that is switched on", function ()
    run(function ()
      local server, url = serve {authorize = anybody}
      local ws = open(url)
      local row = await_rows(server, 1).rows[1]
      local status, _, body = ask(server, "POST", "/status/close",
        {"Sec-Fetch-Site: same-origin", "X-Dashboard-Token: x"}, ("%.0f"):format(row.id))
      assert.equal(403, status)
      assert.matches("it was made without 'close'", body)
      assert.equal("open", ws.state)
    end)
  end)

  it("closes a connection for its own page alone, and says who did", function ()
    run(function ()
      local told = {}
      local server, url = serve({authorize = anybody, close = true}, {
        log = function (_, text, fields)
          if fields.event == "dashboard" then told[#told + 1] = text end
        end,
      })
      local ws = open(url)
      local answer = await_rows(server, 1)
      local id, token = ("%.0f"):format(answer.rows[1].id), "X-Dashboard-Token: " .. answer.token
      local here = "127.0.0.1:" .. server.port
      local function close (...)
        return (ask(server, "POST", "/status/close", {...}, id))
      end
      -- another origin, none, no token, a wrong one
      assert.equal(403, close(token, "Sec-Fetch-Site: cross-site", "Origin: http://" .. here))
      assert.equal(403, close(token, "Sec-Fetch-Site: same-site"))
      assert.equal(403, close(token, "Sec-Fetch-Site: none"))
      assert.equal(403, close(token, "Origin: http://evil.example.com"))
      assert.equal(403, close(token, "Origin: http://" .. here .. ".example.com"))
      assert.equal(403, close(token, "Origin: null"))
      assert.equal(403, close(token))
      assert.equal(403, close("Sec-Fetch-Site: same-origin"))
      assert.equal(403, close("Sec-Fetch-Site: same-origin", token .. "0"))
      assert.equal(403, close("Sec-Fetch-Site: same-origin",
                              "X-Dashboard-Token: " .. ("0"):rep(#answer.token)))
      assert.equal("open", ws.state)
      assert.equal(404, (ask(server, "POST", "/status/close",
                             {token, "Sec-Fetch-Site: same-origin"}, "9007199254740993")))
      assert.equal(200, close(token, "Origin: http://" .. here))
      local code, reason = ws:closed(LONG)
      assert.same({1008, "closed by an operator"}, {code, reason})
      assert.same({"closed by ann in the dashboard"}, told)
      assert.equal(404, close(token, "Sec-Fetch-Site: same-origin"))
    end)
  end)

  it("shows clients where they are given, and has one connect again", function ()
    run(function ()
      local _, elsewhere = ours.serve()
      local bot = open(elsewhere, {path = "/feed?key=hunter2", reconnect = {delay = 0.01}})
      local other = open(elsewhere)
      local server = serve {authorize = anybody, close = true, clients = {feed = bot}}
      local answer = await_rows(server, 1, "view=client")
      local row = answer.rows[1]
      assert.same({"feed", bot.id, "open"}, {row.label, row.id, row.state})
      assert.matches("/feed$", row.url)
      assert.is_true(answer.has_clients)
      local function close (id)
        return (ask(server, "POST", "/status/close", {
          "X-Dashboard-Token: " .. answer.token, "Sec-Fetch-Site: same-origin",
        }, ("%.0f"):format(id)))
      end
      assert.equal(404, close(other.id))
      assert.equal(200, close(bot.id))
      ours.await(function () return bot:stats().opens == 2 end)
      assert.equal("open", other.state)
      -- without the option nothing of them is shown
      local silent = serve {authorize = anybody}
      answer = look(silent, "view=client")
      assert.same({0, false}, {answer.count, answer.has_clients})
      assert.equal(404, (get(silent, "/status/connection?id=" .. ("%.0f"):format(bot.id))))
      local all = serve {authorize = anybody, clients = true}
      answer = await_rows(all, 2, "view=client&order=age&word=127.0.0.1")
      assert.equal(2, #answer.rows)
    end)
  end)

  it("shows the rooms of a chat that is made after it", function ()
    run(function ()
      local chat
      local made = {["/status"] = wsmanager.dashboard {
        authorize = anybody, chat = function () return chat end,
      }}
      chat = assert(wsmanager.chat.serve {
        host = "127.0.0.1", authenticate = function () return true end, page = made,
        rooms = {["a <b>"] = {"ann", "bob"}, other = {"ann", "cid", "dan"}},
      })
      local answer
      ours.await(function ()
        answer = look(chat, "view=rooms&take=1")
        return answer.chat ~= nil
      end)
      assert.same({rooms = 2, users = 0, connections = 0, subscriptions = 0}, answer.chat)
      assert.same({{name = "a <b>", members = 2, present = 0}}, answer.rows)
      assert.equal(2, answer.count)
      open("ws://127.0.0.1:" .. chat.port, {path = "/ws/ann?token=x&mode=0"})
      ours.await(function () return look(chat).chat.subscriptions == 2 end)
      assert.equal(1, look(chat, "view=rooms&word=other").rows[1].present)
      chat:stop(0)
    end)
  end)

  it("has figures of both ends and how connections ended", function ()
    run(function ()
      local server, url = serve {authorize = anybody}
      local ws = open(url)
      ws:close(4000, "no")
      assert(ws:closed(LONG))
      local answer
      ours.await(function ()
        answer = look(server)
        for _, one in ipairs(answer.closed or {}) do
          if one[1] == "application" and one[2] >= 1 and one[3] >= 1 then return true end
        end
      end)
      assert.is_true(answer.server.opens >= 1)
      assert.is_number(answer.client.bytes_in)
      local names, values = answer.history.names, answer.history.values
      assert.equal(#names, #values)
      assert.is_string(answer.history.run)
      answer = look(server, "view=ended")
      assert.equal(4000, answer.rows[1].code)
      assert.equal("no", answer.rows[1].reason)
    end)
  end)

  it("raises for what it does not know", function ()
    ours.fails("bad argument #1 to 'dashboard' %(table expected, got string",
               wsmanager.dashboard, "x")
    ours.fails("unknown option 'authorise' %(did you mean 'authorize'%?%)",
               wsmanager.dashboard, {authorise = anybody})
    ours.fails("bad option 'clients' %(true or table of connections expected, got string%)",
               wsmanager.dashboard, {clients = "x"})
    ours.fails("bad option 'close' %(boolean expected, got number%)",
               wsmanager.dashboard, {close = 1})
  end)

  it("survives what strangers call themselves", function ()
    run(function ()
      local server, url = serve({authorize = anybody, label = function () error "no" end})
      local wild = "\255\254 \226\128\174x </script><script>alert(1)</script> "
                   .. ("é"):rep(200)
      open(url, {headers = {["User-Agent"] = wild}, path = "/%FF%3Cb%3E"})
      local row = await_rows(server, 1).rows[1]
      assert.equal("", row.label)
      assert.matches("\\xFF", row.agent, 1, true)
      assert.matches("…$", row.agent)
      assert.is_true(#row.agent < 2000)
      assert.equal(1, look(server, "word=%3Cscript%3E").count)
    end)
  end)
end)

describe("examples/dashboard.lua", function ()
  after_each(function () peers.stop() end)

  it("prints where to look, and lets in who has the password", function ()
    local lua = os.getenv "LUA" or "lua"
    local pipe = assert(io.popen("echo $$; export DASHBOARD_PASSWORD=hunter2; exec timeout 60 '"
                                 .. lua .. "' examples/dashboard.lua 0 2 2>&1"))
    local pid, line = pipe:read "*l", pipe:read "*l"
    local port = line:match "^http://127.0.0.1:(%d+)/status   user: operator   password: hunter2$"
    assert.truthy(port, line)
    local server = {port = tonumber(port)}
    run(function ()
      assert.equal(401, (get(server, "/status/")))
      local status, _, body = get(server, "/status/look?view=client", {
        "Authorization: Basic b3BlcmF0b3I6aHVudGVyMg==",     -- operator:hunter2
      })
      assert.equal(200, status)
      assert.equal("operator", codec.json().decode(body).operator)
      status, _, body = get(server, "/metrics")
      assert.equal(200, status)
      assert.matches("wsmanager_build_info", body)
    end)
    os.execute("kill " .. pid)
    pipe:close()
  end)
end)
