-- Pieces of a page: types in words, links, entries. Pure text.
-- Depends on facts.lua and types.lua.

local facts = require "reference.facts"
local types = require "reference.types"

local markdown = {}

-- The anchor of a heading, as GitHub makes it.
function markdown.slug(heading)
  return (heading:lower():gsub("[^%w _-]", ""):gsub(" ", "-"))
end

-- ## Links
--
-- `links` has for a name "page.md#anchor", or false where several things have that name;
-- `page` is where the text will be.

-- A word without a dot or a colon is a link only to an option, and only where it means
-- nothing else; beside the options of its own group it means one of these.
local function word_link(links, name, own)
  local group = own and own:match "^(.+[.])[^.]+$"
  local is_option = group == "wsmanager." and links[name] ~= nil
  if group and links[group .. name] and not is_option then return links[group .. name] end
  local to = links[name]
  return to and (name:find "%(%)$" or to:find "^options%.md#") and to or nil
end

local function link(links, page, name, own)
  local to
  if name:find "[.:]" then to = links[name] else to = word_link(links, name, own) end
  if to == page then return nil end
  if not to then return nil end
  local file, anchor = to:match "^(.-)(#.*)$"
  if file == page then return anchor end
  return to
end

-- `ws:send` and `heartbeat.timeout` in a text become links, but not to the entry itself.
function markdown.linked(links, page, text, own)
  return (text:gsub("`([^`\n]+)`", function (name)
    local to = name ~= own and link(links, page, name, own)
    if to then return "[`" .. name .. "`](" .. to .. ")" end
  end))
end

-- ## Types

local function show_literal(of)
  return "`" .. of.text .. "`"
end

-- Where a type is: `Message`, too.
local function type_link(links, page, name)
  local to = links[name]
  return to and (name:find "[.:]" or name:find "%u") and link({ ["."] = to }, page, ".") or nil
end

local function show_one(links, page, of)
  if of.kind == "literal" then return show_literal(of) end
  if of.kind == "name" and not of.arguments then
    local to = type_link(links, page, of.name)
    if to then return "[`" .. of.name .. "`](" .. to .. ")" end
    if of.name == "any" then return "any value" end
    return of.name
  end
  if of.kind == "list" and of.of.kind == "name" then
    local to = type_link(links, page, of.of.name)
    local name = to and "[`" .. of.of.name .. "`](" .. to .. ")" or of.of.name
    return "list of " .. name
  end
  return "`" .. types.show(of) .. "`"
end

-- A type in words: "number or `false`". `without_nil`: that is said otherwise.
function markdown.type(links, page, of, without_nil)
  local parts = {}
  for _, each in ipairs(types.alternatives(of)) do
    local is_nil = each.kind == "name" and each.name == "nil"
    if not (is_nil and without_nil) then parts[#parts + 1] = show_one(links, page, each) end
  end
  if #parts <= 1 then return parts[1] or "nil" end
  local last = table.remove(parts)
  return table.concat(parts, ", ") .. " or " .. last
end

local function may_be_nil(of)
  for _, each in ipairs(types.alternatives(of)) do
    if each.kind == "name" and each.name == "nil" then return true end
  end
  return false
end

markdown.may_be_nil = may_be_nil

-- ## Functions

-- What the code calls `given` is a table of options.
local function shown(name)
  return name == "given" and "options" or name
end

local function signature(call, entry)
  local text, open = "", 0
  for i, param in ipairs(entry.params) do
    local optional = param.optional or param.name == "..." or may_be_nil(param.type)
    if optional then
      text, open = text .. (i > 1 and "[, " or "[") .. shown(param.name), open + 1
    else
      text = text .. (i > 1 and ", " or "") .. shown(param.name)
    end
  end
  local returns = {}
  for i, each in ipairs(entry.returns) do returns[i] = each.name or types.show(each.type) end
  return call .. "(" .. text .. ("]"):rep(open) .. ")"
         .. (returns[1] and "  ->  " .. table.concat(returns, ", ") or "")
end

-- "`kind` (`"text"` or `"binary"`, optional): text when absent"
local function item(links, page, each, own, is_param)
  local optional = each.optional or may_be_nil(each.type)
  local remark = each.remark and each.remark ~= "" and ": " .. each.remark or ""
  local words = markdown.type(links, page, each.type, optional)
  local name = words
  if each.name then
    name = ("`%s` (%s%s)"):format(is_param and shown(each.name) or each.name, words,
      optional and ", or nil" or "")
  end
  return "* " .. name .. markdown.linked(links, page, remark, own)
end

local function list(out, links, page, title, entries, own, is_params)
  if not entries[1] then return end
  out[#out + 1] = title .. ":\n"
  for _, each in ipairs(entries) do out[#out + 1] = item(links, page, each, own, is_params) end
  out[#out + 1] = ""
end

-- The entry of a function: `call` is "ws:send".
function markdown.func(out, links, page, level, call, entry)
  out[#out + 1] = ("#"):rep(level) .. " " .. call .. "\n"
  out[#out + 1] = "    " .. signature(call, entry) .. "\n"
  local text, told = facts.of(entry.text)
  if text ~= "" then out[#out + 1] = markdown.linked(links, page, text, call) .. "\n" end
  list(out, links, page, "Arguments", entry.params, call, true)
  list(out, links, page, "Returns", entry.returns, call)
  if told.source then out[#out + 1] = "Source: " .. told.source .. ".\n" end
end

-- ## Fields

local function cell(text)
  return (text:gsub("\n", " "):gsub("|", "\\|"))
end

-- A table of fields; `prefix` is "ws.".
function markdown.fields(out, links, page, fields, prefix)
  if not fields[1] then return end
  local has_unit = false
  local rows = {}
  for i, field in ipairs(fields) do
    local text, told = facts.of(field.text, field.remark)
    if told.source then text = text .. " (" .. told.source .. ")" end
    rows[i] = { field, text, told.unit }
    has_unit = has_unit or told.unit ~= nil
  end
  out[#out + 1] = "| field | type |" .. (has_unit and " unit |" or "") .. " what it is |"
  out[#out + 1] = "|---|---|" .. (has_unit and "---|" or "") .. "---|"
  for _, row in ipairs(rows) do
    local field, text, unit = row[1], row[2], row[3]
    local words = markdown.type(links, page, field.type, field.optional)
    if field.optional then words = words .. ", or nil" end
    out[#out + 1] = ("| `%s%s` | %s |%s %s |"):format(prefix or "", field.name, cell(words),
      has_unit and " " .. (unit or "") .. " |" or "",
      cell(markdown.linked(links, page, text, prefix and prefix .. field.name)))
  end
  out[#out + 1] = ""
end

-- The first sentence of a text.
local function first_sentence(text)
  local flat = text:gsub("\n", " ")
  return flat:match "^(.-[%.:])%s+%u" or flat:match "^(.-)%.?$"
end

-- "In short": each function with its first sentence. `functions`: {call, entry} each.
function markdown.overview(out, links, page, functions)
  out[#out + 1] = "| function | what it does |\n|---|---|"
  for _, each in ipairs(functions) do
    local text = first_sentence((facts.of(each[2].text))):gsub("[%.:]$", "")
    out[#out + 1] = ("| [`%s`](#%s) | %s |"):format(each[1], markdown.slug(each[1]),
      cell(markdown.linked(links, page, text, each[1])))
  end
  out[#out + 1] = ""
end

-- The values of an alias, each with what it means.
function markdown.values(out, links, page, alias, head)
  out[#out + 1] = "| " .. head .. " | what it means |\n|---|---|"
  for _, value in ipairs(alias.values) do
    out[#out + 1] = ("| `%s` | %s |"):format(tostring(value.type.value),
      cell(markdown.linked(links, page, value.remark, "")))
  end
  out[#out + 1] = ""
end

-- ## Options

-- One option: `expected` is what the check says that it may be.
function markdown.option(out, links, page, level, path, field, expected)
  local text, told = facts.of(field.text, field.remark)
  out[#out + 1] = ("#"):rep(level) .. " " .. path .. "\n"
  local value = expected:gsub("'([^']*)'", '`"%1"`'):gsub(",$", "")
    :gsub("%f[%w]false%f[%W]", "`false`")
  local told_first = { value }
  if told.unit then told_first[1] = told_first[1] .. "; unit: " .. told.unit end
  if told.default then
    told_first[2] = told.default == "required" and "**Required**" or "Default: " .. told.default
  end
  out[#out + 1] = "Value: " .. table.concat(told_first, ". ") .. ".\n"
  if text ~= "" then out[#out + 1] = markdown.linked(links, page, text, path) .. "\n" end
  if told.source then out[#out + 1] = "Source: " .. told.source .. ".\n" end
end

return markdown
