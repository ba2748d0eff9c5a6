-- The pages of the reference, as text.
-- Depends on the other files here, and on the built module.
-- Writes nothing: make does.

local facts = require "reference.facts"
local markdown = require "reference.markdown"
local pages = require "reference.pages"
local surface = require "reference.surface"
local types = require "reference.types"
local written = require "reference.written"

local book = {}

local HEAD = "<!-- Made by `make reference` from the annotations in lua/: do not edit. -->\n\n"

local sections = {}

-- What is being made: db, links (of the pass before), found (of this one), page, out.
--
-- A word that means several things, as `close`, is no link: a name with a dot or a colon
-- means the first one.
local function find(self, name, to)
  local known = self.found[name]
  if known == nil then
    self.found[name] = to
  elseif known ~= to and not name:find "[.:]" then
    self.found[name] = false
  end
end

local function heading(self, level, title, ...)
  table.insert(self.out, ("#"):rep(level) .. " " .. title .. "\n")
  for _, name in ipairs { title, ... } do
    find(self, name, self.page .. "#" .. markdown.slug(title))
  end
end

local function add_text(self, text, own)
  if text and text ~= "" then
    table.insert(self.out, markdown.linked(self.links, self.page, text, own) .. "\n")
  end
end

local function fault(self, ...)
  table.insert(self.faults, string.format(...))
end

-- Is each class and alias that a type names on a page?
local function check_names(self, of, at)
  types.each_name(of, function (name)
    local known = self.db.classes[name] or self.db.aliases[name] or self.db.enums[name]
    if known and self.links[name] == nil and self.is_last then
      fault(self, "%s: '%s' is on no page: add it to scripts/reference/pages.lua, where it "
        .. "belongs", at, name)
    elseif not known and name:find "^[%w]+%.%u" then
      fault(self, "%s: there is no class or alias '%s'", at, name)
    end
  end)
end

local function check_types(self, entry)
  for _, list in ipairs { entry.params, entry.returns } do
    for _, each in ipairs(list) do check_names(self, each.type, entry.at) end
  end
end

local function add_function(self, level, call, entry)
  local to = self.page .. "#" .. markdown.slug(call)
  find(self, call, to)
  find(self, call:match "%w+$", to)
  if call:find "^ws:" then find(self, call:match "%w+$" .. "()", to) end
  self.shown[entry.at] = true
  check_types(self, entry)
  markdown.func(self.out, self.links, self.page, level, call, entry)
end

-- ## Sections

local function class_text(self, name)
  local class = self.db.classes[name]
  if not class then
    fault(self, "scripts/reference/pages.lua: there is no class %s", name)
    return "", {}
  end
  return facts.of(class.text)
end

-- The methods of a class in the order of `order`, then of the code; not those that the
-- module has as functions of its own.
local function add_methods(self, section)
  local at, list = {}, {}
  for i, name in ipairs(section.order or {}) do at[name] = i end
  for i, entry in ipairs(surface.methods(self.db, section.class)) do
    if not self.of_module[entry.at] then
      list[#list + 1] = { section.call .. entry.method, entry, at[entry.method] or 1000 + i }
    end
  end
  table.sort(list, function (a, b) return a[3] < b[3] end)
  if #list > 5 then markdown.overview(self.out, self.links, self.page, list) end
  for _, each in ipairs(list) do
    add_function(self, section.title and 3 or 2, each[1], each[2])
  end
end

function sections.class(self, section)
  local name = section.class
  local text, told = class_text(self, name)
  if section.title then heading(self, 2, section.title, name)
  else find(self, name, self.page) end
  if section.title then table.insert(self.out, "`" .. name .. "`\n") end
  add_text(self, text, name)
  if told.source then table.insert(self.out, "Source: " .. told.source .. ".\n") end
  if section.bare then return end
  local fields = surface.fields(self.db, name)
  if section.class == "wsmanager.Connection" then
    fields = self.db.classes[name].fields
  end
  local overloads = self.db.constructors[name]
  if overloads then table.insert(self.out, "    " .. types.show(overloads[1]) .. "\n") end
  markdown.fields(self.out, self.links, self.page, fields, section.fields)
  for _, field in ipairs(fields) do
    check_names(self, field.type, field.at)
    if section.fields then find(self, section.fields .. field.name, self.found[name]) end
  end
  if section.call then add_methods(self, section) end
end

function sections.values(self, section)
  local alias = self.db.aliases[section.values]
  if not alias then
    return fault(self, "scripts/reference/pages.lua: there is no alias %s", section.values)
  end
  find(self, section.values, self.page)
  add_text(self, (facts.of(alias.text)))
  if not section.anchors then
    return markdown.values(self.out, self.links, self.page, alias, section.head)
  end
  for _, value in ipairs(alias.values) do
    heading(self, 2, value.type.value)
    add_text(self, value.remark:sub(1, 1):upper() .. value.remark:sub(2) .. ".")
  end
end

function sections.types(self, section)
  if section.title then heading(self, 2, section.title) end
  for _, name in ipairs(section.types) do
    local alias = self.db.aliases[name]
    if not alias then
      fault(self, "scripts/reference/pages.lua: there is no alias %s", name)
    else
      heading(self, section.title and 3 or 2, name)
      check_names(self, alias.type, alias.at)
      table.insert(self.out, "    " .. types.show(alias.type) .. "\n")
      add_text(self, (facts.of(alias.text, alias.remark)), name)
    end
  end
end

function sections.enums(self, section)
  if section.title then heading(self, 2, section.title) end
  local chat = require "wsmanager.chat"
  table.insert(self.out, "| table | its values |\n|---|---|")
  for _, name in ipairs(section.enums) do
    local key = name:gsub("^chat%.", "")
    local parts, order = {}, {}
    for word in pairs(chat[key]) do order[#order + 1] = word end
    table.sort(order, function (a, b) return chat[key][a] < chat[key][b] end)
    for i, word in ipairs(order) do parts[i] = ("`%s` %d"):format(word, chat[key][word]) end
    table.insert(self.out, ("| `chat.%s` | %s |"):format(key, table.concat(parts, ", ")))
    find(self, name, self.page .. "#" .. markdown.slug(section.title))
  end
  table.insert(self.out, "")
end

function sections.functions(self, section)
  heading(self, 2, section.title)
  local values = require "wsmanager.chat"[section.of]
  for _, name in ipairs(section.functions) do
    add_function(self, 3, section.call .. name, assert(surface.find(self.db, values[name])))
  end
end

function sections.list(self, section)
  heading(self, 2, section.title)
  add_text(self, section.text)
  for _, line in ipairs(section.list) do
    table.insert(self.out, "* " .. markdown.linked(self.links, self.page, line[1]))
  end
  table.insert(self.out, "")
end

function sections.write(self, section)
  if section.title then heading(self, 2, section.title) end
  written[section.write](self.out, self)
end

-- Each class that is made of wsmanager.Event.
function sections.events(self)
  for _, value in ipairs(self.db.aliases["wsmanager.EventName"].values) do
    local event = value.type.value
    local name = "wsmanager." .. event:sub(1, 1):upper() .. event:sub(2) .. "Event"
    heading(self, 2, event, name)
    if not self.db.classes[name] then
      fault(self, "the event '%s' needs a class %s in lua/wsmanager/base/events.lua, with its "
        .. "fields", event, name)
    else
      table.insert(self.out, "`" .. name .. "`\n")
      add_text(self, (facts.of(self.db.classes[name].text)), event)
      markdown.fields(self.out, self.links, self.page, self.db.classes[name].fields, "event.")
    end
  end
end

-- ## The module and the chat, as they are

local function add_table(self, values, class_name, prefix, what)
  local fields, names = {}, {}
  for _, field in ipairs(self.db.classes[class_name].fields) do fields[field.name] = field end
  for name in pairs(values) do names[#names + 1] = name end
  table.sort(names)
  local shown, list = {}, {}
  for _, name in ipairs(names) do
    local entry = surface.find(self.db, values[name], name)
    if entry and not fields[name] then
      list[#list + 1] = { prefix .. name, entry }
    elseif not fields[name] and not name:find "^_" then
      fault(self, "%s%s is not annotated: write `---@field %s TYPE  what it is` to the class %s "
        .. "(%s), or annotate the function", prefix, name, name, class_name, what)
    end
  end
  for _, field in ipairs(self.db.classes[class_name].fields) do shown[#shown + 1] = field end
  markdown.overview(self.out, self.links, self.page, list)
  for _, each in ipairs(list) do
    add_function(self, 2, each[1], each[2])
    self.of_module[each[2].at] = true
  end
  table.insert(self.out, "## Values\n")
  markdown.fields(self.out, self.links, self.page, shown, prefix)
  for _, field in ipairs(shown) do
    check_names(self, field.type, field.at)
    find(self, prefix .. field.name, self.page .. "#values")
  end
end

function sections.module(self)
  local text = class_text(self, "wsmanager")
  find(self, "wsmanager", self.page)
  add_text(self, text)
  add_table(self, surface.module(), "wsmanager", "wsmanager.", "lua/wsmanager/init.lua")
end

function sections.namespace(self, section)
  if section.title then heading(self, 2, section.title, section.of)
  else find(self, section.of, self.page) end
  add_text(self, (class_text(self, section.of)))
  add_table(self, require(section.from), section.of, section.namespace .. ".", section.from)
end

-- ## Options

local function expected_of(rule)
  if not rule.fields then return (rule.expected:gsub(" expected$", "")) end
  local text = "table"
  if rule.may_be_true then text = text .. " or boolean"
  elseif rule.may_be_function then text = text .. " or function" end
  if rule.may_be_false and not rule.may_be_true then text = text .. " or false" end
  return text
end

-- The class of a group: the first in the type that has fields.
local function class_of(self, field)
  for _, each in ipairs(types.alternatives(field.type)) do
    if each.kind == "name" and self.db.classes[each.name] then return each.name end
  end
end

-- How a function is called, and what the types are.
local function add_types(self, field, is_group)
  for _, each in ipairs(types.alternatives(field.type)) do
    if each.kind == "fun" then
      table.insert(self.out, "A function is called as `" .. types.show(each) .. "`.\n")
    elseif each.kind == "name" and not is_group
           and (self.db.classes[each.name] or self.db.aliases[each.name])
    then
      table.insert(self.out, "See " .. markdown.type(self.links, self.page, each) .. ".\n")
    end
  end
end

local add_options

local function add_option(self, level, path, field, rule)
  find(self, path, self.page .. "#" .. markdown.slug(path))
  check_names(self, field.type, field.at)
  if not rule then
    return fault(self, "%s: the option '%s' is annotated and not checked: give it a rule beside "
      .. "its annotation", field.at, path)
  end
  markdown.option(self.out, self.links, self.page, level, path, field, expected_of(rule))
  local is_whole = self.whole and self.whole[path]
  add_types(self, field, rule.fields ~= nil and not is_whole)
  if not rule.fields or is_whole then return end
  local name = class_of(self, field)
  if not name then
    return fault(self, "%s: the option '%s' is a table, and its type names no class", field.at,
      path)
  end
  local text, told = class_text(self, name)
  if not self.grouped[name] then add_text(self, text, path .. ".") end
  if told.source then table.insert(self.out, "Source: " .. told.source .. ".\n") end
  if self.found[name] and self.found[name]:match "^[^#]*" ~= self.page then
    table.insert(self.out, "Its fields: [`" .. name .. "`](" .. self.found[name] .. ").\n")
  elseif self.grouped[name] then
    table.insert(self.out, "Its fields are those of `" .. self.grouped[name] .. "`.\n")
  else
    find(self, name, self.page .. "#" .. markdown.slug(path))
    self.grouped[name] = path
    add_options(self, level + 1, path .. ".", name, rule.fields)
  end
end

local function in_order(fields, order)
  local by_name, list, is_there = {}, {}, {}
  for _, field in ipairs(fields) do by_name[field.name] = field end
  for _, name in ipairs(order or {}) do
    if by_name[name] then
      list[#list + 1] = by_name[name]
      is_there[name] = true
    end
  end
  for _, field in ipairs(fields) do
    if not is_there[field.name] then list[#list + 1] = field end
  end
  return list
end

local function is_event(name)
  return name:find "^on%l+" ~= nil
    and require "wsmanager.base.events".properties[name] ~= nil
end

function add_options(self, level, prefix, class_name, rules, skip, order)
  local known = {}
  local fields = surface.fields(self.db, class_name)
  for _, field in ipairs(in_order(fields, order)) do
    local key = field.name:match "^%[(%d+)%]$"
    key = key and tonumber(key) or field.name
    known[key] = true
    if not (skip and skip[field]) and not (is_event(field.name) and prefix == "") then
      local path = type(key) == "number" and prefix:gsub("%.$", "") .. field.name
        or prefix .. field.name
      add_option(self, level, path, field, rules[key])
    end
  end
  for name in pairs(rules) do
    if not known[name] then
      fault(self, "the option '%s%s' is checked and not annotated: write to the class %s (%s)\n"
        .. "    ---\n    --- What it is, in whole sentences.\n"
        .. "    --- Unit: seconds. Default: none.\n    ---@field %s? TYPE", prefix, tostring(name),
        class_name, self.db.classes[class_name].places[1], tostring(name))
    end
  end
end

-- "In short": each option and its default.
local function add_overview(self, first, level)
  table.insert(self.out, first, "")
  local rows = {}
  for i = first, #self.out do
    local marks, path = self.out[i]:match "^(#+) ([%w_.%[%]]+)\n$"
    if path and #marks >= level then
      local default = self.out[i + 1]:match "Default: (.-)%.\n$"
        or self.out[i + 1]:find "%*%*Required" and "required" or ""
      rows[#rows + 1] = ("| [`%s`](#%s) | %s |"):format(path, markdown.slug(path), default)
    end
  end
  self.out[first] = "| option | default |\n|---|---|\n" .. table.concat(rows, "\n") .. "\n"
end

function sections.options(self, section)
  local skip = {}
  if section.title then heading(self, 2, section.title, section.options)
  else find(self, section.options, self.page) end
  self.whole = section.whole
  if section.shared then
    local shared = {}
    for _, field in ipairs(surface.fields(self.db, section.shared)) do
      skip[field] = true
      shared[#shared + 1] = "`" .. field.name .. "`"
    end
    self.shared = "As of a connection: " .. table.concat(shared, ", ") .. "."
  end
  for _, field in ipairs(section.without and surface.fields(self.db, section.without) or {}) do
    skip[field] = true
  end
  add_text(self, (class_text(self, section.options)))
  add_text(self, self.shared)
  self.shared = nil
  add_text(self, section.text)
  local level = section.title and 3 or 2
  local first = #self.out + 1
  local rules = surface.rules_of(section.rules)
  add_options(self, level, section.prefix or "", section.options, rules, skip, section.order)
  add_overview(self, first, level)
end

-- ## Pages

local kinds = {
  "module", "namespace", "class", "options", "values", "types", "enums", "write", "events",
  "functions", "list",
}

local function add_section(self, section)
  for _, kind in ipairs(kinds) do
    if section[kind] then return sections[kind](self, section) end
  end
  error("scripts/reference/pages.lua: a section of " .. self.page .. " has no kind")
end

local function make_page(self, page)
  self.out, self.page, self.grouped = {}, page.name .. ".md", {}
  table.insert(self.out, HEAD .. "# " .. page.title .. "\n")
  if page.about then add_text(self, page.about) end
  for _, section in ipairs(page) do add_section(self, section) end
  local text = table.concat(self.out, "\n"):gsub("\n\n\n+", "\n\n"):gsub("%s+$", "")
  return text .. "\n"
end

local function make_index()
  local out = {
    HEAD .. "# Reference\n",
    "One page for each subject. Each entry says its type, its unit, its default, the errors",
    "that it returns, and which section of which standard it follows. It is made from the",
    "annotations in `lua/`, which also give completion in editors that read them",
    "(lua-language-server).\n",
    "| page | what is in it |\n|---|---|",
  }
  for _, page in ipairs(pages) do
    out[#out + 1] = ("| [%s](%s.md) | %s |"):format(page.title, page.name, page.short)
  end
  return table.concat(out, "\n") .. "\n"
end

-- name -> text of each page, and a list of faults.
function book.make()
  local self = { db = surface.read(), links = {} }
  local texts
  for turn = 1, 2 do       -- the second time with all links known
    self.found, self.faults, self.shown, self.of_module, texts = {}, {}, {}, {}, {}
    self.is_last = turn == 2
    for _, page in ipairs(pages) do texts[page.name .. ".md"] = make_page(self, page) end
    self.links = self.found
  end
  texts["README.md"] = make_index()
  for _, each in ipairs(self.db.faults) do table.insert(self.faults, 1, each) end
  return texts, self.faults, self
end

return book
