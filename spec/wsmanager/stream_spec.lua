-- The option `stream`: `receive` returns a reader, which reads the message in parts.

local core = require "wsmanager.core"
local wsmanager = require "wsmanager"
local ours = require "support.ours"
local peers = require "support.peers"

local run, spawn, await = wsmanager.run, wsmanager.spawn, ours.await
local serve, refused, fails, LONG = ours.serve, ours.refused, ours.fails, ours.LONG
local frame = core.protocol.frame

local MIB = 2 ^ 20

-- All of a message, or what came and why not all.
local function read_all (reader)
  local list = {}
  while true do
    local part, token, why = reader:read(LONG)
    if not part then return table.concat(list), token, why end
    assert.is_true(part ~= "" and #part <= 65536)
    list[#list + 1] = part
  end
end

local function open (options)
  if type(options) == "string" then options = {url = options} end
  options.stream = true
  return wsmanager.new(options)
end

-- A raw server that accepts, sends frames as hex, and does what else is in the script.
local function scripted (...)
  local script = {{"accept"}, ...}
  for _, step in ipairs(script) do
    if step[1] == "send" then
      step[2] = step[2]:gsub(".", function (c) return ("%02x"):format(c:byte()) end)
    end
  end
  return "ws://127.0.0.1:" .. peers.start("scripted", {
    host = "127.0.0.1", script = script,
  }).port
end

local function begin (data, opcode) return frame(opcode or 2, data, {fin = false}) end
local function go_on (data) return frame(0, data, {fin = false}) end
local function finish (data) return frame(0, data) end

describe("a message that is read in parts", function ()
  after_each(function ()
    ours.stop()
    peers.stop()
  end)

  it("has all its bytes, and its kind", function ()
    local texts = {"", "short", ("é"):rep(100000), ("x"):rep(3 * MIB), "\0\255"}
    local _, url = serve(function (ws)
      for i, text in ipairs(texts) do ws:send(text, i == 5 and "binary" or "text") end
      ws:receive()
    end)
    run(function ()
      local ws = open(url)
      for i, text in ipairs(texts) do
        local reader, kind = ws:receive(LONG)
        assert.same({kind, i == 5 and "binary" or "text"}, {reader.kind, kind})
        local data, token = read_all(reader)
        assert.is_nil(token)
        assert.is_true(data == text)
        assert.is_nil(reader:read())      -- for good
      end
      assert.equal(5, ws:stats().messages_in)
      ws:close()
    end)
  end)

  it("is there before it is whole", function ()
    local url = scripted({"send", begin "first"}, {"frame"}, {"send", go_on "second"},
                         {"frame"}, {"send", finish "third"}, {"stall"})
    run(function ()
      local ws = open(url)
      local reader = ws:receive(LONG)
      assert.equal("first", reader:read(LONG))
      refused("timeout", reader:read(0))
      refused("timeout", reader:read(0.01))
      ws:send "more"
      assert.equal("second", reader:read(LONG))
      ws:send "more"
      assert.equal("third", reader:read(LONG))
      assert.is_nil((reader:read(LONG)))
      wsmanager.sleep(0)
      ws:close()
    end)
  end)

  it("is read on the main thread, too", function ()
    local _, url = serve(function (ws)
      ws:send(("y"):rep(MIB))
      ws:receive()
    end)
    local ws = open(url)
    assert.equal(MIB, #read_all(ws:receive(LONG)))
    refused("timeout", ws:receive(0.01))
    ws:close()
  end)

  it("is dropped when the next one is received", function ()
    local _, url = serve(function (ws)
      ws:send(("a"):rep(5 * MIB))
      ws:send "b"
      ws:send(("c"):rep(100000))
      ws:send "d"
      ws:receive()
    end)
    run(function ()
      local ws = open {url = url, inbox = 65536}
      local first = ws:receive(LONG)
      assert.equal("a", first:read(LONG):sub(1, 1))
      local second = ws:receive(LONG)
      local part, token, why = first:read()
      assert.same({nil, "cancelled"}, {part, token})
      assert.matches("^the next message was received", why)
      ws:receive(LONG)                      -- not a byte of the second was read
      refused("cancelled", second:read())
      assert.equal("d", read_all(ws:receive(LONG)))
      ws:close()
    end)
  end)

  it("may be discarded, and is read from the socket then", function ()
    local drained
    local _, url = serve(function (ws)
      ws:send(("a"):rep(20 * MIB))
      drained = ws:drain(LONG)
      ws:send "b"
      ws:receive()
    end)
    run(function ()
      local ws = open {url = url, inbox = 65536}
      local reader = ws:receive(LONG)
      await(function () return ws:stats().pauses > 0 end)
      assert.is_nil(drained)
      assert.is_true(ws:stats().unread < MIB)
      reader:discard()
      reader:discard()
      refused("cancelled", reader:read())
      await(function () return drained end)
      assert.equal("b", read_all(ws:receive(LONG)))
      ws:close()
    end)
  end)

  it("is not read from the socket faster than by the program", function ()
    local _, url = serve(function (ws)
      ws:send(("a"):rep(30 * MIB))
      ws:receive()
    end)
    run(function ()
      local ws = open {
        url = url, inbox = 100000, heartbeat = {interval = 0.1, timeout = 0.5},
      }
      local reader, n = ws:receive(LONG), 0
      for i = 1, 20 do
        n = n + #reader:read(LONG)
        wsmanager.sleep(i == 1 and 1 or 0.001)  -- longer than heartbeat.timeout
        assert.is_true(ws:stats().unread < MIB)
      end
      assert.equal("open", ws.state)
      assert.is_true(ws:stats().pauses > 0)
      assert.equal(30 * MIB, n + #read_all(reader))
      ws:close()
    end)
  end)

  it("is for one of those who wait in receive; the next waits for its end", function ()
    local _, url = serve(function (ws)
      for _, data in ipairs {"a", "b", "c"} do ws:send(data:rep(200000)) end
      ws:receive()
    end)
    run(function ()
      local ws, got = open(url), {}
      for i = 1, 3 do
        spawn(function ()
          local data = read_all(ws:receive(LONG))
          got[i] = data:sub(1, 1) .. #data
        end)
      end
      await(function () return got[3] end)
      assert.same({"a200000", "b200000", "c200000"}, got)
      ws:close()
    end)
  end)

  it("may have several who read, each other parts", function ()
    local _, url = serve(function (ws)
      ws:receive()
      ws:send(("z"):rep(MIB))
      ws:receive()
    end)
    run(function ()
      local ws, n, done = open(url), 0, 0
      ws:send "go"
      local reader = ws:receive(LONG)
      for _ = 1, 3 do
        spawn(function ()
          local own = #read_all(reader)
          n, done = n + own, done + 1
        end)
      end
      await(function () return done == 3 end)
      assert.equal(MIB, n)
      ws:close()
    end)
  end)

  it("comes to messages(), until the connection is over", function ()
    local _, url = serve(function (ws)
      ws:send "one"
      ws:send "two"
    end)
    if not require("wsmanager.run.coroutines").iterators_yield then
      local ws = open {url = url, reconnect = false}
      run(function () fails("a coroutine of Lua 5.1", ws.messages, ws) end)
      return
    end
    run(function ()
      local list = {}
      for reader, kind in open {url = url, reconnect = false}:messages() do
        list[#list + 1] = kind .. " " .. read_all(reader)
      end
      assert.same({"text one", "text two"}, list)
    end)
  end)

  it("does not end silently where the connection does", function ()
    local hex = begin "begun" .. go_on "on"
    local cases = {
      {{"cut"}, "ended amidst the message: .*reset"},
      {{"close"}, "ended amidst the message: the peer ended the connection without a close"},
      {{"send", frame(8, "\15\160bye")}, "ended amidst the message: .*4000 bye"},
      {{"send", frame(1, "new")}, "ended amidst the message: .*begins a message inside"},
    }
    for _, case in ipairs(cases) do
      local url = scripted({"send", hex}, {"frame"}, case[1], {"drain"})
      run(function ()
        local ws = open {url = url, reconnect = false}
        local reader = ws:receive(LONG)
        ws:send "go"
        local data, token, why = read_all(reader)
        assert.same({"begunon", "closed"}, {data, token})
        assert.matches(case[2], why)
        refused("closed", reader:read())
        refused("closed", ws:receive(LONG))
      end)
      peers.stop()
    end
  end)

  it("tells that the rest never came behind what did, and goes on with the next", function ()
    local peer = peers.start("scripted", {host = "127.0.0.1", scripts = {
      {{"accept"}, {"send", "020161"}, {"close"}},
      {{"accept"}, {"send", "81026f6b"}, {"stall"}},
    }})
    run(function ()
      local ws = open {
        url = "ws://127.0.0.1:" .. peer.port, reconnect = {delay = 0.001, pause = 0},
      }
      await(function () return ws:stats().opens == 2 end)
      local data, token = read_all(ws:receive(LONG))
      assert.same({"a", "closed"}, {data, token})
      assert.equal("ok", read_all(ws:receive(LONG)))
      ws:close()
    end)
  end)

  it("ends with our own close, and with a reconnect()", function ()
    local url = scripted({"send", begin "begun"}, {"stall"})
    run(function ()
      local ws = open {url = url, timeouts = {close = 0.05}}
      local reader = ws:receive(LONG)
      assert.equal("begun", reader:read(LONG))
      ws:close()
      refused("closed", reader:read(LONG))
      refused("closed", ws:receive(LONG))
      ws:reconnect()
      assert(ws:opened(LONG))
      reader = ws:receive(LONG)
      assert.equal("begun", reader:read(LONG))
      ws:reconnect()
      refused("closed", reader:read(LONG))
      assert.equal("begun", ws:receive(LONG):read(LONG))
      ws:close()
    end)
  end)

  it("follows a login, whose messages are whole", function ()
    local _, url = serve(function (ws)
      ws:send(("hello"):rep(20000))
      ws:send "back"
      ws:send(("b"):rep(MIB))
      ws:receive()
    end)
    run(function ()
      local hello
      local ws = open {url = url, login = function (handle)
        hello = handle:receive(LONG)
        handle:giveback(handle:receive(LONG))
      end}
      assert.equal("back", read_all(ws:receive(LONG)))
      assert.equal(100000, #hello)
      assert.equal(MIB, #read_all(ws:receive(LONG)))
      ws:close()
    end)
  end)

  it("comes to its end on the connection that is migrated from", function ()
    local old = scripted({"send", begin "begun"}, {"frame"}, {"send", finish " and done"},
                         {"drain"})
    local _, new = serve(function (ws)
      ws:send "new"
      ws:receive()
    end)
    run(function ()
      local ws = open(old)
      local reader = ws:receive(LONG)
      assert.equal("begun", reader:read(LONG))
      assert.is_true(ws:migrate(new))
      assert.same({" and done"}, {read_all(reader)})
      assert.equal("new", read_all(ws:receive(LONG)))
      ws:close()
    end)
  end)

  it("comes to a server's side, compressed or not", function ()
    for _, compress in ipairs {false, true} do
      local got
      local _, url = serve {
        stream = true, compress = compress, inbox = 100000, limits = {message = false},
        handler = function (ws)
          local reader = ws:receive(LONG)
          got = {reader.kind, #read_all(reader)}
          got[3] = read_all(ws:receive(LONG))
          ws:send "done"
        end,
      }
      run(function ()
        local ws = wsmanager.new {url = url, compress = compress}
        ws:send(("ab"):rep(10 * MIB), "binary", LONG)
        ws:send("end", "text", LONG)
        assert.equal("done", ws:receive(LONG))
        assert.same({"binary", 20 * MIB, "end"}, got)
        ws:close()
      end)
    end
  end)

  it("has its limit where one is given", function ()
    local _, url = serve(function (ws)
      ws:send(("a"):rep(300000))
      ws:send(("b"):rep(300001))
      ws:receive()
    end)
    run(function ()
      local ws = open {url = url, limits = {message = 300000}, reconnect = false}
      assert.equal(300000, #read_all(ws:receive(LONG)))
      local reader, token, why = ws:receive(LONG)
      assert.same({nil, "closed"}, {reader, token})
      assert.matches("a message of 300001 bytes or more; the limit is 300000", why)
    end)
  end)

  it("fails where a text is no UTF-8, at whatever part", function ()
    local url = scripted({"send", begin("caf\195", 1)}, {"frame"}, {"send", go_on "\169"},
                         {"frame"}, {"send", finish "\255"}, {"drain"})
    run(function ()
      local ws = open {url = url, reconnect = false}
      local reader = ws:receive(LONG)
      assert.equal("caf\195", reader:read(LONG))
      ws:send "go"
      assert.equal("\169", reader:read(LONG))
      ws:send "go"
      local part, token, why = reader:read(LONG)
      assert.same({nil, "closed"}, {part, token})
      assert.matches("text that is not UTF%-8", why)
      assert.equal(1007, (ws:closed(LONG)))
    end)
  end)

  it("ends a wait that is cancelled, and is as it was", function ()
    local url = scripted({"send", begin "begun"}, {"frame"}, {"send", finish "!"}, {"stall"})
    run(function ()
      local ws = open(url)
      local reader = ws:receive(LONG)
      assert.equal("begun", reader:read(LONG))
      local task = spawn(function () return reader:read() end)
      wsmanager.sleep(0)
      task:cancel()
      refused("cancelled", task:join(LONG))
      ws:send "go"
      assert.equal("!", reader:read(LONG))
      ws:close()
    end)
  end)

  it("does not keep a connection alive that nobody has", function ()
    local closed
    local _, url = serve(function (ws)
      ws:send(("a"):rep(10 * MIB))
      closed = ws:closed(LONG)
    end)
    run(function ()
      local ws = open {url = url, inbox = 65536}
      ws:receive(LONG):read(LONG)
      ws = nil    -- luacheck: ignore
      await(function ()
        collectgarbage()
        return closed
      end)
    end)
  end)
end)

describe("the option stream", function ()
  after_each(ours.stop)

  local function conflict (given, what)
    given.url, given.stream = "ws://localhost", true
    local ok, why = pcall(wsmanager.new, given)
    assert.is_false(ok)
    assert.matches("bad option 'stream' %(with '" .. what .. "': that needs whole messages",
                   why)
  end

  it("contradicts what needs whole messages", function ()
    local function fn () end
    conflict({decode = "json"}, "decode")
    conflict({inflate = "zlib-stream"}, "inflate")
    conflict({dispatch = fn}, "dispatch")
    conflict({identify = fn, acknowledge = fn}, "identify")
    conflict({dedupe = fn}, "dedupe")
    conflict({correlate = {get = fn, set = fn}}, "correlate")
    conflict({onmessage = fn}, "onmessage")
    conflict({heartbeat = {message = "x", ack = fn}}, "heartbeat.ack")
    fails("bad option 'stream' %(with 'decode'", wsmanager.serve,
          {stream = true, decode = "json", handler = fn})
    fails("bad option 'stream' %(boolean expected, got string%)", wsmanager.new,
          {url = "ws://localhost", stream = "yes"})
  end)

  it("alone lets a message have no limit", function ()
    fails("bad option 'limits.message' %(with no 'stream'", wsmanager.new,
          {url = "ws://localhost", limits = {message = false}})
    fails("bad option 'limits.message' %(positive integer or false expected", wsmanager.new,
          {url = "ws://localhost", limits = {message = true}})
  end)

  it("has no listeners of messages, and raises at the caller's line", function ()
    local _, url = serve()
    local function fn () end
    local ws = open(url)
    fails("a listener of 'message' needs whole messages", ws.addEventListener, ws, "message", fn)
    local ok, why = pcall(function () ws.onmessage = fn end)
    assert.is_false(ok)
    assert.matches("^[^\n]*stream_spec.lua:%d+: 'onmessage' needs whole messages", why)
    fails("'subscribe' needs whole messages", ws.subscribe, ws)
    fails("'heartbeat.ack' needs whole messages", ws.heartbeat, ws, {message = "x", ack = fn})
    ws:addEventListener("close", fn)
    ws.onmessage = nil
    ws:close()
  end)

  it("checks what its reader is given", function ()
    local _, url = serve(function (ws)
      ws:send "x"
      ws:receive()
    end)
    run(function ()
      local ws = open(url)
      local reader = ws:receive(LONG)
      fails("call it with ':', as in reader:read", reader.read)
      fails("call it with ':', as in reader:discard", reader.discard, {})
      fails("bad argument #1 to 'read'", reader.read, reader, "soon")
      assert.equal("wsmanager reader: text", tostring(reader))
      assert.equal("x", reader:read(0))
      ws:close()
    end)
  end)
end)
