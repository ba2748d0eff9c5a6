-- The text of C and Lua files: without comments and strings, and the functions
-- in it.

local files = require "support.files"

local code = {}

local function blank(text)
  return (text:gsub("[^\n]", " "))
end

-- Where the literal that opens at `start` ends: with the same quote, unescaped.
local function literal_end(text, start)
  local stop, quote = start, text:sub(start, start)
  repeat
    stop = text:find("[\\\n" .. quote .. "]", stop + 1)
    local escape = stop and text:sub(stop, stop) == "\\"
    if escape then stop = stop + 1 end
  until not escape
  return stop
end

-- Blanks pieces of a text; every line keeps its place. `first` matches where a
-- piece may begin; piece_end(start) is where it ends, false: it is none.
local function blanked(text, first, piece_end)
  local out, at = {}, 1
  while true do
    local start = text:find(first, at)
    if not start then break end
    local stop = piece_end(start)
    if stop == nil then stop = #text end
    out[#out + 1] = text:sub(at, start - 1)
    out[#out + 1] = stop and blank(text:sub(start, stop)) or text:sub(start, start)
    at = (stop or start) + 1
  end
  out[#out + 1] = text:sub(at)
  return table.concat(out)
end

-- C without comments, strings and characters.
function code.c(text)
  return blanked(text, "[/\"']", function(start)
    local two = text:sub(start, start + 1)
    if two == "/*" then return select(2, text:find("*/", start + 2, true)) end
    if two == "//" then return text:find("\n", start, true) end
    return two:sub(1, 1) ~= "/" and literal_end(text, start)
  end)
end

-- Lua without comments and strings; `keep`: short strings stay.
function code.lua(text, keep)
  local stays = {}
  local result = blanked(text, "[%-%[\"']", function(start)
    local long = text:match("^%-%-%[(=*)%[", start) or text:match("^%[(=*)%[", start)
    if long then return select(2, text:find("]" .. long .. "]", start, true)) end
    local two = text:sub(start, start + 1)
    if two == "--" then return (text:find("\n", start, true) or #text + 1) - 1 end
    if two:find("^[%-%[]") then return false end
    local stop = literal_end(text, start)
    if keep then stays[#stays + 1] = { start, stop } end
    return stop
  end)
  for _, piece in ipairs(stays) do
    local start, stop = piece[1], piece[2] or #text
    result = result:sub(1, start - 1) .. text:sub(start, stop) .. result:sub(stop + 1)
  end
  return result
end

-- Lines of a text, without their ends, one after the other with a number.
function code.lines(text)
  local number = 0
  local nextline = (text .. "\n"):gmatch("([^\n]*)\n")
  return function()
    number = number + 1
    local line = nextline()
    if line then return line, number end
  end
end

-- What a piece of C at the margin is: "open" (it goes on), "other", or the head
-- and the body of a function.
local function piece_of(text)
  if not text:find("{", 1, true) then return text:find(";", 1, true) and "other" or "open" end
  local head, body = text:match("^([^{]*)(%b{})%s*$")
  if head then return head, body end
  return text:find("^[^{]*%b{}.*;%s*$") and "other" or "open"
end

-- The functions of a C file: { name, line, length, body, static } each.
-- A function opens at the margin and ends with a brace there, as clang-format
-- has it.
function code.c_functions(path)
  local found, parts = {}, nil
  for text, number in code.lines(code.c(files.read(path))) do
    local line = text:find("^#") and "" or text
    if not parts and line:find("^[%a_]") then parts = {} end
    if parts then
      parts[#parts + 1] = line
      local head, body = piece_of(table.concat(parts, " "))
      local name = body and head:match("([%a_][%w_]*)%s*%b()%s*$")
      if name then
        found[#found + 1] = { name = name, line = number - #parts + 1, length = #parts,
                              body = body, static = head:find("^static%s") ~= nil }
      end
      if body or head == "other" then parts = nil end
    end
  end
  return found
end

-- The macros of a C file: { name, line, length } each.
function code.c_macros(path)
  local found, open = {}, nil
  for line, number in files.lines(path) do
    local name = line:match("^%s*#%s*define%s+([%a_][%w_]*)")
    if name then
      open = { name = name, line = number }
      found[#found + 1] = open
    end
    if open then
      open.length = number - open.line + 1
      if line:sub(-1) ~= "\\" then open = nil end
    end
  end
  return found
end

local opens = { ["function"] = true, ["if"] = true, ["do"] = true, ["repeat"] = true }
local ends = { ["end"] = true, ["until"] = true }

-- The functions of a Lua file: { name, line, length } each; name is the line
-- that it begins with.
function code.lua_functions(path)
  local text = files.read(path)
  local found, stack, titles = {}, {}, {}
  for line, number in code.lines(text) do titles[number] = line end
  for line, number in code.lines(code.lua(text)) do
    for word in line:gmatch("[%a_][%w_]*") do
      if opens[word] then
        stack[#stack + 1] = { word = word, line = number }
      elseif ends[word] then
        local block = assert(table.remove(stack), path .. ": an end too many")
        if block.word == "function" then
          found[#found + 1] = { name = titles[block.line], line = block.line,
                                length = number - block.line + 1 }
        end
      end
    end
  end
  assert(#stack == 0, path .. ": a block without an end")
  return found
end

-- What is done with the word from `start` to before `stop`: "local" (another one is
-- declared), or "assigned", alone or among others.
local function use_of(text, start, stop)
  local before = text:sub(math.max(1, start - 80), start - 1)
  if before:find "%f[%w_]local%s[%w_%s,]*$" then return "local" end
  if before:find "[.:]%s*$" then return nil end
  local assigned = text:find("^%s*=[^=]", stop) or text:find("^%s*,[%w_.,%s]-=[^=]", stop)
  return assigned and "assigned" or nil
end

-- Where a Lua file assigns to the first variable of a `for`, which Lua 5.5 does not
-- compile: "path: name" each.
function code.lua_assigned(path)
  local text, found, stack, name, at = code.lua(files.read(path)), {}, {}, nil, 1
  while true do
    local start = text:find("[%a_{}]", at)
    if not start then return found end
    local word = text:match("^[%a_][%w_]*", start) or text:sub(start, start)
    at = start + #word
    if word == "for" then
      name, at = text:match("^%s*([%a_][%w_]*)()", at)
    elseif opens[word] or word == "{" then
      stack[#stack + 1] = { word = word, name = word == "do" and name or nil }
      if word == "do" then name = nil end
    elseif ends[word] or word == "}" then
      table.remove(stack)
    elseif #stack > 0 and stack[#stack].word ~= "{" then
      local use = use_of(text, start, at)
      for _, block in ipairs(use and stack or {}) do
        if block.name == word then
          if use == "assigned" then found[#found + 1] = path .. ": " .. word end
          block.name = use == "assigned" and word or nil
        end
      end
    end
  end
end

return code
