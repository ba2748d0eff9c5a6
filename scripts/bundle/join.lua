-- join.lua lua|c FOLDER [ID FILE...]: all Lua files below FOLDER, but for those of the
-- command line `wsm`, as one, to stdout, or
-- that text as an array of C. FILEs: what lies beside it in a bundle; ID: another one for
-- other FILEs.
-- Depends on head.lua, which stands before them.
-- Never leaves a literal `require` in it: engines' builders collect those.

local form, root = arg[1], arg[2]

local function read (path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

local function paths ()
  local found = {}
  local pipe = assert(io.popen("find '" .. root .. "' -name '*.lua' ! -name cli.lua "
                              .. "! -path '*/cli/*' | LC_ALL=C sort"))
  for path in pipe:lines() do found[#found + 1] = path end
  pipe:close()
  assert(#found > 0, root .. " has no Lua files")
  return found
end

local function module_name (path)
  return (path:sub(#root + 2):gsub("%.lua$", ""):gsub("/init$", ""):gsub("/", "."))
end

-- A name that ends in a dot is the beginning of one.
local function is_known (name, modules)
  return name == "wsmanager.core" or modules[name] or name:find "^wsmanager.*%.$"
end

-- `require "wsmanager.x"` becomes `use "wsmanager.x"`: the same function.
local function without_requires (text, modules)
  return (text:gsub("%f[%w_]require(%s*%(?%s*[\"']([%w_.]+)[\"'])", function (rest, name)
    assert(is_known(name, modules), "a literal require of another module: " .. name)
    return "use" .. rest
  end))
end

local function list (names)
  local quoted = {}
  for i, name in ipairs(names) do quoted[i] = ("%q"):format(name) end
  return "{" .. table.concat(quoted, ", ") .. "}"
end

local function join ()
  local modules, names, parts = {}, {}, {}
  for _, path in ipairs(paths()) do
    local name = module_name(path)
    modules[name], names[#names + 1] = read(path), name
  end
  local head = read(arg[0]:gsub("[^/]*$", "") .. "head.lua")
  parts[1] = head:gsub("%-%- luacheck:[^\n]*\n\n", "")
    :gsub("%f[%w_]FILES%f[^%w_]", list { (table.unpack or unpack)(arg, 4) })
    :gsub("%f[%w_]ID%f[^%w_]", ("%q"):format(arg[3] or ""))
  parts[2] = "local use = require\n"
  for _, name in ipairs(names) do
    parts[#parts + 1] = ("preload[%q] = function (...)\n%s\nend\n")
      :format(name, without_requires(modules[name], modules))
  end
  parts[#parts + 1] = 'return preload["wsmanager"]("wsmanager")\n'
  return table.concat(parts, "\n")
end

local function as_c (text)
  local lines = {}
  for i = 1, #text, 20 do
    lines[#lines + 1] = table.concat({ text:byte(i, i + 19) }, ",")
  end
  return "static const unsigned char text[] = {\n" .. table.concat(lines, ",\n") .. "};\n"
end

local text = join()
io.write(form == "c" and as_c(text) or text)
