-- Sections that are read from the running module: presets, metrics, close codes.

local written = {}

local function sorted(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys, function (a, b)
    if type(a) ~= type(b) then return type(a) == "number" end
    return a < b
  end)
  return keys
end

local function show(value)
  if type(value) ~= "table" then
    return type(value) == "string" and '"' .. value .. '"' or tostring(value)
  end
  local parts = {}
  for _, key in ipairs(sorted(value)) do
    local text = show(value[key])
    parts[#parts + 1] = type(key) == "number" and text or key .. " = " .. text
  end
  return "{" .. table.concat(parts, ", ") .. "}"
end

-- Each preset as it could be written as options.
function written.presets(out, book)
  local presets = require "wsmanager.presets"
  for _, field in ipairs(book.db.classes["wsmanager.Presets"].fields) do
    local text = require "reference.facts".of(field.text, field.remark)
    out[#out + 1] = "## presets." .. field.name .. "\n"
    out[#out + 1] = require "reference.markdown".linked(book.links, book.page, text) .. "\n"
    local preset = presets[field.name]
    for _, name in ipairs(sorted(preset)) do
      out[#out + 1] = "    " .. name .. " = " .. show(preset[name])
    end
    out[#out + 1] = ""
  end
end

-- "role, code", of the samples of a metric.
local function labels_of(text, name)
  local found = {}
  local inner = text:match("\n" .. name .. "[%w_]*{(.-)}") or ""
  for label in inner:gmatch "([%w_]+)=" do
    if label ~= "le" then found[#found + 1] = "`" .. label .. "`" end
  end
  return table.concat(found, ", ")
end

function written.metrics(out)
  local text = require "wsmanager".metrics()
  out[#out + 1] = "`wsmanager.metrics` returns these. Every sample has the label `role`, "
    .. "`client` or `server`, but `build_info`. No label has a value that a peer chooses.\n"
  out[#out + 1] = "| name | kind | labels | what it counts |\n|---|---|---|---|"
  for name, help in text:gmatch "# HELP ([%w_]+) ([^\n]*)" do
    local kind = text:match("# TYPE " .. name .. " (%l+)")
    local ending = kind == "counter" and "_total" or kind == "info" and "_info" or ""
    out[#out + 1] = ("| `%s%s` | %s | %s | %s |"):format(name, ending, kind,
      labels_of(text, name), help)
  end
  out[#out + 1] = ""
end

function written.close_codes(out)
  local close_codes = require "wsmanager.base.close_codes"
  out[#out + 1] = "RFC 6455 7.4 and its registry name these. A program may close with 1000 and "
    .. "with 3000 to 4999; a server also with the others that may be in a frame. 1005 and 1006 "
    .. "are never sent: they say that the close frames had no code, and that there was no "
    .. "closing handshake.\n"
  out[#out + 1] = "| code | what it means |\n|---|---|"
  for code = 1000, 1014 do
    local name = close_codes.name(code)
    if name then out[#out + 1] = ("| %d | %s |"):format(code, name) end
  end
  out[#out + 1] = "| 3000 to 3999 | " .. close_codes.name(3000) .. " |"
  out[#out + 1] = "| 4000 to 4999 | " .. close_codes.name(4000) .. " |\n"
end

return written
