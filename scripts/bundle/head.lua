-- wsmanager: all of its Lua in one file, made by `make bundle`. core.so belongs into the
-- folder of this file, with what else lies beside it; in LÖVE also within a .love.

-- luacheck: read globals FILES ID love

local load_library = package.loadlib

local function is_file (path)
  local file = io and io.open and io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

-- The folder of this file, with the separator at its end; nil: the text is a program's.
local function own_folder ()
  local source = debug and debug.getinfo(1, "S").source or ""
  return source:match "^@(.*[/\\])[^/\\]*$", source:match "^@" ~= nil
end

local folder, has_name = own_folder()

-- ## LÖVE: its files may lie in a zip, from which the system cannot load

-- Writes core.so and what lies beside it into a folder of the save directory, where it
-- is not there yet; its path. Another process may do the same now: each file appears
-- whole.
local function save (fs, from)
  local to = "wsmanager/" .. ID
  local place = fs.getSaveDirectory() .. "/" .. to .. "/"
  assert(fs.createDirectory(to))
  for _, name in ipairs(FILES) do
    if not fs.getInfo(to .. "/" .. name) then
      local part = ("%s.%s-%d"):format(name, tostring({}):match "%w+$", os.time())
      assert(fs.write(to .. "/" .. part, assert(fs.read(from .. name))))
      assert(os.rename(place .. part, place .. name))
    end
  end
  return place
end

-- The folder of core.so on the disk, where this file is one of a game of LÖVE.
local function love_folder ()
  local fs = type(love) == "table" and love.filesystem
  if not fs or not has_name then return nil end
  local from = folder or ""
  local real = fs.getRealDirectory(from .. "core.so")
  if not real then return nil end
  local place = real .. "/" .. from
  if is_file(place .. "core.so") then return place end
  return save(fs, from)
end

-- ## The core

-- What the other searchers of `require` find for it.
local function search (name)
  local why = {}
  local searchers = package.searchers or package.loaders
  for i = 2, #searchers do
    local loader, extra = searchers[i](name)
    if type(loader) == "function" then return loader(name, extra) end
    why[#why + 1] = type(loader) == "string" and loader or nil
  end
  error("wsmanager: its core.so is not beside wsmanager.lua, nor anywhere else:"
    .. table.concat(why), 0)
end

local function load_core (name)
  local place = love_folder() or folder
  if not place or not load_library or not is_file(place .. "core.so") then
    return search(name)
  end
  local open, why = load_library(place .. "core.so", "luaopen_wsmanager_core")
  if not open then error("wsmanager: " .. why, 0) end
  return open(name)
end

local preload = package.preload
preload["wsmanager.core"] = preload["wsmanager.core"] or load_core
