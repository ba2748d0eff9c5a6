-- The option `inflate`: one zlib stream a connection, from a gateway on python's zlib.

local wsmanager = require "wsmanager"
local ours = require "support.ours"
local peers = require "support.peers"

local run, await, LONG = wsmanager.run, ours.await, ours.LONG

local gateway

local function url (count, most)
  return ("ws://127.0.0.1:%d/zlib/%d/%d"):format(gateway.port, count, most or 1000)
end

local function open (options)
  options.url = options.url or url(3)
  options.inflate, options.decode = "zlib-stream", "json"
  return wsmanager.new(options)
end

-- Receives HELLO and `count` events more.
local function expect (ws, count)
  local hello, kind = ws:receive(LONG)
  assert.same({10, "text"}, {hello and hello.op, kind})
  for i = 1, count do
    local event = assert(ws:receive(LONG))
    assert.same({op = 0, s = i, d = ("é"):rep(i)}, event)
  end
end

-- Has the gateway do that, after which the connection ends with this code and error.
local function fails (ws, what, code, token, why)
  local errors = {}
  ws.onerror = function (event) errors[#errors + 1] = event end
  ws:send(what)
  local message, is, detail = ws:receive(LONG)
  assert.same({nil, "closed"}, {message, is})
  assert.matches(why, detail)
  assert.equal(code, (ws:closed(LONG)))
  await(function () return #errors == 1 end)
  assert.equal(token, errors[1].token)
  assert.matches(why, errors[1].message)
end

describe("a connection that inflates one zlib stream", function ()
  before_each(function () gateway = peers.start "gateway" end)
  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  it("receives texts, in pieces of any size", function ()
    run(function ()
      for _, most in ipairs {1, 2, 3, 5, 17, 1000} do
        local ws = open {url = url(60, most)}
        expect(ws, 60)
        ws:send "more"
        assert.same({op = 0, s = 61, d = "more"}, ws:receive(LONG))
        ws:close(1000)
        assert.equal(1000, (ws:closed(LONG)))
      end
    end)
  end)

  it("begins another stream with each connection", function ()
    run(function ()
      local ws = open {reconnect = {delay = 0.001, pause = 0}}
      for _ = 1, 3 do
        expect(ws, 3)
        ws:send "cut"
      end
      expect(ws, 3)
      ws:reconnect()
      expect(ws, 3)
      ws:close()
    end)
  end)

  it("reads its login and what follows from the same stream", function ()
    run(function ()
      local hello
      local ws = open {login = function (handle) hello = handle:receive(LONG) end}
      for i = 1, 3 do assert.equal(i, ws:receive(LONG).s) end
      assert.equal(10, hello.op)
      ws:close()
    end)
  end)

  it("migrates to another stream, and reads the old one to its end", function ()
    run(function ()
      local ws = open {}
      assert.equal(10, ws:receive(LONG).op)
      assert.is_true(ws:migrate(url(2, 7)))
      local got = {}
      for i = 1, 6 do got[i] = ws:receive(LONG).s or "hello" end
      assert.same({1, 2, 3, "hello", 1, 2}, got)
      ws:send "x"
      assert.equal("x", ws:receive(LONG).d)
      ws:close()
    end)
  end)

  it("keeps what was inflated when the connection ends", function ()
    run(function ()
      local ws = open {reconnect = false}
      local ended
      ws.onclose = function () ended = true end
      ws:send "cut"
      await(function () return ws.state == "closed" end)
      expect(ws, 3)
      local message, token = ws:receive(LONG)
      assert.same({nil, "closed"}, {message, token})
      await(function () return ended end)
    end)
  end)

  it("closes with 1009 before a bomb takes more than limits.message", function ()
    run(function ()
      local ws = open {limits = {message = 100000}, reconnect = false}
      expect(ws, 3)
      fails(ws, "bomb", 1009, "toobig",
            "inflates to more than 100000 bytes, the limit")
    end)
  end)

  it("closes with 1007 when the stream ends", function ()
    run(function ()
      local ws = open {reconnect = false}
      expect(ws, 3)
      fails(ws, "end", 1007, "protocol", "ended its zlib stream")
    end)
  end)

  it("may be a server's", function ()
    run(function ()
      local texts = {}
      local _, address = ours.serve {
        inflate = "zlib-stream",
        handler = function (ws)
          for i = 1, 3 do texts[i] = {ws:receive(LONG)} end
          ws:send "done"
        end,
      }
      local d = wsmanager.protocol.deflate()
      local client = wsmanager.new {url = address}
      client:send("\120\156" .. d:append "one" .. "\0\0\255\255", "binary")
      client:send "plain"
      client:send(d:append "two" .. "\0\0\255\255", "binary")
      assert.equal("done", client:receive(LONG))
      assert.same({{"one", "text"}, {"plain", "text"}, {"two", "text"}}, texts)
      client:close()
    end)
  end)

  it("knows no other stream", function ()
    assert.error_matches(function ()
      wsmanager.new {url = "ws://x", inflate = "zstd-stream"}
    end, "bad option 'inflate' %('zlib%-stream' expected, got zstd%-stream%)")
  end)
end)
