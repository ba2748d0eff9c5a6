-- wsmanager.metrics: its numbers, and that other people's parsers take its text.

local wsmanager = require "wsmanager"
local files = require "support.files"
local ours = require "support.ours"
local peers = require "support.peers"
local requests = require "support.requests"

local run, await, LONG = wsmanager.run, ours.await, ours.LONG

-- The number behind a name with its labels; nil: there is none.
local function value (name, labels)
  local text = wsmanager.metrics()
  local at = ("\nwsmanager_" .. name .. (labels or "") .. " "):gsub("%p", "%%%0")
  return tonumber(text:match(at .. "(%S+)\n"))
end

local function client (rest) return '{role="client"' .. (rest or "") .. "}" end
local function server (rest) return '{role="server"' .. (rest or "") .. "}" end

-- How much more it is after fn() than before.
local function more (fn, name, labels)
  local before = value(name, labels) or 0
  fn()
  return (value(name, labels) or 0) - before
end

-- What a command prints, and whether it succeeded, with this text to read.
local function feed (text, command)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local pipe = assert(io.popen("export FILE='" .. path .. "'; (" .. command
                               .. ') 2>&1; echo "status $?"'))
  local printed = pipe:read "*a"
  pipe:close()
  os.remove(path)
  return printed:match "^(.*)status (%d+)\n$"
end

local function visit (url, options)
  options = options or {}
  options.url, options.reconnect = url, false
  local ws = wsmanager.new(options)
  assert(ws:opened(LONG))
  ws:send "hello"
  ws:receive(LONG)
  ws:close()
  assert(ws:closed(LONG))
end

describe("wsmanager.metrics", function ()
  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  it("is OpenMetrics that Prometheus and Python's client read", function ()
    run(function ()
      local _, url = ours.serve()
      visit(url)
    end)
    local text, kind = wsmanager.metrics()
    assert.equal("application/openmetrics-text; version=1.0.0; charset=utf-8", kind)
    assert.equal("# EOF\n", text:sub(-6))
    local printed, status = feed(text, [[
/usr/bin/python3 -B -c 'import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
print(len(list(parse(open(sys.argv[1]).read()))) > 20)' $FILE]])
    assert.equal("0True\n", status .. printed)
    -- Prometheus' own parser of OpenMetrics reads files with times alone
    printed, status = feed(text, "sed '/^#/!s/$/ 1700000000/' $FILE > $FILE.timed && "
      .. "promtool tsdb create-blocks-from openmetrics $FILE.timed $FILE.blocks; "
      .. "status=$?; rm -rf $FILE.timed $FILE.blocks; exit $status")
    assert.equal("0", status, printed)
    assert.truthy(printed:find "NUM SAMPLES")
  end)

  it("is the older text format for who asks for no OpenMetrics", function ()
    for _, accept in ipairs {"text/plain;version=0.0.4;q=0.5,*/*;q=0.1", ""} do
      local text, kind = wsmanager.metrics(accept)
      assert.equal("text/plain; version=0.0.4; charset=utf-8", kind)
      local printed, status = feed(text, "promtool check metrics < $FILE")
      assert.equal("0", status .. printed)
    end
    local _, kind = wsmanager.metrics "application/openmetrics-text;version=1.0.0,text/plain"
    assert.matches("^application/openmetrics%-text", kind)
    ours.fails("bad argument #1 to 'metrics' %(string or request expected, got number",
               wsmanager.metrics, 5)
    ours.fails("bad argument #1 to 'metrics' %(string or request expected, got table",
               wsmanager.metrics, {})
  end)

  it("counts both ends, and those that are gone", function ()
    local function visits ()
      run(function ()
        local _, url = ours.serve()
        for _ = 1, 3 do visit(url) end
      end)
      ours.stop()
      collectgarbage()
      collectgarbage()
    end
    assert.equal(3, more(visits, "messages_received_total", client ',type="text"'))
    assert.equal(3, more(visits, "messages_sent_total", server ',type="text"'))
    assert.equal(0, more(visits, "messages_sent_total", server ',type="binary"'))
    assert.equal(3 * #"hello", more(visits, "received_payload_bytes_total", server()))
    assert.equal(3 * #"hello", more(visits, "sent_payload_bytes_total", client()))
    assert.equal(3, more(visits, "connections_opened_total", server()))
    assert.equal(3, more(visits, "handshakes_total", client ',result="ok"'))
    assert.equal(3, more(visits, "connection_duration_seconds_count", client()))
    assert.equal(3, more(visits, "connections_closed_total",
                         client ',code="no_status",initiator="local"'))
    assert.equal(3, more(visits, "connections_closed_total",
                         server ',code="no_status",initiator="remote"'))
    assert.is_true(more(visits, "received_bytes_total", server()) > 3 * 100)
  end)

  it("shows what is open now", function ()
    run(function ()
      local _, url = ours.serve(function (ws) ws:receive() end)
      local before = value("connections_active", client())
      local open = value("connections", client ',state="open"')
      assert.equal(before, open)
      local ws = wsmanager.new {url = url, reconnect = false}
      assert(ws:opened(LONG))
      assert.equal(before + 1, value("connections_active", client()))
      ws:close()
      assert(ws:closed(LONG))
      assert.equal(before, value("connections_active", client()))
    end)
  end)

  it("has one class for all the codes that a peer may choose", function ()
    local function closes ()
      run(function ()
        local code = 2999
        local _, url = ours.serve(function (ws)
          code = code + 1
          ws:close(code)
        end)
        for _ = 1, 5 do
          local ws = wsmanager.new {url = url, reconnect = false}
          assert(ws:closed(LONG))
        end
      end)
    end
    assert.equal(5, more(closes, "connections_closed_total",
                         client ',code="application",initiator="remote"'))
    assert.is_nil(wsmanager.metrics():find("3001", 1, true))
  end)

  it("says why attempts failed, and whom the program refused", function ()
    local function refused ()
      local ws = wsmanager.new {url = ours.nowhere(), reconnect = false}
      assert(ws:closed(LONG))
    end
    assert.equal(1, more(refused, "handshakes_total", client ',result="refused"'))
    local function rejected ()
      local _, url = ours.serve {authorize = function () return nil, 403 end}
      local ws = wsmanager.new {url = url, reconnect = false}
      assert(ws:closed(LONG))
    end
    local before = value("handshakes_total", server ',result="rejected"')
    assert.equal(1, more(rejected, "handshakes_total", client ',result="handshake"'))
    await(function ()
      return value("handshakes_total", server ',result="rejected"') == before + 1
    end)
  end)

  it("counts failed logins, dropped messages and dead peers", function ()
    local function login ()
      local _, url = ours.serve()
      local ws = wsmanager.new {
        url = url, reconnect = false, login = function () return nil, "no" end,
      }
      assert(ws:closed(LONG))
    end
    assert.equal(1, more(login, "login_failures_total", client()))
    local function dropped ()
      local ws = wsmanager.new {
        url = ours.nowhere(), outbox = {messages = 1, full = "oldest"},
      }
      for _ = 1, 3 do ws:send "x" end
      ws:close()
    end
    assert.equal(2, more(dropped, "messages_dropped_total", client ',reason="full"'))
    local function dead ()
      local _, url = ours.serve()
      local ws = wsmanager.new {
        url = url, reconnect = false, heartbeat = {interval = false, timeout = 0.05},
      }
      assert(ws:closed(LONG))
    end
    assert.equal(1, more(dead, "ping_timeouts_total", client()))
    assert.equal(1, more(dead, "connections_closed_total",
                         client ',code="abnormal",initiator="local"'))
  end)

  it("measures the time of pings", function ()
    local function pings ()
      run(function ()
        local _, url = ours.serve()
        local ws = wsmanager.new {url = url, reconnect = false}
        assert(ws:opened(LONG))
        for _ = 1, 3 do assert(ws:ping(nil, LONG)) end
        ws:close()
      end)
    end
    assert.equal(3, more(pings, "ping_rtt_seconds_count", client()))
    assert.equal(3, more(pings, "ping_rtt_seconds_bucket", client ',le="+Inf"'))
  end)

  it("is a function for a server's page", function ()
    run(function ()
      local made = ours.serve {handler = false, page = {["/metrics"] = wsmanager.metrics}}
      local function get (header)
        return requests.play(made, {{"text", "GET /metrics HTTP/1.1\r\nHost: a\r\n"
                                      .. header .. "Connection: close\r\n\r\n"}}, true)
      end
      local answer = get "Accept: application/openmetrics-text; version=1.0.0\r\n"
      assert.matches("^HTTP/1.1 200 OK\r\n", answer)
      assert.matches("\r\nContent%-Type: application/openmetrics%-text; version=1.0.0; "
                     .. "charset=utf%-8\r\n", answer)
      assert.matches("\r\nCache%-Control: no%-store\r\n", answer)
      assert.equal("# EOF\n", answer:sub(-6))
      answer = get ""
      assert.matches("\r\nContent%-Type: text/plain; version=0.0.4; charset=utf%-8\r\n",
                     answer)
      assert.is_nil(answer:find "# EOF")
    end)
  end)

  it("tells texts from binary messages, and their payload from what is on the wire", function ()
    local function messages ()
      run(function ()
        local _, url = ours.serve {compress = true}
        local ws = wsmanager.new {url = url, reconnect = false, compress = true}
        assert(ws:opened(LONG))
        for _, kind in ipairs {"text", "binary", "binary"} do
          ws:send(("x"):rep(10000), kind)
          assert.equal(10000, #ws:receive(LONG))
        end
        ws:close()
        assert(ws:closed(LONG))
      end)
    end
    assert.equal(2, more(messages, "messages_sent_total", client ',type="binary"'))
    assert.equal(2, more(messages, "messages_received_total", client ',type="binary"'))
    assert.equal(1, more(messages, "messages_received_total", server ',type="text"'))
    assert.equal(30000, more(messages, "received_payload_bytes_total", client()))
    assert.equal(30000, more(messages, "sent_payload_bytes_total", server()))
    assert.is_true(more(messages, "received_bytes_total", client()) < 10000)
  end)

  it("counts a message that is read in parts once, and all of its bytes", function ()
    local n = 300000
    local function streamed ()
      run(function ()
        local _, url = ours.serve(function (ws)
          ws:send(("x"):rep(n), "binary")
          ws:receive()
        end)
        local ws = wsmanager.new {url = url, reconnect = false, stream = true}
        local length = 0
        local reader = assert(ws:receive(LONG))
        local part = reader:read()
        while part do
          length = length + #part
          part = reader:read()
        end
        assert.equal(n, length)
        ws:close()
        assert(ws:closed(LONG))
      end)
    end
    assert.equal(1, more(streamed, "messages_received_total", client ',type="binary"'))
    assert.equal(n, more(streamed, "received_payload_bytes_total", client()))
  end)

  it("counts what a broadcast sends at each connection, and how long it takes", function ()
    local function broadcasts ()
      run(function ()
        local made, url = ours.serve(function (ws) ws:receive() end)
        local all = {}
        for i = 1, 3 do
          all[i] = wsmanager.new {url = url, reconnect = false}
          assert(all[i]:opened(LONG))
        end
        await(function () return made:broadcast("12345", "binary") == 3 end)
        for _, ws in ipairs(all) do
          assert.equal("12345", (ws:receive(LONG)))
          ws:close()
        end
      end)
      ours.stop()
    end
    local function grown (name, labels) return more(broadcasts, name, labels) end
    assert.is_true(grown("broadcast_duration_seconds_count", server()) >= 1)
    assert.is_true(grown("broadcast_duration_seconds_sum", server()) < LONG)
    assert.is_true(grown("messages_sent_total", server ',type="binary"') >= 3)
    assert.is_true(grown("sent_payload_bytes_total", server()) >= 15)
  end)

  it("counts connections that came back, and those without room", function ()
    run(function ()
      local _, url = ours.serve(function (ws) ws:receive() end)
      local again = value("reconnects_total", client())
      local ws = wsmanager.new {url = url, reconnect = {delay = 0.01}}
      assert(ws:opened(LONG))
      assert.equal(again, value("reconnects_total", client()))
      ws:reconnect()
      await(function () return ws:stats().opens == 2 end)
      assert.equal(again + 1, value("reconnects_total", client()))
      ws:close()
      local full = value("send_queues_full", client())
      local other = wsmanager.new {url = ours.nowhere(), outbox = {messages = 2}}
      other:send "x"
      assert.equal(full, value("send_queues_full", client()))
      other:send "x"
      assert.equal(full + 1, value("send_queues_full", client()))
      other:close()
      assert(other:closed(LONG))
    end)
  end)

  it("knows the rooms of a chat's server until that stops", function ()
    run(function ()
      local rooms = value("rooms", server())
      local there = value("subscriptions", server())
      local chat = assert(wsmanager.chat.serve {
        host = "127.0.0.1", authenticate = function () return true end,
        rooms = {one = {"ann", "bob"}, two = {"ann", "cid"}},
      })
      assert.equal(rooms + 2, value("rooms", server()))
      local ws = wsmanager.new {
        url = "ws://127.0.0.1:" .. chat.port .. "/ws/ann?token=x&mode=0", reconnect = false,
      }
      await(function () return value("subscriptions", server()) == there + 2 end)
      ws:close()
      assert(ws:closed(LONG))
      chat:stop(0)
      assert.equal(rooms, value("rooms", server()))
      assert.equal(there, value("subscriptions", server()))
    end)
  end)

  it("counts nothing twice in a migration", function ()
    local function migrates ()
      run(function ()
        local _, url = ours.serve()
        local ws = wsmanager.new {url = url, reconnect = false}
        assert(ws:opened(LONG))
        ws:send "one"
        assert.equal("one", (ws:receive(LONG)))
        assert(ws:migrate(url))
        ws:send "two"
        assert.equal("two", (ws:receive(LONG)))
        ws:close()
        assert(ws:closed(LONG))
      end)
      collectgarbage()
      collectgarbage()
      ours.stop()
    end
    assert.equal(2, more(migrates, "messages_sent_total", client ',type="text"'))
    assert.equal(2, more(migrates, "messages_received_total", client ',type="text"'))
    assert.equal(6, more(migrates, "received_payload_bytes_total", client()))
    local sent = value("sent_bytes_total", client())
    local taken = value("received_bytes_total", server())
    migrates()
    assert.equal(value("received_bytes_total", server()) - taken,
                 value("sent_bytes_total", client()) - sent)
  end)

  it("has no counter that goes back", function ()
    local function counters ()
      local found, name = {}, nil
      for line in wsmanager.metrics "":gmatch "[^\n]+" do
        if line:find "^# TYPE" then name = line:match "^# TYPE (%S+) counter$" end
        local labels, number = line:match "^[%w_]+(%b{}) (%S+)$"
        if name and labels then found[name .. labels] = tonumber(number) end
      end
      return found
    end
    -- what is framed and never written goes back to the outbox
    local function gives_back ()
      local _, url = ours.serve(function (ws) ws:receive() end)
      local ws = wsmanager.new {url = url, buffer = 2^26, reconnect = {delay = 0.05}}
      assert(ws:opened(LONG))
      for _ = 1, 20 do ws:send(("x"):rep(2^20)) end
      local sent, before = ws:stats().messages_out, counters()
      ws:reconnect()
      assert.is_true(ws:stats().messages_out < sent)
      ws:close()
      assert(ws:closed(LONG))
      return before
    end
    run(function ()
      local before = gives_back()
      collectgarbage()
      collectgarbage()
      local after = counters()
      assert.is_true(before['wsmanager_messages_sent_total{role="client",type="text"}'] > 0)
      for name, number in pairs(before) do
        assert.is_true(after[name] >= number, name)
      end
    end)
  end)

  it("has each counter from the beginning", function ()
    local text = wsmanager.metrics()
    for family in text:gmatch "# TYPE (%S+) counter\n" do
      assert.truthy(text:find("\n" .. family .. "_total{", 1, true), family)
    end
    for _, expected in ipairs {
      'messages_dropped_total{role="server",reason="timeout"}',
      'protocol_errors_total{role="client",kind="toobig"}',
      'handshakes_total{role="client",result="tls"}',
    } do
      assert.truthy(text:find("\nwsmanager_" .. expected .. " ", 1, true), expected)
    end
  end)

  it("is documented name by name", function ()
    local documented = {}
    for line in files.read "docs/how-to/observing.md":gmatch "\n(| [^\n]+)" do
      for name in line:match "^| [^|]*":gmatch "`([%w_]+)`" do documented[name] = true end
    end
    local seen = 0
    for name in wsmanager.metrics "":gmatch "# TYPE wsmanager_(%S+) " do
      seen = seen + 1
      assert.is_true(documented[name], name)
    end
    assert.is_true(seen > 20)
  end)
end)
