-- A line that is being typed: its characters, a cursor, and the lines before it.
-- Depends on safe.lua: what is pasted was written by others.
-- Never writes: it answers what a terminal is to show.

local safe = require "wsmanager.cli.safe"

local editor = {}

local CHARACTER = "[%z\1-\127\194-\244][\128-\191]*"
local MOST_LINES = 1000

---@class wsmanager.cli.Editor
---@field chars string[]   the characters of the line
---@field cursor integer   how many of them are before it
---@field lines string[]   of the history
---@field at integer       which of these is shown; one more than there are: the new one
local Editor = {}
Editor.__index = Editor

---@param lines? string[]
function editor.new (lines)
  lines = lines or {}
  return setmetatable({chars = {}, cursor = 0, lines = lines, at = #lines + 1, killed = {}},
                      Editor)
end

local function split (text)
  local chars = {}
  for char in text:gmatch(CHARACTER) do chars[#chars + 1] = char end
  return chars
end

function Editor:text () return table.concat(self.chars) end

function Editor:set (text)
  self.chars = split(text)
  self.cursor = #self.chars
end

function Editor:insert (text)
  for _, char in ipairs(split(text)) do
    self.cursor = self.cursor + 1
    table.insert(self.chars, self.cursor, char)
  end
end

-- Removes those between two places; what was removed can be put back.
local function cut (self, from, to)
  local removed = {}
  for i = from + 1, to do removed[#removed + 1] = self.chars[i] end
  for _ = from + 1, to do table.remove(self.chars, from + 1) end
  self.cursor = from
  return removed
end

local function is_of_word (char) return char and (#char > 1 or char:find "[%w_]") end

local function word_left (self)
  local at = self.cursor
  while at > 0 and not is_of_word(self.chars[at]) do at = at - 1 end
  while at > 0 and is_of_word(self.chars[at]) do at = at - 1 end
  return at
end

local function word_right (self)
  local at, last = self.cursor, #self.chars
  while at < last and not is_of_word(self.chars[at + 1]) do at = at + 1 end
  while at < last and is_of_word(self.chars[at + 1]) do at = at + 1 end
  return at
end

local function show_line (self, step)
  local at = self.at + step
  if at < 1 or at > #self.lines + 1 then return end
  if self.at > #self.lines then self.unfinished = self:text() end
  self.at = at
  self:set(self.lines[at] or self.unfinished or "")
end

local actions = {}

actions.text = function (self, key) self:insert(key.text) end
actions.tab = function (self) self:insert "\t" end
actions.left = function (self) self.cursor = math.max(0, self.cursor - 1) end
actions.right = function (self) self.cursor = math.min(#self.chars, self.cursor + 1) end
actions.home = function (self) self.cursor = 0 end
actions["end"] = function (self) self.cursor = #self.chars end
actions["word-left"] = function (self) self.cursor = word_left(self) end
actions["word-right"] = function (self) self.cursor = word_right(self) end
actions.up = function (self) show_line(self, -1) end
actions.down = function (self) show_line(self, 1) end
actions.backspace = function (self)
  if self.cursor > 0 then cut(self, self.cursor - 1, self.cursor) end
end
actions.delete = function (self)
  if self.cursor < #self.chars then cut(self, self.cursor, self.cursor + 1) end
end
actions["kill-word"] = function (self)
  self.killed = cut(self, word_left(self), self.cursor)
end
actions["kill-word-right"] = function (self)
  self.killed = cut(self, self.cursor, word_right(self))
end
actions["kill-start"] = function (self) self.killed = cut(self, 0, self.cursor) end
actions["kill-end"] = function (self)
  self.killed = cut(self, self.cursor, #self.chars)
end
actions.yank = function (self) self:insert(table.concat(self.killed)) end

-- Ends the line, and keeps it unless it begins with a space or is the one before again.
local function finish (self)
  local text = self:text()
  if text:find "%S" and text:sub(1, 1) ~= " " and self.lines[#self.lines] ~= text then
    table.insert(self.lines, text)
    if #self.lines > MOST_LINES then table.remove(self.lines, 1) end
  end
  self.at, self.unfinished = #self.lines + 1, nil
  self:set ""
  return text
end

-- Does what a key asks for. Returns what is beyond a line: "line" and its text, "leave",
-- "suspend", "clear"; or nil.
---@return string? what
---@return string? text
function Editor:press (key)
  local name = key.name
  if name == "enter" then return "line", finish(self) end
  if name == "interrupt" then
    if #self.chars == 0 then return "leave" end
    self:set ""
  elseif name == "end-of-input" then
    if #self.chars == 0 then return "leave" end
    actions.delete(self)
  elseif name == "suspend" or name == "clear" then
    return name
  elseif actions[name] then
    actions[name](self, key)
  end
end

-- ## What is to be seen

-- Of ideographs, syllables of Korean, full-width forms and most pictures.
local function is_wide (code)
  return code >= 0x1100 and (code <= 0x115F or code >= 0x2E80 and code <= 0xA4CF
    or code >= 0xAC00 and code <= 0xD7A3 or code >= 0xF900 and code <= 0xFAFF
    or code >= 0xFE30 and code <= 0xFE6F or code >= 0xFF00 and code <= 0xFF60
    or code >= 0x1F300 and code <= 0x1FAFF or code >= 0x20000 and code <= 0x3FFFD)
end

local function code_of (char)
  local a, b, c, d = char:byte(1, 4)
  if not b then return a end
  if not c then return (a - 0xC0) * 64 + b - 0x80 end
  if not d then return ((a - 0xE0) * 64 + b - 0x80) * 64 + c - 0x80 end
  return (((a - 0xF0) * 64 + b - 0x80) * 64 + c - 0x80) * 64 + d - 0x80
end

local shown = {["\n"] = "\226\134\181", ["\t"] = " "}   -- a line feed as an arrow
local UNKNOWN = "\239\191\189"                           -- U+FFFD

-- What moves no cursor, and is UTF-8, as it is.
local function show (char)
  return shown[char] or safe.text(char) == char and char or UNKNOWN
end

local function width_of (char)
  local code = code_of(show(char))
  if code >= 0x300 and code <= 0x36F or code >= 0x200B and code <= 0x200D
     or code >= 0xFE00 and code <= 0xFE0F
  then
    return 0
  end
  return is_wide(code) and 2 or 1
end

-- The part of the line around the cursor that has room, and the cursor's column in it.
---@param columns integer
---@return string
---@return integer
function Editor:visible (columns)
  local first, before = self.cursor, 0
  while first > 0 and before + width_of(self.chars[first]) < columns do
    before = before + width_of(self.chars[first])
    first = first - 1
  end
  local parts, width = {}, 0
  for i = first + 1, #self.chars do
    local char = self.chars[i]
    width = width + width_of(char)
    if width > columns then break end
    parts[#parts + 1] = show(char)
  end
  return table.concat(parts), before
end

return editor
