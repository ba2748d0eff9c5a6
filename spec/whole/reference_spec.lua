-- The reference: that it says what the annotations say, and that these say what the code
-- does and checks.
-- Runs once: it reads files, the same under each Lua.

package.path = "scripts/?.lua;" .. package.path

local book = require "reference.book"
local facts = require "reference.facts"
local files = require "support.files"
local markdown = require "reference.markdown"
local surface = require "reference.surface"
local types = require "reference.types"

local texts, faults, made = book.make()
local db = made.db

local function names_of(map)
  local list = {}
  for name in pairs(map) do list[#list + 1] = tostring(name) end
  table.sort(list)
  return list
end

-- The values of an alias, sorted.
local function values_of(name)
  local set = {}
  for _, value in ipairs(db.aliases[name].values) do set[value.type.value] = true end
  return names_of(set)
end

-- Every option: path, field, rule; of groups their fields, too.
local function each_option(class_name, rules, prefix, visit)
  for _, field in ipairs(surface.fields(db, class_name)) do
    local key = field.name:match "^%[(%d+)%]$"
    local rule = rules[key and tonumber(key) or field.name]
    if rule then
      visit(prefix .. field.name, field, rule, class_name)
      for _, each in ipairs(rule.fields and types.alternatives(field.type) or {}) do
        if db.classes[each.name] then
          each_option(each.name, rule.fields, prefix .. field.name .. ".", visit)
        end
      end
    end
  end
end

local function every_option(visit)
  for _, each in ipairs(surface.options()) do each_option(each.class, each.rules, "", visit) end
end

describe("the reference", function()
  it("has no fault", function()
    assert.same({}, faults)
  end)

  it("is what the annotations say: else 'make reference' writes it", function()
    local stale = {}
    for name, text in pairs(texts) do
      local file = io.open("docs/reference/" .. name, "rb")
      local there = file and file:read "*a"
      if file then file:close() end
      if there ~= text then stale[#stale + 1] = name end
    end
    for _, path in ipairs(files.below({ "docs/reference" }, ".md")) do
      local is_ours = files.read(path):find("Made by `make reference`", 1, true)
      if is_ours and not texts[path:match "[^/]+$"] then
        stale[#stale + 1] = path .. " (of no page)"
      end
    end
    table.sort(stale)
    assert.same({}, stale)
  end)

  it("has each heading once in a page, and no link to nowhere", function()
    local anchors, wrong = {}, {}
    for name, text in pairs(texts) do
      anchors[name] = {}
      for title in text:gmatch "\n#+ ([^\n]+)" do
        local slug = markdown.slug(title)
        if anchors[name][slug] then wrong[#wrong + 1] = name .. ": " .. title .. " twice" end
        anchors[name][slug] = true
      end
    end
    for name, text in pairs(texts) do
      for to in text:gmatch "%]%(([^)]+)%)" do
        local file, anchor = to:match "^([^#]*)#?(.*)$"
        local known = anchors[file == "" and name or file]
        if not known or anchor ~= "" and not known[anchor] then
          wrong[#wrong + 1] = name .. ": " .. to
        end
      end
    end
    assert.same({}, wrong)
  end)
end)

describe("an annotation of a public function", function()
  local function each_public(visit)
    for at in pairs(made.shown) do
      if db.by_place[at] then visit(db.by_place[at], at) end
    end
  end

  it("names the parameters that the function has", function()
    local wrong = {}
    each_public(function(entry, at)
      local declared, at_first = entry.declared, 1
      if not declared or declared[1] == "..." then return end
      -- a method written with a dot: the first one is the object
      local is_object = declared[1] == "ws" or declared[1] == "self"
      if is_object and (entry.params[1] or {}).name ~= declared[1] then at_first = 2 end
      for i = at_first, math.max(#declared, #entry.params + at_first - 1) do
        local has = entry.params[i - at_first + 1]
        if not has or has.name ~= declared[i] then
          wrong[#wrong + 1] = at .. ": '" .. tostring(declared[i]) .. "' of " .. entry.name
            .. " needs `---@param " .. tostring(declared[i]) .. " TYPE  what it is`"
          break
        end
      end
    end)
    assert.same({}, wrong)
  end)

  it("says what it does, and what each argument is, and names each result", function()
    local wrong = {}
    each_public(function(entry, at)
      if (facts.of(entry.text)) == "" then
        wrong[#wrong + 1] = at .. ": no text above " .. entry.name
      end
      for _, each in ipairs(entry.returns) do
        if not each.name then
          wrong[#wrong + 1] = at .. ": a result of " .. entry.name .. " needs a name: "
            .. "`---@return " .. types.show(each.type) .. " NAME  what it is`"
        elseif each.name == "token" and (each.remark or "") == "" then
          wrong[#wrong + 1] = at .. ": say which tokens " .. entry.name .. " returns"
        end
      end
      for _, each in ipairs(entry.params) do
        if (each.remark or "") == "" and types.show(each.type):find "^[%l?]+$" then
          wrong[#wrong + 1] = at .. ": say what '" .. each.name .. "' of " .. entry.name .. " is"
        end
      end
      if entry.late then
        wrong[#wrong + 1] = entry.path .. ":" .. entry.late .. ": text behind a @param or "
          .. "@return belongs to it on one line, or above all of them"
      end
    end)
    assert.same({}, wrong)
  end)

  it("names only tokens of the closed list", function()
    local tokens, wrong = {}, {}
    for _, token in ipairs(values_of "wsmanager.Token") do tokens[token] = true end
    each_public(function(entry, at)
      for _, each in ipairs(entry.returns) do
        if types.show(each.type):find "wsmanager.Token" then
          for word in (each.remark or ""):gmatch '"(%l+)"' do
            if not tokens[word] then wrong[#wrong + 1] = at .. ": " .. word end
          end
        end
      end
    end)
    assert.same({}, wrong)
  end)
end)

describe("a field of a public class", function()
  it("says what it is", function()
    local wrong, seen = {}, 0
    for name, to in pairs(made.found) do
      for _, field in ipairs(to and db.classes[name] and db.classes[name].fields or {}) do
        seen = seen + 1
        if (facts.of(field.text, field.remark)) == "" then
          wrong[#wrong + 1] = field.at .. ": say what '" .. field.name .. "' of " .. name
            .. " is, above it or behind its type"
        end
      end
    end
    assert.same({}, wrong)
    assert.is_true(seen > 300)
  end)

  it("has a type that is there", function()
    local wrong = {}
    local builtin = {}
    for word in ([[any nil string number integer boolean table function userdata thread
      lightuserdata self file*]]):gmatch "%S+" do
      builtin[word] = true
    end
    for class, entry in pairs(db.classes) do
      for _, field in ipairs(entry.fields) do
        types.each_name(field.type, function(name)
          local is_ours = name:find "^wsmanager" or name:find "^chat%.[%l]"
          if is_ours and not builtin[name] and not db.classes[name] and not db.aliases[name]
             and not db.enums[name]
          then
            wrong[#wrong + 1] = field.at .. ": there is no " .. name .. " (" .. class .. ")"
          end
        end)
      end
    end
    assert.same({}, wrong)
  end)
end)

describe("the closed lists", function()
  it("of tokens is the core's, and 'cancelled'", function()
    local set = { cancelled = true }
    local list = files.read "src/base/error.c":match "names%[%] = {(.-)};"
    for name in list:gmatch '"(%l+)"' do set[name] = true end
    assert.same(names_of(set), values_of "wsmanager.Token")
  end)

  it("of states is the core's", function()
    local set = {}
    local list = files.read "src/lua/lstate.c":match "states%[%] = {(.-)};"
    for name in list:gmatch '"(%l+)"' do set[name] = true end
    assert.same(names_of(set), values_of "wsmanager.State")
  end)

  it("of events is the one that listeners are checked by", function()
    assert.same(names_of(require "wsmanager.base.events".names),
      values_of "wsmanager.EventName")
  end)

  it("of a log's events has every one that is told", function()
    local set = {}
    for name in pairs(require "wsmanager.run.sentences") do set[name] = true end
    for _, path in ipairs {
      "lua/wsmanager/log.lua", "lua/wsmanager/migration.lua", "lua/wsmanager/dashboard.lua",
    } do
      local text = files.read(path)
      for name in text:gmatch 'event = "(%l+)"' do set[name] = true end
      for name in text:gmatch 'tell_server%([%w_.]+, "(%l+)"' do set[name] = true end
    end
    local server = files.read "lua/wsmanager/server.lua"
    for name in server:gmatch 'tell_server%([%w_.]+, "(%l+)"' do set[name] = true end
    set.listening = true
    assert.same(names_of(set), values_of "wsmanager.LogEvent")
  end)
end)

-- ## Types and checks

local function call() end

local anything = setmetatable({ 1, id = "x" }, { __index = function() return call end })

-- Values of each type, of which a check that accepts the type accepts one.
local probes = {
  number = { 1, 0.5, 0, 9, 200, 1000, 4000 },
  string = { "x y", "text", "json", "info", "a" },
  ["function"] = { call },
  table = {
    anything, {}, { "a" }, { 1 }, { 1000 }, { 1, per = 1 }, { encode = call, decode = call },
  },
}

-- What a type accepts: by name of a Lua type, and its literals.
local function accepted_by(of, into)
  for _, each in ipairs(types.alternatives(of)) do
    local alias = each.kind == "name" and db.aliases[each.name]
    if alias and alias.type then accepted_by(alias.type, into)
    elseif alias then
      for _, value in ipairs(alias.values) do into.literals[value.type.value] = true end
    elseif each.kind == "literal" then into.literals[each.value] = true
    elseif each.kind == "fun" then into["function"] = true
    elseif each.kind == "list" or each.kind == "table" then into.table = true
    elseif each.name == "integer" then into.number, into.integer = true, not into.number
    elseif each.name == "number" then into.number, into.integer = true, false
    elseif each.name == "boolean" then into.literals[true], into.literals[false] = true, true
    elseif each.name == "any" then into.any = true
    elseif each.name ~= "nil" then
      into[db.classes[each.name] and "table" or db.enums[each.name] and "number" or each.name]
        = true
    end
  end
  return into
end

local function accepts(rule, value)
  if not rule.fields then return not not rule.test(value) end
  return type(value) == "table" or value == false and not not (rule.may_be_false
    or rule.may_be_true) or value == true and not not rule.may_be_true
    or type(value) == "function" and not not rule.may_be_function
end

-- What an option's type and its check disagree about, or nil.
local function disagreement(field, rule)
  local type_of = accepted_by(field.type, { literals = {} })
  if type_of.any then return nil end
  for kind, values in pairs(probes) do
    local one
    for _, value in ipairs(values) do
      if type_of.literals[value] == nil and accepts(rule, value) then one = value end
    end
    local is_literal = kind == "string" and one ~= nil and type_of.literals[one]
    if (one ~= nil and not is_literal) ~= (type_of[kind] or false) then
      return kind .. (one ~= nil and " is accepted" or " is refused")
    end
  end
  if type_of.integer and accepts(rule, 1.5) then return "1.5 is accepted" end
  for value in pairs(type_of.literals) do
    if not accepts(rule, value) then return tostring(value) .. " is refused" end
  end
  for _, value in ipairs { true, false } do
    if accepts(rule, value) and not type_of.literals[value] then
      return tostring(value) .. " is accepted"
    end
  end
end

describe("an option", function()
  it("has the type that is checked", function()
    local wrong, seen = {}, 0
    every_option(function(path, field, rule)
      seen = seen + 1
      local why = disagreement(field, rule)
      if why then
        wrong[#wrong + 1] = ("%s: '%s' is `%s`, but %s"):format(field.at, path,
          types.show(field.type), why)
      end
    end)
    assert.same({}, wrong)
    assert.is_true(seen > 200)
  end)

  it("says its unit, and its default", function()
    local wrong = {}
    every_option(function(path, field, rule)
      if path:find "^on%l+$" and not field.text[1] then return end
      local _, told = facts.of(field.text, field.remark)
      local type_of = accepted_by(field.type, { literals = {} })
      local is_named = type_of.string or path == "mode"    -- a name, or a number as one
      if type_of.number and not told.unit and not is_named then
        wrong[#wrong + 1] = field.at .. ": '" .. path .. "' needs a line `--- Unit: seconds.` "
          .. "(or bytes, messages, ...; a descriptor, a port number) above it"
      end
      if not told.default and not rule.fields then
        wrong[#wrong + 1] = field.at .. ": '" .. path .. "' needs a line `--- Default: none.` "
          .. "above it, or what it is without the option"
      end
    end)
    assert.same({}, wrong)
  end)
end)

describe("options that contradict each other", function()
  local list
  for _, page in ipairs(require "reference.pages") do
    for _, section in ipairs(page) do list = section.list or list end
  end

  it("raise, as it is said", function()
    local wsmanager, fine = require "wsmanager", {}
    for _, line in ipairs(list) do
      assert.is_true(#line > 1, line[1])
      for i = 2, #line do
        local options = { url = "ws://127.0.0.1:1", reconnect = { limit = 0 } }
        for name, value in pairs(line[i]) do options[name] = value end
        local ok, why = pcall(wsmanager.new, options)
        if ok or not tostring(why):find "bad option" then
          fine[#fine + 1] = line[1] .. " (" .. i - 1 .. "): " .. tostring(why)
        end
      end
    end
    assert.same({}, fine)
  end)

  it("are all said", function()
    local missing, told = {}, {}
    for _, line in ipairs(list) do told[#told + 1] = line[1] end
    told = table.concat(told, " ")
    for _, path in ipairs { "lua/wsmanager/base/conflicts.lua", "src/manager/policy.c" } do
      local text = files.read(path)
      local from = text:find("local function check_body", 1, true) or #text
      text = text:sub(1, from - 1)
      for _, pattern in ipairs { 'fail%("([%l_.]+)"', "bad option '([%l_.]+)'" } do
        for name in text:gmatch(pattern) do
          local known = name:find "%.$" or told:find("`" .. name .. "`", 1, true)
          if not known and name ~= "timeouts.login" then missing[#missing + 1] = name end
        end
      end
    end
    assert.same({}, missing)
  end)
end)
