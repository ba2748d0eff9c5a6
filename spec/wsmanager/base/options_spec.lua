local options = require "wsmanager.base.options"

local function why_not (check, given)
  local ok, why = pcall(check, given)
  assert.is_false(ok)
  return why
end

local function client (given)
  given.url = given.url or "ws://localhost/"
  return why_not(options.check_client, given)
end

local function server (given)
  return why_not(options.check_server, given)
end

describe("options", function ()
  it("may all be there", function ()
    local function fn () end
    options.check_client {
      url = fn, protocols = {"chat"}, headers = {},
      heartbeat = {interval = 30, message = "beat", kind = "text", timeout = false},
      reconnect = {
        delay = 2, max_delay = 60, factor = 2, jitter = 0.5, pause = 0,
        limit = 10, stable = 5, when = fn,
      },
      timeouts = {open = 10, close = 5},
      outbox = {messages = 10, bytes = 1000, age = 5, full = "oldest"},
      rate = {120, per = 60, reserve = 5}, inbox = 1000, buffer = 1000,
      limits = {message = 1, frame = 1, fragments = 1, header = 1, send = 1, handshake = 5},
      tls = {ca = "x", cert = "x", key = "x", hostname = "x", verify = true,
             min = "1.2", keylog = "x", pin = {"x"}},
      decode = "json", inflate = "zlib-stream", onopen = fn, onmessage = fn, onerror = fn,
      onclose = fn, onreconnecting = fn, onlocked = fn, onexhausted = fn,
      ondrain = fn, ondropped = fn, onduplicate = fn, onuncertain = fn,
      identify = fn, acknowledge = fn, dedupe = fn,
    }
  end)

  it("may be switched off with false", function ()
    options.check_client {
      url = "ws://x", heartbeat = false, reconnect = false, outbox = false,
    }
    options.check_client {url = "ws://x", reconnect = {limit = false}}
  end)

  it("need a url", function ()
    assert.equal("bad option 'url' (string, list of strings or function expected, "
                 .. "got nil)",
                 why_not(options.check_client, {}))
  end)

  describe("that are unknown", function ()
    it("are named, with the nearest that is known", function ()
      assert.equal("unknown option 'heartbeat.intervall' "
                   .. "(did you mean 'interval'?)",
                   client {heartbeat = {intervall = 3}})
      assert.equal("unknown option 'protocol' (did you mean 'protocols'?)",
                   client {protocol = "x"})
      assert.equal("unknown option 'onMessage' (did you mean 'onmessage'?)",
                   client {onMessage = print})
    end)

    it("are those of this level, or of another function, before those of a group", function ()
      assert.equal("unknown option 'header' (did you mean 'headers'?)", client {header = {}})
      assert.equal("unknown option 'intervall' (did you mean 'interval'?)",
                   why_not(options.check_heartbeat, {intervall = 1}):gsub("heartbeat%.", ""))
      assert.equal("unknown option 'port' (it is one of wsmanager.serve)", client {port = 1})
      assert.equal("unknown option 'handler' (it is one of wsmanager.serve)",
                   client {handler = print})
      assert.equal("unknown option 'url' (it is one of wsmanager.new)", server {url = "ws://x"})
      assert.equal("unknown option 'reconnect' (it is one of wsmanager.new)",
                   server {reconnect = {}})
      assert.equal("unknown option 'decode' (it is one of wsmanager.new)",
                   why_not(options.check_fetch, {decode = "json"}))
    end)

    it("name a preset", function ()
      assert.equal("bad option 'preset' (table expected, got string) "
                   .. "(did you mean wsmanager.presets.discord?)", client {preset = "discord"})
      assert.equal("bad option 'preset' (table expected, got string)",
                   client {preset = "a b"})
    end)

    it("are named alone when nothing is near", function ()
      assert.equal("unknown option 'zzzzzz'", client {zzzzzz = 1})
      assert.equal("unknown option '1' (options have names: {name = value})", client {"x"})
    end)
  end)

  describe("of a wrong type", function ()
    it("are named with their whole path and what was expected", function ()
      assert.equal("bad option 'heartbeat.interval' "
                   .. "(positive number of seconds up to 7200, or false expected, got string)",
                   client {heartbeat = {interval = "30"}})
      assert.equal("bad option 'outbox.full' ('reject', 'oldest' or 'wait' expected, "
                   .. "got block)", client {outbox = {full = "block"}})
      assert.equal("bad option 'outbox.age' (positive number or false expected, "
                   .. "got 0)", client {outbox = {age = 0}})
      assert.equal("bad option 'reconnect' (table or false expected, "
                   .. "got boolean)", client {reconnect = true})
      assert.equal("bad option 'timeouts' (table expected, got number)",
                   client {timeouts = 5})
      assert.equal("bad option 'tls.verify' (boolean expected, got string)",
                   client {tls = {verify = "no"}})
      assert.equal("bad option 'onopen' (function expected, got table)",
                   client {onopen = {}})
      assert.equal("bad option 'tls.min' ('1.2' or '1.3' expected, got 1.1)",
                   client {tls = {min = "1.1"}})
    end)

    it("show the number that cannot be", function ()
      assert.equal("bad option 'heartbeat.interval' "
                   .. "(positive number of seconds up to 7200, or false expected, got -1)",
                   client {heartbeat = {interval = -1}})
      assert.equal("bad option 'reconnect.jitter' "
                   .. "(number from 0 to 1 expected, got 2)",
                   client {reconnect = {jitter = 2}})
      assert.equal("bad option 'reconnect.limit' "
                   .. "(integer or false expected, got 1.5)",
                   client {reconnect = {limit = 1.5}})
      assert.matches("positive number", client {reconnect = {delay = 0 / 0}})
    end)

    it("are found in a codec", function ()
      assert.equal("bad option 'decode' ('json' or a table with encode and "
                   .. "decode expected, got xml)", client {decode = "xml"})
      assert.matches("got table", client {decode = {encode = print}})
    end)
  end)

  describe("of a server", function ()
    it("may all be there", function ()
      local function fn () end
      options.check_server {
        host = "localhost", port = 0, backlog = 5, connections = 10,
        protocols = "chat", tls = {ask = true}, authorize = fn, handler = fn,
        page = "index.html", heartbeat = false, timeouts = {open = 1},
        limits = {message = 1}, inbox = 1, buffer = 1, decode = "json",
        onerror = fn,
      }
    end)

    it("are named when unknown or wrong", function ()
      assert.equal("unknown option 'handle' (did you mean 'handler'?)",
                   server {handle = print})
      assert.equal("bad option 'port' (integer from 0 to 65535 expected, "
                   .. "got 70000)", server {port = 70000})
      assert.matches("unknown option 'reconnect'", server {reconnect = {}})
      assert.matches("'path' %(a server listens on a path or on host and port",
                     server {path = "/tmp/x", port = 1})
    end)
  end)

  it("raise at the line that gave them", function ()
    local wsmanager = require "wsmanager"
    local _, why = pcall(function ()
      wsmanager.new {url = "ws://localhost", heartbeats = {}}
    end)
    assert.matches("options_spec.lua:%d+: unknown option 'heartbeats' "
                   .. "%(did you mean 'heartbeat'%?%)$", why)
    _, why = pcall(function () wsmanager.serve {porte = 1} end)
    assert.matches("options_spec.lua:%d+: unknown option 'porte'", why)
    _, why = pcall(function () wsmanager.new "ws://localhost" end)
    assert.matches("options_spec.lua:%d+: bad argument #1 to 'new' "
                   .. "%(table expected, got string; as in "
                   .. 'wsmanager.new {url = "ws://localhost"}%)$', why)
    _, why = pcall(function () wsmanager.serve() end)
    assert.matches("options_spec.lua:%d+: bad argument #1 to 'serve'", why)
  end)
end)
