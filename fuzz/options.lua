-- options.lua SEED SECONDS: random tables of options for everything that takes
-- some. A bad option may raise, as a string that begins with the line of the
-- call; it is then left out, until the call is accepted. What is made connects to
-- a server, or is connected to. Nothing may crash or hang. What there is to choose
-- from are the annotations of the module's own files. Prints the seed of a table
-- that failed; with it and 0 seconds it runs again.

local seed, seconds = tonumber(arg[1]), tonumber(arg[2])
local wsmanager = require "wsmanager"

local LONGEST = 2             -- seconds of the processor for one call
local INSTRUCTIONS = 50000000 -- of Lua, likewise

-- ## Chance: the same numbers in every Lua

local state

local function below (n)
  state = (state * 16807) % 2147483647
  return state % n
end

-- Seeds that are near each other begin alike.
local function step_chance ()
  for _ = 1, 5 do below(2) end
end

local function choose (list) return list[below(#list) + 1] end

-- ## The annotations: class -> list of {name, type}

local classes = {}

local function read_fields (text)
  local class
  for line in text:gmatch("[^\n]+") do
    local name = line:match("^%-%-%-@class ([%w.]+)")
    if name then
      class = {}
      classes[name] = class
    end
    local field, kind = line:match("^%-%-%-@field ([%w_]+)%??%s+(.+)$")
    if field and class then class[#class + 1] = {field, kind} end
  end
end

for _, name in ipairs {
  "client", "server", "chat", "chat/serve", "base/codec", "fetch",
} do
  local file = assert(io.open("lua/wsmanager/" .. name .. ".lua"))
  read_fields(file:read("*a"))
  file:close()
end

-- A chat's server has those of any, too.
for _, field in ipairs(classes["wsmanager.ServerOptions"]) do
  table.insert(classes["chat.ServerOptions"], field)
end

-- The fields of "{open: number|false, close: number}".
local function inline_class (text)
  local class = {}
  for name, kind in text:gmatch("([%w_]+): ([^,}]+)") do
    class[#class + 1] = {name, kind}
  end
  return class
end

-- ## Values

local numbers = {
  0, 1, 2, 0.001, 0.5, -1, 9, 12, 15, 16, 1024, 65535, 65536, 2^31, 2^32, 2^53,
  2^63, 2^64, 1e300, -2^63, 1 / 0, -1 / 0, 0 / 0, 4999, 1e-300,
}
local strings = {
  "", "a", "text", "binary", "json", "env", "1.2", "1.3", "chat", "chat, a",
  "a\0b", "a\r\nb: c", "\255\254", ("x"):rep(5000), "/nowhere/a", "127.0.0.1",
  "::1", "X-A: b", "sha256//" .. ("A"):rep(43) .. "=", "sha256//",
  "ws://127.0.0.1:1/", "ws://u:p@127.0.0.1:1/a?b#c", "wss://127.0.0.1:1",
  "ws+unix:///nowhere/s:/a", "ws://[::1]:1", "ws://", "http://127.0.0.1:1",
  "http://u:p@127.0.0.1:1", "socks5://127.0.0.1:1", "socks5h://[::1]:1",
  "https://127.0.0.1:1", "127.0.0.1:1", "ws://127.0.0.1:99999/",
  "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
  "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
}

local function throw () error("thrown", 0) end
local function throw_object () error(setmetatable({}, {__tostring = throw})) end

local any, of_class

local function plain_function ()
  local result = any(2)
  return function () return result end
end

local functions = {
  plain_function, function () return throw end,
  function () return throw_object end,
  function () return function () return nil, "why" end end,
  function () return function (...) return ... end end,
  function () return function () wsmanager.sleep(0) return "chat" end end,
}

local hostile = {
  __index = throw, __pairs = throw, __len = throw, __tostring = throw,
  __call = throw, __eq = throw, __lt = throw, __concat = throw,
}

local function some_table (depth)
  local t = {}
  for _ = 1, below(4) do
    local key = below(3) == 0 and any(depth + 1) or choose(strings)
    if below(2) == 0 then key = #t + 1 end
    if key ~= nil and key == key then t[key] = any(depth + 1) end
  end
  if below(20) == 0 then t.self = t end
  if below(20) == 0 then setmetatable(t, hostile) end
  return t
end

local kinds = {
  function () return nil end, function () return below(2) == 0 end,
  function () return choose(numbers) end,
  function () return choose(strings) end,
  function (depth) return depth > 3 and {} or some_table(depth) end,
  function () return choose(functions)() end,
  function () return choose {io.stdout, wsmanager.null,
                             coroutine.create(throw)} end,
}

function any (depth) return choose(kinds)(depth) end

local by_word = {
  {"number", function () return choose(numbers) end},
  {"integer", function () return choose(numbers) end},
  {"string", function () return choose(strings) end},
  {"boolean", function () return below(2) == 0 end},
  {"false", function () return false end},
  {"true", function () return true end},
  {"table", some_table},
  {"fun%(", function () return choose(functions)() end},
  {"string%[%]", function () return {choose(strings), choose(strings)} end},
}

-- Those of the annotation's type: all that its words allow.
local function of_type (kind, depth)
  local makers = {}
  for _, each in ipairs(by_word) do
    if kind:find(each[1]) then makers[#makers + 1] = each[2] end
  end
  for word in kind:gmatch('"([%w.]+)"') do
    makers[#makers + 1] = function () return word end
  end
  local class = classes[kind:match("^[^()]*") and kind:match("wsmanager%.%w+")]
  if kind:find("^{") then class = inline_class(kind) end
  if class and depth < 4 then
    makers = {function () return of_class(class, depth + 1) end}
  end
  return makers[1] and choose(makers)(depth) or any(depth)
end

-- A table with some of the fields; few are of a wrong type or have other names.
function of_class (class, depth)
  local t, many = {}, below(3)
  for _, field in ipairs(class) do
    if below(3) < many or below(8) == 0 then
      t[field[1]] = below(12) == 0 and any(depth) or of_type(field[2], depth)
    end
  end
  if below(30) == 0 then t[choose(strings)] = any(depth) end
  if below(40) == 0 then setmetatable(t, hostile) end
  return t
end

-- ## What is called

local directory = os.tmpname()
os.remove(directory)

local echo = assert(wsmanager.serve {
  host = "127.0.0.1", port = 0, protocols = "chat", compress = true,
  handler = function (ws)
    for data, kind in ws:messages() do ws:send(data, kind) end
  end,
  page = {["/page"] = function (request) return 200, request.body end},
})

-- Nothing that these tables name is out of this machine, and few of them wait.
local function tame_client (o)
  if type(o) == "table" and below(10) > 0 then
    rawset(o, "url", "ws://127.0.0.1:" .. choose {1, echo.port, echo.port})
    if type(rawget(o, "tls")) == "table" then
      rawset(o, "url", "wss://127.0.0.1:1")
    end
  end
  return o
end

local function tame_server (o)
  if type(o) ~= "table" then return o end
  if below(10) > 0 then rawset(o, "handler", function () end) end
  if below(4) > 0 then rawset(o, "host", "127.0.0.1") end
  if below(4) > 0 then rawset(o, "port", 0) end
  if rawget(o, "path") ~= nil then rawset(o, "path", directory) end
  return o
end

local function tame_chat_server (o)
  if type(o) ~= "table" then return o end
  tame_server(o)
  if below(4) > 0 then
    for _, name in ipairs {"handler", "authorize", "decode", "history"} do
      rawset(o, name, nil)
    end
    rawset(o, "rooms", {pair = {"7", "42"}})
    rawset(o, "authenticate", function () return true end)
  end
  return o
end

-- A page of ours answers; what is named else is not there.
local function tame_fetch (o)
  if type(o) == "table" and below(4) > 0 then rawset(o, "timeout", 1) end
  return o
end

local function log_nowhere (o)
  for _, name in ipairs {"tls", "proxy_tls"} do
    local tls = type(o) == "table" and rawget(o, name)
    if type(tls) == "table" and type(rawget(tls, "keylog")) == "string" then
      rawset(tls, "keylog", "/dev/null")
    end
  end
  return o
end

local function choose_url ()
  return "http://127.0.0.1:" .. choose {1, echo.port, echo.port} .. "/page"
end

local LINE = debug.getinfo(1, "l").currentline + 4 -- of the first call

-- Each call is on a line of its own.
local calls = {
  function (o) return wsmanager.new(o), nil end,
  function (o) return wsmanager.serve(o), nil end,
  function (o) return wsmanager.WebSocket(rawget(o, "url"), rawget(o, "protocols"), o), nil end,
  function (o) return wsmanager.chat.new(o), nil end,
  function (o) return wsmanager.chat.serve(o), nil end,
  function (o) return wsmanager.fetch(choose_url(), o), nil end,
}

local classes_of = {
  "wsmanager.Options", "wsmanager.ServerOptions", "wsmanager.Options",
  "chat.options", "chat.ServerOptions", "wsmanager.FetchOptions",
}

local function make_options (which)
  local o = below(40) == 0 and any(0)
            or of_class(assert(classes[classes_of[which]]), 0)
  if which == 2 then o = tame_server(o)
  elseif which == 5 then o = tame_chat_server(o)
  elseif which == 6 then o = tame_fetch(o)
  else o = tame_client(o) end
  if which == 3 and type(o) ~= "table" then o = {} end
  if which == 4 and type(o) == "table" then
    rawset(o, "server", "127.0.0.1:1")
    rawset(o, "secure", false)
    if below(4) > 0 then rawset(o, "url", nil) rawset(o, "decode", nil) end
  end
  return log_nowhere(o)
end

-- ## A run

local function stop (event) error("hangs: " .. event, 2) end

-- A wrong call raises at its own line. What the table's own metatable throws is
-- its own.
local function check_error (which, why)
  if why == "thrown" then return end
  local line = type(why) == "string" and why:match("options%.lua:(%d+): ")
  if tonumber(line) ~= LINE + which - 1 then
    error("call " .. which .. " raised " .. tostring(why), 0)
  end
end

local function step (times)
  for _ = 1, times do pcall(wsmanager.step, below(4) == 0 and 0.0005 or 0) end
end

local function finish (which, made)
  local client, is_server = made, which == 2 or which == 5
  if is_server then
    local port = made.path and echo.port or made.port
    client = wsmanager.new {
      url = "ws://127.0.0.1:" .. port .. "/ws/7?mode=1&token=t", reconnect = false,
    }
  end
  step(3)
  if which == 1 or which == 2 then client:send("text", "text", 0) end
  step(3)
  if is_server then made:stop(0) end
  client:close()
  step(2)
end

local function call (which, o)
  debug.sethook(stop, "", INSTRUCTIONS)
  local ok, made = pcall(calls[which], o)
  debug.sethook()
  return ok, made
end

local function remove (t, name)
  if type(t) ~= "table" or rawget(t, name) == nil then return false end
  rawset(t, name, nil)
  return true
end

-- Leaves out the option that the error names; false: it names none of them.
local function leave_out (o, why)
  local path = why:match("option '([^']*)'") or why:match("%f[%w_]tls%.%w+") or ""
  local group, name = path:match("^([%w_]+)%.(.*)$")
  return remove(group and rawget(o, group), name) or remove(o, path)
         or remove(o, group or "")
end

local function try (number)
  state = (number * 7919 + 12345) % 2147483646 + 1
  step_chance()
  local which = below(#calls) + 1
  local o = make_options(which)
  local before = os.clock()
  local ok, made = call(which, o)
  while not ok do
    check_error(which, made)
    if type(o) ~= "table" or not leave_out(o, tostring(made)) then return end
    ok, made = call(which, o)
  end
  if made and which ~= 6 then finish(which, made) end
  local spent = os.clock() - before
  assert(spent < LONGEST, "it took " .. spent .. " s")
end

wsmanager.onerror = function () end -- of the functions that throw

local deadline, count = os.time() + seconds, 0
repeat
  local ok, why = pcall(try, seed + count)
  if not ok then
    io.stderr:write("options: seed ", seed + count, ": ", tostring(why), "\n")
    os.exit(1)
  end
  count = count + 1
  if count % 500 == 0 then collectgarbage() end
until os.time() >= deadline
print("options: " .. count .. " tables from seed " .. seed)
