-- The chat in a browser: lua5.4 demo.lua [port=N] [seconds=N] [doctor=no] [history=memory]
-- Starts the chat's server as a process of its own, which the page kills and starts, and a
-- doctor, a bot; serves the page and prints its address. It ends with Ctrl-C, at the end
-- of its input, or after so many seconds, and leaves no file and no process.

local here = arg[0]:match "^.*/" or "./"
package.path = here .. "?.lua;" .. here .. "../?.lua;" .. package.path

local cjson = require "cjson"
local wsmanager = require "wsmanager"
local bot = require "bot"
local chat = require "wsmanager.chat"
local processes = require "processes"

local options = { port = "0", doctor = "yes" }
for _, word in ipairs(arg) do
  local name, value = word:match "^(%l+)=(.*)$"
  if name then options[name] = value end
end

for _, name in ipairs { "port", "seconds" } do
  local value = options[name]
  if value and not tonumber(value) then
    io.stderr:write(name, " is a number, not ", ("%q"):format(value), "\n")
    os.exit(1)
  end
end

local DAY = 24 * 60 * 60
processes.seconds = DAY

-- ## Who may come

local function secret ()
  local file = assert(io.open("/dev/urandom", "rb"))
  local bytes = file:read(16)
  file:close()
  return (bytes:gsub(".", function (byte) return ("%02x"):format(byte:byte()) end))
end

local people = {
  ["7"] = { name = "Dr. Weber", token = secret(), mode = chat.chatTypes.doctor },
  ["42"] = { name = "Ann", token = secret(), mode = chat.chatTypes.customer },
  ["43"] = { name = "Ben", token = secret(), mode = chat.chatTypes.customer },
}

-- ## The chat's server

local journal        -- what it has written
local server         -- its process, while it is to run
local chat_port

-- Waits until it listens: true, or false where the port is taken.
local function is_listening ()
  local deadline, rest = wsmanager.now() + 60, ""
  repeat
    rest = rest .. (journal:read "*a" or "")
    local event = rest:match '"event":"(%l+)"[^\n]*\n'
    if event then return event == "listening" end
    wsmanager.sleep(0.02)
  until wsmanager.now() > deadline
  return false
end

local function start (port)
  server = processes.start(here .. "server.lua", port, processes.file ".people",
    options.history ~= "memory" and processes.file() or nil)
  return is_listening()
end

local function kill ()
  processes.kill(server)
  server = nil
end

-- A port below those that the kernel gives to clients, so that it is free later, too.
local function find_port ()
  math.randomseed(os.time() + (tonumber(tostring({}):match "0x(%x+)", 16) or 0) % 65536)
  for _ = 1, 20 do
    local port = math.random(20000, 30000)
    if start(port) then return port end
  end
  error "no port to listen on"
end

-- ## The page

local own_origins = {}

local function policy ()
  return {
    ["Content-Security-Policy"] = "default-src 'none'; script-src 'self'; style-src 'self'; "
      .. "img-src 'self' data:; connect-src 'self' ws://127.0.0.1:" .. chat_port
      .. "; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ["X-Content-Type-Options"] = "nosniff", ["Referrer-Policy"] = "no-referrer",
    ["Cache-Control"] = "no-cache",
  }
end

local function file (name, kind)
  return function ()
    local handle = assert(io.open(here .. name, "rb"))
    local text = handle:read "*a"
    handle:close()
    local headers = policy()
    headers["Content-Type"] = kind
    return 200, text, headers
  end
end

local function json (value)
  local headers = policy()
  headers["Content-Type"] = "application/json"
  return 200, cjson.encode(value), headers
end

-- What everybody may know of them.
local function profiles ()
  local all = {}
  for uid, one in pairs(people) do all[uid] = { name = one.name, mode = one.mode } end
  return all
end

-- A page of this server, and nobody else's, kills and starts.
local function control (change)
  return function (request)
    if request.method ~= "POST" then return 405, "POST it\n", { Allow = "POST" } end
    if not own_origins[request.origin or ""] then return 403, "Not from there\n" end
    change()
    return json { running = server ~= nil }
  end
end

local function serve_page ()
  local page = wsmanager.try(wsmanager.serve {
    host = "127.0.0.1", port = tonumber(options.port),
    page = {
      ["/"] = file("index.html", "text/html; charset=utf-8"),
      ["/page.css"] = file("page.css", "text/css; charset=utf-8"),
      ["/page.js"] = file("page.js", "text/javascript; charset=utf-8"),
      ["/chat.js"] = file("chat.js", "text/javascript; charset=utf-8"),
      ["/chat.json"] = function ()
        return json { people = profiles(), chat = {
          server = "127.0.0.1:" .. chat_port, longest = 2000,
        } }
      end,
      ["/server"] = function () return json { running = server ~= nil } end,
      ["/server/kill"] = control(function () if server then kill() end end),
      ["/server/start"] = control(function () if not server then start(chat_port) end end),
    },
  })
  for _, host in ipairs { "127.0.0.1", "localhost" } do
    own_origins[("http://%s:%d"):format(host, page.port)] = true
  end
  return page
end

-- ## The end

-- Has this program interrupted when its input ends.
local function watch_input ()
  local pipe = assert(io.popen(
    "echo $$; while read -r _; do :; done; kill -INT $PPID 2>/dev/null", "r"))
  local pid = pipe:read "*l"
  return function ()
    os.execute("kill " .. pid .. " 2>/dev/null")
    pipe:close()
  end
end

local function main ()
  chat_port = find_port()
  local page = serve_page()
  local close_bot = options.doctor == "yes" and bot {
    server = "127.0.0.1:" .. chat_port, secure = false, uid = "7",
    token = people["7"].token, mode = people["7"].mode,
    reconnect = { delay = 0.3, max_delay = 2 },
  }
  local function address (uid)
    return ("http://127.0.0.1:%d/#%s.%s"):format(page.port, uid, people[uid].token)
  end
  print("The customer's page:  " .. address "42")
  print("another customer's:   " .. address "43")
  if not close_bot then print("the doctor's:         " .. address "7") end
  print("It ends with Ctrl-C" .. (options.seconds and ", or after " .. options.seconds .. " s."
    or "."))
  io.stdout:flush()
  wsmanager.sleep(tonumber(options.seconds or math.huge))
  if close_bot then close_bot() end
  page:stop(0)
end

local list = assert(io.open(processes.file ".people", "w"))
list:write(cjson.encode(people))
list:close()
journal = assert(io.open(processes.transcript()))
local stop_watching
local ok, why = pcall(function ()
  stop_watching = watch_input()
  wsmanager.run(main)
end)
if stop_watching then stop_watching() end
local on_stderr = processes.stop()
if not ok and not tostring(why):find "interrupted!" then
  io.stderr:write(on_stderr, tostring(why), "\n")
  os.exit(1)
end
