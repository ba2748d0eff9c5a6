-- house.lua OBJECTS: the folders of the code, from the top down, with their files,
-- their lines and what they use (#include, symbols of the built objects, require).
package.path = "spec/?.lua;" .. package.path
local code = require "support.code"
local files = require "support.files"
local layers = require "support.layers"

local function line_count(path)
  return select(2, files.read(path):gsub("\n", ""))
end

-- folder -> { files, lines, names }, names without endings, each once
local function measure()
  local found, longest = {}, { 0 }
  for _, ending in ipairs { ".c", ".h", ".lua" } do
    for _, path in ipairs(files.below({ "src", "lua" }, ending)) do
      local folder, name = layers.of(path), path:match("([^/]+)%.%w+$")
      local has = found[folder] or { files = 0, lines = 0, names = {} }
      local lines = line_count(path)
      found[folder] = has
      has.files, has.lines = has.files + 1, has.lines + lines
      if not has.names[name] then table.insert(has.names, name) end
      has.names[name] = true
      if lines > longest[1] then longest = { lines, path } end
    end
  end
  return found, longest
end

local function longest_function()
  local longest = { length = 0 }
  local function look(ending, functions)
    for _, path in ipairs(files.below({ "src", "lua" }, ending)) do
      for _, f in ipairs(functions(path)) do
        if f.length > longest.length then longest, f.path = f, path end
      end
    end
  end
  look(".c", code.c_functions)
  look(".lua", code.lua_functions)
  return longest
end

-- Prints words after a head, in lines of at most 80 columns.
local function wrap(head, words)
  local line = head
  for i, word in ipairs(words) do
    if i > 1 and #line + 1 + #word > 80 then
      print(line)
      line = (" "):rep(#head - 1)
    end
    line = line .. (i > 1 and " " or "") .. word
  end
  print(line)
end

local function show(folder, has, arrows)
  local uses = {}
  for other in pairs(arrows or {}) do
    uses[#uses + 1] = other:gsub("^src/", ""):gsub("^lua/wsmanager/", "")
      :gsub("^lua/", "")
  end
  table.sort(uses)
  local count = ("%3d file%s"):format(has.files, has.files == 1 and " " or "s")
  local head = ("%-22s%s%6d lines"):format(folder, count, has.lines)
  wrap(head .. (uses[1] and "  -> " or ""), uses)
  if has.files > 1 then wrap("    ", has.names) end
end

local calls, requires = layers.calls(assert(arg[1], "which objects?")), layers.requires()
local arrows = layers.arrows(calls, requires, layers.include_arrows())
local found, longest = measure()
local all = { files = 0, lines = 0 }
for _, rule in ipairs(layers.order) do
  local has = found[rule[1]]
  if has then
    show(rule[1], has, arrows[rule[1]])
    all.files, all.lines = all.files + has.files, all.lines + has.lines
  end
end
local f = longest_function()
print(("%-22s%3d files%6d lines"):format("all", all.files, all.lines))
print("circles: " .. #layers.circles(calls) + #layers.circles(requires))
print(("longest file: %s, %d lines"):format(longest[2], longest[1]))
print(("longest function: %s in %s, %d lines"):format(f.name, f.path, f.length))
