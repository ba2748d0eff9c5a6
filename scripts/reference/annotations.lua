-- The annotations of Lua files (LuaCATS), read strictly: what lua-language-server would
-- read otherwise than it is meant, or not at all, is a fault.
-- Depends on types.lua.

local types = require "reference.types"

local annotations = {}

local function note(db, where, why, ...)
  table.insert(db.faults, where .. ": " .. why:format(...))
end

-- ## The tags of a block

local tags = {}

-- Text after a type: two spaces before it.
local function text_after(rest)
  return (rest:gsub("^%s+", ""))
end

function tags.class(block, rest)
  local name, more = rest:match "^([%a_][%w_.]*)(.*)$"
  if not name then return "a class needs a name" end
  local class = { name = name, parents = {}, fields = {}, text = block.text }
  block.text = {}
  local parents = more:match "^%s*:%s*(.*)$"
  if parents then
    local list, after = types.read_returns(parents)
    for _, each in ipairs(list) do table.insert(class.parents, each.type) end
    more = after
  end
  class.remark = text_after(more)
  block.classes[#block.classes + 1] = class
end

function tags.field(block, rest)
  local class = block.classes[#block.classes]
  if not class then return "a field without a class" end
  rest = rest:gsub("^private%s+", "")
  local name, optional, more = rest:match "^([%a_][%w_]*)(%??)%s+(.+)$"
  if not name then name, optional, more = rest:match "^(%[[^%]]+%])(%??)%s+(.+)$" end
  if not name then return "a field needs a name and a type" end
  local of, after = types.read(more)
  if after:find "^[^ ]" then return "a space is missing behind the type: '" .. after .. "'" end
  table.insert(class.fields, {
    name = name, optional = optional == "?", type = of, text = block.text,
    remark = text_after(after), at = block.at,
  })
  block.text = {}
end

function tags.alias(block, rest)
  local name, more = rest:match "^([%a_][%w_.]*)%s*(.*)$"
  if not name then return "an alias needs a name" end
  local alias = { name = name, text = block.text, values = {}, at = block.at }
  block.text = {}
  if more ~= "" then
    local of, after = types.read(more)
    alias.type, alias.remark = of, text_after(after)
  end
  block.aliases[#block.aliases + 1] = alias
end

function tags.enum(block, rest)
  block.enum = rest:match "^[%a_][%w_.]*$"
  if not block.enum then return "an enum needs a name" end
  block.enum_text, block.text = block.text, {}
end

function tags.param(block, rest)
  local name, optional, more = rest:match "^([%a_][%w_]*)(%??)%s+(.+)$"
  if not name then name, optional, more = rest:match "^(%.%.%.)(%??)%s+(.+)$" end
  if not name then return "a parameter needs a name and a type" end
  local of, after = types.read(more)
  if after:find "^[^ ]" then return "a space is missing behind the type: '" .. after .. "'" end
  table.insert(block.params, {
    name = name, optional = optional == "?", type = of, remark = text_after(after),
  })
end

function tags.returns(block, rest)
  local list, after = types.read_returns(rest)
  for _, each in ipairs(list) do table.insert(block.returns, each) end
  block.returns[#block.returns].remark = text_after(after)
end

function tags.overload(block, rest)
  local of, after = types.read(rest)
  if of.kind ~= "fun" or after:find "%S" then return "an overload is a 'fun(…)' alone" end
  table.insert(block.overloads, of)
end

tags["return"] = tags.returns

local function ignore() end

for _, name in ipairs { "meta", "type", "see", "deprecated", "cast", "private", "async" } do
  tags[name] = ignore
end

-- ## Blocks

local function new_block(path, number)
  return {
    path = path, first = number, text = {}, classes = {}, aliases = {}, params = {},
    returns = {}, overloads = {},
  }
end

-- One value of an alias: `---| "full"  # no room`.
local function add_value(block, line)
  local alias = block.aliases[#block.aliases]
  if not alias or alias.type then return "a value without an alias" end
  local of, after = types.read(line)
  local remark = after:match "^%s*#%s*(.*)$"
  if after ~= "" and not remark then return "'# text' expected behind a value" end
  table.insert(alias.values, { type = of, remark = remark or "" })
end

local function read_line(db, block, line, number)
  block.at = block.path .. ":" .. number
  local ok, why = pcall(function ()
    local tag, rest = line:match "^%-%-%-@(%a+)%s*(.-)%s*$"
    local value = line:match "^%-%-%-|%s*(.+)$"
    if tag then
      if not tags[tag] or tag == "returns" then return "there is no tag @" .. tag end
      if rest:find "%-%-%-@" then return "one tag a line" end
      block.tagged = true
      return tags[tag](block, rest)
    elseif value then
      return add_value(block, value)
    end
    if block.params[1] or block.returns[1] then
      block.late = block.late or number
    end
    table.insert(block.text, (line:gsub("^%-%-%- ?", "")))
  end)
  if not ok or why then note(db, block.at, "%s", why) end
end

local heads = {
  "^function%s+([%w_.:]+)%s*%((.-)%)", "^local%s+function%s+([%w_]+)%s*%((.-)%)",
  "^(return)%s+function%s*%((.-)%)", "^([%w_.]+)%s*=%s*function%s*%((.-)%)",
}

-- A function of C that is given a name: `scheduler.now = core.now`.
local function read_assigned(line)
  return line:match "^([%w_]+%.[%w_]+)%s*=%s*[%w_.]+$"
end

local function read_head(line)
  for _, pattern in ipairs(heads) do
    local name, params = line:match(pattern)
    if name then
      local list = {}
      for param in params:gmatch "[^%s,]+" do list[#list + 1] = param end
      return name, list
    end
  end
end

local function keep_class(db, block, class)
  local known = db.classes[class.name]
  if not known then
    known = {
      name = class.name, parents = {}, fields = {}, methods = {}, text = {}, places = {},
    }
    db.classes[class.name] = known
  end
  table.insert(known.places, block.path .. ":" .. block.first)
  if class.remark ~= "" then table.insert(known.text, class.remark) end
  for _, line in ipairs(class.text) do table.insert(known.text, line) end
  for _, parent in ipairs(class.parents) do table.insert(known.parents, parent) end
  for _, field in ipairs(class.fields) do table.insert(known.fields, field) end
end

local function keep_function(db, block, name, params, number)
  local owner, method = name:match "^([%w_]+)[.:]([%w_]+)$"
  local class = owner and db.bound[block.path][owner]
  local entry = {
    name = name, method = method, class = class, params = block.params,
    declared = params, returns = block.returns, overloads = block.overloads,
    text = block.text, at = block.path .. ":" .. number, late = block.late,
    path = block.path, line = number, is_tagged = block.tagged,
  }
  db.functions[#db.functions + 1] = entry
  db.by_place[entry.at] = entry
  db.by_name[name] = db.by_name[name] or entry
  db.by_name[block.path .. " " .. name] = entry
end

-- The line of code behind a block says what it is about.
local function close(db, block, line, number)
  for _, class in ipairs(block.classes) do keep_class(db, block, class) end
  for _, alias in ipairs(block.aliases) do
    if db.aliases[alias.name] then note(db, alias.at, "alias %s is there twice", alias.name) end
    db.aliases[alias.name] = alias
  end
  local bound = line:match "^local%s+([%w_]+)%s*="
  local class = block.classes[#block.classes]
  if bound and class then db.bound[block.path][bound] = class.name end
  if bound and block.enum then
    db.enums[block.enum] = { text = block.enum_text, name = block.enum, variable = bound }
  end
  if class and block.overloads[1] then db.constructors[class.name] = block.overloads end
  local name, params = read_head(line)
  name = name or block.tagged and read_assigned(line)
  if name then keep_function(db, block, name, params, number) end
  if bound and block.overloads[1] then
    db.callables[block.path .. " " .. bound] =
      { overloads = block.overloads, text = block.text, at = block.path .. ":" .. number }
  end
end

local function read_file(db, path)
  local block, number = nil, 0
  db.bound[path] = {}
  for line in io.lines(path) do
    number = number + 1
    local owner, method, target = line:match "^([%w_]+)%.([%w_]+) = ([%a_][%w_.]*)$"
    if owner and db.bound[path][owner] then
      table.insert(db.assigned, {
        class = db.bound[path][owner], method = method, target = target, path = path,
      })
    end
    local text = line:match "^%s*(%-%-%-.*)$"
    if text and not text:find "^%-%-%-%-" then
      block = block or new_block(path, number)
      read_line(db, block, text, number)
    elseif block then
      close(db, block, line:match "^%s*(.*)$", number)
      block = nil
    end
  end
  if block then close(db, block, "", number) end
end

-- What is annotated in these files: `classes`, `aliases`, `enums` by name, `functions`,
-- and `faults`, a list of sentences.
function annotations.read(paths)
  local db = {
    classes = {}, aliases = {}, enums = {}, functions = {}, by_place = {}, by_name = {},
    bound = {}, assigned = {}, constructors = {}, callables = {}, faults = {},
  }
  for _, path in ipairs(paths) do read_file(db, path) end
  return db
end

return annotations
