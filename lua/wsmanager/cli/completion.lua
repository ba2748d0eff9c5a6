-- `wsm completion SHELL`: what a shell needs to complete the words of `wsm`.
-- Depends on options.lua, the one table of them.

local exits = require "wsmanager.cli.exits"
local options = require "wsmanager.cli.options"

local completion = {}

-- ## What there is

-- The options of a command, each once, in their order.
local function list_of (command)
  local found = {}
  for _, group in ipairs(options.commands[command].groups) do
    for _, option in ipairs(options.groups[group]) do found[#found + 1] = option end
  end
  return found
end

local function join (list, of)
  local words = {}
  for i, item in ipairs(list) do words[i] = of(item) end
  return table.concat(words, " ")
end

local function long (option) return "--" .. option.name end

local function commands_but_talk ()
  local found = {}
  for _, name in ipairs(options.order) do
    if name ~= "talk" then found[#found + 1] = name end
  end
  return found
end

local function quote (text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- ## The shells

local shells = {}

local BASH = [=[
_wsm() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} list
  case ${COMP_WORDS[1]} in
%s
  esac
  case $before in
%s
  esac
  [[ $COMP_CWORD -eq 1 && $word != -* ]] && list="%s"
  [[ $COMP_CWORD -eq 2 ]] && case $before in
%s
  esac
  COMPREPLY=($(compgen -W "$list" -- "$word"))
}
complete -F _wsm wsm
]=]

function shells.bash ()
  local lists, values, files, words = {}, {}, {}, {}
  local seen = {}
  for _, name in ipairs(commands_but_talk()) do
    lists[#lists + 1] = ('  %s) list="%s" ;;'):format(name, join(list_of(name), long))
    local positional = options.commands[name].words
    if positional then
      words[#words + 1] = ('  %s) list="$list %s" ;;'):format(name, table.concat(positional, " "))
    end
  end
  lists[#lists + 1] = ('  *) list="%s" ;;'):format(join(list_of "talk", long))
  for _, name in ipairs(options.order) do
    for _, option in ipairs(list_of(name)) do
      if option.value and not seen[option.name] then
        seen[option.name] = true
        if option.file then
          files[#files + 1] = long(option)
        else
          values[#values + 1] = ('  %s) COMPREPLY=($(compgen -W "%s" -- "$word")); return ;;')
            :format(long(option), table.concat(option.choices or {}, " "))
        end
      end
    end
  end
  values[#values + 1] = ('  %s) COMPREPLY=($(compgen -f -- "$word")); return ;;')
    :format(table.concat(files, "|"))
  return BASH:format(table.concat(lists, "\n"), table.concat(values, "\n"),
                     table.concat(commands_but_talk(), " "), table.concat(words, "\n"))
end

local ZSH = [[
#compdef wsm
_wsm_commands() { _values command %s }
_wsm() {
  case $words[2] in
%s
  *) _arguments -s -S \
%s
    '*:URL or command:_wsm_commands' ;;
  esac
}
compdef _wsm wsm
]]

local function zsh_option (option)
  local names = "--" .. option.name
  local help = option.help:gsub("[%[%]:]", "\\%0")
  local value = ""
  if option.value then
    local action = option.file and "_files"
                   or option.choices and "(" .. table.concat(option.choices, " ") .. ")" or ""
    value = ":" .. option.value:lower():gsub("[^%w ]", "") .. ":" .. action
  end
  local star = option.many and "*" or ""
  local function spec (name)
    return "    " .. quote(star .. name .. "[" .. help .. "]" .. value) .. " \\"
  end
  if not option.short then return spec(names) end
  return spec(names) .. "\n" .. spec("-" .. option.short)
end

local function zsh_options (command)
  local lines = {}
  for i, option in ipairs(list_of(command)) do lines[i] = zsh_option(option) end
  return table.concat(lines, "\n")
end

function shells.zsh ()
  local cases = {}
  for i, name in ipairs(commands_but_talk()) do
    local words = options.commands[name].words
    local rest = words and "(" .. table.concat(words, " ") .. ")" or "()"
    cases[i] = ("  %s) shift words; (( CURRENT-- )); _arguments -s -S \\\n%s\n    '*: :%s' ;;")
      :format(name, zsh_options(name), rest)
  end
  local described = join(commands_but_talk(), function (name)
    return quote(name .. "[" .. options.commands[name].summary .. "]")
  end)
  return ZSH:format(described, table.concat(cases, "\n"), zsh_options "talk")
end

local function fish_option (command, option)
  local condition = command == "talk" and "not __fish_seen_subcommand_from "
                    .. table.concat(commands_but_talk(), " ")
                    or "__fish_seen_subcommand_from " .. command
  local line = "complete -c wsm -n " .. quote(condition) .. " -l " .. option.name
  if option.short then line = line .. " -s " .. option.short end
  if option.value then
    line = line .. (option.file and " -r -F" or " -x")
    if option.choices then line = line .. " -a " .. quote(table.concat(option.choices, " ")) end
  end
  return line .. " -d " .. quote(option.help)
end

function shells.fish ()
  local lines = {"complete -c wsm -f"}
  for _, name in ipairs(commands_but_talk()) do
    lines[#lines + 1] = "complete -c wsm -n __fish_use_subcommand -a " .. name .. " -d "
                        .. quote(options.commands[name].summary)
    local words = options.commands[name].words
    if words then
      lines[#lines + 1] = "complete -c wsm -n " .. quote("__fish_seen_subcommand_from " .. name)
                          .. " -a " .. quote(table.concat(words, " "))
    end
  end
  for _, name in ipairs(options.order) do
    for _, option in ipairs(list_of(name)) do lines[#lines + 1] = fish_option(name, option) end
  end
  return table.concat(lines, "\n") .. "\n"
end

-- The number to leave with.
---@param values table  of parse.words
---@return integer
function completion.run (values)
  local make = shells[values[1]]
  if not make or values[2] then
    io.stderr:write "wsm: for which shell? wsm completion bash, zsh or fish\n"
    return exits.usage
  end
  io.stdout:write(make())
  return exits.ok
end

return completion
