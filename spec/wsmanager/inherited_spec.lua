-- Listening sockets that are passed on: by Debian's systemd-socket-activate, which needs no
-- systemd that runs, and by a program in Python.

local programs = require "support.programs"

local SERVER = [[
local w = require "wsmanager"
io.stdout:setvbuf "no"
w.run(function ()
  local servers, done = {}, w.queue()
  for _, given in ipairs(w.listen_fds()) do
    print("given", given.fd, given.name)
    servers[#servers + 1] = assert(w.serve {fd = given.fd, handler = function (ws, request)
      print("peer", request.address == "127.0.0.1" or request.address, ws:receive(30))
      ws:send "welcome"
      done:put(true)
    end})
    print("port", servers[#servers].port)
  end
  for _ = 1, #servers do assert(done:take(30)) end
  for _, server in ipairs(servers) do server:stop(30) end
  local again, token, why = w.serve {fd = 3, handler = print}
  print(again, token, why)
end)
]]

local CLIENT = [[
local w = require "wsmanager"
w.run(function ()
  local ws = assert(w.new {url = arg[1], reconnect = {delay = 0.01, limit = false}})
  ws:send "hello"
  assert(ws:receive(30) == "welcome")
end)
]]

local UNIX_CLIENT = [[
import asyncio, sys, websockets
async def main():
  async with websockets.unix_connect(sys.argv[1]) as ws:
    await ws.send("hello")
    assert await ws.recv() == "welcome"
asyncio.run(asyncio.wait_for(main(), 30))
]]

local function talk_by_unix(path)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(UNIX_CLIENT)
  file:close()
  local pipe = io.popen("timeout 60 /usr/bin/python3 " .. name .. " " .. path
    .. " 2>&1; echo status $?")
  local text = pipe:read "*a"
  pipe:close()
  os.remove(name)
  assert.equal("status 0\n", text)
end

-- Runs the server's program with its sockets from `command`, and clients.
local function exchange(command, port, path)
  local name = os.tmpname()
  local file = assert(io.open(name, "w"))
  file:write(SERVER)
  file:close()
  local pipe = io.popen("timeout 60 " .. command .. " '" .. programs.lua .. "' " .. name
    .. " 2>&1")
  local text = programs.start(CLIENT, nil, "ws://127.0.0.1:" .. port)()
  if path then talk_by_unix(path) end
  text = text .. pipe:read "*a"
  pipe:close()
  os.remove(name)
  return text
end

-- Passes on what the Python statement makes as `s`, as descriptor 3.
local function passed(statement, prefix)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write("import os, socket, sys\n" .. statement .. [[

if s is None:
  os.closerange(3, 20)
else:
  os.dup2(s.fileno(), 3)
  os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execvp(sys.argv[1], sys.argv[1:])
]])
  file:close()
  local text = programs.run([[
    local w = require "wsmanager"
    ]] .. (prefix or "") .. [[
    local server, token, why = w.serve {fd = 3, handler = print}
    print(server and server.port or token, why)
    if server then server:stop() end
  ]], "timeout 60 /usr/bin/python3 " .. path .. " ")
  os.remove(path)
  return text
end

local function free_port()
  local server = assert(require "wsmanager".serve { host = "127.0.0.1", port = 0,
    handler = print })
  local port = server.port
  server:stop(0)
  return port
end

describe("a socket that is passed on by systemd-socket-activate", function()
  setup(function()
    assert(os.execute "command -v systemd-socket-activate >/dev/null",
           "systemd-socket-activate is missing: apt-get install systemd")
  end)

  it("is TCP", function()
    local port = free_port()
    local text = exchange("systemd-socket-activate --fdname=chat -l 127.0.0.1:" .. port
      .. " -E LUA_PATH -E LUA_CPATH -E ASAN_OPTIONS -E LSAN_OPTIONS -E LD_PRELOAD",
      port)
    assert.matches("given\t3\tchat\nport\t" .. port .. "\npeer\ttrue\thello\ttext\n", text)
    assert.matches("nil\trefused\tcannot listen on descriptor 3: it is not open", text, 1, true)
  end)

  it("is one of several, and a Unix socket", function()
    local port, path = free_port(), os.tmpname()
    os.remove(path)
    local text = exchange("systemd-socket-activate --fdname=one:two -l 127.0.0.1:" .. port
      .. " -l " .. path .. " -E LUA_PATH -E LUA_CPATH -E ASAN_OPTIONS -E LSAN_OPTIONS"
      .. " -E LD_PRELOAD", port, path)
    assert.matches("given\t3\tone\nport\t" .. port .. "\ngiven\t4\ttwo\nport\t0\n", text)
    assert.matches("peer\tunix\thello", text, 1, true)
    assert(os.remove(path), "the file is not the server's to remove")
  end)
end)

describe("a descriptor that is no listening socket", function()
  local function refuses(why, statement, prefix)
    local text = passed(statement, prefix)
    assert.matches("refused\tcannot listen on descriptor 3: " .. why, text, 1, true)
  end

  it("is refused, with what it is", function()
    refuses("it is not open; was the program started by what passes it on", "s = None")
    refuses("it is no socket", "s = open('/dev/null')")
    refuses("it is no stream socket", "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)")
    refuses("it does not listen", "s = socket.socket()")
    refuses("it does not listen (a connection of its own", "s, t = socket.socketpair()")
  end)

  it("is refused while another server has it", function()
    local listens = "s = socket.create_server(('127.0.0.1', 0))"
    assert.matches("^%d+\tnil\nstatus 0\n$", passed(listens))
    refuses("it is in use already, by this module", listens,
            "first = assert(w.serve {fd = 3, handler = print})")
  end)

  it("stays open where serve fails", function()
    local text = passed("s = open('/dev/null')", "w.serve {fd = 3, handler = print}")
    assert.matches("it is no socket", text, 1, true)
  end)
end)

describe("wsmanager.listen_fds", function()
  it("finds what is for this process alone", function()
    local function count(environment)
      return programs.run('print(#require "wsmanager".listen_fds())', environment .. " ")
    end
    assert.equal("0\nstatus 0\n", count "env -u LISTEN_FDS -u LISTEN_PID")
    assert.equal("0\nstatus 0\n", count "env LISTEN_FDS=1 LISTEN_PID=1")
    assert.equal("0\nstatus 0\n", count "env LISTEN_FDS=many LISTEN_PID=1")
  end)
end)

describe("serve's option fd", function()
  it("is a number, and excludes an address", function()
    local wsmanager = require "wsmanager"
    for why, options in pairs {
      ["bad option 'fd' (integer from 1 to 1048575 expected, got 0)"] = { fd = 0 },
      ["bad option 'fd' (integer from 1 to 1048575 expected, got string)"] = { fd = "3" },
      ["bad option 'fd' (with 'port': the descriptor listens already, and says where)"] =
        { fd = 3, port = 80 },
      ["bad option 'fd' (with 'path': the descriptor listens already, and says where)"] =
        { fd = 3, path = "/tmp/socket" },
    } do
      options.handler = print
      local ok, said = pcall(wsmanager.serve, options)
      assert.is_false(ok)
      assert.matches(why, said, 1, true)
    end
  end)
end)
