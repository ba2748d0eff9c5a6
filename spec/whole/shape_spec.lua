-- How long files and functions are, and where the files are.
-- Runs once: it reads files, the same under each Lua.

local code = require "support.code"
local files = require "support.files"
local layers = require "support.layers"

local MAX_FILE, MAX_FUNCTION, MAX_SOURCES = 500, 60, 20

local everything = { "src", "lua", "spec", "examples", "fuzz", "simulate",
  "bench", "scripts" }

-- Adds to `long` what is longer than a function may be; how many there are.
local function measure(long, path, list)
  for _, part in ipairs(list) do
    if part.length > MAX_FUNCTION then
      long[#long + 1] = path .. ":" .. part.line .. ": " .. part.name .. " " .. part.length
    end
  end
  return #list
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

-- Does every function of a C file only call one of another file?
local function c_forwards(path)
  local functions, own = code.c_functions(path), {}
  for _, f in ipairs(functions) do own[f.name] = true end
  for _, f in ipairs(functions) do
    local called = f.body:match "^{%s*([%a_][%w_]*)%s*%b()%s*;%s*}$"
      or f.body:match "^{%s*return%s+([%a_][%w_]*)%s*%b()%s*;%s*}$"
    if not called or not called:find "^wsm_" or own[called] then return false end
  end
  return #functions > 0
end

-- Does a Lua module return another one, and nothing of its own?
local function lua_forwards(path)
  local text = code.lua(files.read(path), true):gsub("%s+", " ")
  local name = text:match "^ ?local ([%w_]+) = require ?%(?[\"'][%w_.]+[\"']%)? return ([%w_]+) ?$"
  return name ~= nil or text:find "^ ?return require ?%(?[\"'][%w_.]+[\"']%)? ?$" ~= nil
end

describe("a file", function()
  it("has at most 500 lines", function()
    local long = {}
    for _, ending in ipairs { ".c", ".h", ".lua" } do
      for _, path in ipairs(files.below(everything, ending)) do
        local _, count = files.read(path):gsub("\n", "")
        if count > MAX_FILE then long[#long + 1] = path .. ": " .. count end
      end
    end
    assert.same({}, long)
  end)

  it("has C functions and macros of at most 60 lines", function()
    local long, seen = {}, 0
    for _, path in ipairs(files.below(everything, ".c")) do
      seen = seen + measure(long, path, code.c_functions(path))
      measure(long, path, code.c_macros(path))
    end
    for _, path in ipairs(files.below(everything, ".h")) do
      measure(long, path, code.c_functions(path))
      measure(long, path, code.c_macros(path))
    end
    assert.is_true(seen > 500)
    assert.same({}, long)
  end)

  it("has Lua functions of at most 60 lines", function()
    local long, seen = {}, 0
    for _, path in ipairs(files.below({ "lua", "examples", "spec/support" }, ".lua")) do
      seen = seen + measure(long, path, code.lua_functions(path))
    end
    assert.is_true(seen > 200)
    assert.same({}, long)
  end)

  it("assigns to no variable of a `for`", function()
    local assigned = {}
    for _, path in ipairs(files.below(everything, ".lua")) do
      for _, where in ipairs(code.lua_assigned(path)) do assigned[#assigned + 1] = where end
    end
    assert.same({}, assigned)
  end)

  it("does more than forward to another", function()
    local idle = {}
    for _, path in ipairs(files.below({ "src" }, ".c")) do
      if c_forwards(path) then idle[#idle + 1] = path end
    end
    for _, path in ipairs(files.below({ "lua" }, ".lua")) do
      if lua_forwards(path) then idle[#idle + 1] = path end
    end
    assert.same({}, idle)
  end)
end)

describe("a folder", function()
  it("has at most 20 C sources", function()
    local count, full = {}, {}
    for _, path in ipairs(files.below({ "src" }, ".c")) do
      local folder = layers.of(path)
      count[folder] = (count[folder] or 0) + 1
      if count[folder] > MAX_SOURCES then full[folder] = count[folder] end
    end
    assert.same({}, full)
  end)

  it("has its specs in a folder of its name", function()
    local strays = {}
    for _, path in ipairs(files.below({ "spec" }, "_spec.lua")) do
      local folder = path:match "^spec/(.*)/[^/]*$"
      local is_room = exists("src/" .. folder) or exists("lua/" .. folder)
        or exists("examples/" .. folder)
      if folder ~= "whole" and not is_room then
        strays[#strays + 1] = path
      end
    end
    assert.same({}, strays)
  end)

  it("has a file of the name of each spec, or the spec says what it is of", function()
    local strays = {}
    for _, path in ipairs(files.below({ "spec" }, "_spec.lua")) do
      local folder, name = path:match "^spec/(.*)/([^/]*)_spec%.lua$"
      local own = exists("src/" .. folder .. "/" .. name .. ".c")
        or exists("src/" .. folder .. "/l" .. name .. ".c")
        or exists("lua/" .. folder .. "/" .. name .. ".lua")
        or exists("examples/" .. folder .. "/" .. name .. ".lua")
      if not own and not files.read(path):find "^%-%-" then strays[#strays + 1] = path end
    end
    assert.same({}, strays)
  end)

  it("is shown with its arrows by make house", function()
    local command = os.getenv "LUA" .. " scripts/house.lua '" .. layers.objects() .. "'"
    local pipe = assert(io.popen(command))
    local text = pipe:read "*a"
    pipe:close()
    local _, lines = text:gsub("\n", "")
    assert.is_true(lines <= 100, text)
    for _, path in ipairs(files.below({ "src", "lua" }, "")) do
      assert.truthy(text:find(layers.of(path), 1, true), path)
    end
    assert.truthy(text:find("src/manager +%d+ files +%d+ lines +%-> base http"), text)
  end)
end)
