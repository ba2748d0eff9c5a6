-- The help of a command: examples first, then its options.
-- Depends on options.lua.

local options = require "wsmanager.cli.options"

local help = {}

local WIDTH = 26      -- of the column of names

local CODES = [[

It leaves with 0 after a clean end, and else with a number for each kind of failure:
1 usage, 2 resolve, 3 refused, 4 tls, 5 handshake, 6 timeout, 7 closed; docs/wsm.md
has all.]]

-- "wsm serve"; of `talk` "wsm".
function help.name (command)
  return command == "talk" and "wsm" or "wsm " .. command
end

local function add_examples (out, examples)
  local width = 0
  for _, example in ipairs(examples) do width = math.max(width, #example[1]) end
  for _, example in ipairs(examples) do
    out[#out + 1] = ("  %-" .. math.min(width, 44) .. "s  # %s"):format(example[1], example[2])
  end
end

local function add_option (out, option)
  local names = (option.short and "-" .. option.short .. ", " or "    ") .. "--" .. option.name
  if option.value then names = names .. " " .. option.value end
  local more = option.many and " (repeatable)" or ""
  if #names > WIDTH then
    out[#out + 1] = "  " .. names
    names = ""
  end
  out[#out + 1] = ("  %-" .. WIDTH .. "s  %s%s"):format(names, option.help, more)
end

local function add_commands (out)
  out[#out + 1] = "\nOther commands (--help behind each):"
  for _, name in ipairs(options.order) do
    if name ~= "talk" then
      local summary = options.commands[name].summary
      out[#out + 1] = ("  %-" .. WIDTH .. "s  %s"):format("wsm " .. name, summary)
    end
  end
end

-- Its text, which ends with a line feed.
---@param name string
function help.text (name)
  local command = options.commands[name]
  local out = {"wsm: " .. command.summary, "", "  " .. command.usage, ""}
  add_examples(out, command.examples)
  if command.about then out[#out + 1] = "\n" .. command.about end
  for _, group in ipairs(command.groups) do
    local list = options.groups[group]
    out[#out + 1] = "\n" .. list.title .. ":"
    for _, option in ipairs(list) do add_option(out, option) end
  end
  if name == "talk" then
    if #options.order > 1 then add_commands(out) end
    out[#out + 1] = CODES
  end
  return table.concat(out, "\n") .. "\n"
end

return help
