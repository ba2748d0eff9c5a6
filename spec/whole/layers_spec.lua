-- Which files may include, call and require which, read from the code itself.
-- Runs once: it reads files, the same under each Lua.

local code = require "support.code"
local files = require "support.files"
local layers = require "support.layers"

-- Headers that only one folder, or one file, may include; a trailing slash
-- means everything below.
local reserved = {
  ["lua.h"] = "src/lua/compat.h",
  ["lauxlib.h"] = "src/lua/compat.h",
  ["lualib.h"] = "src/lua/compat.h",
  ["luajit.h"] = "src/lua/compat.h",
  ["libwebsockets.h"] = { "src/io/reactor.c", "src/io/socket.c" },
  ["uv.h"] = "src/io/",
  ["openssl/ssl.h"] = "src/tls/",
  ["curl/"] = "src/fetch/",
  ["sys/"] = { "src/io/", "src/tls/", "src/console/" },
  ["netinet/"] = "src/io/",
  ["arpa/"] = { "src/io/", "src/tls/" },
  ["netdb.h"] = "src/io/",
  ["poll.h"] = { "src/io/", "src/console/" },
  ["fcntl.h"] = { "src/io/", "src/console/" },
  ["unistd.h"] = { "src/io/", "src/console/" },
  ["termios.h"] = "src/console/",
  ["signal.h"] = { "src/io/", "src/console/" },
  ["time.h"] = { "src/io/", "src/tls/" },
  ["pthread.h"] = "src/io/",
  ["dlfcn.h"] = { "src/base/keep_loaded.c", "src/io/nginx.c" },
}

-- Is the path below one of these places?
local function is_below(path, places)
  if type(places) == "string" then places = { places } end
  for _, place in ipairs(places) do
    if path:sub(1, #place) == place then return true end
  end
  return false
end

-- The entry of `reserved` that a system header falls under.
local function owner(name)
  if reserved[name] then return reserved[name] end
  return reserved[name:match("^[^/]+/") or ""]
end

-- Every line of C whose code the pattern matches, but those of one file.
local function matches(pattern, but)
  local found = {}
  for _, path in ipairs(layers.c_files()) do
    local text = path ~= but and files.read(path) or ""
    for line, number in code.lines(code.c(text)) do
      if line:find(pattern) then
        found[#found + 1] = path .. ":" .. number .. ": " .. line
      end
    end
  end
  return found
end

-- What lets a lower file call a higher one: struct or type of a function -> its
-- header.
local callbacks = {
  -- the loop's: a handle's timer and flush, sockets, names, connecting, accepting
  wsm_handle_calls = "src/io/handle.h",
  wsm_socket_calls = "src/io/socket.h",
  wsm_resolve_done = "src/io/resolve.h",
  wsm_bell = "src/io/handle.h",
  wsm_connect_done = "src/io/connect.h",
  wsm_listener_accepted = "src/io/listener.h",
  -- the sockets of another library, and the functions that its module gets
  wsm_guest_calls = "src/io/guest.h",
  wsm_guest_table = "src/io/guest.h",
  wsm_lua_guests = "src/lua/lguest.h",
  -- the stream's: what each kind does, and what its owner is told
  wsm_stream_class = "src/stream/stream.h",
  wsm_stream_events = "src/stream/stream.h",
  -- a connected descriptor, to the link; a request and an end, to its server
  wsm_route_done = "src/link/route.h",
  wsm_link_calls = "src/link/link.h",
}

-- Every struct with a pointer to a function, and every type of a function, in
-- our headers.
local function callback_tables()
  local found = {}
  for _, path in ipairs(files.below({ "src" }, ".h")) do
    local text = code.c(files.read(path))
    local rest = text:gsub("struct%s+([%w_]+)%s*(%b{})", function(name, body)
      if body:find "%(%s*%*%s*[%w_]*%s*%)%s*%(" then found[name] = path end
      return ""
    end)
    for name in rest:gmatch "typedef%s[^;]-([%w_]+)%s*%b()%s*;" do found[name] = path end
    for name in rest:gmatch "%(%s*%*%s*([%w_]*)%s*%)%s*%(" do found[name] = path end
  end
  return found
end

-- How many arrows a graph has, and those that lead to a folder not to be used.
local function upward(graph)
  local wrong, seen = {}, 0
  for from, targets in pairs(graph) do
    local folder = layers.of(from)
    assert(layers.may_use(folder, folder .. "/") ~= nil, "a folder without a rule: " .. from)
    for to, why in pairs(targets) do
      seen = seen + 1
      if not layers.may_use(folder, layers.of(to)) then wrong[#wrong + 1] = why end
    end
  end
  table.sort(wrong)
  return seen, wrong
end

describe("the layers", function()
  it("include only what lies below them", function()
    local seen, wrong = upward(layers.include_arrows())
    assert.is_true(seen > 50)
    assert.same({}, wrong)
  end)

  it("call only what lies below them", function()
    local seen, wrong = upward(layers.calls(layers.objects()))
    assert.is_true(seen > 50)
    assert.same({}, wrong)
  end)

  it("require only what lies below them", function()
    local seen, wrong = upward(layers.requires())
    assert.is_true(seen > 20)
    assert.same({}, wrong)
  end)

  it("have no circle of calls between C files", function()
    assert.same({}, layers.circles(layers.calls(layers.objects())))
  end)

  it("have no circle of require", function()
    assert.same({}, layers.circles(layers.requires()))
  end)

  it("have no circle of #include", function()
    assert.same({}, layers.circles(layers.include_arrows()))
  end)

  it("are not measured without objects", function()
    assert.has_error(function() layers.calls "build/none" end)
  end)

  it("call upwards only through these tables of functions", function()
    assert.same(callbacks, callback_tables())
  end)

  it("leave Lua to src/lua and the world to src/io and src/tls", function()
    local wrong = {}
    for _, path in ipairs(layers.c_files()) do
      for _, include in ipairs(layers.includes(path)) do
        local place = owner(include.name)
        if place and not is_below(path, place) then
          wrong[#wrong + 1] = include.at .. " includes " .. include.name
        end
      end
    end
    assert.same({}, wrong)
  end)

  it("quote only headers of ours, which exist", function()
    local wrong = {}
    for _, path in ipairs(layers.c_files()) do
      local folder = path:match("^(.*/)")
      for _, include in ipairs(layers.includes(path)) do
        local file = include.ours
          and (io.open("src/" .. include.name) or io.open(folder .. include.name))
        if file then file:close() end
        if include.ours and not file then
          wrong[#wrong + 1] = include.at .. " includes " .. include.name
        end
      end
    end
    assert.same({}, wrong)
  end)

  it("ask for the version of Lua in compat.h alone", function()
    assert.same({}, matches("LUA_VERSION_NUM", "src/lua/compat.h"))
  end)

  it("allocate through memory.h alone", function()
    for _, name in ipairs { "malloc", "calloc", "realloc", "free", "strdup" } do
      assert.same({}, matches("%f[%w_]" .. name .. "%s*%(", "src/base/memory.c"))
    end
  end)

  it("call Lua in one place, and never yield or keep a reference", function()
    local path = "src/lua/lmessage.c"
    assert.same({}, matches("lua_p?callk?%s*%(", path))
    local _, calls = files.read(path):gsub("lua_p?callk?%s*%(", "")
    assert.equal(1, calls)
    assert.same({}, matches("lua_yieldk?%s*%("))
    assert.same({}, matches("lua_resume%s*%("))
    assert.same({}, matches("luaL_ref%s*%("))
  end)

  it("open each header with its name and what it is", function()
    local headers = files.below({ "src" }, ".h")
    assert.is_true(#headers > 10)
    for _, path in ipairs(headers) do
      local name = path:match("[^/]+$")
      assert.equal("/*\n** " .. name .. " - ", files.read(path):sub(1, #name + 9))
    end
  end)

  it("export one symbol a module", function()
    for _, name in ipairs { "wsmanager.core", "wsmanager.fetch.core" } do
      local path = assert(files.module(name))
      local pipe = assert(io.popen("nm -D --defined-only '" .. path .. "'"))
      local names = {}
      for line in pipe:lines() do
        names[#names + 1] = line:match("%S+$")
      end
      pipe:close()
      assert.same({ "luaopen_" .. name:gsub("%.", "_") }, names)
    end
  end)
end)
