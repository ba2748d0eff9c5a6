-- The files of the working tree, for specs that read the code itself.

local files = {}

-- The descriptors that a program which is started here gets beside the usual three: what
-- they lead to, without numbers.
function files.inherited()
  local list = {}
  local pipe = io.popen "ls -l /proc/self/fd"
  for fd, to in pipe:read "*a":gmatch " (%d+) %-> (%S+)" do
    if tonumber(fd) > 2 and not to:find "^/proc/" then
      list[#list + 1] = to:gsub("%d+", "")
    end
  end
  pipe:close()
  return table.concat(list, " ")
end

-- The paths below folders (a list) whose name ends so, sorted.
function files.below(folders, ending)
  local pipe = assert(io.popen("find " .. table.concat(folders, " ")
    .. " -type f -name '*" .. ending .. "' | LC_ALL=C sort"))
  local found = {}
  for path in pipe:lines() do found[#found + 1] = path end
  pipe:close()
  assert(#found > 0, "no file found: " .. table.concat(folders, " ") .. " " .. ending)
  return found
end

function files.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- line, number of each line of a file
function files.lines(path)
  local number = 0
  local nextline = io.lines(path)
  return function()
    number = number + 1
    local line = nextline()
    if line then return line, number end
  end
end

-- Where `require` would find a C module, as package.searchpath.
function files.module(name)
  local tail = name:gsub("%.", "/")
  for template in package.cpath:gmatch("[^;]+") do
    local path = template:gsub("%?", (tail:gsub("%%", "%%%%")))
    local file = io.open(path, "rb")
    if file then
      file:close()
      return path
    end
  end
end

return files
