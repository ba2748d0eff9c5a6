-- `wsm bench URL`: how many messages a server echoes, and how long each takes.
-- Depends on the public module, histogram.lua and stop.lua.

local wsmanager = require "wsmanager"
local connect = require "wsmanager.cli.connect"
local exits = require "wsmanager.cli.exits"
local histogram = require "wsmanager.cli.histogram"
local safe = require "wsmanager.cli.safe"
local stop = require "wsmanager.cli.stop"

local now = wsmanager.now

local bench = {}

---@class wsmanager.cli.Bench
---@field messages integer   echoes received
---@field failed table<string, integer>  connections that ended early, by token
---@field all wsmanager.cli.Histogram    round trips
---@field recent wsmanager.cli.Histogram   since the last line of progress
---@field opened wsmanager.cli.Histogram   from the name to the 101
local Bench = {}
Bench.__index = Bench

-- ## One connection

-- Sends `in_flight` messages, and another for each echo. An echo server keeps their order:
-- the oldest is the one that comes back.
local function exchange (self, ws)
  local sent, first, last = {}, 1, 0
  local function send ()
    last = last + 1
    sent[last] = now()
    return ws:send(self.payload, self.kind)
  end
  for _ = 1, self.in_flight do
    if not send() then return end
  end
  local echo = ws:receive()
  while echo and not self.is_over do
    local took = now() - sent[first]
    sent[first], first = nil, first + 1
    self.messages = self.messages + 1
    if #echo ~= #self.payload then self.others = self.others + 1 end
    self.all:add(took)
    self.recent:add(took)
    if not send() then return end
    echo = ws:receive()
  end
end

local function work (self)
  local options, begin, why = {}, now(), nil
  for name, value in pairs(self.options) do options[name] = value end
  options.reconnect = {when = function (info)
    why = info.token or "closed"
    self.detail = self.detail or info.detail or "the peer closed with " .. tostring(info.code)
    return false
  end}
  local ws, token, detail = connect.open(options)
  if not ws then
    why, self.detail = token, self.detail or detail
  elseif ws:opened() then
    self.opened:add(now() - begin)
    self.open = self.open + 1
    exchange(self, ws)
    self.open = self.open - 1
    ws:close()
  end
  if why and not self.is_over then self.failed[why] = (self.failed[why] or 0) + 1 end
  self.working = self.working - 1
  if self.working == 0 then self.over:put "failed" end
end

-- ## What is shown

local function milliseconds (seconds)
  return seconds and ("%.3g ms"):format(seconds * 1000) or "-"
end

local function show_progress (self, seconds)
  local recent = self.recent
  self.recent = histogram.new()
  local line = ("%4.0f s %11.0f msg/s   p50 %-9s p99 %-9s %d open"):format(
    now() - self.begin, recent.count / seconds, milliseconds(recent:percentile(50)),
    milliseconds(recent:percentile(99)), self.open)
  if self.is_terminal then line = "\r\27[K" .. line else line = line .. "\n" end
  io.stderr:write(line)
  io.stderr:flush()
end

-- Counts and numbers in the order given, as JSON.
local function to_json (pairs_of, indent)
  local lines = {}
  for i, pair in ipairs(pairs_of) do
    local value = pair[2]
    if type(value) == "table" then
      value = to_json(value, indent .. "  ")
    elseif type(value) == "string" then
      value = '"' .. safe.line(value):gsub('["\\]', "\\%0") .. '"'
    else
      value = ("%.6g"):format(value)
    end
    lines[i] = indent .. '  "' .. pair[1] .. '": ' .. value
  end
  if not lines[1] then return "{}" end
  return "{\n" .. table.concat(lines, ",\n") .. "\n" .. indent .. "}"
end

local function durations (found)
  if found.count == 0 then return {} end
  return {
    {"min", found.min}, {"mean", found.sum / found.count}, {"p50", found:percentile(50)},
    {"p90", found:percentile(90)}, {"p99", found:percentile(99)},
    {"p999", found:percentile(99.9)}, {"max", found.max},
  }
end

local function report (self, seconds)
  local failed = {}
  for token, count in pairs(self.failed) do failed[#failed + 1] = {token, count} end
  table.sort(failed, function (a, b) return a[1] < b[1] end)
  return to_json({
    {"url", self.options.url}, {"connections", self.connections},
    {"in_flight", self.in_flight}, {"size", #self.payload}, {"kind", self.kind},
    {"seconds", seconds}, {"messages", self.messages},
    {"messages_per_second", self.messages / seconds},
    {"bytes_per_second", self.messages * #self.payload / seconds},
    {"other_sizes", self.others},
    {"round_trip_seconds", durations(self.all)}, {"connect_seconds", durations(self.opened)},
    {"failed", failed},
  }, "")
end

-- ## All of it

-- Until the time is over, a signal comes, or nobody works any more.
local function await_end (self, seconds)
  local finish, before = self.begin + seconds, self.begin
  while true do
    local ended = self.over:take(math.max(0, math.min(1, finish - now())))
    local at = now()
    if not self.quiet and at > before then show_progress(self, at - before) end
    before = at
    if ended or at >= finish then return end
  end
end

local function measure (self, seconds)
  self.begin = now()
  local forget = stop.on(function () self.over:put "signal" end)
  for _ = 1, self.connections do wsmanager.spawn(work, self) end
  await_end(self, seconds)
  local took = now() - self.begin
  self.is_over = true
  forget()
  if self.is_terminal and not self.quiet then io.stderr:write "\n" end
  return took
end

-- The number to leave with: 0, or that of the first failure by its name.
local function code_of (self)
  local first
  for token, count in pairs(self.failed) do
    io.stderr:write(("wsm: %d connection%s: %s\n"):format(count, count == 1 and "" or "s", token))
    if not first or token < first then first = token end
  end
  if first then
    io.stderr:write("wsm: ", first, ": ", safe.line(self.detail or ""), "\n")
    return exits[first] or exits.closed
  end
  if self.messages > 0 then return exits.ok end
  io.stderr:write "wsm: timeout: nothing came back: is it an echo server?\n"
  return exits.timeout
end

-- The number to leave with.
---@param values table  of parse.words
---@return integer
function bench.run (values)
  local options, why
  if #values ~= 1 then why = "one URL is wanted: wsm bench localhost:8080"
  else options, why = connect.options(values) end
  if not options then
    io.stderr:write("wsm: ", why, "\n")
    return exits.usage
  end
  local self = setmetatable({
    options = options, connections = values.connections or 10,
    in_flight = values.in_flight or 1, kind = values.binary and "binary" or "text",
    payload = ("x"):rep(values.size or 32), quiet = values.quiet,
    is_terminal = require("wsmanager.cli.console").open(2):is_terminal(),
    messages = 0, others = 0, open = 0, failed = {}, over = wsmanager.queue(),
    all = histogram.new(), recent = histogram.new(), opened = histogram.new(),
  }, Bench)
  self.working = self.connections
  local took = measure(self, values.seconds or 10)
  if self.failed.usage then return code_of(self) end
  io.stdout:write(report(self, took), "\n")
  return code_of(self)
end

return bench
