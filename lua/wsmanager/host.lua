-- `wsmanager.use`: in whose event loop this program lives.
-- Depends on hosting.lua, and on the adapters in host/, each of which is a host's table
-- and is loaded when it is used.
-- Never guesses: a host is detected only where that is certain.

local hosting = require "wsmanager.run.hosting"
local schema = require "wsmanager.base.schema"
local suggest = require "wsmanager.base.suggest"

local host = {}

--- The event loop of a host: what `wsmanager.use` takes, for one that it does not know by name.
---@class wsmanager.Host
---@field name? string       for sentences
---@field means? string      how it watches, for stats().loop
---
--- Has `turn()` called whenever the descriptor `loop:fd()` is readable, until it returns false;
--- returns a function that ends that, and one that is told whether there is anything to wait
--- for. Absent: the program calls `wsmanager.step(0)`, once a frame.
---@field watch? fun(loop: wsmanager.Loop, turn: fun(): boolean): fun()?, fun(wanted: boolean)?
---
--- Calls `fn()` in a new thread of the host. With it the host owns the threads, and all below is
--- for it.
---@field spawn? fun(fn: fun())
---@field may_wait? fun(): boolean  may the caller wait?
---@field why? fun(): string?       where it may not: why
---@field condition? fun(): table   {wait = (self, seconds?) -> in_time, signal = (self), waiting = (self) -> how many}
---@field park? fun()               in place of condition: the running thread rests
---@field resume? fun(thread: thread)  and it goes on
---@field at_once? boolean          spawn and resume run the thread before they return
---@field sleep? fun(seconds: number)  for threads that the program has made itself
---@field leaving? fun(fn: fun())   has fn() called when the host ends
---@field signals? string           who has the signals of the process, and what to do: wsmanager.signal raises it
---@field check? fun(): string?     is this a place to begin? nil, or a sentence why not

--- What a host's `watch` gets.
---@class wsmanager.Loop
---@field fd fun(self: wsmanager.Loop): integer?        readable when a turn has something to do
---@field timeout fun(self: wsmanager.Loop): number?    seconds until it has, at the latest

local names = {
  openresty = true, luv = true, copas = true, cqueues = true, select = true, love = true,
}

local is_function = schema.rule(schema.is "function", "function")

local fields = {
  name = schema.rule(schema.is "string", "string"),
  means = schema.rule(schema.is "string", "string"),
  signals = schema.rule(schema.is "string", "string"),
  at_once = schema.rule(schema.is "boolean", "boolean"),
  watch = is_function, spawn = is_function, may_wait = is_function, why = is_function,
  condition = is_function, park = is_function, resume = is_function, sleep = is_function,
  leaving = is_function, check = is_function,
}

local of_threads = {
  "may_wait", "why", "condition", "park", "resume", "at_once", "sleep",
}

-- Raises, without a position, for a table that cannot be a host.
local function check (given)
  schema.check(given, fields, "")
  if not given.spawn then
    for _, name in ipairs(of_threads) do
      if given[name] ~= nil then
        error("bad host ('" .. name .. "' is for one that owns its threads, and needs "
              .. "'spawn')", 0)
      end
    end
    return
  end
  if not given.watch then error("bad host ('spawn' needs 'watch')", 0) end
  if not given.may_wait then error("bad host ('spawn' needs 'may_wait')", 0) end
  if not given.condition and not (given.park and given.resume) then
    error("bad host ('spawn' needs 'condition', or 'park' and 'resume')", 0)
  end
end

-- A game has a loop of its own and calls `step(0)`.
local in_love = {
  name = "love",
  signals = "LÖVE has the signals of its process; love.quit is called on SIGTERM and SIGINT: "
            .. "call wsmanager.stop(0) there",
}

local function load (name)
  if name == "love" then return in_love end
  return require("wsmanager.host." .. name)
end

local function read (given)
  local is = type(given)
  if is == "table" then
    check(given)
    return given
  elseif is ~= "string" then
    error("bad argument #1 to 'use' (string or table expected, got " .. is .. ")", 0)
  elseif not names[given] then
    error("unknown host '" .. given .. "'" .. suggest.hint(given, names)
          .. "; for another one give its table: docs/how-to/hosts.md", 0)
  end
  return load(given)
end

--- Has the event loop of a host turn the module's. To be called before the first
--- connection, server or wait, and once; it raises otherwise. Without it nginx, LÖVE, and
--- the loops of copas 4 and cqueues are found where the first connection is made inside of
--- them; else the module has its own loop (`run`, `step`).
---@param given "openresty"|"luv"|"copas"|"cqueues"|"select"|"love"|wsmanager.Host  a name, or a table
function host.use (given)
  local why = hosting.why_decided()
  if why then error("'use' comes too late: " .. why, 2) end
  local ok, failure = pcall(function () hosting.adopt(read(given)) end)
  if not ok then error(failure, 2) end
end

-- ## Detection

local function is_nginx ()
  local ngx = rawget(_G, "ngx")
  return type(ngx) == "table" and type(ngx.get_phase) == "function"
         and (pcall(ngx.get_phase))
end

-- A `love.thread` has no loop of frames.
local function is_love ()
  local love = rawget(_G, "love")
  return type(love) == "table" and type(love.event) == "table"
         and type(love.graphics) == "table"
end

local function is_copas ()
  local copas = package.loaded.copas
  local thread, is_main = coroutine.running()
  return type(copas) == "table" and copas.running == true and thread ~= nil
         and not is_main
end

local function is_cqueues ()
  local cqueues = package.loaded.cqueues
  return type(cqueues) == "table" and cqueues.running() ~= nil
end

hosting.set_detect(function ()
  local found = is_nginx() and "openresty" or is_love() and "love"
                or is_copas() and "copas" or is_cqueues() and "cqueues"
  return found and load(found) or nil
end)

return host
