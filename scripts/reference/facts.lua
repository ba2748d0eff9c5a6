-- The text of an annotation as paragraphs, and its facts: the lines at its end that begin
-- with "Unit:", "Default:" or "Source:".

local facts = {}

local names = { Unit = "unit", Default = "default", Source = "source" }

local function is_fact(line)
  local name = line:match "^(%a+): "
  return name ~= nil and names[name] ~= nil
end

-- "Unit: seconds. Default: 30. Source: RFC 6455 5.5.2." as a table.
local function read(text)
  local found = {}
  local starts = {}
  for at, name in (" " .. text):gmatch "()[%. ]? ?(%u%l+): " do
    if names[name] then starts[#starts + 1] = { at = at, name = name } end
  end
  for i, start in ipairs(starts) do
    local stop = starts[i + 1] and starts[i + 1].at - 1 or #text + 1
    local part = (" " .. text):sub(start.at, stop)
    local value = part:match("%u%l+: (.-)%.?%s*$")
    found[names[start.name]] = value
  end
  return found
end

-- Lines without the empty ones at both ends.
local function trim(lines)
  local first, last = 1, #lines
  while lines[first] and not lines[first]:find "%S" do first = first + 1 end
  while last >= first and not lines[last]:find "%S" do last = last - 1 end
  local out = {}
  for i = first, last do out[#out + 1] = lines[i] end
  return out
end

-- The text, and its facts. `lines` is what stands before the tag, `remark` what stands
-- behind it.
function facts.of(lines, remark)
  local all, rest = trim(lines), {}
  local told = {}
  for _, line in ipairs(all) do
    if is_fact(line) or told[1] and line:find "%S" then told[#told + 1] = line
    else rest[#rest + 1] = line end
  end
  local text = table.concat(trim(rest), "\n")
  if remark and remark ~= "" then text = text == "" and remark or text .. "\n" .. remark end
  return text, read(table.concat(told, " "))
end

return facts
