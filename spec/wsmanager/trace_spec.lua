-- wsmanager.trace: each frame a line, without credentials.

local wsmanager = require "wsmanager"
local files = require "support.files"
local ours = require "support.ours"
local peers = require "support.peers"

local run, await, fails, LONG = wsmanager.run, ours.await, ours.fails, ours.LONG

local STAMP = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d%d%dZ #%d+ "

-- A function for trace, and its lines without their stamps.
local function collect ()
  local lines = {}
  return function (line)
    assert.matches(STAMP .. "[<>-] ", line)
    lines[#lines + 1] = line:gsub(STAMP, "")
  end, lines
end

local function has (lines, line)
  for _, each in ipairs(lines) do
    if each == line then return true end
  end
  return false
end

local function expect (lines, ...)
  for _, line in ipairs {...} do
    assert.is_true(has(lines, line), line .. "\nnot in\n" .. table.concat(lines, "\n"))
  end
end

describe("wsmanager.trace", function ()
  after_each(function ()
    peers.stop()
    ours.stop()
  end)

  local function open (url, options)
    options = options or {}
    options.url, options.reconnect = url, options.reconnect or false
    return wsmanager.new(options)
  end

  it("writes what a whole life has sent and received", function ()
    local write, lines = collect()
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      assert(wsmanager.trace(ws, write))
      ws:send "hello"
      ws:receive(LONG)
      ws:send("\0\1\255", "binary")
      ws:receive(LONG)
      ws:send("two\nlines \27[2J", "text")
      ws:receive(LONG)
      assert(ws:ping("\1ping", LONG))
      ws:send ""
      ws:receive(LONG)
      ws:close(4001, "bye\0")
      assert(ws:closed(LONG))
    end)
    assert.matches("^%- TCP is connected to 127", lines[1])
    assert.equal("> GET / HTTP/1.1", lines[2])
    expect(lines, ">   Upgrade: websocket", "< HTTP/1.1 101 Switching Protocols",
      "> text fin masked 5 bytes: hello", "< text fin 5 bytes: hello",
      "> binary fin masked 3 bytes: 0001ff", "< binary fin 3 bytes: 0001ff",
      "> text fin masked 14 bytes: two\\nlines \\x1B[2J",
      "> ping fin masked 5 bytes: 0170696e67", "< pong fin 5 bytes: 0170696e67",
      "> text fin masked 0 bytes", "< text fin 0 bytes",
      "> close fin masked 6 bytes: 4001 (the service's own) \"bye\\x00\"")
    assert.matches("^%- ended: close ", lines[#lines])
  end)

  it("names close codes", function ()
    local write, lines = collect()
    local _, url = ours.serve(function (ws) ws:close(1001, "going") end)
    local ws = open(url)
    wsmanager.trace(ws, write)
    assert(ws:closed(LONG))
    expect(lines, '< close fin 7 bytes: 1001 (going away) "going"',
           "> close fin masked 2 bytes: 1001 (going away)")
  end)

  it("shows fragments and reserved bits as they are", function ()
    local write, lines = collect()
    local peer = peers.start("scripted", {script = {
      {"accept", ""}, {"send", "0103616263" .. "8002c3bc" .. "f103616263"}, {"drain"},
    }})
    local ws = open("ws://127.0.0.1:" .. peer.port)
    wsmanager.trace(ws, write)
    assert.equal("abcü", (ws:receive(LONG)))
    assert(ws:closed(LONG))
    expect(lines, "< text 3 bytes: abc", "< continuation fin 2 bytes: ü",
           "< text fin rsv1 rsv2 rsv3 3 bytes: compressed")
  end)

  it("cuts what is long, and says so", function ()
    local write, lines = collect()
    local write_more, more = collect()
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      wsmanager.trace(ws, write, {bytes = 5})
      wsmanager.trace(ws, write_more, {bytes = 7})
      ws:send "hello world"
      ws:receive(LONG)
      ws:send(("ü"):rep(1000))
      ws:receive(LONG)
      ws:close()
    end)
    expect(lines, "> text fin masked 11 bytes: hello ...", "< text fin 2000 bytes: üü ...")
    expect(more, "> text fin masked 11 bytes: hello w ...", "< text fin 11 bytes: hello w ...")
  end)

  it("inflates what is compressed", function ()
    local write, lines = collect()
    run(function ()
      local _, url = ours.serve {compress = {threshold = 1}, handler = ours.echo}
      local ws = open(url, {compress = {threshold = 1}})
      wsmanager.trace(ws, write)
      for _ = 1, 3 do
        ws:send(("hello "):rep(10))
        ws:receive(LONG)
      end
      ws:close()
      assert(ws:closed(LONG))
    end)
    local seen = 0
    for _, line in ipairs(lines) do
      if line:find("^[<>] text fin rsv1 .*inflated: " .. ("hello "):rep(10) .. "$") then
        seen = seen + 1
      end
    end
    assert.equal(6, seen)
  end)

  it("begins in the middle of a connection, and stops", function ()
    local write, lines = collect()
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      ws:send "before"
      ws:receive(LONG)
      local trace = assert(wsmanager.trace(ws, write))
      ws:send "while"
      ws:receive(LONG)
      trace:stop()
      trace:stop()
      ws:send "after"
      ws:receive(LONG)
      ws:close()
    end)
    assert.same({"> text fin masked 5 bytes: while", "< text fin 5 bytes: while"}, lines)
  end)

  it("begins and stops at every message of a stream both ways", function ()
    local write, lines = collect()
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      assert(ws:opened(LONG))
      local size = 0
      for i = 1, 60 do
        for _ = 1, 5 do ws:send(("m"):rep(size)) end
        local trace = wsmanager.trace(ws, write, {bytes = 50000})
        ws:send(("x"):rep(i * 97))
        for _ = 1, 5 do assert.equal(("m"):rep(size), (ws:receive(LONG))) end
        assert.equal(("x"):rep(i * 97), (ws:receive(LONG)))
        trace:stop()
        size = i * 331
      end
      ws:close()
    end)
    for i = 1, 60 do
      local text = ("x"):rep(i * 97)
      expect(lines, ("> text fin masked %d bytes: %s"):format(i * 97, text),
             ("< text fin %d bytes: %s"):format(i * 97, text))
    end
    for _, line in ipairs(lines) do assert.matches("^[<>] text fin [%w ]-%d+ bytes", line) end
  end)

  it("is a server's, too", function ()
    local write, lines = collect()
    run(function ()
      local _, url = ours.serve(function (ws)
        wsmanager.trace(ws, write)
        ws:send "welcome"
        ws:send(ws:receive(LONG))
      end)
      local ws = open(url)
      assert.equal("welcome", (ws:receive(LONG)))
      ws:send "x"
      assert.equal("x", (ws:receive(LONG)))
      assert(ws:closed(LONG))
    end)
    expect(lines, "< text fin masked 1 bytes: x", "> text fin 7 bytes: welcome",
           "> text fin 1 bytes: x", "> close fin 2 bytes: 1000 (normal closure)")
  end)

  it("is a W3C WebSocket's, too", function ()
    local write, lines = collect()
    run(function ()
      local _, url = ours.serve()
      local ws = wsmanager.WebSocket(url)
      assert(wsmanager.trace(ws, write))
      local heard
      ws.onopen = function () ws:send "x" end
      ws.onmessage = function (event) heard = event.data end
      await(function () return heard end)
      ws:close()
    end)
    expect(lines, "> text fin masked 1 bytes: x", "< text fin 1 bytes: x")
  end)

  it("goes on through reconnects and a migration", function ()
    local write, lines = collect()
    run(function ()
      local _, url = ours.serve()
      local ws = open(url, {reconnect = {delay = 0.01}})
      assert(ws:opened(LONG))
      wsmanager.trace(ws, write)
      ws:reconnect()
      await(function () return ws:stats().opens == 2 and ws.state == "open" end)
      ws:send "again"
      ws:receive(LONG)
      assert(ws:migrate(url .. "/other"))
      ws:send "moved"
      assert.equal("moved", (ws:receive(LONG)))
      ws:close()
      assert(ws:closed(LONG))
    end)
    expect(lines, "> text fin masked 5 bytes: again", "> GET /other HTTP/1.1",
           "> text fin masked 5 bytes: moved", "< text fin 5 bytes: moved")
  end)

  it("appends to a file, or writes to one that is open", function ()
    local path = os.tmpname()
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      local trace = assert(wsmanager.trace(ws, path))
      ws:send "first"
      ws:receive(LONG)
      trace:stop()
      local file = assert(io.open(path, "a"))
      trace = assert(wsmanager.trace(ws, file))
      ws:send "second"
      ws:receive(LONG)
      trace:stop()
      file:close()
      ws:close()
    end)
    local text = files.read(path)
    os.remove(path)
    assert.truthy(text:find("> text fin masked 5 bytes: first\n", 1, true))
    assert.truthy(text:find("< text fin 6 bytes: second\n", 1, true))
  end)

  it("stops where it cannot write, and reports it", function ()
    local reports = ours.hush()
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      local calls = 0
      wsmanager.trace(ws, function ()
        calls = calls + 1
        error "disk full"
      end)
      local file = assert(io.open("/dev/full", "w"))
      wsmanager.trace(ws, file)
      ws:send "x"
      assert.equal("x", (ws:receive(LONG)))
      await(function () return #reports == 2 end)
      ws:send "y"
      assert.equal("y", (ws:receive(LONG)))
      assert.equal(1, calls)
      ws:close()
    end)
    assert.equal(2, #reports)
  end)

  it("writes all that was noted, however much, when it is stopped", function ()
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      assert(ws:opened(LONG))
      local text, count, told = ("x"):rep(100), 0, ws:stats().messages_out
      local trace = wsmanager.trace(ws, function () count = count + 1 end)
      for _ = 1, 3000 do ws:send(text) end
      assert.equal(told + 3000, ws:stats().messages_out)
      trace:stop()
      assert.is_true(count > 1000, count .. " lines")
      ws:close()
    end)
  end)

  it("may be stopped by its function, which is not called again", function ()
    local reports, count, trace = ours.hush(), 0, nil
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      assert(ws:opened(LONG))
      trace = wsmanager.trace(ws, function ()
        count = count + 1
        trace:stop()
      end)
      for _ = 1, 300 do ws:send "x" end
      for _ = 1, 300 do assert(ws:receive(LONG)) end
      ws:close()
    end)
    assert.equal(1, count)
    assert.same({}, reports)
  end)

  it("stopped or started by the function of another one leaves each its lines", function ()
    local one, two, three, late = {}, {}, {}, {}
    local function of (lines)
      return function (line) lines[#lines + 1] = line:gsub(STAMP, "") end
    end
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      assert(ws:opened(LONG))
      wsmanager.trace(ws, of(one))
      local second = wsmanager.trace(ws, of(two))
      local add = of(three)
      wsmanager.trace(ws, function (line)
        add(line)
        if #three == 1 then wsmanager.trace(ws, of(late)) end
        if #three == 2 then second:stop() end
      end)
      for i = 1, 5 do ws:send(tostring(i)) end
      for _ = 1, 5 do assert(ws:receive(LONG)) end
      await(function () return #one == 10 end)
      ws:close()
    end)
    for i = 1, 9 do assert.equal(one[i], three[i]) end
    assert.same({one[1], one[2]}, two)
    for i = 2, 9 do assert.equal(one[i], late[i - 1]) end
  end)

  it("has no credentials of heads, queries and messages", function ()
    local write, lines = collect()
    run(function ()
      local _, url = ours.serve()
      local ws = open(url:gsub("//", "//user:SECRET1@") .. "/?token=SECRET2&v=10", {
        headers = {Authorization = "Bearer SECRET3", Cookie = "a=SECRET4",
                   ["X-Api-Key"] = "SECRET5"},
        protocols = {"bearer", "SECRET6", optional = true},
      })
      wsmanager.trace(ws, write)
      ws:send '{"op":2,"d":{"token":"SECRET7"}}'
      ws:receive(LONG)
      ws:send "PASS SECRET8"
      ws:receive(LONG)
      ws:close()
    end)
    expect(lines, "> GET /?token=***&v=10 HTTP/1.1", ">   Authorization: ***",
           ">   Cookie: ***", ">   X-Api-Key: ***", ">   Sec-WebSocket-Protocol: bearer, ***",
           '> text fin masked 32 bytes: {"op":2,"d":{"token":"***"}}',
           "< text fin 12 bytes: PASS ***")
    assert.is_nil(table.concat(lines, "\n"):find("SECRET", 1, true))
  end)

  it("has none where a message comes in fragments, or its begin was not seen", function ()
    local write, lines = collect()
    local function frame (head, text)
      return head .. ("%02x"):format(#text) .. (text:gsub(".", function (c)
        return ("%02x"):format(c:byte())
      end))
    end
    local peer = peers.start("scripted", {script = {
      {"accept", ""},
      {"send", frame("01", '{"tok') .. frame("00", 'en":"SEC') .. frame("80", 'RET"}')
               .. frame("01", "ws://u:SEC") .. frame("80", "RET@h/")
               .. frame("01", ("x"):rep(60)) .. frame("80", "SECRET")
               .. frame("01", "a") .. frame("00", "b") .. frame("80", "c")
               .. frame("02", "pass") .. frame("80", "SECRET")},
      {"drain"},
    }})
    local ws = open("ws://127.0.0.1:" .. peer.port)
    wsmanager.trace(ws, write, {bytes = 50})
    for _ = 1, 5 do assert(ws:receive(LONG)) end
    ws:close()
    expect(lines, '< text 5 bytes: {"tok', "< continuation 8 bytes: ***",
           "< continuation fin 5 bytes: ***", "< text 10 bytes: ws://***",
           "< continuation fin 6 bytes: ***", "< text 60 bytes: " .. ("x"):rep(50) .. " ...",
           "< continuation 1 bytes: b", "< continuation fin 1 bytes: c",
           "< binary 4 bytes: ***")
    local text = table.concat(lines, "\n")
    assert.is_nil(text:find("SEC", 1, true) or text:find("RET", 1, true))
    assert.is_nil(text:find("534543", 1, true) or text:find("524554", 1, true))
  end)

  it("shows what its function lets be seen", function ()
    local write, lines = collect()
    local asked = {}
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      wsmanager.trace(ws, write, {mask = function (payload, kind, direction)
        asked[#asked + 1] = kind .. " " .. direction .. " " .. payload
        if kind == "binary" then return nil end
        return (payload:gsub("plain %w+", "plain ..."))
      end})
      ws:send "a plain SECRET, token=SECRET"
      ws:receive(LONG)
      ws:send("SECRET", "binary")
      ws:receive(LONG)
      ws:close()
      assert(ws:closed(LONG))
    end)
    expect(lines, "> text fin masked 28 bytes: a plain ..., token=***",
           "< text fin 28 bytes: a plain ..., token=***",
           "> binary fin masked 6 bytes: ***", "< binary fin 6 bytes: ***")
    assert.same({"text out a plain SECRET, token=SECRET", "text in a plain SECRET, token=SECRET",
                 "binary out SECRET", "binary in SECRET"}, asked)
  end)

  it("ends where its function fails, waits or returns what is no text", function ()
    local reports = ours.hush()
    run(function ()
      local _, url = ours.serve()
      local ws = open(url)
      assert(ws:opened(LONG))
      local write, lines = collect()
      for _, mask in ipairs {
        function () error "no" end, function () wsmanager.sleep(1) end, function () return 5 end,
      } do
        wsmanager.trace(ws, write, {mask = mask})
      end
      ws:send "SECRET"
      ws:receive(LONG)
      await(function () return #reports == 3 end)
      assert.same({}, lines)
      ws:close()
    end)
    local texts = {}
    for i, each in ipairs(reports) do texts[i] = each.text end
    local text = table.concat(texts, "\n")
    assert.truthy(text:find("trace_spec.lua:%d+: no"), text)
    assert.truthy(text:find("'trace' may not wait", 1, true), text)
    assert.truthy(text:find("'mask' returned a number (string or nil expected)", 1, true), text)
  end)

  it("raises for what is no connection, file or option", function ()
    local ws = open(ours.nowhere())
    fails("bad argument #1 to 'trace' %(connection expected, got nil", wsmanager.trace, nil,
          print)
    fails("bad argument #2 to 'trace' %(path, file or function expected, got nil",
          wsmanager.trace, ws)
    fails("bad argument #2 to 'trace' %(path, file or function expected, got userdata",
          wsmanager.trace, ws, wsmanager.null)
    fails("bad argument #3 to 'trace' %(table expected, got number", wsmanager.trace, ws,
          print, 5)
    fails("bad option 'mask' %(function expected, got string", wsmanager.trace, ws, print,
          {mask = "x"})
    fails("unknown option 'size' of 'trace' %(it has 'bytes' and 'mask'%)", wsmanager.trace,
          ws, print, {size = 1})
    for _, bad in ipairs {0, 65537, 1.5, "x"} do
      fails("bad option 'bytes' %(integer from 1 to 65536 expected", wsmanager.trace, ws,
            print, {bytes = bad})
    end
    ours.refused("refused", wsmanager.trace(ws, "/nowhere/at/all"))
    ws:close()
  end)
end)
