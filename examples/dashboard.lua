-- A server with a dashboard, and bots that talk to it: lua5.4 dashboard.lua [port] [bots]
-- Prints the address to open, and the password.
local wsmanager = require "wsmanager"
local port, bots = tonumber(arg[1] or 8080), tonumber(arg[2] or 20)
if not port or not bots then
  io.stderr:write "usage: lua5.4 dashboard.lua [port] [bots]\n"
  os.exit(1)
end
io.stdout:setvbuf "line"

-- RFC 4648 4, for what a browser sends as a password (RFC 7617).
local letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function base64 (text)
  return (text:gsub("..?.?", function (three)
    local a, b, c = three:byte(1, 3)
    local bits, four = a * 65536 + (b or 0) * 256 + (c or 0), {}
    for i = 0, 3 do
      local at = math.floor(bits / 64^(3 - i)) % 64 + 1
      four[i + 1] = i <= #three and letters:sub(at, at) or "="
    end
    return table.concat(four)
  end))
end

-- The password is that of the environment, or one for this run.
local password = os.getenv "DASHBOARD_PASSWORD"
if not password then
  local source = io.open("/dev/urandom", "rb")
  password = source and base64(source:read(12)):gsub("[+/]", "x") or error "set DASHBOARD_PASSWORD"
  if source then source:close() end
end
local allowed = "Basic " .. base64("operator:" .. password)

local function authorize (request)
  if request.headers.authorization == allowed then return "operator" end
  return nil, 401, "Who are you?\n", { ["WWW-Authenticate"] = 'Basic realm="status"' }
end

local server, token, why = wsmanager.serve {
  host = "127.0.0.1", port = port,
  handler = function (ws)
    for message in ws:messages() do ws:send("you said: " .. message) end
  end,
  page = {
    ["/status"] = wsmanager.dashboard {
      title = "Echo", authorize = authorize, close = true, clients = true,
      label = function (_, request) return request.path:match "^/(.+)$" end,
    },
    ["/metrics"] = wsmanager.metrics,
  },
}
if not server then
  io.stderr:write(token, ": ", why, "\n")
  os.exit(1)
end

local function run_bot (number)
  local ws = wsmanager.new {
    url = ("ws://127.0.0.1:%d/bot-%d"):format(server.port, number),
    headers = { ["User-Agent"] = "examples/dashboard.lua" },
    heartbeat = { interval = 5, timeout = 15 },
  }
  while true do
    wsmanager.sleep(math.random() * 2)
    ws:send(("x"):rep(math.random(1000)))
    ws:receive(1)
  end
end

for i = 1, bots do wsmanager.spawn(run_bot, i) end

print(("http://127.0.0.1:%d/status   user: operator   password: %s")
  :format(server.port, password))
wsmanager.run()
