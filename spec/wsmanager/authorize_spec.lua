-- The server's option `authorize`: who is admitted, and with which response.

local core = require "wsmanager.core"
local wsmanager = require "wsmanager"
local ours = require "support.ours"
local peers = require "support.peers"
local requests = require "support.requests"

local run, refused = wsmanager.run, ours.refused
local LONG = ours.LONG

local reports

-- The connection of a client to a server whose `authorize` returns these.
local function ask (...)
  local unpack = table.unpack or unpack
  local n, answers = select("#", ...), {...}
  local _, url = ours.serve {
    authorize = function () return unpack(answers, 1, n) end,
    protocols = "chat",
  }
  local ws = wsmanager.new {
    url = url, protocols = {"chat", "other"}, reconnect = false,
  }
  return ws, ws:opened(LONG)
end

describe("authorize", function ()
  before_each(function () reports = ours.hush() end)
  after_each(ours.stop)

  it("admits with true and with a subprotocol that is offered", function ()
    run(function ()
      local ws, opened = ask(true)
      assert.is_true(opened)
      assert.equal("chat", ws.protocol)
      ws, opened = ask("other")
      assert.is_true(opened)
      assert.equal("other", ws.protocol)
      assert.same({}, reports)
    end)
  end)

  -- a name that nothing but the connection holds
  local function made_up () return table.concat {"p", ("q"):rep(60), #reports} end

  local function make_strings ()
    collectgarbage()
    collectgarbage()
    for i = 1, 5000 do reports[i] = ("%064d"):format(i) end
    for i = #reports, 1, -1 do reports[i] = nil end
  end

  it("names the subprotocol for as long as the connection lives", function ()
    for _, compress in ipairs {false, true} do
      run(function ()
        local seen
        local _, url = ours.serve {
          authorize = function () return made_up() end, compress = compress,
          handler = function (ws)
            make_strings()
            seen = ws.protocol
            ws:receive()
          end,
        }
        local ws = wsmanager.new {
          url = url, protocols = {made_up()}, reconnect = false, compress = compress,
        }
        assert.is_true(ws:opened(LONG))
        make_strings()
        assert.equal(made_up(), ws.protocol)
        ours.await(function () return seen end)
        assert.equal(made_up(), seen)
      end)
    end
  end)

  it("is named or is not when memory runs out while reconnecting", function ()
    run(function ()
      local _, url = ours.serve {protocols = "chat"}
      local ws = wsmanager.new {
        url = url, protocols = "chat", reconnect = {delay = 0.001, jitter = 0},
      }
      for calls = 0, 60 do
        assert.is_true(ws:opened(LONG))
        assert.equal("chat", ws.protocol)
        ws:reconnect()
        core.failmemory(calls)
        for _ = 1, 5 do
          pcall(wsmanager.step, 0.001)
          assert.truthy(ws.protocol == "chat" or ws.protocol == "")
        end
        core.failmemory(-1)
        if ws.state ~= "open" and ws.state ~= "connecting" then ws:reconnect() end
      end
    end)
  end)

  it("refuses with 403 or the status that it returns", function ()
    run(function ()
      for _, answer in ipairs {{false}, {nil}, {nil, 403}, {false, 404}} do
        local ws, opened = ask(answer[1], answer[2])
        assert.is_nil(opened)
        assert.equal(answer[2] or 403, ws:answer().status)
      end
      assert.same({}, reports)
    end)
  end)

  local slips = {
    {"it returned 403", 403}, {"it returned 0", 0}, {"it returned table", {}},
    {"it returned 'nobody'", "nobody"}, {"it returned ''", ""},
    {"from 200 to 599 after nil; it returned 'go away'", nil, "go away"},
    {"it returned 101", nil, 101}, {"it returned 403.5", false, 403.5},
    {"a string as the body; it returned a table", nil, 403, {}},
  }

  for _, slip in ipairs(slips) do
    it("admits nobody by a wrong result: " .. slip[1], function ()
      run(function ()
        local ws, opened, token = ask(slip[2], slip[3], slip[4])
        refused("handshake", opened, token, "")
        assert.equal(500, ws:answer().status)
        assert.equal(1, #reports)
        assert.matches("^authorize must return .*" .. slip[1], reports[1].text)
      end)
    end)
  end
end)

local START = "GET /x HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
  .. "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
  .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

-- A peer that sends these texts, with a pause before each but the first, and what
-- it has read when the server has ended its connection.
local function answer_to (server, texts)
  local script = {}
  for i, text in ipairs(texts) do script[i] = {"text", text} end
  return requests.play(server, script, true)
end

describe("a request that the core refuses", function ()
  local calls

  local function serve (options)
    calls = {}
    options = options or {}
    options.authorize = options.authorize or function ()
      calls[#calls + 1] = "authorize"
      return true
    end
    options.timeouts = options.timeouts or {close = 0.1}
    options.handler = function (ws) calls[#calls + 1] = "handler in " .. ws.state end
    return (ours.serve(options))
  end

  before_each(function () reports = ours.hush() end)

  after_each(function ()
    peers.stop()
    ours.stop()
    assert.same({}, reports)
  end)

  local cases = {
    {"two keys", 400, "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"},
    {"an extension that is no token", 400, "Sec-WebSocket-Extensions: b@d\r\n"},
    {"parameters of compression twice", 400,
     "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover; "
     .. "server_no_context_takeover\r\n"},
    {"a body", 400, "Content-Length: 1\r\n"},
    {"two hosts", 400, "Host: other\r\n"},
    {"another version", 400, "Sec-WebSocket-Version: 8\r\n"},
  }

  for _, compress in ipairs {false, true} do
    for _, case in ipairs(cases) do
      it("for " .. case[1] .. " reaches no function, compress = "
         .. tostring(compress), function ()
        local server = serve {compress = compress}
        run(function ()
          local answer = answer_to(server, {START .. case[3] .. "\r\n"})
          local status = tonumber(answer:match("^HTTP/1.1 (%d+) "))
          if status == 101 then    -- it is acceptable, and served as such
            assert.same({"authorize", "handler in open"}, calls)
          else
            assert.equal(case[2], status)
            assert.same({}, calls)
          end
        end)
      end)
    end
  end

  -- authorize returns as soon as the core has refused.
  local function refuse_while_waiting (status, rest, act)
    local server, waiting, state
    server = serve {authorize = function ()
      waiting = true
      local _, ws = next(server.members)
      ours.await(function () return ws.state ~= "connecting" end)
      state = ws.state
      return true
    end}
    run(function ()
      local peer = peers.start("scripted", {
        connect = {host = "127.0.0.1", port = server.port},
        script = {
          {"text", START .. "\r\n"}, {"drip", "61", 0.1}, rest,
          {"until", " " .. status .. " "},
        },
      })
      ours.await(function () return waiting end)
      act(server)
      ours.await(function ()
        local events = peer:events()
        return state and events[#events] and events[#events].event == "ended"
      end)
      assert.same({}, calls)
      assert.is_truthy(state == "closing" or state == "closed")
    end)
  end

  it("while authorize waits reaches no handler", function ()
    refuse_while_waiting(400, {"flood", "61", 20000}, function () end)
  end)

  it("because it stops while authorize waits reaches no handler", function ()
    refuse_while_waiting(503, {"text", ""}, function (server)
      wsmanager.spawn(server.stop, server, LONG)
    end)
  end)

  it("by a bare flood before authorize is asked reaches no function", function ()
    local server = serve()
    run(function ()
      -- one packet: the request and more than may follow it
      local answer = answer_to(server,
                               {START .. "\r\n" .. ("a"):rep(40000)})
      assert.matches("^HTTP/1.1 %d+ ", answer)
      assert.is_nil(calls[2] and calls[2]:match("closing"))
    end)
  end)
end)

describe("a server without a handler", function ()
  before_each(function () reports = ours.hush() end)

  after_each(function ()
    ours.stop()
    assert.same({}, reports)
  end)

  it("refuses a WebSocket with 404, whatever its page and authorize say", function ()
    for _, page in ipairs {
      "README.md", {["/"] = "README.md"}, function () return "text" end,
    } do
      for _, authorize in ipairs {false, function () return true end} do
        local _, url = ours.serve {
          handler = false, page = page, authorize = authorize or nil,
        }
        run(function ()
          local ws = wsmanager.new {url = url, reconnect = {limit = false}}
          local opened, token = ws:opened(LONG)
          refused("handshake", opened, token, "")
          assert.equal(404, ws:answer().status)
          assert.matches("no WebSocket here", ws:answer().body)
          assert.equal("closed", ws.state)
        end)
      end
    end
  end)
end)
