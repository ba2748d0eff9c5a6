-- What `wsm` shows where nobody types: messages on the output, what happens on stderr.
-- Depends on show.lua, input.lua and console.lua.

local input = require "wsmanager.cli.input"
local safe = require "wsmanager.cli.safe"
local show = require "wsmanager.cli.show"

---@class wsmanager.cli.PipeView
local View = {}
View.__index = View

---@param streams {input: wsmanager.cli.Stream, output: wsmanager.cli.Stream}
---@param values table  of the command line
---@param options {is_colored: boolean, paint: function}
local function new (streams, values, options)
  local separator = values.null and "\0" or "\n"
  return setmetatable({
    output = streams.output,
    input = input.new(streams.input, not values.whole and separator or nil),
    is_terminal = streams.output:is_terminal(), ends = values.null and "\0" or "\n",
    raw = values.raw, time = values.time, quiet = values.quiet,
    options = {is_colored = options.is_colored, paint = options.paint, raw = values.raw},
  }, View)
end

-- The next message to be sent; nil, "end"; nil, "error", why.
function View:next () return self.input:next() end

-- Waits until it is written; nil, why, is_unread.
function View:message (data, kind)
  local text
  if self.is_terminal then
    text = show.message(data, kind, "received", self.options)
  elseif kind == "binary" and self.raw then
    text = data
  else
    text = show.plain(data, kind) .. self.ends
  end
  return self.output:write((self.time and show.time() or "") .. text)
end

function View.sent () end

function View:status (text)
  if self.quiet then return end
  io.stderr:write(self.options.paint("status", "wsm: " .. safe.text(text)), "\n")
end

function View:failed (text)
  io.stderr:write(self.options.paint("failed", "wsm: " .. safe.text(text)), "\n")
end

-- A line of a log or a trace.
function View.note (_, line) io.stderr:write(line, "\n") end

function View.close () end

return {new = new}
