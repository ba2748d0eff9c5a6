-- Logins of real protocols, against servers that are as strict as theirs: Discord's
-- gateway, NATS, graphql-transport-ws and Socket.IO.

local wsmanager = require "wsmanager"
local logins = require "support.logins"
local ours = require "support.ours"

local run = wsmanager.run
local LONG, await = ours.LONG, ours.await
local QUICK, watch = logins.QUICK, logins.watch

local function take (ws)
  return ws:receive(LONG)
end

describe("Discord's gateway", function ()
  after_each(ours.stop)

  -- One that closes with 4003 for what comes before IDENTIFY or RESUME. `server`:
  -- heard, sessions, cut (connections that end after so many messages).
  local function gateway (server)
    server.heard, server.sessions = {}, server.sessions or {}
    local number = 0

    local function greet (ws)
      ws:send {op = 10, d = {heartbeat_interval = 41250}}
      local message = take(ws)
      while message and message.op == 1 do
        ws:send {op = 11}
        message = take(ws)
      end
      return message
    end

    local function log_in (ws, message)
      if not message then return false end
      if message.op ~= 2 and message.op ~= 6 then return ws:close(4003, "Not authenticated.") end
      if message.d.token ~= "secret" then return ws:close(4004, "Authentication failed.") end
      if message.op == 6 and not server.sessions[message.d.session_id] then
        ws:send {op = 9, d = false}
        return log_in(ws, take(ws))
      end
      if message.op == 2 then
        server.sessions["s" .. number] = true
        ws:send {op = 0, t = "READY", s = 1, d = {session_id = "s" .. number}}
      else
        ws:send {op = 0, t = "MISSED", s = message.d.seq + 1}
        ws:send {op = 0, t = "RESUMED", s = message.d.seq + 2}
      end
      return true
    end

    local _, url = ours.serve {
      decode = "json", handler = function (ws)
        number = number + 1
        if not log_in(ws, greet(ws)) then return end
        ws:send {op = 0, t = "GUILD_CREATE", s = 2}
        local left = table.remove(server.cut or {}, 1)
        while left ~= 0 do
          local message = ws:receive()
          if not message then return end
          server.heard[#server.heard + 1] = message
          left = left and left - 1
        end
        ws:close(4000, "Unknown error.")
      end,
    }
    return url
  end

  -- A client as its documents want it.
  local function client (url, token, more)
    local session, seq
    local given = {
      url = url, decode = "json", reconnect = QUICK,
      login = function (ws, info)
        if info.code == 4004 then return nil, info.reason, "final" end
        local hello = take(ws)
        if not hello or hello.op ~= 10 then return nil, "no HELLO" end
        assert(ws:send {op = 1, d = seq or wsmanager.null})
        local function identify ()
          ws:send {op = 2, d = {token = token, intents = 513}}
        end
        if session then ws:send {op = 6, d = {token = token, session_id = session, seq = seq}}
        else identify() end
        repeat
          local event, _, why = take(ws)
          if not event then return nil, why end
          if event.op == 9 then
            session = nil
            identify()
          elseif event.t == "READY" then
            session, seq = event.d.session_id, event.s
          elseif event.op == 0 and event.t ~= "RESUMED" then
            ws:giveback(event)
          end
        until event.t == "READY" or event.t == "RESUMED"
      end,
    }
    for name, value in pairs(more or {}) do given[name] = value end
    local seen = watch(given)
    return wsmanager.new(given), seen
  end

  it("gets IDENTIFY before what was queued, whose events are not lost", function ()
    run(function ()
      local server = {}
      local ws = client(gateway(server), "secret")
      ws:send {op = 3, d = {status = "online"}}
      ws:send {op = 4, d = {channel_id = "1"}}
      assert.equal("GUILD_CREATE", take(ws).t)
      await(function () return #server.heard == 2 end)
      assert.same({3, 4}, {server.heard[1].op, server.heard[2].op})
      ws:close()
    end)
  end)

  it("resumes after a cut, and what it missed comes in order", function ()
    run(function ()
      local server = {cut = {1}}
      local ws, seen = client(gateway(server), "secret")
      assert.equal("GUILD_CREATE", take(ws).t)
      ws:send {op = 3, n = 1}
      assert.equal("MISSED", take(ws).t)
      assert.equal("GUILD_CREATE", take(ws).t)
      assert.equal("open", ws.state)
      ws:send {op = 3, n = 2}
      await(function () return #server.heard == 2 end)
      assert.same({1, 2}, {server.heard[1].n, server.heard[2].n})
      assert.same({"open", "close", "reconnecting", "open"},
                  {seen[1][1], seen[2][1], seen[3][1], seen[4][1]})
      assert.equal(2, ws:stats().opens)
      ws:close()
    end)
  end)

  it("identifies again when its session is invalid", function ()
    run(function ()
      local server = {cut = {1}}
      local ws = client(gateway(server), "secret")
      assert.equal("GUILD_CREATE", take(ws).t)
      server.sessions.s1 = nil
      ws:send {op = 3, n = 1}
      assert.equal("GUILD_CREATE", take(ws).t)
      assert.is_true(server.sessions.s2)
      ws:close()
    end)
  end)

  it("is left alone after 4004", function ()
    run(function ()
      local ws, seen = client(gateway {}, "wrong")
      local _, token, why = ws:closed(LONG)
      assert.same({"locked", "Authentication failed."}, {token, why})
      assert.same({"close", 4004, "Authentication failed."}, seen[1])
      assert.equal(2, ws:stats().epoch)
      ws:close()
    end)
  end)
end)

describe("NATS", function ()
  after_each(ours.stop)

  -- It answers CONNECT and PING; a wrong password is told, and then the end.
  local function nats (heard)
    local _, url = ours.serve(function (ws)
      ws:send('INFO {"server_id":"A","auth_required":true}\r\n', "binary")
      local connect = take(ws)
      if not connect:find "CONNECT .*pass\":\"good" then
        ws:send("-ERR 'Authorization Violation'\r\n", "binary")
        return ws:close(1008)
      end
      ws:send("+OK\r\n", "binary")
      repeat
        local line = ws:receive()
        if line == "PING\r\n" then
          ws:send("PONG\r\n", "binary")
          ws:send("MSG news 1 2\r\nhi\r\n", "binary")
        elseif line then
          heard[#heard + 1] = line
        end
      until not line
    end)
    return url
  end

  local function login_with (password)
    return function (ws)
      assert(take(ws):find "^INFO ")
      ws:send('CONNECT {"verbose":true,"user":"u","pass":"' .. password .. '"}\r\n', "binary")
      ws:send("PING\r\n", "binary")
      for _, wanted in ipairs {"+OK\r\n", "PONG\r\n"} do
        local line, _, why = take(ws)
        if line ~= wanted then return nil, line or why, line and "final" end
      end
    end
  end

  it("gets CONNECT first, then the subscriptions", function ()
    run(function ()
      local heard = {}
      local ws = wsmanager.new {url = nats(heard), login = login_with "good"}
      ws:send("SUB news 1\r\n", "binary")
      assert.equal("MSG news 1 2\r\nhi\r\n", take(ws))
      await(function () return heard[1] end)
      assert.equal("SUB news 1\r\n", heard[1])
      ws:close()
    end)
  end)

  it("says in its last message why it ends, and that is the answer", function ()
    run(function ()
      local ws = wsmanager.new {url = nats {}, login = login_with "bad", reconnect = QUICK}
      ws:send "SUB news 1\r\n"
      assert.same({nil, "locked", "-ERR 'Authorization Violation'\r\n"}, {ws:closed(LONG)})
      assert.same({"SUB news 1\r\n"}, (function () ws:close() return (ws:unsent()) end)())
    end)
  end)
end)

describe("graphql-transport-ws", function ()
  after_each(ours.stop)

  it("gets connection_init, and a ping before the ack", function ()
    run(function ()
      local pong
      local _, url = ours.serve {
        protocols = "graphql-transport-ws", decode = "json", handler = function (ws)
          local first = take(ws)
          if first.type ~= "connection_init" then return ws:close(4401, "Unauthorized") end
          ws:send {type = "ping"}
          pong = take(ws)
          ws:send {type = "connection_ack"}
          local subscribe = take(ws)
          ws:send {type = "next", id = subscribe.id, payload = {data = 1}}
          ws:receive()
        end,
      }
      local ws = wsmanager.new {
        url = url, protocols = "graphql-transport-ws", decode = "json",
        login = function (ws)
          ws:send {type = "connection_init", payload = {token = "t"}}
          repeat
            local message, _, why = take(ws)
            if not message then return nil, why end
            if message.type == "ping" then ws:send {type = "pong"} end
          until message.type == "connection_ack"
        end,
      }
      ws:send {type = "subscribe", id = "1", payload = {query = "{ a }"}}
      assert.equal("next", take(ws).type)
      assert.equal("pong", pong.type)
      ws:close()
    end)
  end)
end)

describe("Socket.IO", function ()
  after_each(ours.stop)

  local function socket_io (server)
    local _, url = ours.serve(function (ws)
      ws:send '0{"sid":"x","pingInterval":25000,"pingTimeout":20000,"upgrades":[]}'
      local connect = take(ws)
      if not connect or connect:sub(1, 2) ~= "40" then return ws:close() end
      if not connect:find "token\":\"good" then
        ws:send '44{"message":"Not authorized"}'
        return ws:receive()
      end
      ws:send "2"
      server.pong = take(ws)
      ws:send '40{"sid":"y"}'
      ws:send '42["hello"]'
      repeat
        local packet = ws:receive()
        server[#server + 1] = packet
      until not packet
    end)
    return url
  end

  local function login_with (token)
    return function (ws)
      assert(take(ws):sub(1, 1) == "0")
      ws:send('40{"token":"' .. token .. '"}')
      repeat
        local packet, _, why = take(ws)
        if not packet then return nil, why end
        if packet == "2" then ws:send "3" end
        if packet:sub(1, 2) == "44" then return nil, packet:sub(3), "final", 3001 end
      until packet:sub(1, 2) == "40"
    end
  end

  it("connects to its namespace before an event is sent", function ()
    run(function ()
      local server = {}
      local ws = wsmanager.new {url = socket_io(server), login = login_with "good"}
      ws:send '42["order",1]'
      assert.equal('42["hello"]', take(ws))
      await(function () return server[1] end)
      assert.equal('42["order",1]', server[1])
      assert.equal("3", server.pong)
      ws:close()
    end)
  end)

  it("is locked by a connect error", function ()
    run(function ()
      local ws = wsmanager.new {
        url = socket_io {}, login = login_with "bad", reconnect = QUICK,
      }
      local _, token, why = ws:closed(LONG)
      assert.same({"locked", '{"message":"Not authorized"}'}, {token, why})
      ws:close()
    end)
  end)
end)
