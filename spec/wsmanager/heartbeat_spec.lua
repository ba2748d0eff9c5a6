-- Heartbeats of a service's own kind: messages asked for, answers that are messages,
-- and what a HELLO changes.

local wsmanager = require "wsmanager"
local ours = require "support.ours"
local peers = require "support.peers"

local run, sleep = wsmanager.run, wsmanager.sleep
local await = ours.await
local LONG = ours.LONG
local DISCORD = {message = function () return {op = 1} end,
                 ack = function (message) return message.op == 11 end}

local function with (more)
  local all = {}
  for name, value in pairs(DISCORD) do all[name] = value end
  for name, value in pairs(more) do all[name] = value end
  return all
end

-- A server that keeps what it gets, and a client of it.
local function pair (options, handler)
  local got = {}
  local server, url = ours.serve {
    handler = handler or function (ws)
      local data, kind = ws:receive()
      while data do
        got[#got + 1] = {data, kind}
        data, kind = ws:receive()
      end
    end,
  }
  options.url = url
  if options.reconnect == nil then options.reconnect = false end
  local ws = wsmanager.new(options)
  assert(ws:opened(LONG))
  return ws, got, server
end

describe("a service's heartbeat", function ()
  local peer

  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  local function gateway (path)
    peer = peers.start "gateway"
    return "ws://127.0.0.1:" .. peer.port .. path
  end

  local function heartbeats ()
    local list = {}
    for _, event in ipairs(peer:events()) do
      if event.event == "heartbeat" then
        list[#list + 1] = event.data == nil and "null" or event.data    -- without lua-cjson
      end
    end
    return list
  end

  it("has the latest number, and the rhythm of the HELLO", function ()
    run(function ()
      local sequence = 0
      local ws = wsmanager.new {
        url = gateway "/discord/50/1000", decode = "json", reconnect = false,
        heartbeat = with {message = function (connection)
          assert(connection)
          return {op = 1, d = sequence}
        end},
      }
      local hello = ws:receive(LONG)
      ws:heartbeat {
        interval = hello.d.heartbeat_interval / 1000, mode = "always", jitter = 1,
        timeout = LONG,
      }
      repeat
        local message = assert(ws:receive(LONG))
        sequence = message.s or sequence
      until sequence == 4
      for i = 1, 4 do assert.equal(i - 1, heartbeats()[i]) end
      ws:close()
    end)
  end)

  it("is what a login is told", function ()
    run(function ()
      local ws = wsmanager.new {
        url = gateway "/discord/50/1000", decode = "json", reconnect = false,
        heartbeat = DISCORD,
        login = function (handle)
          local hello = handle:receive(LONG)
          handle:heartbeat {interval = hello.d.heartbeat_interval / 1000}
        end,
      }
      assert.equal(11, ws:receive(LONG).op)
      ws:close()
    end)
  end)

  it("that is not answered ends the connection, though the peer's kernel lives",
     function ()
    run(function ()
      local ws = wsmanager.new {
        url = gateway "/discord/40/2", decode = "json",
        reconnect = {delay = 0.01, jitter = 0},
        heartbeat = with {interval = 0.04, timeout = 0.4, mode = "always"},
      }
      local ending
      ws.onerror = function (event) ending = ending or event end
      await(function () return ending end)
      assert.equal("timeout", ending.token)
      assert(#heartbeats() >= 3)
      await(function () return ws:stats().opens >= 2 end)
      ws:close()
    end)
  end)

  it("that is answered lives on", function ()
    run(function ()
      local ws = wsmanager.new {
        url = gateway "/discord/40/1000", decode = "json", reconnect = false,
        heartbeat = with {interval = 0.02, timeout = LONG, mode = "always"},
      }
      local answers = 0
      repeat
        if ws:receive(LONG).op == 11 then answers = answers + 1 end
      until answers == 20
      assert.equal("open", ws.state)
      ws:close()
    end)
  end)

  for name, heartbeat in pairs {
    ["a text that is binary"] = {message = "\192\0", kind = "binary"},
    ["of a function"] = {message = function () return "\192\0", "binary" end},
    ["of a function with a kind"] = {message = function () return "\192\0" end,
                                     kind = "binary"},
  } do
    it("of two bytes keeps a broker that talks all the time: " .. name, function ()
      run(function ()
        heartbeat.interval, heartbeat.timeout = 0.05, LONG
        local ws = wsmanager.new {
          url = gateway "/mqtt/10000", reconnect = false, heartbeat = heartbeat,
        }
        local answers = 0
        repeat
          local data, kind = ws:receive(LONG)
          assert.equal("binary", kind)
          if data == "\208\0" then answers = answers + 1 end
        until answers == 5
        assert.equal("open", ws.state)
        assert.equal("c000", heartbeats()[1])
        ws:close()
      end)
    end)
  end
end)

describe("heartbeat.message", function ()
  after_each(ours.stop)

  it("is a ping where the function returns nothing", function ()
    run(function ()
      local ws, got = pair {
        heartbeat = {interval = 0.01, timeout = LONG, message = function () end},
      }
      await(function () return ws:stats().pongs >= 3 end)
      assert.same({}, got)
      ws:close()
    end)
  end)

  it("is a ping where it fails, and the error is reported", function ()
    local wrong = {
      function () error "no number" end,
      function () return {} end,
      function () return 7 end,
      function () return "x", "txt" end,
      function () return "\255" end,
    }
    local texts = {
      "no number", "must return a string or nil, not a table", "not a number",
      "must return the kind 'text' or 'binary', not txt", "UTF%-8",
    }
    run(function ()
      for i, message in ipairs(wrong) do
        local heard = ours.hush()
        local ws, got = pair {
          heartbeat = {interval = 0.01, timeout = LONG, message = message},
        }
        await(function () return ws:stats().pongs >= 2 end)
        assert.matches(texts[i], heard[1].text)
        assert.same({}, got)
        assert.equal("open", ws.state)
        ws:close()
      end
    end)
  end)

  it("may wait", function ()
    run(function ()
      local ws, got = pair {
        heartbeat = {interval = 0.01, timeout = LONG, message = function ()
          sleep(0.02)    -- longer than the interval
          return "late"
        end},
      }
      await(function () return got[2] end)
      assert.same({"late", "text"}, got[1])
      ws:close()
    end)
  end)

  it("of a closed coroutine is a ping", function ()
    if not coroutine.close then return end
    run(function ()
      local ws = pair {
        heartbeat = {interval = 0.01, timeout = LONG, message = function ()
          local thread = coroutine.running()
          wsmanager.spawn(function () coroutine.close(thread) end)
          sleep(LONG)
        end},
      }
      await(function () return ws:stats().pongs >= 2 end)
      ws:close()
    end)
  end)

  it("is that of a server's connections, too, each with its own", function ()
    run(function ()
      local _, url = ours.serve {
        heartbeat = {interval = 0.01, timeout = LONG,
                     message = function (ws) return "to " .. ws.id end},
        handler = function (ws) ws:send("you are " .. ws.id) ws:receive() end,
      }
      for _ = 1, 2 do
        local ws = wsmanager.new {url = url, reconnect = false}
        local id = assert(ws:receive(LONG)):match "%d+"
        assert.equal("to " .. id, (ws:receive(LONG)))
        ws:close()
      end
    end)
  end)
end)

describe("heartbeat.ack", function ()
  after_each(ours.stop)

  local function answers (ws)
    local data = ws:receive()
    while data do
      ws:send("ok " .. data)
      data = ws:receive()
    end
  end

  local function asking (asked, accepts)
    return {
      interval = 0.02, timeout = 0.6, mode = "always", message = "beat",
      ack = function (...)
        asked[#asked + 1] = {...}
        return accepts ~= false
      end,
    }
  end

  it("is asked about each message, and the message goes on to `receive`", function ()
    run(function ()
      local asked = {}
      local ws = pair({heartbeat = asking(asked)}, answers)
      for _ = 1, 3 do assert.same({"ok beat", "text"}, {ws:receive(LONG)}) end
      assert.same({"ok beat", "text", ws}, asked[1])
      assert.equal(3, #asked)
      ws:close()
    end)
  end)

  it("is asked about what listeners get", function ()
    run(function ()
      local asked, got = {}, 0
      local ws = pair({heartbeat = asking(asked)}, answers)
      ws.onmessage = function () got = got + 1 end
      await(function () return got == 2 end)
      ws:addEventListener("message", function () got = got + 1 end)
      await(function () return got >= 6 end)
      assert.is_true(#asked >= 4)
      assert.equal("open", ws.state)
      ws:close()
    end)
  end)

  it("that accepts nothing ends the connection, though messages come", function ()
    run(function ()
      local asked = {}
      local ws = pair({heartbeat = asking(asked, false)}, answers)
      local token, detail
      repeat
        local data
        data, token, detail = ws:receive(LONG)
      until not data
      assert.equal("closed", token)
      assert.truthy(detail:find("answer a heartbeat", 1, true), detail)
      assert.is_true(#asked >= 2)
    end)
  end)

  it("that fails accepts nothing; the error is reported, the message received",
     function ()
    run(function ()
      local heard = ours.hush()
      local ws = pair({heartbeat = {
        interval = 0.02, timeout = 0.6, mode = "always", message = "beat",
        ack = function () error "no idea" end,
      }}, answers)
      assert.same({"ok beat", "text"}, {ws:receive(LONG)})
      while ws:receive(LONG) do end
      assert.matches("no idea", heard[1].text)
      assert.equal("closed", ws.state)
    end)
  end)

  it("lets send be as it is without `decode`", function ()
    run(function ()
      local ws, got = pair {heartbeat = {message = "x", ack = function () end}}
      local ok, why = pcall(function () ws:send {} end)
      assert.is_false(ok)
      assert.matches("bad argument #1 to 'send' %(string expected, got table", why)
      assert.is_true(ws:send("plain", "binary"))
      await(function () return got[1] end)
      assert.same({"plain", "binary"}, got[1])
      ws:close()
    end)
  end)

  it("is not asked about what does not decode", function ()
    run(function ()
      local asked = 0
      local ws = pair({
        decode = "json",
        heartbeat = {message = "{}", ack = function () asked = asked + 1 end},
      }, function (ws) ws:send "{" ws:send "[1]" ws:send("\0", "binary") ws:receive() end)
      local data, token, _, raw = ws:receive(LONG)
      assert.same({nil, "codec", "{"}, {data, token, raw})
      assert.same({1}, (ws:receive(LONG)))
      assert.same({"\0", "binary"}, {ws:receive(LONG)})
      assert.equal(2, asked)
      ws:close()
    end)
  end)

  it("keeps no connection from being collected", function ()
    local gone = setmetatable({}, {__mode = "k"})
    run(function ()
      local _, url = ours.serve()
      local kept = {}    -- in the functions alone
      local ws = wsmanager.new {
        url = url,
        heartbeat = {message = function () return gone end,
                     ack = function () return kept[1] end},
      }
      kept[1], gone[ws] = ws, true
      ws:opened(LONG)
    end)
    local last = wsmanager.now() + LONG
    while next(gone) and wsmanager.now() < last do
      collectgarbage()
      wsmanager.step(0)
    end
    assert.is_nil(next(gone))
  end)
end)

describe("ws:heartbeat", function ()
  after_each(ours.stop)

  local function fails (text, fn)
    local ok, why = pcall(fn)
    local line = debug.getinfo(fn, "S").linedefined
    assert.is_false(ok)
    assert.truthy(why:find("heartbeat_spec.lua:" .. line .. ": ", 1, true), why)
    assert.truthy(why:find(text, 1, true), why)
  end

  it("raises for what is no option, at the caller's line", function ()
    run(function ()
      local ws = pair {}
      local function set (given)
        return function () ws:heartbeat(given) end
      end
      fails("'heartbeat.timeout' (4 s, with 'heartbeat.interval' 5 s",
            set {interval = 5, timeout = 4})
      fails("the timeout must be longer", set {interval = 200})
      fails("unknown option 'heartbeat.intervall'", set {intervall = 5})
      fails("positive number of seconds up to 7200, or false expected, got 0", set {interval = 0})
      fails("up to 7200, or false expected, got 30000", set {interval = 30000, timeout = 9e4})
      fails("(table or false expected, got nil)", set())
      fails("(table or false expected, got number)", set(5))
      fails("no 'heartbeat.message'", set {kind = "binary"})
      fails("no 'heartbeat.message'", set {ack = print})
      fails("text must be UTF-8", set {message = "\255"})
      fails("call it with ':'", function () ws.heartbeat {interval = 5} end)
      ws:close()
    end)
  end)

  it("changes what it is given, and nothing else", function ()
    run(function ()
      local ws, got = pair {heartbeat = {message = "first", timeout = LONG * 2}}
      ws:heartbeat {interval = 0.01}
      await(function () return got[1] end)
      assert.same({"first", "text"}, got[1])
      ws:heartbeat {message = function () return "second" end, kind = "binary"}
      await(function () return got[#got][1] == "second" end)
      assert.equal("binary", got[#got][2])
      ws:heartbeat {message = false}
      await(function () return ws:stats().pongs > 1 end)
      ws:close()
    end)
  end)

  it("holds for the next connections", function ()
    run(function ()
      local connections = 0
      local ws, got = pair({reconnect = {delay = 0.01, jitter = 0}}, nil)
      ws:heartbeat {interval = 0.01, message = "on", timeout = LONG}
      await(function () return got[1] end)
      ws.onopen = function () connections = connections + 1 end
      ws:reconnect()
      await(function () return connections == 1 end)
      local before = #got
      await(function () return #got > before + 2 end)
      ws:close()
    end)
  end)

  it("switches off", function ()
    run(function ()
      local ws, got = pair {heartbeat = {interval = 0.01, message = "x", timeout = LONG}}
      await(function () return got[1] end)
      ws:heartbeat(false)
      ws:ping()
      await(function () return ws:stats().pongs == 1 end)
      local before = #got
      sleep(0.1)    -- ten intervals
      assert.equal(before, #got)
      ws:heartbeat {interval = 0.01}
      await(function () return ws:stats().pongs > 2 end)
      ws:close()
    end)
  end)
end)
