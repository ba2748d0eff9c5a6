local files = require "support.files"

-- What each folder may include of ours.
local pure = { base = true, http = true, proxy = true, websocket = true, manager = true }
local world = { base = true, http = true, proxy = true, websocket = true, manager = true,
                io = true, tls = true, link = true, server = true }

local may_include = {
  base = { base = true },
  http = { base = true, http = true },
  proxy = { base = true, http = true, proxy = true },
  websocket = { base = true, http = true, websocket = true },
  manager = pure,
  io = { base = true, io = true },
  tls = { base = true, tls = true },
  link = world,
  server = world,
  lua = setmetatable({}, { __index = function() return true end }),
}

-- Headers that only one folder, or one file, may include; a trailing slash
-- means everything below.
local reserved = {
  ["lua.h"] = "src/lua/compat.h",
  ["lauxlib.h"] = "src/lua/compat.h",
  ["lualib.h"] = "src/lua/compat.h",
  ["luajit.h"] = "src/lua/compat.h",
  ["libwebsockets.h"] = "src/io/socket.c",
  ["uv.h"] = "src/io/",
  ["openssl/ssl.h"] = "src/tls/",
  ["sys/"] = { "src/io/", "src/tls/" },
  ["netinet/"] = "src/io/",
  ["arpa/"] = { "src/io/", "src/tls/" },
  ["netdb.h"] = "src/io/",
  ["poll.h"] = "src/io/",
  ["fcntl.h"] = "src/io/",
  ["unistd.h"] = "src/io/",
  ["time.h"] = { "src/io/", "src/tls/" },
  ["pthread.h"] = "src/io/",
}

local function c_files()
  local found = files.below({ "src" }, ".c")
  for _, path in ipairs(files.below({ "src" }, ".h")) do found[#found + 1] = path end
  return found
end

local function includes(path)
  local list = {}
  for line, number in files.lines(path) do
    local quote, name = line:match('^%s*#%s*include%s*([<"])([^>"]+)[>"]')
    if name then
      list[#list + 1] = { name = name, ours = quote == '"', at = path .. ":" .. number }
    end
  end
  return list
end

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

local function blank(comment)
  return (comment:gsub("[^\n]", " "))
end

-- Every line of C whose code the pattern matches, but those of one file.
local function matches(pattern, but)
  local found = {}
  for _, path in ipairs(c_files()) do
    local number = 0
    local code = path ~= but and files.read(path):gsub("/%*.-%*/", blank) or ""
    for line in code:gmatch("([^\n]*)\n") do
      number = number + 1
      if line:find(pattern) then
        found[#found + 1] = path .. ":" .. number .. ": " .. line
      end
    end
  end
  return found
end

-- The functions of a file: title, and length in lines.
local function functions(path)
  local list, start, title = {}, 0, nil
  for line, number in files.lines(path) do
    if line:find("^[%a_]") and not line:find(":%s*$") then
      start, title = number, line
    elseif line == "}" and title then
      list[#list + 1] = { title = path .. ":" .. start .. ": " .. title,
                          length = number - start + 1 }
    end
  end
  return list
end

describe("the layers", function()
  it("include only what lies below them", function()
    local wrong, seen = {}, 0
    for _, path in ipairs(c_files()) do
      local folder = path:match("^src/(%w+)")
      local allowed = assert(may_include[folder], "a folder without a rule: " .. path)
      for _, include in ipairs(includes(path)) do
        seen = seen + 1
        local target = include.name:match("^(%w+)/") or folder
        if include.ours and not allowed[target] then
          wrong[#wrong + 1] = include.at .. " includes " .. include.name
        end
      end
    end
    assert.is_true(seen > 50)
    assert.same({}, wrong)
  end)

  it("leave Lua to src/lua and the world to src/io and src/tls", function()
    local wrong = {}
    for _, path in ipairs(c_files()) do
      for _, include in ipairs(includes(path)) do
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
    for _, path in ipairs(c_files()) do
      local folder = path:match("^(.*/)")
      for _, include in ipairs(includes(path)) do
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

  it("export one symbol", function()
    local path = assert(files.module("wsmanager.core"))
    local pipe = assert(io.popen("nm -D --defined-only '" .. path .. "'"))
    local names = {}
    for line in pipe:lines() do
      names[#names + 1] = line:match("%S+$")
    end
    pipe:close()
    assert.same({ "luaopen_wsmanager_core" }, names)
  end)
end)

describe("a file", function()
  it("has at most 500 lines", function()
    local long = {}
    for _, ending in ipairs { ".c", ".h", ".lua" } do
      for _, path in ipairs(files.below({ "src", "lua", "spec", "examples" }, ending)) do
        local _, count = files.read(path):gsub("\n", "")
        if count > 500 then long[#long + 1] = path .. ": " .. count end
      end
    end
    assert.same({}, long)
  end)

  it("has C functions of at most 60 lines", function()
    local long, seen = {}, 0
    for _, path in ipairs(c_files()) do
      for _, f in ipairs(functions(path)) do
        seen = seen + 1
        if f.length > 60 then long[#long + 1] = f.title .. " " .. f.length end
      end
    end
    assert.is_true(seen > 50)
    assert.same({}, long)
  end)
end)
