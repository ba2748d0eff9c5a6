-- `wsm URL` where somebody types: in a pseudo-terminal, with real peers.

local peers = require "support.peers"
local wsm = require "support.wsm"

describe("wsm in a terminal", function()
  local server, url

  setup(function()
    server = peers.start("node_server", {})
    url = "ws://127.0.0.1:" .. server.port
  end)

  teardown(function() peers.stop() end)

  local function talk(path, steps, words, before)
    table.insert(steps, 1, { "expect", "connected to" })
    local text, code, raw = wsm.type((words or "") .. " " .. url .. path, steps, before)
    assert.is_false(raw)
    return text, code
  end

  it("sends what is typed, tells received from sent, and leaves with Ctrl-D", function()
    local text, code = talk("/echo", {
      { "type", "hello\r" }, { "expect", "\27[36m> \27[0mhello\r\n" },
      { "expect", "\27[32m< \27[0mhello\r\n" }, { "type", "\4" },
    })
    assert.equal(0, code)
    assert.truthy(text:find("\27[?2004l", 1, true))
  end)

  it("edits the line: words, cursor, UTF-8, history", function()
    local _, code = talk("/echo", {
      { "type", "one two\27[D\27[D\27[D\23\1zero \5!\r" }, { "expect", "< \27[0mzero two!\r\n" },
      { "type", "é漢\127ß\r" }, { "expect", "< \27[0méß\r\n" },
      { "type", "\27[A\27[A again\r" }, { "expect", "< \27[0mzero two! again\r\n" },
      { "type", "gone\3" }, { "type", "here\r" }, { "expect", "< \27[0mhere\r\n" },
      { "type", "\3" },
    })
    assert.equal(0, code)
  end)

  it("sends a paste of several lines as one message", function()
    local _, code = talk("/echo", {
      { "type", "\27[200~a\nb\27[201~\r" }, { "expect", "< \27[0ma\r\n  b\r\n" }, { "type", "\4" },
    })
    assert.equal(0, code)
  end)

  it("indents JSON and dumps binary messages", function()
    talk("/echo", {
      { "type", '{"n":1.50,"list":["' .. ("x"):rep(70) .. '"]}\r' },
      { "expect", '{\r\n    \27[34m"n"\27[0m: \27[35m1.50\27[0m,\r\n' },
      { "expect", "< " }, { "type", "/hex 00 ff 41\r" },
      { "expect", "< \27[0m\27[2mbinary, 3 bytes\27[0m\r\n  00000000  00 ff 41" },
      { "expect", "|..A|" }, { "type", "\4" },
    })
  end)

  it("has no colours with NO_COLOR, and JSON as it came with --raw", function()
    local text = talk("/echo", {
      { "type", '{"a":1}\r' }, { "expect", '< {"a":1}' }, { "type", "\4" },
    }, "--raw", "NO_COLOR=1")
    assert.is_nil(text:find "\27%[3%dm")
  end)

  it("makes the escapes of a peer harmless", function()
    local text, code = talk("/echo", {
      { "type", "/hex 41\r" }, { "expect", "|A|" },
      { "type", "\27[200~a\194\155b\27[201~\r" }, { "expect", "a\\xC2\\x9Bb" },
      { "type", "/close 4001 bye\r" },
    })
    assert.equal(0, code)
    assert.is_nil(text:find("\194\155", 1, true))
    text, code = wsm.type(url .. "/close/4000/a%1B%5B31mb%07", {})
    assert.equal(7, code)
    assert.truthy(text:find('"a\\x1B[31mb\\x07"', 1, true), text)
  end)

  it("pings, and says which commands there are", function()
    talk("/echo", {
      { "type", "/ping\r" }, { "expect", "pong after " },
      { "type", "/pong\r" }, { "expect", "there is no /pong" },
      { "type", "//pong\r" }, { "expect", "< \27[0m/pong" },
      { "type", "/help\r" }, { "expect", "/reconnect" }, { "type", "/quit\r" },
    })
  end)

  it("connects again when the connection is lost, and shows it", function()
    local _, code = talk("/command", {
      { "type", "abort\r" }, { "expect", "connecting again in " }, { "type", "/reconnect\r" },
      { "expect", "connected to " }, { "type", "hello\r" }, { "expect", "< \27[0mhello" },
      { "type", "close 1000 bye\r" },
    })
    assert.equal(0, code)
  end)

  it("leaves when the peer says goodbye, with its code and reason", function()
    local text, code = talk("/command", { { "type", "close 1000 so long\r" } })
    assert.equal(0, code)
    assert.truthy(text:find('closed by the peer: 1000 (normal closure) "so long"', 1, true))
  end)

  it("keeps the lines in a file that only its owner can read", function()
    local path = os.tmpname()
    os.remove(path)
    talk("/echo", {
      { "type", "kept\r" }, { "expect", "< \27[0mkept" }, { "type", " a secret\r" },
      { "expect", "< \27[0m a secret" }, { "type", "\4" },
    }, "--history " .. path)
    local pipe = io.popen("ls -l " .. path .. "; cat " .. path)
    local text = pipe:read "*a"
    pipe:close()
    assert.matches("^%-rw%-%-%-%-%-%-%-.*\nkept\n$", text)
    talk("/echo", { { "type", "\27[A\r" }, { "expect", "< \27[0mkept" }, { "type", "\4" } }, "",
      "WSM_HISTORY=" .. path)
    os.remove(path)
  end)

  it("shows a line that is longer than the terminal around its cursor", function()
    talk("/echo", {
      { "size", 20 }, { "type", ("x"):rep(30) .. "end" },
      { "expect", "\27[0m" .. ("x"):rep(13) .. "end\r\27[18C" },
      { "type", "\1\11" .. "\4" },
    })
  end)

  it("writes frames above the line with --trace", function()
    talk("/echo", {
      { "type", "hello\r" }, { "expect", "> text fin masked 5 bytes: hello" }, { "type", "\4" },
    }, "--trace")
  end)

  it("leaves the terminal as it was when a signal ends it", function()
    local _, code = talk("/echo", { { "signal", "TERM" } })
    assert.equal(143, code)
    _, code = talk("/echo", { { "signal", "HUP" } })
    assert.equal(129, code)
  end)

  it("stops and goes on with Ctrl-Z, and the terminal is as it was meanwhile", function()
    local text, code = talk("/echo", {
      { "type", "\26" }, { "expect", "\27[?2004l" }, { "signal", "CONT" },
      { "expect", "\27[?2004h" }, { "type", "back\r" }, { "expect", "< \27[0mback" },
      { "type", "\4" },
    })
    assert.equal(0, code, text)
  end)
end)
