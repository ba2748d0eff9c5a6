-- `wsm URL` in a pipe, with real peers.

local certificates = require "support.certificates"
local peers = require "support.peers"
local wsm = require "support.wsm"

describe("wsm in a pipe", function()
  local server, url

  setup(function()
    server = peers.start("python_server", { protocols = { "chat" }, compress = true })
    url = "ws://127.0.0.1:" .. server.port
  end)

  teardown(function() peers.stop() end)

  -- Its output and the number it leaves with; stderr has to be empty.
  local function talk(words, input)
    local output, errors, code = wsm.run(words, input)
    assert.equal("", errors)
    return output, code
  end

  describe("sends each line as a message, and writes each message as a line", function()
    it("of a file, a last one without a line feed too", function()
      local output, code = talk("-c 4 " .. url .. "/echo", "one\n\ntwo é\nlast")
      assert.equal("one\n\ntwo é\nlast\n", output)
      assert.equal(0, code)
    end)

    it("of a program that writes them one by one", function()
      local pipe = io.popen("(echo one; sleep 0.2; echo two) | " .. wsm.command .. "-c 2 "
        .. url .. "/echo")
      assert.equal("one\ntwo\n", pipe:read "*a")
      pipe:close()
    end)

    it("in order, many of them", function()
      local lines = {}
      for i = 1, 5000 do lines[i] = "line " .. i .. "\n" end
      local text = table.concat(lines)
      local output, code = talk("-c 5000 " .. url .. "/echo", text)
      assert.is_true(output == text)
      assert.equal(0, code)
    end)

    it("to a reader that is slower than they come", function()
      local pipe = io.popen(wsm.command .. "-n -c 30000 " .. url
        .. "/count/30000 | (sleep 1; wc -l)")
      assert.equal(30000, tonumber(pipe:read "*a"))
      pipe:close()
    end)
  end)

  describe("leaves", function()
    it("after so many messages, though there are more", function()
      assert.equal("1\n2\n3\n", (talk("-n --count 3 " .. url .. "/count/9")))
    end)

    it("when nothing came for so long after the end of its input", function()
      local output, code = talk("--wait 0.2 " .. url .. "/silent", "hello\n")
      assert.equal("", output)
      assert.equal(0, code)
    end)

    it("with 6 when so many did not come in time", function()
      local _, errors, code = wsm.run("-c 2 -w 0.2 " .. url .. "/echo", "hello\n")
      assert.equal(6, code)
      assert.matches("^wsm: timeout: [01] of 2 messages came\n$", errors)
    end)

    it("with 7 when the peer ended before so many", function()
      local output, errors, code = wsm.run("-n -c 2 " .. url .. "/close/1000/bye")
      assert.equal("", output)
      assert.equal(7, code)
      assert.equal("wsm: closed: 0 of 2 messages came\n", errors)
    end)

    it("when the peer closes, though its input goes on", function()
      local path = os.tmpname()
      os.remove(path)
      assert(os.execute("mkfifo " .. path))
      local pipe = io.popen(wsm.command .. url .. "/command < " .. path .. "; echo $?")
      local input = assert(io.open(path, "w"))
      input:write "close 1000 bye\n"
      input:flush()
      assert.equal("0\n", pipe:read "*a")
      pipe:close()
      input:close()
      os.remove(path)
    end)

    it("after a closing handshake when a signal ends it", function()
      local closes = peers.start("python_server", {})
      local pipe = io.popen(wsm.bare .. "-n ws://127.0.0.1:"
        .. closes.port .. "/echo & pid=$!; read line; kill -INT $pid; wait $pid", "w")
      closes:await "open"
      pipe:write "now\n"
      pipe:close()
      assert.equal(1000, closes:await("closed").code)
    end)

    it("when nobody reads its output any more", function()
      local pipe = io.popen(wsm.command .. "-n --wait forever " .. url
        .. "/count/20000 2>/dev/null | head -n 1")
      assert.equal("1\n", pipe:read "*a")
      pipe:close()
    end)
  end)

  describe("tells how it ended", function()
    local function ends(code, sentence, words, input)
      local _, errors, got = wsm.run(words, input)
      assert.matches(sentence, errors)
      assert.equal(code, got)
    end

    it("with 17 when its output has no room, and says so once", function()
      local pipe = io.popen(wsm.command .. "-n --wait forever " .. url
        .. "/count/20000 2>&1 >/dev/full; echo $?")
      assert.matches("^wsm: the output: [^\n]+\n17\n$", pipe:read "*a")
      pipe:close()
    end)

    it("by a second signal, though the peer does not answer its close frame", function()
      local silent = peers.start("scripted", {
        script = { { "accept", "" }, { "frame" }, { "frame" }, { "stall" } },
      })
      local path = os.tmpname()
      local pipe = io.popen(wsm.bare .. "-m hello -w forever ws://127.0.0.1:" .. silent.port
        .. " 2>&1 & pid=$!; read line; kill -INT $pid; read line; kill -INT $pid; wait $pid"
        .. "; echo $? > " .. path, "w")
      silent:await "frame"                                -- "hello"
      pipe:write "now\n"
      pipe:flush()
      silent:await "frame"
      pipe:write "again\n"
      pipe:close()
      assert.equal("130\n", wsm.read(path))
    end)

    it("by the peer's close code and reason", function()
      ends(7, '^wsm: closed by the peer: 4004 %(the service\'s own%) "go away"\n$',
        url .. "/close/4004/go%20away -n")
    end)

    it("with escapes in a reason that are harmless", function()
      ends(7, '"a\\x1B%[31mb"\n$', url .. "/close/4000/a%1B%5B31mb -n")
    end)

    it("with 0 for a clean end", function()
      ends(0, "^$", url .. "/close/1000/bye -n")
      ends(0, "^$", url .. "/close/1001/ -n")
    end)

    it("with 7 when the connection is lost", function()
      ends(7, "^wsm: closed: ", url .. "/command -w forever", "abort\n")
    end)

    it("with the status and the headers of a server that refuses", function()
      ends(5, "^wsm: handshake: .-503.*\nwsm:   HTTP 503 .*\nwsm:   retry%-after: 7\n",
        url .. "/status/503 -n")
    end)

    it("and how many messages were never sent", function()
      local stalls = peers.start("scripted", { script = { { "accept", "" }, { "frame" },
        { "close" } } })
      local lines = ("x"):rep(1000000) .. "\n"
      ends(7, "\nwsm: closed: messages that were never sent: %d+\n$",
        "ws://127.0.0.1:" .. stalls.port .. "/", lines:rep(40))
    end)

    it("also where its input or its output is closed", function()
      local pipe = io.popen(wsm.command .. "-w 0.1 " .. url .. "/echo <&- 2>&1; echo $?; "
        .. wsm.command .. "-m hi -c 1 " .. url .. "/echo 2>&1 >&-; echo $?")
      assert.equal("0\n0\n", pipe:read "*a")
      pipe:close()
    end)

    it("with a number for each kind of failure", function()
      ends(1, "there is no %-%-hedaer %(did you mean %-%-header%?%)", "--hedaer 'A: b' " .. url)
      ends(1, "a URL is missing", "-v")
      ends(1, "^wsm: bad URL", "ftp://127.0.0.1/")
      ends(2, "^wsm: resolve: ", "ws://nobody.invalid/")
      ends(3, "^wsm: refused: ", "ws://127.0.0.1:1/")
      ends(4, "^wsm: tls: .-right port, or ws instead of wss",
           "wss://127.0.0.1:" .. server.port .. "/")
      ends(9, "^wsm: proxy: ", "-x http://127.0.0.1:" .. server.port .. " ws://example.com/ -n")
      ends(12, "^wsm: codec: .-no UTF%-8", url .. "/echo", "\255\n")
    end)

    it("naming the command that was meant by what is no host", function()
      ends(2, '^wsm: resolve: no such host "serv" .*; did you mean `wsm serve`%?\n', "serv")
      ends(2, '^wsm: resolve: no such host "serv"[^;]*\n$', "ws://serv")
      ends(2, "^wsm: resolve: [^;]*\n$", "nobody.invalid")
    end)

    it("with 6 when nobody answers", function()
      local stalls = peers.start("scripted", { script = { { "stall" } } })
      ends(6, "^wsm: timeout: ", "--timeout 0.3 ws://127.0.0.1:" .. stalls.port .. "/")
    end)

    it("with 8 for a peer that breaks the protocol", function()
      local breaks = peers.start("scripted", { script = { { "accept", "" },
        { "send", "830161" }, { "drain" } } })
      ends(8, "^wsm: protocol: ", "-n ws://127.0.0.1:" .. breaks.port .. "/")
    end)
  end)

  describe("sends and writes", function()
    it("binary messages, as hexadecimal digits or as they are", function()
      assert.equal("00ff\n", (talk("--hex -c 1 " .. url .. "/echo", "00 FF\n")))
      assert.equal("\0\255", (talk("--whole --binary --raw -c 1 " .. url .. "/echo", "\0\255")))
    end)

    it("refuses what are no hexadecimal digits", function()
      local _, errors, code = wsm.run("--hex " .. url .. "/echo", "0g\n")
      assert.equal(12, code)
      assert.matches("no hexadecimal digits", errors)
    end)

    it("messages with line feeds, ended by zero bytes", function()
      assert.equal("a\nb\0c\0", (talk("-0 -c 2 " .. url .. "/echo", "a\nb\0c")))
    end)

    it("the messages of its words, and then none of its input", function()
      assert.equal("one\ntwo\n", (talk("-m one -m two -c 2 " .. url .. "/echo", "three\n")))
      assert.equal("one\ntwo\n", (talk("-m one -i -c 2 " .. url .. "/echo", "two\n")))
    end)

    it("a login before them, on each connection", function()
      local lines = wsm.file "two\n"
      assert.equal("one\ntwo\nthree\n",
        (talk("-l one --login-file " .. lines .. " -c 3 " .. url .. "/echo", "three\n")))
      os.remove(lines)
    end)

    it("no escape that is not the peer's own: a pipe gets the bytes", function()
      assert.equal("\27[31m{\"a\":1}\n", (talk("-c 1 " .. url .. "/echo", "\27[31m{\"a\":1}\n")))
    end)
  end)

  it("says its version, and helps", function()
    assert.matches("^wsmanager .* on Lua 5", (talk "--version"))
    assert.matches("^wsm: talk with", (talk "help"))
    local output, _, code = wsm.run ""
    assert.matches("^wsm: talk with", output)
    assert.equal(1, code)
  end)

  it("adds headers, subprotocols, an origin and a user", function()
    local lines = wsm.file "X-Secret: hush\n"
    local output = talk("-c 1 -n -H 'X-One: 1' --header-file " .. lines
      .. " -s chat -s other -o https://example.com -u me:secret -z " .. url .. "/request")
    os.remove(lines)
    local text = output:lower()
    for _, part in ipairs { '"x-one": "1"', '"x-secret": "hush"', '"protocol": "chat"',
      '"origin": "https://example.com"', '"authorization": "basic bwu6c2vjcmv0"',
      "permessage-deflate" } do
      assert.truthy(text:find(part, 1, true), text)
    end
  end)

  it("connects again with -r when the connection is lost", function()
    local cuts = peers.start("scripted", { scripts = {
      { { "accept", "" }, { "send", "81036f6e65" }, { "close" } },
      { { "accept", "" }, { "send", "810374776f" }, { "drain" } },
    } })
    local output, errors, code = wsm.run("-r -n -c 2 ws://127.0.0.1:" .. cuts.port .. "/")
    assert.equal("one\ntwo\n", output)
    assert.matches("; connecting again in %d", errors)
    assert.equal(0, code)
  end)

  it("writes each frame with --trace, and what it does with -v", function()
    local _, errors = wsm.run("--trace -v -c 1 " .. url .. "/echo", "hello\n")
    assert.matches("> text fin masked 5 bytes: hello", errors)
    assert.matches("< text fin 5 bytes: hello", errors)
    assert.matches("info +#%d+ open: 127%.0%.0%.1", errors)
  end)

  it("trusts the authorities that it is told, or any certificate", function()
    local certs = certificates.make()
    local secure = peers.start("python_server",
      { tls = { cert = certs:path "good.pem", key = certs:path "leaf.key" } })
    local to = "-c 1 -m hi wss://localhost:" .. secure.port .. "/echo"
    assert.equal("hi\n", (talk("--ca " .. certs:path "ca.pem" .. " " .. to)))
    local output, errors, code = wsm.run("-k " .. to)
    assert.equal(0, code)
    assert.equal("hi\n", output)
    assert.matches("anybody can pose as the server", errors)
    output, errors, code = wsm.run(to)
    assert.equal("", output)
    assert.equal(4, code)
    assert.matches("^wsm: tls: ", errors)
    assert.matches("; pass that CA as --ca FILE (-k trusts any)\n", errors, 1, true)
  end)
end)
