-- Calls of the program's functions that may not wait: a wait in one of them raises.
-- Depends on nothing. The scheduler asks before each wait and each turn of its loop.
-- Never forbids a wait to another coroutine: not to one that such a function starts or
-- wakes, nor to any when such a function has yielded by itself.

local raw = require "wsmanager.base.raw"

local running, status = coroutine.running, raw.status
local getinfo = debug.getinfo

local MAIN = {}      -- for the main thread, which is nil in Lua 5.1

local waitless = {
  thread = nil,      -- the caller of the latest such function that has not returned
}

local names = setmetatable({}, {__mode = "k"})    -- its caller -> the function's name
local source = getinfo(1, "S").source
local own_files = source:match "^(@.*)base[/\\]waitless%.lua$" or source   -- all in one

-- ## Calls

local function leave (thread, thread_before, name_before, ...)
  waitless.thread, names[thread] = thread_before, name_before
  return ...
end

-- pcall(fn, ...) of a function that may not wait: the option `name`.
function waitless.call (name, fn, ...)
  local thread = running() or MAIN
  local thread_before, name_before = waitless.thread, names[thread]
  waitless.thread, names[thread] = thread, name
  return leave(thread, thread_before, name_before, pcall(fn, ...))
end

local function results (ok, ...)
  if ok then return ... end
  error((...), 0)
end

-- The function fn as one that may not wait; nil for nil. Its errors stay as they are.
function waitless.wrap (name, fn)
  if fn == nil then return nil end
  return function (...) return results(waitless.call(name, fn, ...)) end
end

-- ## Checks

-- "program.lua:7: ", the line of the program that waits, or "".
local function position ()
  local level = 3
  local info = getinfo(level, "Slf")
  while info and info.func ~= waitless.call do
    local is_program = info.currentline > 0
                       and info.source:sub(1, #own_files) ~= own_files
    if is_program then return info.short_src .. ":" .. info.currentline .. ": " end
    level = level + 1
    info = getinfo(level, "Slf")
  end
  return ""
end

local function refuse (name)
  error(position() .. "'" .. name .. "' may not wait", 0)
end

-- Raises the sentence at that line.
function waitless.raise (why)
  error(position() .. why, 0)
end

-- Raises where the coroutine `thread`, the caller, is in such a function.
function waitless.check_wait (thread)
  local name = names[thread or MAIN]
  if name then refuse(name) end
end

-- Raises where whoever turns the loop does so in such a function, or in a coroutine that
-- one resumes.
function waitless.check_turn ()
  local thread = waitless.thread
  local state = thread == MAIN and "normal" or status(thread)
  if names[thread] and (state == "normal" or state == "running") then
    refuse(names[thread])
  end
end

return waitless
