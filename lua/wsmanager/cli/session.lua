-- One talk of `wsm`: what the input says is sent, what comes is shown, until it ends.
-- Depends on the public module, ending.lua and suggest.lua. How it looks is the view's.

local wsmanager = require "wsmanager"
local core = require "wsmanager.core"
local commands = require "wsmanager.cli.commands"
local connect = require "wsmanager.cli.connect"
local ending = require "wsmanager.cli.ending"
local exits = require "wsmanager.cli.exits"
local input = require "wsmanager.cli.input"
local options = require "wsmanager.cli.options"
local stop = require "wsmanager.cli.stop"
local suggest = require "wsmanager.base.suggest"

local PATIENCE = 2           -- seconds after the end of the input: --wait
local GOODBYE = 5            -- seconds for the closing handshake, at most

---@class wsmanager.cli.Session
---@field ws wsmanager.Connection
---@field events wsmanager.Queue   what the main coroutine waits for
---@field last number    when something was received or sent last; math.huge: it is being shown
local Session = {}
Session.__index = Session

-- ## Whether it connects again

-- Who closes with these may be back soon.
local passing = {[1001] = true, [1012] = true, [1013] = true}

-- A terminal stays with a connection that was lost, or whose server starts again; a pipe
-- leaves.
local function is_retried (self, info)
  if self.leaving or self.values.no_reconnect then return false end
  if self.values.reconnect then return nil end
  if not self.is_interactive or info.epoch == 0 then return false end
  if info.clean and not passing[info.code] then return false end
  return nil
end

local function decide (self, info)
  self.info = info
  local again = is_retried(self, info)
  if again == nil and info.final and not self.values.reconnect then again = false end
  return again
end

-- ## What happens

local function watch (self)
  local ws, view = self.ws, self.view
  ws:addEventListener("open", function (event)
    self.opened = true
    if view.set_open then view:set_open(true) end
    if self.is_interactive or self.values.verbose or event.epoch > 1 then
      view:status(("connected to %s%s"):format(ws.url,
        ws.protocol ~= "" and " (" .. ws.protocol .. ")" or ""))
    end
  end)
  ws:addEventListener("close", function ()
    if view.set_open then view:set_open(false) end
  end)
  ws:addEventListener("reconnecting", function (event)
    local _, why = ending.of(self.info or {})
    view:status(("%s; connecting again in %.1f s (%d)"):format(why, event.delay, event.attempt))
  end)
  ws:addEventListener("error", function (event)
    if event.token == "codec" or event.token == "login" then view:failed(event.message) end
  end)
  ws:addEventListener("dropped", function (event)
    if self.leaving then return end         -- what comes behind the goodbye
    view:failed(("%d messages dropped: %s"):format(event.count, event.token))
  end)
end

-- ## Sending

local function to_payload (self, line)
  if not self.values.hex then return line, self.values.binary and "binary" or "text" end
  return input.unhex(line), "binary"
end

-- Sends one message of the input; false: it cannot be.
function Session:say (line)
  local data, kind = to_payload(self, line)
  if not data then
    self.view:failed "codec: these are no hexadecimal digits"
    self.code = exits.codec
    return false
  end
  if kind == "text" and not core.utf8(data) then
    self.view:failed "codec: the input is no UTF-8; --binary sends it as it is"
    self.code = exits.codec
    return false
  end
  local sent, token, detail = self.ws:send(data, kind)
  if sent then self.view:sent(data, kind) return true end
  if token ~= "closed" and token ~= "cancelled" then
    self.view:failed(token .. ": " .. detail)
    self.code = exits[token]
  end
  return false
end

local function read_input (self)
  while true do
    local line, how, why = self.view:next()
    if not line then
      if how == "error" then self.view:failed("the input: " .. why) end
      return
    end
    if self.is_interactive then line = commands.take(self, line) end
    if line and not self:say(line) and not self.is_interactive then return end
  end
end

-- The messages of the command line, then those of the input.
local function send_all (self)
  for _, message in ipairs(self.values.message or {}) do self:say(message) end
  local reads = not self.values.no_input and (not self.values.message or self.values.input)
  if reads then read_input(self) end
  if self.is_interactive and reads or self.code then   -- Ctrl-D, or what cannot be sent
    self.events:put "leave"
    return
  end
  if self.ws:opened() then self.ws:drain() end
  self.last = math.max(self.last, core.now())
  self.waits_until_end = self.values.no_input
  self.is_said = true
  self.events:put "said"
end

-- ## Receiving

local function receive_all (self)
  local data, kind = self.ws:receive()
  while data do
    self.last, self.count = math.huge, self.count + 1
    local shown, why, is_unread = self.view:message(data, kind)
    self.last = core.now()
    if not shown then
      self.output_failed, self.is_unread = why, is_unread
      break
    end
    if self.count == self.values.count then break end
    data, kind = self.ws:receive()
  end
  self.events:put "over"
end

-- ## The end

-- How long may nothing come? nil: as long as it takes.
local function patience (self)
  if not self.is_said then return nil end
  local wait = self.values.wait
  if not wait then
    if self.waits_until_end or self.values.count then return nil end
    wait = PATIENCE
  end
  return wait ~= math.huge and math.max(0, self.last + wait - core.now()) or nil
end

-- Until there is nothing more to wait for: what it was.
local function await_end (self)
  while true do
    local timeout = patience(self)
    if self.last == math.huge and timeout then timeout = PATIENCE end
    local event = self.events:take(timeout)
    if event and event ~= "said" then return event end
    local left = patience(self)
    if not event and left and left <= 0 then return "silence" end
  end
end

local function is_counted (self)
  return self.values.count ~= nil and self.count >= self.values.count
end

-- Waits for the peer's goodbye; a signal that comes meanwhile ends that: its number.
local function await_goodbye (self)
  local waiter = wsmanager.spawn(function ()
    self.ws:closed(GOODBYE)
    self.events:put "closed"
  end)
  local event
  repeat event = self.events:take() until event == "closed" or stop.codes[event]
  waiter:cancel()
  return stop.codes[event]
end

-- The number to leave with, when this side ends it.
local function say_goodbye (self, what)
  self.leaving = true
  local unsent = self.ws:close(self.close_code or 1000, self.close_reason)
  if type(unsent) == "number" and unsent > 0 then
    self.view:failed("closed: messages that were never sent: " .. unsent)
    self.code = self.code or exits.closed
  end
  self.code = await_goodbye(self) or self.code
  if self.code or stop.codes[what] then return self.code or stop.codes[what] end
  if what == "silence" and self.values.count and not is_counted(self) then
    self.view:failed(("timeout: %d of %d messages came"):format(self.count, self.values.count))
    return exits.timeout
  end
  return exits.ok
end

-- `wsm serv` asks for a host of that name.
local function meant_command (word)
  if not word:find "^%l+$" then return "" end
  local near = suggest.nearest(word, options.commands, 2)
  return near and "; did you mean `wsm " .. near .. "`?" or ""
end

-- The number to leave with, when the peer or the network has ended it.
local function tell_end (self)
  local code, why = ending.of(self.info or {})
  if code == exits.resolve then why = why .. meant_command(self.values[1]) end
  if code ~= exits.ok then
    self.view:failed(why)
  elseif self.is_interactive or self.values.verbose then
    self.view:status(why)
  end
  local unsent = #self.ws:unsent()
  if unsent > 0 and self.opened then
    self.view:failed("closed: messages that were never sent: " .. unsent)
    if code == exits.ok then code = exits.closed end
  end
  local answer = self.info and self.info.token == "handshake" and self.ws:answer()
  if answer then
    for _, line in ipairs(ending.answer(answer)) do self.view:failed("  " .. line) end
  end
  if code == exits.ok and self.values.count then
    self.view:failed(("closed: %d of %d messages came"):format(self.count, self.values.count))
    return exits.closed
  end
  return self.code or code
end

-- Talks until the end: the number to leave with.
---@return integer
function Session:run ()
  watch(self)
  local sender = wsmanager.spawn(send_all, self)
  local receiver = wsmanager.spawn(receive_all, self)
  local forget = stop.on(function (name) self.events:put(name) end, self.is_interactive)
  local what = await_end(self)
  local by_us = what ~= "over" or is_counted(self) or self.output_failed
  local code = by_us and say_goodbye(self, what) or tell_end(self)
  sender:cancel()
  receiver:cancel()
  if self.output_failed then
    self.view:failed("the output: " .. self.output_failed)
    if code == exits.ok and not self.is_unread then code = exits.output end
  end
  self.view:close()
  forget()
  return code
end

-- `given`: options of wsmanager.new, whose `reconnect.when` is this session's. nil, token,
-- detail: a certificate that cannot be read.
---@param view table
---@param values table
---@param given table
---@param is_interactive boolean
local function new (view, values, given, is_interactive)
  local self = setmetatable({
    view = view, values = values, is_interactive = is_interactive, count = 0,
    last = core.now(), events = wsmanager.queue(),
  }, Session)
  given.reconnect = {when = function (info) return decide(self, info) end}
  given.outbox = {full = "wait"}
  local ws, token, detail = connect.open(given)
  if not ws then return nil, token, detail end
  self.ws = ws
  return self
end

return {new = new}
