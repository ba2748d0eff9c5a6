-- What programs can reach, asked from the module itself, and its annotations.
-- Depends on annotations.lua, and on the built module. Runs under any Lua.

local annotations = require "reference.annotations"

local surface = {}

local function files()
  local pipe = assert(io.popen "find lua -name '*.lua' | LC_ALL=C sort")
  local list = {}
  for path in pipe:lines() do list[#list + 1] = path end
  pipe:close()
  return list
end

-- The annotations of lua/.
function surface.read()
  return annotations.read(files())
end

-- Where a Lua function is: "lua/wsmanager/client.lua:268"; nil for one in C.
function surface.place(fn)
  local info = debug.getinfo(fn, "S")
  local path = info.source:match "(lua/wsmanager[%w_/]*%.lua)$"
  return path and path .. ":" .. info.linedefined
end

-- The names that a module loads at their first use: `function lazy.chat ()`.
local function lazy_names()
  local names = {}
  for line in io.lines "lua/wsmanager/init.lua" do
    local name = line:match "^function lazy%.([%w_]+)" or line:match "^lazy%.([%w_]+)"
    if name then names[#names + 1] = name end
  end
  return names
end

-- name -> value of all that is in `wsmanager`.
function surface.module()
  local wsmanager = require "wsmanager"
  local all = {}
  for name, value in pairs(wsmanager) do all[name] = value end
  for _, name in ipairs(lazy_names()) do all[name] = wsmanager[name] end
  return all
end

-- What the module's table is made of: `now = scheduler.now`.
local function target_of(name)
  for line in io.lines "lua/wsmanager/init.lua" do
    local target = line:match("^%s+" .. name .. "%s*=%s*([%w_.]+),$")
    if target then return target end
  end
end

-- The annotated function that a value is, or nil; one of C by its name in the module.
function surface.find(db, value, name)
  if type(value) ~= "function" then return nil end
  local place = surface.place(value)
  if place then return db.by_place[place] end
  return name and db.by_name[target_of(name) or ""]
end

-- The functions of a class: `function Class:name`, or assigned to it.
function surface.methods(db, class_name)
  local list = {}
  for _, entry in ipairs(db.functions) do
    if entry.class == class_name and entry.is_tagged ~= nil or entry.class == class_name
       and #entry.text > 0
    then
      list[#list + 1] = entry
    end
  end
  for _, one in ipairs(db.assigned) do
    if one.class == class_name then
      local entry = db.by_name[one.path .. " " .. one.target] or db.by_name[one.target]
      if entry then
        local copy = {}
        for key, value in pairs(entry) do copy[key] = value end
        copy.method, copy.class = one.method, class_name
        list[#list + 1] = copy
      end
    end
  end
  return list
end

-- A class's fields, those of the classes that it is made of first.
function surface.fields(db, class_name)
  local class, list, at = db.classes[class_name], {}, {}
  if not class then return list end
  local function add(field)
    if at[field.name] then
      list[at[field.name]] = field
    else
      list[#list + 1] = field
      at[field.name] = #list
    end
  end
  for _, parent in ipairs(class.parents) do
    if parent.kind == "name" then
      for _, field in ipairs(surface.fields(db, parent.name)) do add(field) end
    end
  end
  for _, field in ipairs(class.fields) do add(field) end
  return list
end

-- The tables of checks, by the names that pages.lua has for them.
function surface.rules()
  local options = require "wsmanager.base.options"
  local rules = {}
  for name, each in pairs(options.tables) do rules[name] = each end
  rules.chat = require "wsmanager.chat.options".tables.own
  rules.chat_server = require "wsmanager.chat.serve_options".tables.own
  rules.dashboard = require "wsmanager.dashboard.options".tables.own
  return rules
end

-- One of them, or those of a module: its `tables.own`.
function surface.rules_of(name)
  local rules = surface.rules()[name]
  return rules or require(name).tables.own
end

-- Each table of options on a page: the class, and the checks.
function surface.options()
  local list = {}
  for _, page in ipairs(require "reference.pages") do
    for _, section in ipairs(page) do
      if section.options then
        list[#list + 1] = {
          class = section.options, rules = surface.rules_of(section.rules),
        }
      end
    end
  end
  return list
end

return surface
