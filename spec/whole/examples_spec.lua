-- The programs of examples/, run as a reader runs them.

if not require "support.json".is_there "the examples" then return end

local wsmanager = require "wsmanager"
local chat = require "wsmanager.chat"
local certificates = require "support.certificates"
local peers = require "support.peers"

local lua = os.getenv "LUA" or "lua"

local function quote (text)
  return "'" .. tostring(text):gsub("'", "'\\''") .. "'"
end

local function command (program, ...)
  local words = { quote(lua), quote(program) }
  for _, argument in ipairs { ... } do words[#words + 1] = quote(argument) end
  return table.concat(words, " ")
end

-- Runs a program to its end; its output, and its exit status as text.
local function run (program, ...)
  local pipe = io.popen("timeout 60 " .. command(program, ...)
    .. " 2>&1; echo \"status $?\"")
  local output = pipe:read "*a"
  pipe:close()
  return output:match "^(.-)status (%d+)\n$"
end

local function contents (name)
  local file = assert(io.open(name, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

-- What runs with that port in its arguments.
local function processes_at (port)
  local found, listed = {}, false
  local pipe = io.popen "ps -ww -eo args"
  for line in pipe:lines() do
    listed = listed or line:find("ps -ww -eo args", 1, true) ~= nil
    if line:find "^[^ ]*lua[^ ]* [^ ]*examples/chat/"
      and line:find("%f[%d]" .. port .. "%f[%D]") then
      found[#found + 1] = line
    end
  end
  pipe:close()
  assert(listed, "ps does not list itself: is procps missing?")
  return found
end

describe("the demo", function ()
  local output, status

  setup(function () output, status = run "examples/chat/demo.lua" end)

  it("ends well", function ()
    assert.equal("0", status, output)
    assert.matches("✓✓ read\n28 messages: every one arrived exactly once, "
      .. "in order, and was read%.\n%d+ attempts after the server was killed, "
      .. "%d+ heartbeats%.\n$", output)
  end)

  it("tells who said what, and that it was read", function ()
    assert.matches("%d%d:%d%d:%d%d  customer  Good morning, doctor%. +✓✓ read",
      output)
    assert.matches("doctor    Good morning%. What can I do for you%?", output)
  end)

  it("shows a picture by its bytes and one by its URL", function ()
    assert.truthy(output:find(("[picture wrist.png, %d bytes, 48 x 48]")
      :format(#chat.chatImg), 1, true))
    assert.matches("%[picture at http://127%.0%.0%.1:%d+/images/doctor%.png%]",
      output)
  end)

  it("says when a side reconnects", function ()
    local killed = output:find("the server is killed", 1, true)
    local back = output:find("the server is started again", 1, true)
    assert.is_true(killed < back)
    for _, who in ipairs { "doctor", "customer" } do
      local lost = output:find(who .. " lost the connection", 1, true)
      local found = output:find(who .. " is back", 1, true)
      assert.is_true(killed < lost and lost < found)
    end
  end)

  it("leaves no process behind", function ()
    assert.same({}, processes_at(output:match "127%.0%.0%.1:(%d+)"))
  end)

  it("leaves no process behind when it is killed", function ()
    local pipe = io.popen("echo $$; exec " .. command "examples/chat/demo.lua")
    local pid = pipe:read "*l"
    local port = pipe:read "*l":match "127%.0%.0%.1:(%d+)"
    assert.matches("Good morning", pipe:read "*l")
    -- the chat's sides, and the server but while it is killed and started again
    assert.is_true(#processes_at(port) >= 2)
    os.execute("kill -9 " .. pid)
    pipe:close()
    local deadline = wsmanager.now() + 60
    while #processes_at(port) > 0 do
      assert.is_true(wsmanager.now() < deadline)
    end
  end)
end)

describe("the demo's judge", function ()
  local story

  setup(function ()
    local path = package.path
    package.path = "examples/chat/?.lua;" .. path
    story = require "story"
    package.path = path
  end)

  local function line (who, event, id, content)
    return ('{"who":"%s","event":"%s","id":"%s","content":"%s","time":0,'
      .. '"type":1}\n'):format(who, event, id, content or "hi")
  end

  -- A transcript in which each side says one thing; `change` alters its lines.
  local function judge (change)
    local lines = {}
    for who, other in pairs { doctor = "customer", customer = "doctor" } do
      table.insert(lines, line(who, "said", who))
      table.insert(lines, line(other, "heard", who))
      table.insert(lines, line(who, "received", who))
      table.insert(lines, line(who, "read", who))
      table.insert(lines, line(who, "open", ""))
      table.insert(lines, line(who, "open", ""))
      table.insert(lines, line(who, "left", ""))
    end
    change(lines)
    local name = os.tmpname()
    local file = assert(io.open(name, "w"))
    file:write(table.concat(lines))
    file:close()
    local told = {}
    local tale = story.new(name, function (text) table.insert(told, text) end)
    tale:read()
    os.remove(name)
    return table.concat(tale:faults(), "\n"), tale:is_complete() == true
  end

  local function drop (pattern)
    return function (lines)
      for i = #lines, 1, -1 do
        if lines[i]:find(pattern) then table.remove(lines, i) end
      end
    end
  end

  it("finds nothing wrong when all is well", function ()
    assert.same({ "", true }, { judge(function () end) })
  end)

  it("names the message that is missing", function ()
    local faults, complete = judge(drop '"doctor","event":"heard"')
    assert.equal("message 1 of the customer: said 'hi' (customer), "
      .. "heard nothing", faults)
    assert.is_false(complete)
  end)

  it("names the message that came twice", function ()
    assert.equal("message 2 of the customer: said nothing, "
      .. "heard 'hi' (customer)", (judge(function (lines)
        table.insert(lines, line("doctor", "heard", "customer"))
      end)))
  end)

  it("names the message whose text changed", function ()
    local faults = judge(function (lines)
      drop '"doctor","event":"heard"' (lines)
      table.insert(lines, line("doctor", "heard", "customer", "hello"))
    end)
    assert.matches("said 'hi' %(customer%), heard 'hello' %(customer%)", faults)
  end)

  it("names the message that was not read", function ()
    local faults, complete = judge(drop '"customer","event":"read"')
    assert.matches("message 1 of the customer: 'hi' %(customer%) is ✓ received",
      faults)
    assert.is_false(complete)
  end)

  it("misses a side that never came back", function ()
    local faults = judge(drop '"doctor","event":"open"')
    assert.equal("the doctor never came back", faults)
  end)

  it("misses a side that did not end", function ()
    local faults, complete = judge(drop '"customer","event":"left"')
    assert.equal("the customer did not end well", faults)
    assert.is_false(complete)
  end)
end)

describe("the chat's server", function ()
  local processes
  local port

  setup(function ()
    local path = package.path
    package.path = "examples/chat/?.lua;" .. path
    processes = require "processes"
    package.path = path
    processes.start("examples/chat/server.lua", 0)
    local transcript = assert(io.open(processes.transcript()))
    local deadline = wsmanager.now() + 60
    repeat
      assert(wsmanager.now() < deadline, "the server does not start")
      local text = transcript:read "*l"
      port = text and text:match '"port":(%d+)'
    until port
    transcript:close()
  end)

  teardown(function () processes.stop() end)

  -- The status of a plain request, from a client that is not ours.
  local function status (path, headers)
    local pipe = io.popen(table.concat({
      "/usr/bin/python3 -c",
      quote [[
import http.client, sys
c = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=10)
c.request("GET", sys.argv[2], headers=dict(h.split(": ") for h in sys.argv[3:]))
a = c.getresponse()
print(a.status, a.getheader("content-type"), a.read().hex())]],
      port, quote(path), headers or "",
    }, " "))
    local line = pipe:read "*l"
    pipe:close()
    local code, kind, hex = line:match "^(%d+) (.-) (%x*)$"
    return tonumber(code), kind, (hex:gsub("%x%x", function (byte)
      return string.char(tonumber(byte, 16))
    end))
  end

  local upgrade = table.concat({
    "'Connection: Upgrade'", "'Upgrade: websocket'",
    "'Sec-WebSocket-Version: 13'",
    "'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='",
  }, " ")

  it("lets in nobody without a token", function ()
    assert.equal(401, (status("/ws/42?mode=2", upgrade)))
  end)

  it("lets in nobody with another's token, or in another mode", function ()
    for _, query in ipairs {
      "mode=2&token=a%20doctor%27s%20secret", "mode=2&token=x",
      "mode=1&token=a%20customer%27s%20secret", "token=x",
    } do
      assert.equal(403, (status("/ws/42?" .. query, upgrade)))
    end
  end)

  it("knows no other place", function ()
    assert.equal(404, (status("/other?token=x", upgrade)))
    assert.equal(404, (status "/other"))
  end)

  it("shows the doctor's picture", function ()
    assert.same({ 200, "image/png", chat.doctorImg },
      { status "/images/doctor.png" })
  end)
end)

describe("against a real server", function ()
  local files

  setup(function () files = certificates.make() end)
  teardown(function () files:remove() end)
  after_each(peers.stop)

  local function serve (name, is_secure)
    local server = peers.start(name, is_secure and {
      tls = { cert = files:path "good.pem", key = files:path "leaf.key" },
    } or {})
    local scheme = is_secure and "wss" or "ws"
    return ("%s://localhost:%d"):format(scheme, server.port),
      is_secure and files:path "ca.pem" or nil
  end

  local function check_plain (name, is_secure)
    local url, ca = serve(name, is_secure)
    local output, status = run("examples/plain.lua", url .. "/echo", ca)
    assert.equal("hello\ttext\n", output)
    assert.equal("0", status)
  end

  -- The bot answers, the server sends the answer back, the bot hears that.
  local function check_bot (name, is_secure)
    local url, ca = serve(name, is_secure)
    local bot = io.popen("echo $$; exec "
      .. command("examples/bot.lua", url .. "/count/1", ca))
    local pid = bot:read "*l"
    local first, second = bot:read "*l", bot:read "*l"
    os.execute("kill -9 " .. pid)
    bot:close()
    assert.same({ "1", "you said: 1" }, { first, second })
  end

  for _, program in ipairs { "bot.lua", "plain.lua" } do
    it(program .. " says why it does not trust a server", function ()
      local output, status = run("examples/" .. program,
        (serve("python_server", true)) .. "/echo")
      assert.matches("certificate", output)
      assert.equal("1", status)
    end)

    it(program .. " says how it is called", function ()
      local output, status = run("examples/" .. program)
      assert.equal("usage: lua5.4 " .. program .. " ws://host:port/path [CA file]\n", output)
      assert.equal("1", status)
    end)

    it(program .. " says which file it cannot read", function ()
      local output, status = run("examples/" .. program,
        "wss://localhost/", "no/such/file.pem")
      assert.matches("cannot read .*no/such/file%.pem", output)
      assert.not_matches("traceback", output)
      assert.equal("1", status)
    end)
  end

  for _, name in ipairs { "python_server", "node_server" } do
    for scheme, is_secure in pairs { ws = false, wss = true } do
      it("plain.lua talks to " .. name .. " by " .. scheme, function ()
        check_plain(name, is_secure)
      end)

      it("bot.lua talks to " .. name .. " by " .. scheme, function ()
        check_bot(name, is_secure)
      end)
    end
  end
end)

describe("the page about the seed", function ()
  it("names each field and function of the seed", function ()
    local text = contents "docs/explanation/seed.md"
    for _, name in ipairs {
      "lockReconnect", "heartMsg", "timeHeart", "overTime", "settimeHeart",
      "reconectTimeTO", "reconectTime", "setoverTime", "reconnectNum",
      "socketServer", "protocols", "userId", "chatType", "token", "getUrl",
      "init", "wsSend", "wsClose", "wsReconnect", "wsReset", "wsHeartbeat",
      "wsHeartOverTime", "doctorImg", "chatImg", "chatTypes", "chatAction",
      "messageType", "wsState", "Message", "Messages",
    } do
      assert.truthy(text:find("`[^`\n]*%f[%w]" .. name .. "%f[%W]"), name)
    end
  end)
end)
