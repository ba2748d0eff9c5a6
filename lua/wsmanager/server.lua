-- wsmanager.serve: a WebSocket server, a coroutine for each connection.
-- Depends on the core's server, dispatch.lua, options.lua and page.lua.
-- Never lets an error of one connection's handler reach another.

local core = require "wsmanager.core"
local arguments = require "wsmanager.base.arguments"
local codec = require "wsmanager.base.codec"
local conflicts = require "wsmanager.base.conflicts"
local coroutines = require "wsmanager.run.coroutines"
local delivery = require "wsmanager.run.delivery"
local dispatch = require "wsmanager.run.dispatch"
local distribution = require "wsmanager.run.distribution"
local each = require "wsmanager.base.each"
local handshake_headers = require "wsmanager.base.handshake_headers"
local leaving = require "wsmanager.run.leaving"
local log = require "wsmanager.log"
local login = require "wsmanager.run.login"
local options = require "wsmanager.base.options"
local page = require "wsmanager.base.page"
local readers = require "wsmanager.run.readers"
local report = require "wsmanager.base.report"
local scheduler = require "wsmanager.run.scheduler"
local server_events = require "wsmanager.run.server_events"
local stopping = require "wsmanager.stopping"
local tls_context = require "wsmanager.base.tls_context"
local users = require "wsmanager.run.users"

local link = core.link
local check_object = arguments.check_object

local STOP_TIMEOUT = 5       -- seconds that stop() waits for the connections

--- What a server's functions get: the opening handshake of a client, or a plain HTTP request.
---@class wsmanager.Request
---@field method string           "GET"
---@field target string           as it came (RFC 9112 3.2)
---@field host string             and port, if it names one; in lower case (RFC 9112 3.2)
---@field path string             percent-decoded
---@field query table<string, string>  name -> its last value; percent-decoded, '+' is a space
---@field queries table<string, string[]>  name -> all its values
---@field headers table<string, string>  names in lower case; fields of one name are joined with ", ", cookies with "; "
---@field protocols string[]      the subprotocols that the client offers
---@field address string          of the peer, without its port; "unix" for a Unix socket
---@field port? integer           of the peer
---@field origin? string          of the page that connects (RFC 6454 7)
---@field upgrade boolean         it asks for a WebSocket
---@field body string             of a plain request
---@field minor integer           of the version of HTTP: 0 is 1.0, 1 is 1.1 (RFC 9112 2.3)
---@field status? integer         of a plain request: with what it is answered without a `page`
---@field why? string             likewise: why it opens no WebSocket

--- What `wsmanager.serve` returns.
---@class wsmanager.Server
---@field port integer            the port it listens on; 0 for a Unix socket
---@field path? string            of its Unix socket
local Server = {}

-- The fields that programs read are beside the object: an assignment to them is
-- noticed.
function Server.__index (self, name)
  local method = Server[name]
  if method ~= nil then return method end
  return rawget(self, "public")[name]
end

function Server.__newindex (self, name, value)
  if options.is_server_option(name) then
    error("'" .. name .. "' is an option (give it to serve)", 2)
  elseif Server[name] ~= nil then
    error("'" .. name .. "' cannot be assigned", 2)
  end
  rawset(self, name, value)
end

local function to_set (list)
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return set
end

-- The first of our subprotocols that the client offers (RFC 6455 4.2.2).
local function choose_protocol (supported, request)
  local offered = to_set(request.protocols)
  for name in (supported or ""):gmatch("[^, ]+") do
    if offered[name] then return name end
  end
end

-- Do further requests of its client keep nobody else out?
local function may_persist (self)
  local limit = self.given.connections
  return not self.stopped and (not limit or self.core:count() < limit)
end

-- An exchange is a request and its response: server, ws, record, request, the
-- step at which it is, and whether a response was given. After a plain request
-- another exchange may begin on the same connection.

local function respond (exchange, status, body, headers)
  link.refuse(exchange.ws, status, handshake_headers.lines(headers), body or "",
              exchange.request.method == "HEAD", may_persist(exchange.server))
  exchange.is_answered = true
  log.tell_refused(exchange.record, exchange.request, status)
end

-- Responds to a request that is no opening handshake, or a wrong one. An Upgrade to
-- something else is ignored (RFC 9110 7.8).
local function serve_page (exchange)
  local given, request = exchange.server.given.page, exchange.request
  if given and not request.upgrade and request.status ~= 400 then
    return respond(exchange, page.respond(given, request))
  end
  respond(exchange, request.status, request.why .. "\n",
          {["Content-Type"] = "text/plain; charset=utf-8"})
end

local function refuse (exchange, status, body, headers)
  respond(exchange, status or 403, body or "Forbidden\n",
          headers or {["Content-Type"] = "text/plain; charset=utf-8"})
end

local function show (value)
  return type(value) == "string" and "'" .. value .. "'" or tostring(value)
end

-- Raises for what `authorize` may not return: a mistake must let nobody in.
local function check_result (request, result, status, body)
  if result == true then return end
  if result then
    if type(result) == "string" and to_set(request.protocols)[result] then
      return
    end
    error("authorize must return true, a subprotocol that the client offers, "
          .. "or nil and a status; it returned " .. show(result), 0)
  elseif status ~= nil and not options.is_status(status) then
    error("authorize must return a status from 200 to 599 after "
          .. show(result) .. "; it returned " .. show(status), 0)
  elseif body ~= nil and type(body) ~= "string" then
    error("authorize must return a string as the body; it returned a "
          .. type(body), 0)
  end
end

-- The user's name, or nil. Raises for what `user` may not return.
local function name_user (exchange)
  local given = exchange.server.given
  if not given.user then return nil end
  exchange.step = "user"
  local name = given.user(exchange.request)
  exchange.step = "authorize"
  if name == nil or type(name) == "string" then return name end
  if type(name) ~= "number" or name ~= name then
    error("user must return a string, a number or nil; it returned " .. show(name), 0)
  end
  return name
end

-- Responds to the opening handshake with what `authorize` returned; returns
-- whether the connection is open.
local function respond_to_handshake (exchange, result, ...)
  check_result(exchange.request, result, ...)
  if not result then
    refuse(exchange, ...)
    return false
  end
  local protocol =
    choose_protocol(exchange.server.offered, exchange.request)
  if type(result) == "string" then protocol = result end
  exchange.user = name_user(exchange)
  local opened =
    link.accept(exchange.ws, protocol, handshake_headers.lines((...)))
  if opened == nil then error("not enough memory", 0) end
  exchange.is_answered = true
  return opened
end

local function authorize (exchange)
  local given = exchange.server.given
  if not given.authorize then return true end
  return given.authorize(exchange.request)
end

local function run_handler (exchange)
  exchange.step = "handler"
  exchange.server.given.handler(exchange.ws, exchange.request)
end

-- The core may have refused the request since, or its peer has left.
local function handle_request (exchange)
  local ws, record, given = exchange.ws, exchange.record, exchange.server.given
  local request = link.request(ws)
  if ws.state ~= "connecting" then return end
  exchange.request = request
  exchange.step = request.status and "page" or "authorize"
  if request.status then return serve_page(exchange) end
  if not given.handler then
    return refuse(exchange, 404, "There is no WebSocket here\n")
  end
  local opened = respond_to_handshake(exchange, authorize(exchange))
  if not opened or ws.state == "closed" then return end
  record.accepted, record.exchange = true, exchange
  if exchange.user ~= nil then
    record.user_ids = exchange.server.users:enter(exchange.user)
  end
  scheduler.schedule(record.id)
  if given.login then exchange.step = "login"
  else run_handler(exchange) end
end

local function refuse_failed (exchange)
  if not pcall(link.refuse, exchange.ws, 500, nil, "Internal Server Error\n",
               false, may_persist(exchange.server))
  then
    dispatch.drop(exchange.ws)    -- there is no memory for the response
  end
end

-- The handler has returned, or the coroutine of one of the program's functions was
-- closed: then nobody responds any more.
local function handle_end (exchange)
  local ws, record = exchange.ws, exchange.record
  if not exchange.is_answered then
    if ws.state == "connecting" then refuse_failed(exchange) end
  elseif exchange.step == "handler" and not dispatch.is_listened(record)
         and ws.state ~= "closed"
  then
    ws:close(1000)
  end
end

local function report_failure (exchange, why, thread)
  log.tell_failed(exchange.record, exchange.step or "handler", why)
  local onerror = exchange.server.given.onerror
  if onerror then
    scheduler.spawn(onerror, why, exchange.ws, report.trace(why, thread))
  else
    report.failure("a server's " .. (exchange.step or "handler"), why, thread)
  end
end

-- An error in a function of the program ends its connection (RFC 6455 7.4.1:
-- 1011), or is the response to the request.
local function handle_failure (exchange, why, thread)
  local ws = exchange.ws
  report_failure(exchange, why, thread)
  if ws.state == "closed" then return end
  if exchange.record.accepted then
    link.close(ws, 1011, "internal error")
  elseif not exchange.is_answered then
    refuse_failed(exchange)
  end
end

local function start_in_coroutine (exchange, fn)
  leaving.working = leaving.working + 1
  coroutines.start(function (ok, why, thread)
    leaving.working = leaving.working - 1
    if ok then return handle_end(exchange) end
    handle_failure(exchange, why, thread)
  end, fn, exchange)
end

local function begin_exchange (ws, record)
  local exchange = {server = record.server, ws = ws, record = record, at = core.now()}
  start_in_coroutine(exchange, handle_request)
end

-- The opening handshake is done.
local function begin_login (ws, record, _, epoch)
  local request = record.exchange.request
  login.start(ws, record, epoch, request, request.headers)
end

-- The login is done.
local function begin_handler (_, record)
  start_in_coroutine(record.exchange, run_handler)
end

local function report_login (mine, why, thread)
  report_failure(mine.record.exchange, why, thread)
end

local function add_connection (self, ws)
  local record = {
    server = self, codec = self.codec, on_request = begin_exchange,
    heartbeat_options = self.given.heartbeat or nil, distributing = self.distributing,
  }
  if self.given.login then
    record.login, record.begin_login = self.given.login, begin_login
    record.login_failed, record.on_open = report_login, begin_handler
  end
  dispatch.register(ws, record)
  log.attach(ws, record, self.log)
  delivery.attach(ws, record, self.given)
  if self.given.stream then readers.attach(ws, record) end
  self.members[record.id] = ws
  record.on_over = function ()
    if record.accepted and self.members[record.id] then server_events.over(record) end
    self.members[record.id] = nil
    if record.user_ids and not record.user_left then
      record.user_left = true    -- what is in the inbox is still looked at
      self.users:leave(record.user_ids)
    end
  end
  dispatch.schedule(record)
end

local function take_requests (self)
  if self.log then log.tell_unclaimed(self) end
  local ws = not self.stopped and self.core:next()
  while ws do
    add_connection(self, ws)
    ws = self.core:next()
  end
end

scheduler.set_handlers {server = take_requests}

--- Sends one message to all open connections, framed once.
---@param data any  a string; with `decode` anything else is encoded
---@param kind? "text"|"binary"  default: "text"
---@param except? wsmanager.Connection  not sent to this one
---@return integer|nil sent  to so many connections; nil: it was not sent
---@return integer|wsmanager.Token full  not sent to so many, whose output was full; of nil: "codec", "toobig"
---@return string? detail  of nil: why
function Server:broadcast (data, kind, except)
  check_object(self, Server, "server:broadcast")
  if kind ~= nil and not options.is_kind(kind) then
    error("bad argument #2 to 'broadcast' ('text' or 'binary' expected, got "
          .. tostring(kind) .. ")", 2)
  end
  if except ~= nil and getmetatable(except) ~= core.metatable then
    arguments.fail(1, "#3 to 'broadcast' (connection", except)
  end
  if type(data) ~= "string" and self.codec then
    local token, why
    data, token, why = codec.encode(self.codec, data, kind or "text")
    if data == nil then return nil, token, why end
  end
  if type(data) ~= "string" then
    arguments.fail_message(1, "broadcast", data)
  end
  if self.closed then return 0, 0 end
  local limit = self.given.limits and self.given.limits.send
  if limit and #data > limit then
    return nil, "toobig", "the message has " .. #data .. " bytes and limits.send is "
                          .. limit .. ": it was not sent"
  end
  local sent, full = arguments.call_at_level(
    2, self.core.broadcast, self.core, data, kind == "binary", except)
  return sent, full    -- no tail call: call_at_level counts callers
end

local function next_open (members, id)
  local ws
  repeat
    id, ws = next(members, id)
  until not id or ws.state == "open"
  return id, ws
end

--- Iterates over the open connections: `for id, ws in server:clients() do`.
---@return fun(members: table, id: integer?): integer?, wsmanager.Connection? next
---@return table members
function Server:clients ()
  check_object(self, Server, "server:clients")
  local members = {}
  for id, ws in each(self.members) do members[id] = ws end
  return next_open, members
end

--- Accepts no more, closes every connection with 1001, waits until all have ended, and drops
--- those that have not. It may be called again.
--- Source: RFC 6455 7.4.1.
---@param seconds? number  how long it waits at most; default: 5
function Server:stop (seconds)
  check_object(self, Server, "server:stop")
  seconds = arguments.timeout(1, "#1 to 'stop'", seconds)
  if self.closed then return end
  if seconds ~= 0 then scheduler.check_wait() end
  local deadline = core.now() + (seconds or STOP_TIMEOUT)
  stopping.begin(self)
  local cancelled = false
  stopping.each_member(self, function (ws)
    if cancelled then return end
    local code, token = ws:closed(math.max(0, deadline - core.now()))
    cancelled = not code and token == "cancelled"
  end)
  if self.closed then return end
  self.closed = true
  stopping.each_member(self, dispatch.drop)
  self.members = {}
  self.core:close()
  scheduler.servers[self.id] = nil
  server_events.ended()
  log.tell_server(self.log, "stopped", self.given, self.port)
end

leaving.set_handlers {over = function ()
  for _, server in each(scheduler.servers) do server:stop(0) end
end}

local function read_protocols (given)
  local names, optional = handshake_headers.protocols(given)
  if optional ~= nil then
    error("bad option 'protocols' ('optional' is for a client: a server that has "
          .. "none in common chooses none)", 0)
  end
  return names
end

-- The core's config, subprotocols and codec; raises, without a position, for bad
-- options.
local function read (given)
  options.check_server(given)
  conflicts.check_server(given)
  page.check(given.page)
  local policy = options.policy(given)
  policy.pages = given.page ~= nil
  policy.login = given.login ~= nil
  return {
    host = given.host, port = given.port, path = given.path, fd = given.fd,
    backlog = given.backlog, connections = given.connections,
    policy = policy,
  }, read_protocols(given.protocols), codec.of(given.decode)
end

--- Listens, and runs `handler` in a coroutine for each connection, while the loop turns. An
--- unknown option, one of a wrong type, and options that contradict each other raise.
--- Source: RFC 6455 4.2.
---@param given wsmanager.ServerOptions  at least `handler` or `page`
---@return wsmanager.Server? server
---@return wsmanager.Token? token  "refused": the address is in use, or another machine's; "resolve", "tls", "closed"
---@return string? detail  why
function Server.serve (given)
  if type(given) ~= "table" then
    arguments.fail(1, "#1 to 'serve' (table", given)
  end
  local config, protocols, with = arguments.call_at_level(2, read, given)
  if coroutines.leaving then return nil, "closed", coroutines.leaving end
  local logger = arguments.call_at_level(2, log.of, given.log)
  local ok, token, detail = tls_context.configure(config, given, true)
  if not ok then return nil, token, detail end
  if given.fd then ok, token, detail = core.listens(given.fd) end
  if ok then ok, token, detail = scheduler.make() end
  if not ok then return nil, token, detail end
  local made
  made, token, detail =
    arguments.call_at_level(2, core.server, scheduler.loop(), config)
  if not made then return nil, token, detail end
  local self = setmetatable({
    core = made, id = made:id(), given = given, offered = protocols,
    codec = with, distributing = distribution.options_of(given),
    members = {}, stopped = false, closed = false, users = users.new(),
    log = logger,
    public = {port = made:port(), path = given.path},
  }, Server)
  scheduler.servers[self.id] = self
  server_events.began()
  log.attach_server(logger, made, given, self.port)
  return self
end

return Server
