-- wsmanager.serve: a WebSocket server, a coroutine for each connection.
-- Stands on the core's server, attention.lua, options.lua and page.lua.
-- Never lets an error of one connection's handler reach another.

local core = require "wsmanager.core"
local attention = require "wsmanager.run.dispatch"
local client = require "wsmanager.client"
local codec = require "wsmanager.base.codec"
local options = require "wsmanager.base.options"
local page = require "wsmanager.base.page"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"

local link = core.link

local PATIENCE = 5       -- seconds that a polite stop waits

---@class wsmanager.Request
---@field method string
---@field target string           path and query as they came
---@field path string
---@field query table<string, string>  decoded
---@field headers table<string, string>  names in lower case
---@field protocols string[]      what the client offers
---@field address string          of the peer
---@field origin? string

--- `authorize` answers true or a subprotocol that the client offers, and headers
--- for the 101; or nil and a status (403), a body and headers. Any other answer is
--- an error and refuses with 500. `handler` runs in a coroutine for each
--- connection, which closes with 1000 when it returns, unless it listens to
--- events. One of `handler` and `page` must be there. `page` answers plain HTTP: a
--- file at "/", files by path, a function.
---@class wsmanager.ServerOptions
---@field host? string            every address of this machine when absent
---@field port? integer           0: the system chooses; see server.port
---@field path? string            a Unix socket instead
---@field backlog? integer
---@field connections? integer    at once; beyond, peers wait in the kernel
---@field protocols? string|string[]  in order of preference
---@field tls? wsmanager.Tls
---@field authorize? fun(request: wsmanager.Request): boolean|string|nil, any, any, any
---@field handler? fun(ws: wsmanager.Connection, request: wsmanager.Request)
---@field page? string|table<string, string|function>|fun(request: wsmanager.Request): integer, string, table?
---@field heartbeat? wsmanager.Heartbeat|false
---@field timeouts? {open: number|false|nil, close: number|false|nil}
---@field limits? wsmanager.Limits
---@field compress? boolean|wsmanager.Compress  false
---@field inbox? integer
---@field buffer? integer
---@field decode? "json"|wsmanager.Codec
---@field onerror? fun(why: any, ws: wsmanager.Connection)  hears the errors of handlers

---@class wsmanager.Server
---@field port integer            the port it listens on; 0 for a Unix socket
---@field path? string
local Server = {}
Server.__index = Server

local function lower_set (list)
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return set
end

-- The first of ours that the client offers (RFC 6455 4.2.2).
local function choose (supported, request)
  local offered = lower_set(request.protocols)
  for name in (supported or ""):gmatch("[^, ]+") do
    if offered[name] then return name end
  end
end

local function refuse (ws, request, status, body, headers)
  body = body or ""
  link.refuse(ws, status, options.headers(headers), body,
              request.method == "HEAD")
end

-- A request that is no opening handshake: a page, or the status that says so.
local function answer_plainly (self, ws, request)
  local from = self.given.page
  if from and not request.headers.upgrade then
    return refuse(ws, request, page.answer(from, request))
  end
  refuse(ws, request, request.status, request.why .. "\n",
         {["Content-Type"] = "text/plain; charset=utf-8"})
end

local function refused (ws, request, status, body, headers)
  refuse(ws, request, status or 403, body or "Forbidden\n",
         headers or {["Content-Type"] = "text/plain; charset=utf-8"})
end

local function show (value)
  return type(value) == "string" and "'" .. value .. "'" or tostring(value)
end

-- Raises for what is no answer of `authorize`: a slip must admit nobody.
local function check_verdict (request, verdict, status, body)
  if verdict == true then return end
  if verdict then
    if type(verdict) == "string" and lower_set(request.protocols)[verdict] then
      return
    end
    error("authorize must return true, a subprotocol that the client offers, "
          .. "or nil and a status; it returned " .. show(verdict), 0)
  elseif status ~= nil and not options.is_status(status) then
    error("authorize must return a status from 200 to 599 after "
          .. show(verdict) .. "; it returned " .. show(status), 0)
  elseif body ~= nil and type(body) ~= "string" then
    error("authorize must return a string as the body; it returned a "
          .. type(body), 0)
  end
end

-- Answers the opening handshake; returns whether the connection is open.
local function open (self, ws, request, verdict, ...)
  check_verdict(request, verdict, ...)
  if not verdict then
    refused(ws, request, ...)
    return false
  end
  local protocol = choose(self.protocols, request)
  if type(verdict) == "string" then protocol = verdict end
  if not link.accept(ws, protocol, options.headers((...))) then
    error("not enough memory", 0)
  end
  return true
end

local function judge (self, request)
  if not self.given.authorize then return true end
  return self.given.authorize(request)
end

local function welcome (self, ws, record)
  local request = link.request(ws)
  record.asks = request.status and "page" or "authorize"
  if request.status then return answer_plainly(self, ws, request) end
  local opened = open(self, ws, request, judge(self, request))
  if not opened or ws.state == "closed" then return end
  record.accepted, record.asks = true, "handler"
  scheduler.touch(record.id)
  if not self.given.handler then return end
  self.given.handler(ws, request)
  if not record.listeners and ws.state ~= "closed" then ws:close(1000) end
end

-- A handler that fails ends its own connection (RFC 6455 7.4.1: 1011).
local function fail (self, ws, record, why, thread)
  if self.given.onerror then
    scheduler.spawn(self.given.onerror, why, ws)
  else
    report.failure("a server's " .. (record.asks or "handler"), why, thread)
  end
  if ws.state == "closed" then return end
  if record.accepted then
    link.close(ws, 1011, "internal error")
  elseif not pcall(link.refuse, ws, 500, nil, "Internal Server Error\n") then
    attention.drop(ws)    -- there is no memory for the answer
  end
end

local function admit (self, ws)
  local record = {server = self, codec = self.codec}
  attention.adopt(ws, record)
  self.members[record.id] = ws
  record.ended = function () self.members[record.id] = nil end
  attention.touch(record)
  scheduler.attempt(function (why, thread)
    fail(self, ws, record, why, thread)
  end, welcome, self, ws, record)
end

-- Takes in who has knocked: the scheduler calls it.
function Server:attend ()
  local ws = not self.stopped and self.core:next()
  while ws do
    admit(self, ws)
    ws = self.core:next()
  end
end

--- Sends one message to all open connections, framed once.
---@param data any  a string; with `decode` anything else is encoded
---@param kind? "text"|"binary"
---@param except? wsmanager.Connection  who does not get it
---@return integer sent
---@return integer full  connections whose output was full: they did not get it
function Server:broadcast (data, kind, except)
  if type(data) ~= "string" and self.codec then
    local token, why
    data, token, why = codec.encode(self.codec, data, kind or "text")
    if data == nil then error(token .. ": " .. why, 2) end
  end
  if type(data) ~= "string" then
    error("bad argument #1 to 'broadcast' (string expected, got "
          .. type(data) .. ")", 2)
  end
  if self.closed then return 0, 0 end
  local sent, full = options.blame(2, self.core.broadcast, self.core, data,
                                   kind == "binary", except)
  return sent, full    -- no tail call: it raises at our caller's line
end

local function next_open (members, id)
  local ws
  repeat
    id, ws = next(members, id)
  until not id or ws.state == "open"
  return id, ws
end

--- `for id, ws in server:clients() do`: the open connections.
---@return fun(members: table, id: integer?): integer?, wsmanager.Connection?
---@return table
function Server:clients ()
  local members = {}
  for id, ws in pairs(self.members) do members[id] = ws end
  return next_open, members
end

local function say_goodbye (ws, record)
  if ws.state == "closed" then return end
  if record.accepted then
    link.close(ws, 1001, "the server stops")
  else
    link.refuse(ws, 503, nil, "Service Unavailable\n")
  end
  attention.touch(record)
end

local function each_member (self, fn)
  local members = {}
  for _, ws in pairs(self.members) do members[#members + 1] = ws end
  for _, ws in ipairs(members) do fn(ws, attention.record(ws)) end
end

--- Stops politely: accepts no more, closes every connection with 1001, waits
--- until all have ended, and drops those that have not. May be called again.
---@param seconds? number  how long it waits at most; 5
function Server:stop (seconds)
  if seconds ~= nil then scheduler.check_seconds(seconds, "stop") end
  if self.closed then return end
  local deadline = core.now() + (seconds or PATIENCE)
  self.stopped = true
  self.core:stop()
  each_member(self, say_goodbye)
  each_member(self, function (ws)
    ws:closed(math.max(0, deadline - core.now()))
  end)
  if self.closed then return end
  self.closed = true
  each_member(self, attention.drop)
  self.members = {}
  self.core:close()
  scheduler.servers[self.id] = nil
end

local function read (given)
  options.check_server(given)
  page.check(given.page)
  return {
    host = given.host, port = given.port, path = given.path,
    backlog = given.backlog, connections = given.connections,
    policy = options.policy(given),
  }, options.protocols(given.protocols), codec.of(given.decode)
end

--- Listens, and runs `handler` in a coroutine for each connection, while the
--- loop turns (`run`, `step`). An unknown option or one of a wrong type raises.
---@param given wsmanager.ServerOptions
---@return wsmanager.Server?
---@return string? token  "refused": the address is in use, or not ours; "tls"
---@return string? detail
function Server.serve (given)
  if type(given) ~= "table" then
    error("bad argument #1 to 'serve' (table expected, got "
          .. type(given) .. ")", 2)
  end
  local config, protocols, with = options.blame(2, read, given)
  local ok, token, detail = client.secure(config, given, true)
  if not ok then return nil, token, detail end
  local made
  made, token, detail =
    options.blame(2, core.server, scheduler.loop(), config)
  if not made then return nil, token, detail end
  local self = setmetatable({
    core = made, id = made:id(), port = made:port(), path = given.path,
    given = given, protocols = protocols, codec = with, members = {},
  }, Server)
  scheduler.servers[self.id] = self
  return self
end

return Server
