-- The folders of the code, which may use which, and the arrows between files
-- as they are: #include, the symbols of built objects, require.

local code = require "support.code"
local files = require "support.files"

local layers = {}

-- From the top down: each folder and what it depends on. It may use these, and all
-- that they depend on.
layers.order = {
  {
    "lua/wsmanager/init.lua", "lua/wsmanager/dashboard", "lua/wsmanager/chat",
    "lua/wsmanager/fetch", "lua/wsmanager/host", "lua/wsmanager/testing",
  },
  { "lua/wsmanager/cli", "lua/wsmanager/init.lua" },
  { "lua/wsmanager/dashboard", "lua/wsmanager/chat" },
  { "lua/wsmanager/host", "lua/wsmanager/run" },
  { "lua/wsmanager/fetch", "lua/wsmanager/run" },
  { "lua/wsmanager/testing", "lua/wsmanager" },
  { "lua/wsmanager/chat", "lua/wsmanager" },
  { "lua/wsmanager", "lua/wsmanager/run" },
  { "lua/wsmanager/run", "lua/wsmanager/base" },
  { "lua/wsmanager/base" },
  { "src/lua/module.c", "src/lua/protocol", "src/lua/json", "src/lua/observe",
    "src/lua/host", "src/lua/console" },
  { "src/lua/console", "src/console", "src/lua" },
  { "src/lua/observe", "src/lua" },
  { "src/lua/fetch", "src/fetch", "src/lua" },
  { "src/lua/host", "src/lua" },
  { "src/lua/json", "src/lua" },
  { "src/lua/protocol", "src/lua" },
  { "src/lua", "src/server" },
  { "src/fetch", "src/io" },
  { "src/console", "src/io" },
  { "src/server", "src/link" },
  { "src/link", "src/stream", "src/manager" },
  { "src/stream", "src/io", "src/tls", "src/proxy" },
  { "src/tls", "src/base" },
  { "src/io", "src/base" },
  { "src/manager", "src/observe", "src/proxy" },
  { "src/observe", "src/websocket" },
  { "src/websocket", "src/http" },
  { "src/proxy", "src/http" },
  { "src/http", "src/base" },
  { "src/base" },
}

-- Whether a folder may use another: true, false, or nil for one without a rule.
function layers.may_use(folder, other)
  if folder == other then return true end
  for _, rule in ipairs(layers.order) do
    if rule[1] == folder then
      for i = 2, #rule do
        if layers.may_use(rule[i], other) then return true end
      end
      return false
    end
  end
end

-- The folder of a file. A Lua module with a folder of its own name beside it
-- belongs to that one; the module that programs require is above all.
function layers.of(path)
  local own = path:match("^(.*)%.lua$")
  for _, rule in ipairs(layers.order) do
    if rule[1] == own or rule[1] == path then return rule[1] end
  end
  return path:match("^(.*)/")
end

function layers.c_files()
  local found = files.below({ "src" }, ".c")
  for _, path in ipairs(files.below({ "src" }, ".h")) do found[#found + 1] = path end
  return found
end

-- The #include lines of a file: { name, ours, at } each.
function layers.includes(path)
  local list = {}
  for line, number in files.lines(path) do
    local quote, name = line:match('^%s*#%s*include%s*([<"])([^>"]+)[>"]')
    if name then
      list[#list + 1] = { name = name, ours = quote == '"', at = path .. ":" .. number }
    end
  end
  return list
end

-- Arrows from file to file: graph[from][to] is why, in words.
local function add(graph, from, to, why)
  if to and to ~= from then graph[from][to] = graph[from][to] or why end
end

-- Where the objects of the module lie that `require` finds.
function layers.objects()
  local module = assert(files.module "wsmanager.core", "no module is built")
  return (module:gsub("wsmanager/core%.so$", "obj"))
end

-- Arrows from each .c file to those whose symbols its object needs. Raises
-- when a source has no object in the folder.
function layers.calls(objects)
  local pipe = assert(io.popen("find '" .. objects .. "' -name '*.o' -exec nm -A -P -g {} + 2>&1"))
  local home, needs, graph = {}, {}, {}
  for line in pipe:lines() do
    local object, symbol, kind = line:match("^(.-)%.o: (%S+) (%a)")
    local path = object and "src" .. object:sub(#objects + 1) .. ".c"
    if path then graph[path] = {} end
    if kind and kind:find "[UwV]" then
      needs[#needs + 1] = { path = path, symbol = symbol }
    elseif kind and symbol:find "^wsm_" then
      home[symbol] = path
    end
  end
  pipe:close()
  local sources, known = files.below({ "src" }, ".c"), {}
  assert(#sources > 0, "no sources")
  for _, path in ipairs(sources) do
    known[path] = assert(graph[path], path .. " has no object in " .. objects)
  end
  for _, need in ipairs(needs) do
    local to = home[need.symbol]
    if known[need.path] and known[to or ""] then
      add(known, need.path, to, need.path .. " needs " .. need.symbol .. " of " .. to)
    end
  end
  return known
end

-- Arrows between C files and headers, from the #include lines.
function layers.include_arrows()
  local graph = {}
  for _, path in ipairs(layers.c_files()) do
    graph[path] = {}
    for _, include in ipairs(layers.includes(path)) do
      if include.ours then
        add(graph, path, "src/" .. include.name, include.at .. " includes " .. include.name)
      end
    end
  end
  return graph
end

-- The file of a Lua module of ours; nil for one of C or of others.
local function module_file(name)
  local path = "lua/" .. name:gsub("%.", "/")
  for _, ending in ipairs { ".lua", "/init.lua" } do
    local file = io.open(path .. ending)
    if file then
      file:close()
      return path .. ending
    end
  end
end

-- Arrows between Lua files, from each `require` with a literal name, also those
-- inside functions.
function layers.requires()
  local graph = {}
  for _, path in ipairs(files.below({ "lua" }, ".lua")) do
    graph[path] = {}
    for line, number in code.lines(code.lua(files.read(path), true)) do
      for name in line:gmatch("%f[%w_]require[%s%(,]*[\"']([%w_.]+)[\"']") do
        add(graph, path, module_file(name), path .. ":" .. number .. " requires " .. name)
      end
    end
  end
  return graph
end

-- The circles of a graph: a sorted list of names for each group of files that
-- reach one another (Tarjan).
function layers.circles(graph)
  local index, low, on_stack, stack, count = {}, {}, {}, {}, 0
  local found = {}
  local function visit(node)
    count = count + 1
    index[node], low[node] = count, count
    stack[#stack + 1], on_stack[node] = node, true
    for to in pairs(graph[node] or {}) do
      if not index[to] then visit(to) end
      if on_stack[to] then low[node] = math.min(low[node], low[to]) end
    end
    if low[node] ~= index[node] then return end
    local group = {}
    repeat
      local member = table.remove(stack)
      on_stack[member] = nil
      group[#group + 1] = member
    until member == node
    table.sort(group)
    if #group > 1 then found[#found + 1] = table.concat(group, " ") end
  end
  for node in pairs(graph) do
    if not index[node] then visit(node) end
  end
  table.sort(found)
  return found
end

-- The arrows between the folders of some graphs: from folder to folder, how many
-- arrows between files.
function layers.arrows(...)
  local between = {}
  for _, graph in ipairs { ... } do
    for from, targets in pairs(graph) do
      local folder = layers.of(from)
      between[folder] = between[folder] or {}
      for to in pairs(targets) do
        local other = layers.of(to)
        if other ~= folder then between[folder][other] = (between[folder][other] or 0) + 1 end
      end
    end
  end
  return between
end

return layers
