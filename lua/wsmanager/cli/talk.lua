-- `wsm URL`: a talk with a server, in a terminal or in a pipe.
-- Depends on session.lua and the views.

local wsmanager = require "wsmanager"
local connect = require "wsmanager.cli.connect"
local console = require "wsmanager.cli.console"
local exits = require "wsmanager.cli.exits"
local pipe_view = require "wsmanager.cli.pipe_view"
local session = require "wsmanager.cli.session"
local show = require "wsmanager.cli.show"
local terminal_view = require "wsmanager.cli.terminal_view"

local talk = {}

local function is_colored (values, output)
  if values.color == "always" then return true end
  if values.color == "never" then return false end
  return (os.getenv "NO_COLOR" or "") == "" and os.getenv "TERM" ~= "dumb"
         and output:is_terminal()
end

local function fail (token, detail)
  io.stderr:write("wsm: ", token == "usage" and detail or token .. ": " .. detail, "\n")
  return exits[token]
end

-- Somebody types where the input and the output are terminals.
local function is_typed (values, streams)
  return streams.input:is_terminal() and streams.output:is_terminal()
         and not values.no_input and (not values.message or values.input)
         and os.getenv "TERM" ~= "dumb"
end

-- The view, and whether somebody types there.
local function open_view (values)
  local streams = {input = console.open(0), output = console.open(1)}
  local colored = is_colored(values, streams.output)
  local options = {is_colored = colored, paint = show.painter(colored)}
  local view = is_typed(values, streams) and terminal_view.new(streams, values, options)
  if view then return view, true end
  return pipe_view.new(streams, values, options), false
end

local function make (values)
  if #values ~= 1 then
    return nil, "usage", #values == 0 and "a URL is missing: wsm ws://localhost:8080/"
                or "one URL, not " .. #values .. ": " .. table.concat(values, " ")
  end
  local given, why = connect.options(values)
  if not given then return nil, "usage", why end
  local view, is_interactive = open_view(values)
  local function note (line) view:note((line:gsub("\n$", ""))) end
  if values.verbose then given.log = wsmanager.logger("debug", note) end
  local one, token, detail = session.new(view, values, given, is_interactive)
  if not one then view:close() end
  if one and values.trace then wsmanager.trace(one.ws, note) end
  return one, token, detail
end

-- The number to leave with.
---@param values table  of parse.words
---@return integer
function talk.run (values)
  local one, token, detail = make(values)
  if not one then return fail(token, detail) end
  return one:run()
end

return talk
