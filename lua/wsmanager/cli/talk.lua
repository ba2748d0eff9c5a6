-- `wsm URL`: a talk with a server, in a terminal or in a pipe.
-- Depends on session.lua and the views.

local wsmanager = require "wsmanager"
local connect = require "wsmanager.cli.connect"
local console = require "wsmanager.cli.console"
local exits = require "wsmanager.cli.exits"
local pipe_view = require "wsmanager.cli.pipe_view"
local session = require "wsmanager.cli.session"
local show = require "wsmanager.cli.show"

local talk = {}

local function is_colored (values, output)
  if values.color == "always" then return true end
  if values.color == "never" then return false end
  return os.getenv "NO_COLOR" == nil and os.getenv "TERM" ~= "dumb" and output:is_terminal()
end

local function fail (what, code)
  io.stderr:write("wsm: ", what, "\n")
  return code
end

local function make (values)
  if #values ~= 1 then
    return nil, #values == 0 and "a URL is missing: wsm ws://localhost:8080/"
                or "one URL, not " .. #values .. ": " .. table.concat(values, " ")
  end
  local given, why = connect.options(values)
  if not given then return nil, why end
  if values.verbose then given.log = wsmanager.logger "debug" end
  local streams = {input = console.open(0), output = console.open(1)}
  local colored = is_colored(values, streams.output)
  local view = pipe_view.new(streams, values,
                             {is_colored = colored, paint = show.painter(colored)})
  return session.new(view, values, given, false)
end

-- The number to leave with.
---@param values table  of parse.words
---@return integer
function talk.run (values)
  local ok, one, token, detail = pcall(make, values)
  if not ok then return fail((tostring(one):gsub("^%S-:%d+: ", "")), exits.usage) end
  if not one then
    return fail(detail and token .. ": " .. detail or token, exits[detail and token] or exits.usage)
  end
  if values.trace then wsmanager.trace(one.ws, io.stderr) end
  return one:run()
end

return talk
