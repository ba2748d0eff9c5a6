-- What `wsm` shows where somebody types: the talk above, the line being typed below.
-- Depends on editor.lua, keys.lua, show.lua, history.lua and console.lua. All is written by
-- one coroutine, so that nothing comes between.

local wsmanager = require "wsmanager"
local console = require "wsmanager.cli.console"
local editor = require "wsmanager.cli.editor"
local history = require "wsmanager.cli.history"
local keys = require "wsmanager.cli.keys"
local safe = require "wsmanager.cli.safe"
local show = require "wsmanager.cli.show"

local ERASE = "\r\27[K"
local PASTES, NO_PASTES = "\27[?2004h", "\27[?2004l"   -- are told from typing

---@class wsmanager.cli.TerminalView
local View = {}
View.__index = View

-- ## Writing

-- The line being typed, as it is to be seen now.
local function line_of (self)
  local columns = self.output:size()
  local prompt = self.is_open and "> " or "~ "
  local text, column = self.editor:visible(columns - 3)
  return ERASE .. self.options.paint("sent", prompt) .. text
         .. ("\r\27[%dC"):format(column + 2)
end

local function write_all (self)
  local item = self.items:take()
  while item do
    local ok, why
    if item.text then
      ok, why = self.output:write(ERASE .. item.text .. (self.is_over and "" or line_of(self)))
    else
      ok, why = self.output:write(self.is_over and "" or line_of(self))
    end
    if item.done then item.done:put(ok and "" or why) end
    item = self.items:take()
  end
end

-- Writes it above the line; does not wait.
local function print_above (self, text) self.items:put {text = text} end

local function print_line (self, kind, text)
  print_above(self, self.options.paint(kind, text) .. "\n")
end

local function redraw (self) self.items:put {} end

-- The same, and waits until it is written; nil, why.
local function print_now (self, text)
  local done = wsmanager.queue(1)
  self.items:put {text = text, done = done}
  local why = done:take()
  if why ~= "" then return nil, why end
  return true
end

local function print_message (self, data, kind, direction, printer)
  local time = self.time and self.options.paint("status", show.time()) or ""
  return printer(self, time .. show.message(data, kind, direction, self.options))
end

function View:message (data, kind)
  return print_message(self, data, kind, "received", print_now)
end

function View:sent (data, kind) print_message(self, data, kind, "sent", print_above) end

function View:status (text)
  if not self.quiet then print_line(self, "status", "- " .. safe.text(text)) end
end

function View:failed (text) print_line(self, "failed", "- " .. safe.text(text)) end

-- A line of a log or a trace.
function View:note (line) print_line(self, "status", line) end

-- Is there a connection? The prompt shows it.
function View:set_open (is_open)
  self.is_open = is_open
  redraw(self)
end

-- ## Reading

local function suspend (self)
  self.input:raw(false)
  self.output:write(ERASE .. NO_PASTES)
  console.suspend()
  self.input:raw(true)
  self.output:write(PASTES)
end

local function remember (self, before)
  local lines = self.editor.lines
  if self.path and lines[#lines] ~= before then history.add(self.path, lines[#lines]) end
end

-- A line, "leave", or nil: more keys are needed.
local function press_all (self)
  while self.keys_left[1] do
    local before = self.editor.lines[#self.editor.lines]
    local what, text = self.editor:press(table.remove(self.keys_left, 1))
    if what == "line" then
      remember(self, before)
      if text ~= "" then return "line", text end
    elseif what == "leave" then
      return "leave"
    elseif what == "suspend" then
      suspend(self)
    elseif what == "clear" then
      self.output:write "\27[H\27[2J"
    end
  end
end

-- The next line; nil, "end"; nil, "error", why.
function View:next ()
  while true do
    local what, text = press_all(self)
    redraw(self)
    if what == "line" then return text end
    if what == "leave" then return nil, "end" end
    local bytes, ending, why = self.input:read()
    if not bytes then return nil, ending, why end
    self.keys_left = self.keys:feed(bytes)
  end
end

-- The terminal is as it was; all is written.
function View:close ()
  self.is_over = true
  print_now(self, "")
  self.input:raw(false)
  self.output:write(NO_PASTES)
  self.items:close()
end

-- nil: the terminal cannot be read key by key.
local function new (streams, values, options)
  local path = values.history or os.getenv "WSM_HISTORY"
  if path == "" then path = nil end
  local lines, why
  if path then lines, why = history.load(path) end
  if not streams.input:raw(true) then return nil end
  local self = setmetatable({
    input = streams.input, output = streams.output, editor = editor.new(lines),
    keys = keys.new(), keys_left = {}, items = wsmanager.queue(), path = lines and path,
    time = values.time, quiet = values.quiet,
    options = {is_colored = options.is_colored, paint = options.paint, raw = values.raw},
  }, View)
  wsmanager.spawn(write_all, self)
  self.items:put {text = PASTES}
  if why then self:failed("the history: " .. why) end
  return self
end

return {new = new}
