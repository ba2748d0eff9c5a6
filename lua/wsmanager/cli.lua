-- `wsm`, the command line: which command, and with what number it leaves.
-- Depends on the files of cli/.

local wsmanager = require "wsmanager"
local exits = require "wsmanager.cli.exits"
local help = require "wsmanager.cli.help"
local options = require "wsmanager.cli.options"
local parse = require "wsmanager.cli.parse"

local cli = {}

-- Loaded when they are run.
local function load (command)
  return require("wsmanager.cli." .. command)
end

-- `talk` has no word of its own.
local function split (words)
  local first = words[1]
  if not first or first == "talk" or not options.commands[first] then return "talk", words end
  local rest = {}
  for i = 2, #words do rest[i - 1] = words[i] end
  return first, rest
end

-- Where 0, 1 or 2 are closed nothing else is to get that number, and what is written there.
local function fill_closed ()
  local files = {}
  for i = 1, 3 do files[i] = io.open("/dev/null", "r+") end
  return files
end

local function run (command, values)
  return wsmanager.run(load(command).run, values)
end

--- Does what the words ask for, and returns the number to leave with.
---@param words string[]
---@return integer
function cli.main (words)
  cli.kept = fill_closed()
  local command, rest = split(words)
  local values, why = parse.words(rest, command)
  if not values then
    io.stderr:write("wsm: ", why, "\nwsm: `", help.name(command), " --help` says more\n")
    return exits.usage
  end
  if values.version then
    io.stdout:write(wsmanager._VERSION, " on ", _VERSION, "\n")
    return exits.ok
  end
  if words[1] == "help" and not words[2] then values.help = true end
  if values.help or command == "talk" and #words == 0 then
    io.stdout:write(help.text(command))
    return values.help and exits.ok or exits.usage
  end
  return run(command, values)
end

return cli
