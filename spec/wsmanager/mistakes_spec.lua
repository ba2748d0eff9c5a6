-- The mistakes of docs/how-to/mistakes.md: each is made, and has to get the sentence that the
-- page names. What else can be misused is in misuse_spec.lua.

local certificates = require "support.certificates"
local files = require "support.files"
local wsmanager = require "wsmanager"

local PAGE = "docs/how-to/mistakes.md"

-- The rows of its table: what is written, what is said, what to do.
local function rows()
  local found = {}
  for line in files.read(PAGE):gmatch "[^\n]+" do
    local code, sentence, fix = line:match "^| `(.-)` | `(.-)` | (.+) |$"
    if code then found[#found + 1] = { code = code, sentence = sentence, fix = fix } end
  end
  return found
end

local function echo(ws)
  local data, kind = ws:receive()
  while data do
    ws:send(data, kind)
    data, kind = ws:receive()
  end
end

local function only_root(request)
  if request.path == "/" then return true end
  return nil, 404, "Not Found\n"
end

describe("a mistake of the first hour", function()
  local folder, server, secure, page, ws, around

  local function connect(options)
    options.reconnect = false
    local made, token, detail = wsmanager.new(options)
    if not made then return nil, token, detail end
    return made:opened(30)
  end

  setup(function()
    folder = certificates.make()
    server = assert(wsmanager.serve {
      host = "127.0.0.1", port = 0, handler = echo, authorize = only_root })
    secure = assert(wsmanager.serve {
      host = "127.0.0.1", port = 0, handler = echo,
      tls = { cert = folder:path "good.pem", key = folder:path "leaf.key" } })
    page = assert(wsmanager.serve {
      host = "127.0.0.1", port = 0, page = function() return 200, "a page" end })
    local url = "127.0.0.1:" .. server.port .. "/"
    ws = assert(wsmanager.new { url = "ws://" .. url, reconnect = false })
    assert(ws:opened(30))
    around = {
      wsmanager = wsmanager, ws = ws, server = server, connect = connect, print = print,
      URL = "ws://" .. url, WSS_TO_WS = "wss://" .. url,
      SECURE = "wss://localhost:" .. secure.port .. "/",
      WS_TO_WSS = "ws://localhost:" .. secure.port .. "/",
      PAGE = "ws://127.0.0.1:" .. page.port .. "/",
    }
  end)

  teardown(function()
    ws:close()
    for _, one in ipairs { server, secure, page } do one:stop(5) end
    folder:remove()
  end)

  -- All that a line of a program raises or returns.
  local function said(code)
    local loader = loadstring or load
    local chunk = loader("return " .. code, "=program.lua") or loader(code, "=program.lua")
    if setfenv then
      setfenv(chunk, around)
    else
      local text = code
      chunk = load("return " .. text, "=program.lua", "t", around)
        or load(text, "=program.lua", "t", around)
    end
    local ok, a, b, c = pcall(wsmanager.run, chunk)
    if not ok then return tostring(a) end
    return table.concat({ tostring(a), tostring(b), tostring(c) }, " ")
  end

  it("is one of thirty and more", function()
    assert.is_true(#rows() >= 30)
  end)

  for i, row in ipairs(rows()) do
    it(i .. " gets its sentence: " .. row.code, function()
      assert.matches(row.sentence, said(row.code), 1, true)
    end)
  end
end)
