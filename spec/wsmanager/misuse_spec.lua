-- Wrong calls of the public functions: what they raise, and at which line.

local wsmanager = require "wsmanager"
local report = require "wsmanager.base.report"
local ours = require "support.ours"

local run = wsmanager.run
local serve, fails, await = ours.serve, ours.fails, ours.await
local LONG = ours.LONG

local PLACE = "ws://127%.0%.0%.1:%d+/?"

describe("a wrong call", function ()
  local reports

  before_each(function () reports = ours.hush() end)
  after_each(ours.stop)

  it("with a dot for the colon raises", function ()
    local _, url = serve()
    local ws = wsmanager.new {url = url}
    for _, name in ipairs {
      "send", "receive", "opened", "closed", "close", "reconnect", "ping",
      "flush", "stats", "unsent", "answer", "messages", "addEventListener",
      "removeEventListener",
    } do
      fails("call it with ':', as in ws:" .. name, ws[name], "hello")
    end
  end)

  it("is not told with the credentials that it may hold", function ()
    local new, WebSocket = wsmanager.new, wsmanager.WebSocket
    local function told (fn, ...)
      local ok, value, _, detail = pcall(fn, ...)
      local text = not ok and value or detail
      assert.is_string(text)
      assert.is_nil(text:find("SECRET", 1, true), text)
      return text
    end
    local function with (name, value)
      return told(new, {url = "wss://u:SECRET@h/?token=SECRET", [name] = value})
    end
    for _, headers in ipairs {
      {"Authorization Bearer SECRET"}, {"SECRETSECRET"}, {["Authorization: Bearer SECRET"] = ""},
      {["abcdSECRET=="] = "x"}, {Authorization = "SECRET\n"}, {Authorization = {{"SECRET"}}},
      {["Proxy-Authorization"] = "SECRET"}, {["Sec-WebSocket-Key"] = "SECRET"},
    } do
      with("headers", headers)
      told(wsmanager.fetch or new, "http://h/", {headers = headers})
    end
    assert.matches("'Name: value' expected, got 'Authorization...' without a colon",
                   with("headers", {"Authorization Bearer SECRET"}), 1, true)
    local long = ("x"):rep(20) .. "SECRET" .. ("x"):rep(20)
    for _, protocols in ipairs {{"bearer SECRET"}, {"abcdSECRET=="}, {long, long}} do
      with("protocols", protocols)
      told(WebSocket, "ws://h/", protocols)
    end
    for _, proxy in ipairs {
      "http://u:SECRET@h:99999", "ftp://u:SECRET@h", "http://u:SEC#SECRET@h:x",
    } do
      with("proxy", proxy)
    end
    told(new, {url = "wss://h/", proxy = "http://u:abc?SECRET@h", proxy_tls = {}})
    told(new, {url = "wss://h/", proxy = "http://u:abc/SECRET@h", proxy_tls = {}})
    for _, url in ipairs {
      "ws://u:SECRET@h:x/", "ws://u:SEC/SECRET@h/", "ws://h:x/?SECRET", "ws://h/#SECRET",
      "ftp://u:SECRET@h/", "ws://u:SECRET@h/ x",
    } do
      told(new, {url = url})
      told(WebSocket, url)
      told(new, {url = {"ws://h/", url}})
    end
    told(new, {url = "ws://u:SECRET@h/?token=SECRET", tls = {}})
    local key = ("SECRET"):rep(20)
    with("tls", {cert = key, key = key})
    with("tls", {cert = "-----BEGIN " .. key, key = "-----BEGIN " .. key})
  end)

  it("with a timeout that is no number raises", function ()
    local _, url = serve()
    local ws = wsmanager.new {url = url}
    for _, name in ipairs {"receive", "opened", "closed"} do
      fails("bad argument #1 to '" .. name .. "' %(number expected, got string",
            ws[name], ws, "5")
      fails("bad argument #1 to '" .. name .. "' %(number expected, got nan",
            ws[name], ws, 0/0)
    end
    fails("bad argument #3 to 'send' %(number expected, got string",
          ws.send, ws, "x", "text", "5")
    fails("bad argument #1 to 'sleep' %(number expected, got nan",
          wsmanager.sleep, 0/0)
    fails("bad argument #1 to 'step' %(number expected, got nan",
          wsmanager.step, 0/0)
    local server = serve()
    fails("bad argument #1 to 'stop' %(number expected, got string",
          server.stop, server, "5")
  end)

  it("with another kind than text and binary raises", function ()
    local server, url = serve()
    local ws = wsmanager.new {url = url}
    for _, kind in ipairs {"foo", "", "Text", true, 1, {}} do
      for _, data in ipairs {"x", "\255", {}} do
        fails("bad argument #2 to 'broadcast' %('text' or 'binary' expected, got "
              .. tostring(kind):gsub("%p", "%%%0"), server.broadcast, server, data,
              kind)
        fails("bad argument #2 to 'send' %('text' or 'binary' expected, got ",
              ws.send, ws, data, kind)
      end
    end
    server:stop(0)
    fails("bad argument #2 to 'broadcast'", server.broadcast, server, "x", "foo")
  end)

  it("except for no connection raises", function ()
    local server = serve()
    for _, except in ipairs {"x", 1, {}, true} do
      fails("bad argument #3 to 'broadcast' %(connection expected, got ",
            server.broadcast, server, "x", "text", except)
    end
  end)

  it("that assigns an option to a connection or a server raises", function ()
    run(function ()
      local theirs
      local server, url = serve(function (ws)
        theirs = ws
        ws:receive()
      end)
      local ws = wsmanager.new {url = url}
      assert(ws:opened(LONG))
      ours.await(function () return theirs end)
      local function set (target, name, value, where)
        local ok, why = pcall(function () target[name] = value end)
        assert.is_false(ok)
        assert.matches("^[^\n:]*misuse_spec.lua:%d+: '" .. name .. "' " .. where, why)
      end
      for _, name in ipairs {
        "heartbeat", "timeouts", "inbox", "buffer", "limits", "compress", "tls",
        "decode", "protocols", "headers", "outbox", "proxy", "proxy_tls",
        "redirects",
      } do
        set(ws, name, {}, "is an option %(give it to new%)$")
      end
      for _, name in ipairs {"heartbeat", "timeouts", "decode", "tls"} do
        set(theirs, name, {}, "is an option %(give it to serve%)$")
      end
      for _, name in ipairs {
        "handler", "page", "authorize", "protocols", "heartbeat", "host", "port",
        "path", "onerror", "connections", "decode",
      } do
        set(server, name, print, "is an option %(give it to serve%)$")
      end
      set(server, "broadcast", print, "cannot be assigned$")
      ws.note, theirs.path, server.note = 1, "/x", 2
      assert.same({1, "/x", 2}, {ws.note, theirs.path, server.note})
      assert.is_number(server.port)
      assert.is_nil(server.path)
    end)
  end)

  it("with an option in another's group raises", function ()
    fails("unknown option 'verify' %(did you mean 'tls.verify'%?",
          wsmanager.new,
          {url = "ws://x", verify = false})
    fails("unknown option 'ca' %(did you mean 'tls.ca'%?", wsmanager.new,
          {url = "ws://x", ca = "x"})
    fails("unknown option 'codec' %(did you mean 'decode'%?",
          wsmanager.new,
          {url = "ws://x", codec = "json"})
    fails("unknown option 'timeout' %(did you mean 'timeouts'%?",
          wsmanager.new,
          {url = "ws://x", timeout = 5})
    fails("unknown option 'max_delay' %(did you mean 'reconnect.max_delay'%?",
          wsmanager.new,
          {url = "ws://x", max_delay = 5})
    fails("unknown option 'cert' %(did you mean 'tls.cert'%?", wsmanager.serve,
          {handler = print, cert = "x"})
  end)

  it("with a wrong subprotocol or proxy raises at the caller's line", function ()
    fails("bad option 'protocols' %(names expected, got an empty", wsmanager.new,
          {url = "ws://x", protocols = {""}})
    fails("bad option 'protocols' %(names expected, got number", wsmanager.new,
          {url = "ws://x", protocols = {1}})
    local _, why = pcall(function ()
      wsmanager.new {url = "ws://x", proxy = "ftp://x"}
    end)
    assert.matches("^[^\n:]*misuse_spec.lua:%d+: bad proxy", why)
  end)

  it("of serve without handler, or with a page that is missing, raises", function ()
    fails("bad option 'handler' %(function expected, got nil; a server needs "
          .. "'handler' or 'page'", wsmanager.serve, {port = 0})
    for _, page in ipairs {"no such file", {["/"] = "no such file"}} do
      fails("bad option 'page' %(no such file: No such file",
            wsmanager.serve, {page = page})
    end
  end)

  it("in a handler is reported with the handler's name", function ()
    local heard = {}
    wsmanager.onerror = nil
    stub(report, "failure", function (what, why, thread)
      heard[#heard + 1] = what .. ": " .. report.trace(why, thread)
    end)
    local ok, why = pcall(function ()
      local _, url = serve(function (ws)
        ws:send("1")
        ws:receive()
        error {code = 7, message = "a table"}
      end)
      run(function ()
        local ws = wsmanager.new {
          url = url, reconnect = false,
          onmessage = function () error "first" end,
          onopen = function () wsmanager.sleep(0) error {code = 5} end,
        }
        await(function () return heard[2] end)
        ws:send("go on")
        await(function () return heard[3] end)
        assert(ws:closed(LONG))
      end)
    end)
    report.failure:revert()
    assert(ok, why)
    table.sort(heard)
    assert.matches("^a server's handler: a table %(code 7%)$", heard[1])
    assert.matches("^onmessage of " .. PLACE .. ": .*first\nstack", heard[2])
    assert.matches("^onopen of " .. PLACE .. ": code 5$", heard[3])
    assert.same({}, reports)
  end)
end)

describe("a wait that fails", function ()
  it("names why the last attempt failed", function ()
    local url = ours.nowhere()
    run(function ()
      local ws = wsmanager.new {url = url, reconnect = {delay = LONG}}
      await(function () return ws.state == "waiting" end)
      for _, name in ipairs {"opened", "receive"} do
        local _, token, detail = ws[name](ws, 0)
        assert.equal("timeout", token)
        assert.matches("within 0 s: waiting " .. PLACE
                       .. "; last: connection to .* refused", detail)
      end
      ws:close()
    end)
  end)

  it("names it where reconnect.when has ended the connection", function ()
    local url = ours.nowhere()
    run(function ()
      local ws = wsmanager.new {
        url = url, reconnect = {when = function () return false end},
      }
      local _, token, detail = ws:opened(LONG)
      assert.equal("refused", token)
      assert.matches("connection to .* refused", detail)
      assert.same({nil, "closed", detail}, {ws:receive(LONG)})
      assert.same({nil, "closed", detail}, {ws:send("x")})
    end)
  end)
end)
