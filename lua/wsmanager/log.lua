-- The option `log`: what a connection or a server does and why, a sentence each.
-- Depends on notes.lua and report.lua.
-- Never lets an error of the program's function out, and never writes a credential.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local masking = require "wsmanager.base.masking"
local notes = require "wsmanager.run.notes"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"
local stamp = require "wsmanager.base.stamp"
local waitless = require "wsmanager.base.waitless"

local log = {}

--- Called with each decision and its reason, at once and on the main thread: it may not wait. An
--- error in it is reported and harms nothing. `text` is one line without credentials. `fields`
--- has `event`, `id` (`ws.id`), `target` (the `ws`), `url`, `at` in seconds of `wsmanager.now`,
--- and the values that are in the text. What a peer says is cleaned as a trace is.
---@alias wsmanager.Log fun(level: "debug"|"info"|"warn"|"error", text: string, fields: table)

--- What a log's function is told: the level, and the fields beside the usual ones.
---@alias wsmanager.LogEvent
---| "connecting"    # info: an attempt begins: `url`, `proxy`, `attempt`
---| "tcp"           # debug: TCP is there: `address`
---| "connected"     # debug: TLS, or the proxy, is: `tls`, `cipher`, `resumed`; `proxy`
---| "redirect"      # info: the response leads on: `url`
---| "agreed"        # debug: the opening handshake is done: `protocol`, `extensions`
---| "login"         # debug: a login begins
---| "loggedin"      # debug: it is done
---| "loginfailed"   # warn: it failed: `detail`
---| "open"          # info: it is open: `address`, `epoch`, `failures`
---| "heartbeat"     # debug: one is sent; warn: the one before has no answer for so long: `unanswered`
---| "pong"          # debug: `latency`
---| "late"          # warn: the program was blocked, or the machine suspended: `late`
---| "paused"        # warn: the inbox is full, a slow consumer: `unread`
---| "resumed"       # info: reading goes on: `pause`
---| "full"          # warn: a send found no room, told once until there is room: `outbox`, `buffered`
---| "dropped"       # warn: as the event: `count`, `bytes`, `token`
---| "uncertain"     # warn: as the event: `messages`, `bytes`
---| "hungup"        # warn: the peer has ended it behind a full inbox
---| "closing"       # info: a close frame of ours: `code`, `reason`
---| "peercloses"    # info: a close frame of the peer: `code`, `reason`
---| "violation"     # error: the peer broke a rule, and we close: `code`, `detail`
---| "retryafter"    # info: the peer asks to wait: `status`, `retry_after`
---| "end"           # info or warn: it is over: `code`, `clean`, `token`, `detail`, `address`
---| "demoted"       # info: other addresses are tried before that one: `address`
---| "waiting"       # warn: until the next attempt: `delay`, `attempt`, `retry_after`
---| "locked"        # error: until `reconnect()`: `detail`
---| "exhausted"     # error: until `reconnect()`: `detail`
---| "closed"        # info or warn: for good: `unsent`, `unacknowledged`
---| "migrated"      # info: another connection has taken its place
---| "notmigrated"   # warn: `migrate` failed: `token`
---| "listening"     # info: a server, which has no `id`: `host`, `port`, `path`
---| "stopped"       # info: a server has stopped
---| "refused"       # info: a server refused an opening handshake: `status`, `address`
---| "failed"        # error: a server's function raised an error: `step`
---| "dashboard"     # warn: an operator closed it in the dashboard: `address`; or nobody may see that
---| "lost"          # warn: more happened than the journal holds

local link = core.link

local ranks = {debug = 1, info = 2, warn = 3, error = 4}
local hooks = {}

-- `hooks.log` is for connections and servers without an option of their own.
function log.set_hooks (table)
  hooks = table
end

local function is_level (value)
  return type(value) == "string" and ranks[value] ~= nil
end

-- ## A ready function

local function name_of (fields)
  if fields.id then return " #" .. ("%.0f"):format(fields.id) .. " " end
  return " "
end

-- The times of all lines: several loggers may write the same file.
local time = stamp.clock()

local function write_to_stderr (line)
  io.stderr:write(line)
end

--- A function for the option `log`, or for `wsmanager.log`, that writes a line for each
--- sentence of this level or a graver one: time, level, the connection's number, text.
---@param level? "debug"|"info"|"warn"|"error"  "info" when absent
---@param write? fun(line: string)  to stderr when absent; the line ends with a line feed
---@return wsmanager.Log log
function log.logger (level, write)
  level, write = level or "info", write or write_to_stderr
  if not is_level(level) then
    error("bad argument #1 to 'logger' ('debug', 'info', 'warn' or 'error' expected, "
          .. "got " .. tostring(level) .. ")", 2)
  end
  arguments.check_function(1, "#2 to 'logger'", write)
  local least = ranks[level]
  return function (rank, text, fields)
    if ranks[rank] < least then return end
    write(table.concat {
      time(fields.at), " ", ("%-5s"):format(rank), name_of(fields), text, "\n",
    })
  end
end

-- ## Of a connection

-- The function of an option, or of wsmanager.log; nil: none. Raises, without a
-- position, for a wsmanager.log that is none.
function log.of (given)
  local value, name = given, "option 'log'"
  if value == nil then
    value, name = rawget(hooks, "log"), "wsmanager.log"
  end
  if not value then return nil end
  if is_level(value) then return log.logger(value) end
  if type(value) == "function" then return value end
  error("bad " .. name .. " (function, 'debug', 'info', 'warn' or 'error' expected, got "
        .. (type(value) == "string" and "'" .. masking.line(value) .. "'" or type(value))
        .. ")", 0)
end

-- Calls the program's function.
local function call (fn, level, text, fields)
  local ok, why = waitless.call("log", fn, level, text, fields)
  if not ok then report.failure("the log function", why) end
end

local function to_sink (fn)
  local function write (ws, record, note)
    local level, text, values = notes.sentence(record, note)
    if not level then return end
    local fields = {}
    for name, value in pairs(values or fields) do fields[name] = value end
    fields.event, fields.at, fields.id = note.kind, note.at, record.id
    fields.url, fields.target = fields.url or record.memory.url, ws
    call(fn, level, text, fields)
  end
  return {keep = 0, write = write}
end

-- Has a connection that was registered write to fn; nil: nowhere.
function log.attach (ws, record, fn)
  record.log = fn
  if fn then notes.attach(ws, record, to_sink(fn)) end
end

-- A sentence of the Lua layer about a connection.
function log.tell (record, level, text, fields)
  if not record.log then return end
  fields = fields or {}
  fields.at, fields.id, fields.url = core.now(), record.id, record.memory.url
  call(record.log, level, text, fields)
end

-- A sentence about no connection and no server: for wsmanager.log.
function log.tell_all (level, text, fields)
  local fn = log.of(nil)
  if not fn then return end
  fields.at = core.now()
  call(fn, level, text, fields)
end

-- ## Of a server

-- A server has refused an opening handshake. A query may be secret.
function log.tell_refused (record, request, status)
  if not record.log or not request.upgrade then return end
  local path = request.target:gsub("%?.*", "")
  local text = ("refused with %d: "):format(status)
               .. (request.why and masking.line(request.why) .. ": " or "")
               .. masking.line(path) .. " of " .. request.address
  log.tell(record, "info", text, {
    event = "refused", status = status, address = request.address,
  })
end

-- A function of a server's program, of that name, raised an error.
function log.tell_failed (record, name, why)
  if not record.log then return end
  local text = masking.line(masking.prose(report.text(why)))
  log.tell(record, "error", "the server's " .. name .. " failed: " .. text,
           {event = "failed", step = name})
end

-- What happened to connections that ended before a whole request was there: each
-- begins with the note "tcp".
function log.tell_unclaimed (server)
  local seen = server.unclaimed or {sink = to_sink(server.log), record = {}}
  server.unclaimed = seen
  for _ = 1, notes.AT_ONCE do
    local note = not server.closed and notes.take(server.core)
    if not note then return end
    if note.kind == "tcp" or not seen.record.memory then
      seen.record.memory = {is_server = true}
    end
    seen.sink.write(nil, seen.record, note)
  end
  scheduler.schedule(server.id)
end

-- It is "listening" or has "stopped".
function log.tell_server (fn, event, given, port)
  if not fn then return end
  local text = "the server has stopped"
  if event == "listening" then
    text = "listening on " .. masking.line(given.path or (given.host or "every address")
                                           .. ", port " .. ("%.0f"):format(port))
  end
  call(fn, "info", text, {
    event = event, at = core.now(), path = given.path, host = given.host, port = port,
  })
end

-- Has a server's connections noted from their acceptance on.
function log.attach_server (fn, core_server, given, port)
  if fn then link.observeserver(core_server) end
  log.tell_server(fn, "listening", given, port)
end

return log
