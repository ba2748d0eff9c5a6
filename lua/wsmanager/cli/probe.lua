-- `wsm probe URL`: each step of a connection with its time, the certificate, the response:
-- what to send to an operator.
-- Depends on connect.lua, the core's certificate, lookup.lua and ending.lua.

local core = require "wsmanager.core"
local connect = require "wsmanager.cli.connect"
local ending = require "wsmanager.cli.ending"
local exits = require "wsmanager.cli.exits"
local lookup = require "wsmanager.cli.lookup"
local safe = require "wsmanager.cli.safe"

local PINGS = 3
local PATIENCE = 10        -- seconds for a name, and for a pong

local probe = {}

---@class wsmanager.cli.Probe
---@field before number   when the step before was done
---@field info? wsmanager.Ending   how the connection ended, or the attempt
local Probe = {}
Probe.__index = Probe

local function write (...) io.stdout:write(...) end

-- ## The steps

local function step (name, seconds, what)
  local time = seconds and ("%.1f ms"):format(seconds * 1000) or ""
  write(("%-8s %10s  %s\n"):format(name, time, what))
  io.stdout:flush()
end

local function list (texts)
  local text = table.concat(texts, ", ")
  return text ~= "" and text or "none"
end

-- What the log tells, each with the time since the step before.
local steps = {}

function steps.connecting (_, fields)
  if fields.proxy then step("proxy", nil, fields.proxy) end
end

function steps.tcp (took, fields) step("tcp", took, fields.address) end

function steps.connected (took, fields)
  if not fields.tls then return step("proxy", took, "the proxy has connected") end
  step("tls", took, fields.tls .. ", " .. fields.cipher
       .. (fields.resumed and ", resumed" or ""))
end

function steps.redirect (took, fields) step("redirect", took, fields.url) end

function steps.agreed (took, fields)
  step("101", took, "subprotocol " .. list {fields.protocol ~= "" and fields.protocol or nil}
       .. ", extensions " .. list {fields.extensions ~= "" and fields.extensions or nil})
end

local function note (self, fields)
  local show = steps[fields.event]
  if not show then return end
  if self.before then show(fields.at - self.before, fields) else show(nil, fields) end
  self.before = fields.at
end

-- ## What is shown behind them

local function field (name, value)
  if value and value ~= "" then write(("  %-9s %s\n"):format(name, value)) end
end

local function left_of (days)
  if days < 0 then return ("over for %d days"):format(-days) end
  return days == 1 and "1 day left" or ("%d days left"):format(days)
end

local function show_certificates (ws)
  local i, certificate = 1, core.certificate(ws, 1)
  while certificate do
    write(i == 1 and "\ncertificate\n" or "\nsigned by\n")
    field("subject", certificate.subject)
    field("names", certificate.names)
    field("issuer", certificate.issuer)
    field("valid", certificate.from .. " to " .. certificate["until"] .. " UTC, "
          .. left_of(certificate.days))
    field("key", certificate.key .. ", " .. certificate.pin)
    i = i + 1
    certificate = core.certificate(ws, i)
  end
end

local function show_response (answer)
  write "\nresponse\n"
  for _, line in ipairs(ending.answer(answer)) do write("  ", line, "\n") end
end

local function show_pings (ws)
  local times = {}
  for i = 1, PINGS do
    local seconds, token, detail = ws:ping("", PATIENCE)
    if not seconds then return step("ping", nil, token .. ": " .. safe.line(detail)) end
    times[i] = seconds
  end
  local texts = {}
  for i, seconds in ipairs(times) do texts[i] = ("%.2f"):format(seconds * 1000) end
  step("ping", times[1], table.concat(texts, ", ") .. " ms")
end

local function show_close (ws)
  local begin = core.now()
  ws:close(1000)
  local code, _, clean = ws:closed()
  step("close", core.now() - begin,
       clean and "the peer answered with " .. tostring(code) or "no answer")
end

-- ## A connection

local function start (self, options)
  options.reconnect = {when = function (info)
    self.info = info
    return false
  end}
  options.log = function (_, _, fields) note(self, fields) end
  self.before = nil
  return connect.open(options)
end

-- The certificate of a server that is not trusted, by a connection that nobody uses.
local function show_untrusted (options)
  options.tls = {verify = false, cert = options.tls and options.tls.cert,
                 key = options.tls and options.tls.key}
  options.log, options.login = false, nil
  options.reconnect = false
  local ws = connect.open(options)
  if ws and ws:opened() then
    write "\nnot trusted:"
    show_certificates(ws)
    ws:close()
  end
end

-- The name's addresses; false, code: there is none.
local function show_name (options)
  local host = core.url(options.url)
  host = host and host.host
  if not host or options.proxy then return true end
  local begin = core.now()
  local found, token, detail = lookup(host, PATIENCE)
  if not found then
    step("name", core.now() - begin, "failed: " .. token .. ": " .. safe.line(detail))
    return false, exits[token]
  end
  step("name", core.now() - begin, safe.line(host) .. ": " .. list(found))
  return true
end

local function look (self, options)
  local there, code = show_name(options)
  if not there then return code end
  local ws, token, detail = start(self, options)
  if not ws then
    step("options", nil, "failed: " .. token .. ": " .. detail)
    return exits[token]
  end
  if ws:opened() then
    show_pings(ws)
    show_certificates(ws)
    show_response(ws:answer())
    write "\n"
    show_close(ws)
    return exits.ok
  end
  local why
  code, why = ending.of(self.info or {})
  step("failed", nil, why)
  local answer = ws:answer()
  if answer then show_response(answer) end
  if self.info and self.info.token == "tls" then show_untrusted(options) end
  return code
end

-- The number to leave with.
---@param values table  of parse.words
---@return integer
function probe.run (values)
  local options, why
  if #values ~= 1 then why = "one URL is wanted: wsm probe wss://example.com/"
  else options, why = connect.options(values) end
  if not options then
    io.stderr:write("wsm: ", why, "\n")
    return exits.usage
  end
  write("url ", safe.line((options.url:gsub("//[^/@]*@", "//"))), "\n")
  return look(setmetatable({}, Probe), options)
end

return probe
