-- What busted asks of lfs, system and term, for a Lua that Debian has no C
-- modules for.

local function is(kind, path)
  local status = os.execute("test -" .. kind .. " '" .. path .. "'")
  return status == true or status == 0
end

local lfs = {}

function lfs.attributes(path, field)
  local mode = is("d", path) and "directory" or is("f", path) and "file" or nil
  if field then return field == "mode" and mode or nil end
  return mode and { mode = mode }
end

lfs.symlinkattributes = lfs.attributes

function lfs.currentdir() return os.getenv "PWD" end

function lfs.chdir() return true end -- the suite stays where it is

function lfs.dir(path)
  local pipe = assert(io.popen("ls -a '" .. path .. "'"))
  return function()
    local name = pipe:read "*l"
    if not name then pipe:close() end
    return name
  end
end

local modules = {
  lfs = lfs,
  system = { gettime = os.time, monotime = os.time, sleep = function() end },
  term = { isatty = function() return false end },
}

for name, module in pairs(modules) do
  if not pcall(require, name) then package.loaded[name] = module end
end

-- Lua 5.5 makes the variables of a `for` constant, which Debian's penlight does
-- not know: a file of it is read again with a local of the same name.
local function assignable(source)
  return (source:gsub("(%f[%w_]for%s+)([%w_, ]-)(%s+in%s[^\n]- do)%f[%W]",
    function(first, names, rest)
      return first .. names .. rest .. " local " .. names .. " = " .. names
    end))
end

local function search(name)
  local path = package.searchpath(name, package.path)
  if not path then return nil end
  local file = assert(io.open(path, "rb"))
  local source = file:read "*a"
  file:close()
  local chunk, why = load(source, "@" .. path)
  if chunk or not why:find("const variable", 1, true) then return nil end
  return assert(load(assignable(source), "@" .. path)), path
end

if _VERSION == "Lua 5.5" then table.insert(package.searchers, 2, search) end
