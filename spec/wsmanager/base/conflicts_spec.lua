-- Options that contradict each other: what they raise, at whose line.

local wsmanager = require "wsmanager"
local ours = require "support.ours"

local fails, serve = ours.fails, ours.serve
local certificate = "-----BEGIN "    -- never read

local function new (given)
  given.url = given.url or "ws://127.0.0.1:1/"
  return assert(wsmanager.new(given))
end

local function listen (given)
  given.handler = ours.echo
  return serve(given)
end

-- Raises, and names both.
local function contradict (make, given, one, other)
  fails("bad option '" .. one:gsub("%p", "%%%0") .. "' %(.*"
        .. other:gsub("%p", "%%%0"), make, given)
end

-- Options of clients and of servers, alone and with what is given elsewhere.
local both = {
  {"heartbeat.timeout", "'heartbeat.interval' 30 s", {heartbeat = {timeout = 1}}},
  {"heartbeat.timeout", "'heartbeat.interval' 30 s", {heartbeat = {timeout = 30}}},
  {"heartbeat.timeout", "'heartbeat.interval' 100 s", {heartbeat = {interval = 100}}},
  {"heartbeat.timeout", "'heartbeat.interval' 5 s",
   {heartbeat = {interval = 5, timeout = 4.5}}},
  {"limits.frame", "'limits.message' 100", {limits = {message = 100, frame = 101}}},
  {"limits.frame", "'limits.message' 16777216", {limits = {frame = 2^24 + 1}}},
  {"limits.handshake", "'timeouts.open' = 6",
   {limits = {handshake = 5}, timeouts = {open = 6}}},
  {"limits.handshake", "'timeouts.open' = false",
   {limits = {handshake = 5}, timeouts = {open = false}}},
  {"limits.handshake", "'timeouts.open' = 6",
   {limits = {handshake = false}, timeouts = {open = 6}}},
  {"heartbeat.mode", "'heartbeat.interval' = false",
   {heartbeat = {interval = false, mode = "sent"}}},
  {"heartbeat.jitter", "'heartbeat.interval' = false",
   {heartbeat = {interval = false, jitter = 1}}},
  {"heartbeat.kind", "'heartbeat.message'", {heartbeat = {kind = "binary"}}},
}

local of_clients = {
  {"reconnect.max_delay", "'reconnect.delay' 2 s", {reconnect = {max_delay = 1}}},
  {"reconnect.max_delay", "'reconnect.delay' 61 s",
   {reconnect = {delay = 61, max_delay = 60}}},
  {"tls", "'url' = ws://127.0.0.1:1/", {tls = {}}},
  {"tls", "'url' = WS://x/", {tls = {min = "1.3"}, url = "WS://me:secret@x/?a=1"}},
  {"tls.ca", "'tls.verify' = false",
   {url = "wss://x/", tls = {verify = false, ca = certificate}}},
  {"tls.hostname", "'tls.verify' = false",
   {url = "wss://x/", tls = {verify = false, hostname = "y"}}},
  {"proxy_tls", "no 'proxy'", {proxy_tls = {}}},
  {"proxy_tls", "no 'proxy'", {proxy_tls = {}, proxy = false}},
  {"proxy_tls", "'proxy' = http://p:1", {proxy_tls = {}, proxy = "http://p:1"}},
  {"proxy_tls", "'proxy' = socks5://p:1",
   {proxy_tls = {}, proxy = "socks5://a:secret@p:1"}},
  {"proxy_tls.ca", "'proxy_tls.verify' = false",
   {proxy_tls = {verify = false, ca = certificate}, proxy = "https://p:1"}},
}

local of_servers = {
  {"timeouts.login", "no 'login'", {timeouts = {login = 5}}},
  {"tls.ask", "'tls.verify' = false",
   {tls = {verify = false, ask = true, cert = certificate, key = certificate}}},
  {"path", "host and port", {path = "/tmp/x", port = 0}},
}

describe("options that contradict each other", function ()
  after_each(ours.stop)

  it("raise at the caller's line, and name both", function ()
    for _, case in ipairs(both) do
      contradict(wsmanager.new, {
        url = "ws://127.0.0.1:1/", heartbeat = case[3].heartbeat,
        limits = case[3].limits, timeouts = case[3].timeouts,
      }, case[1], case[2])
      case[3].handler = ours.echo
      contradict(wsmanager.serve, case[3], case[1], case[2])
    end
    for _, case in ipairs(of_clients) do
      case[3].url = case[3].url or "ws://127.0.0.1:1/"
      contradict(wsmanager.new, case[3], case[1], case[2])
    end
    for _, case in ipairs(of_servers) do
      case[3].handler = ours.echo
      contradict(wsmanager.serve, case[3], case[1], case[2])
    end
  end)

  it("show no secret of a URL", function ()
    local _, why = pcall(new, {tls = {}, url = "ws://me:secret@x/?token=secret"})
    assert.is_nil(why:find("secret", 1, true))
  end)

  it("are taken where one of them is off, or they agree", function ()
    for _, given in ipairs {
      {heartbeat = {interval = false, timeout = 1}},
      {heartbeat = {interval = 200, timeout = false}},
      {heartbeat = {interval = 5, timeout = 5.001}},
      {limits = {message = 100, frame = 100}},
      {limits = {handshake = 5}, timeouts = {open = 5}},
      {heartbeat = {kind = "text", message = "x"}},
    } do
      new(given):close()
      listen {
        heartbeat = given.heartbeat, limits = given.limits,
        timeouts = given.timeouts,
      }
    end
    for _, given in ipairs {
      {reconnect = {delay = 60}}, {reconnect = {delay = 3600}},
      {reconnect = {delay = 61, max_delay = 61}},
      {tls = {}, redirects = 1}, {tls = {}, url = "wss://127.0.0.1:1/"},
      {tls = {}, url = function () return "ws://127.0.0.1:1/" end},
      {proxy_tls = {}, proxy = "HTTPS://127.0.0.1:1"},
      {proxy_tls = {}, proxy = "env"},
    } do
      new(given):close()
    end
  end)
end)

describe("the message of a heartbeat", function ()
  it("is UTF-8, or of the kind binary", function ()
    for _, text in ipairs {"\255", "\237\160\128", "ok \195"} do
      fails("bad option 'heartbeat.message' %(text must be UTF%-8; add "
            .. 'kind = "binary"', wsmanager.new,
            {url = "ws://127.0.0.1:1/", heartbeat = {message = text}})
      fails("bad option 'heartbeat.message'", wsmanager.serve,
            {handler = ours.echo, heartbeat = {message = text, kind = "text"}})
      new {heartbeat = {message = text, kind = "binary"}}:close()
    end
    fails("bad option 'heartbeat.kind' %('text' or 'binary' expected, got ping",
          wsmanager.new,
          {url = "ws://127.0.0.1:1/", heartbeat = {message = "x", kind = "ping"}})
  end)

  it("goes out as its kind, from both roles", function ()
    local kinds = {}
    local heartbeat = {interval = 0.01, message = "\255", kind = "binary"}
    local function read (ws, role)
      local data, kind = ws:receive(ours.LONG)
      kinds[role] = data == "\255" and kind
      ws:receive()
    end
    wsmanager.run(function ()
      local _, url = serve {
        heartbeat = heartbeat, handler = function (ws) read(ws, "client") end,
      }
      local ws = new {url = url, heartbeat = heartbeat}
      wsmanager.spawn(read, ws, "server")
      ours.await(function () return kinds.server and kinds.client end)
      ws:close()
    end)
    ours.stop()
    assert.same({client = "binary", server = "binary"}, kinds)
  end)
end)
