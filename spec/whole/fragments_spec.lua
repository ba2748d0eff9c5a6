-- The Lua programs of README.md and docs/, run as a reader runs them: CONTRIBUTING.md
-- ("Programs in the documents") says how.

if not require "support.json".is_there "the programs of the documents" then return end

local certificates = require "support.certificates"
local documents = require "support.documents"
local files = require "support.files"
local peers = require "support.peers"
local programs = require "support.programs"
local wsmanager = require "wsmanager"

local LIMIT = 60      -- seconds for one program; what has shown its lines is ended sooner

-- What another program waits for is written at once, by LuaJIT and Lua 5.1, too.
local BY_LINE = "io.stdout:setvbuf 'line' "

local folder          -- a temporary one, with certificates: the programs run there
local example         -- the process that is example.com: its pipe,
local plain, secure   -- and its ports
local proxy           -- proxy.example.com, from when it is asked for

local here = assert(io.popen "pwd"):read "*l"

-- Paths of the module, for a program that runs in another folder.
local function absolute (path)
  return (path:gsub("[^;]+", function (each)
    return each:find "^/" and each or here .. "/" .. each
  end))
end

local function write (name, text)
  local file = assert(io.open(folder:path(name), "w"))
  file:write(text)
  file:close()
end

local function free_port ()
  local server = assert(wsmanager.serve {host = "127.0.0.1", port = 0, handler = print})
  local port = server.port
  server:stop(0)
  return port
end

-- A text with the addresses that are here those of example.com, and of port 8080.
local function local_text (code, port)
  code = code:gsub("http://user:password@proxy%.example%.com:3128", function ()
    proxy = proxy or peers.start("proxy", {
      kind = "tinyproxy", user = "user", password = "password",
    })
    return "http://user:password@localhost:" .. proxy.port
  end)
  return (code:gsub("(%l+)://[%w.-]*example%.%l+:?%d*", function (scheme)
    local is_secure = scheme == "wss" or scheme == "https"
    return ("%s://localhost:%d"):format(scheme, is_secure and secure or plain)
  end):gsub("%f[%d]8080%f[%D]", tostring(port)))
end

-- A fragment as a whole program; its lines keep their numbers.
local function whole (fragment, port)
  local code = fragment.code
  local before, after = BY_LINE, ""
  if not code:find('require "wsmanager', 1, true) then
    before = before .. "local wsmanager = require 'wsmanager' wsmanager.run(function () "
    if code:find "%f[%w_]ws[:.,)]" and not code:find "local ws " then
      before = before .. ("local ws = wsmanager.new {url = 'wss://example.com/echo'%s} ")
        :format(code:find "ws:send {" and ", decode = 'json'" or "")
    end
    after = " end)"
  end
  return local_text(before .. (fragment.given or "") .. code .. after, port)
end

local function lua (name) return ('"%s" %s'):format(programs.lua, name) end

-- A game of LÖVE in the folder, without a window.
local function love (code)
  os.execute("mkdir -p " .. folder:path "game")
  write("game/main.lua", code)
  write("game/conf.lua", [[
function love.conf (t)
  for name in pairs(t.modules) do t.modules[name] = false end
  t.modules.event, t.modules.timer = true, true
end]])
  return "love game"
end

-- Starts a program of the folder: a pipe of its output, after a line with its process.
local function start (command)
  return io.popen(("cd '%s' && { LUA_PATH='%s' LUA_CPATH='%s' SSL_CERT_FILE=ca.pem sh -c "
    .. "'echo $$; exec timeout %d %s 2>&1'; echo status $?; } 2>/dev/null"):format(
    folder.directory, absolute(package.path), absolute(package.cpath), LIMIT, command))
end

-- A program that runs beside another, once it has written its first line.
local function ready (pipe)
  return { pipe = pipe, process = pipe:read "*l", first = tostring(pipe:read "*l") }
end

-- What a program writes, until all the expected lines are there or it ends; whether they
-- are there.
local function output (pipe, expected, is_stopped)
  local process, lines, found = pipe:read "*l", {}, 0
  for line in pipe:lines() do
    lines[#lines + 1] = line
    local wanted = expected[found + 1]
    if wanted and line:gsub("%s+", " "):find(wanted, 1, true) then found = found + 1 end
    if is_stopped and found == #expected then
      os.execute("kill " .. process .. " 2>/dev/null")
      break
    end
  end
  pipe:close()
  return table.concat(lines, "\n"), found == #expected
end

-- The lines that a program says it prints, behind `-->`.
local function expected_of (code)
  local lines = {}
  for text in code:gmatch "%-%-> ([^\n]*)" do
    lines[#lines + 1] = (text:gsub("%s+", " "):gsub(" $", ""))
  end
  return lines
end

local function check (fragment, port)
  local is_stopped = fragment.until_shown
  local expected = expected_of(local_text(fragment.code, port))
  if not is_stopped then expected[#expected + 1] = "status 0" end
  local code = whole(fragment, port)
  write("program.lua", code)
  local beside = {}
  for i, name in ipairs(fragment.beside) do beside[i] = ready(start(lua(name))) end
  local command = fragment["in"] == "love" and love(code) or lua "program.lua"
  local text, is_there = output(start(command), expected, is_stopped)
  for i = #beside, 1, -1 do
    os.execute("kill " .. beside[i].process .. " 2>/dev/null")
    text = text .. "\nbeside it:\n" .. beside[i].first .. "\n" .. beside[i].pipe:read "*a"
    beside[i].pipe:close()
  end
  assert.is_true(is_there, text .. "\nmissing of: " .. table.concat(expected, " | "))
  assert.is_nil(text:find("stack traceback", 1, true), text)
end

-- Why this Lua cannot run it: PUC Lua 5.1 waits in no `for`, and the libraries of other
-- event loops are not packaged for each Lua. `written` has the files of the page.
local function why_not (fragment, written)
  local code = fragment.code
  if fragment["in"] == "love" and not jit then return "LÖVE has LuaJIT" end
  if _VERSION == "Lua 5.1" and not jit and code:find ":messages()" then
    return "PUC Lua 5.1 cannot wait in a for"
  end
  for name in code:gmatch 'require "(%l+)"' do
    local is_there = name == "wsmanager" or written[name .. ".lua"] or pcall(require, name)
    if not is_there then return name .. " is not installed for " .. _VERSION end
  end
end

describe("the Lua programs", function ()
  setup(function ()
    folder = certificates.make()
    example = io.popen(("exec '%s' spec/support/example_com.lua '%s' '%s'"):format(
      programs.lua, folder:path "good.pem", folder:path "leaf.key"))
    local ports = example:read "*l"
    plain, secure = ports:match "^(%d+) (%d+)$"
    assert(plain, ports)
  end)

  teardown(function ()
    os.execute("kill " .. example:read "*l")
    example:close()
    peers.stop()
    folder:remove()
  end)

  for _, path in ipairs(documents.all()) do
    local port
    local written = {}
    local missing = {}     -- files of the page that this Lua cannot run, and why
    for _, fragment in ipairs(documents.fragments(files.read(path))) do
      local title = ("of %s run, line %d"):format(path, fragment.line)
      if fragment.file then written[fragment.file] = true end
      local why = why_not(fragment, written)
      for _, name in ipairs(fragment.beside) do why = why or missing[name] end
      if why then
        missing[fragment.file or ""] = why
        pending(title .. ": " .. why)
      else
        it(title, function ()
          port = port or free_port()
          if fragment.file then
            write(fragment.file, BY_LINE .. local_text(fragment.code, port))
          end
          check(fragment, port)
        end)
      end
    end
  end
end)
