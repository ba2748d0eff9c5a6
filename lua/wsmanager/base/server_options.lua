-- The options of wsmanager.serve: what each is, and what it may be.
-- Depends on connection_options.lua, option_rules.lua and schema.lua.

local both = require "wsmanager.base.connection_options"
local rules = require "wsmanager.base.option_rules"
local schema = require "wsmanager.base.schema"

local rule, is_integer = schema.rule, schema.is_integer

--- Lets a request's client in: true, or one of the subprotocols that it offers; then
--- headers for the 101 response. Or refuses: nil, a status (403), a body, headers. Any other
--- result is an error and refuses with 500. It may wait, for `timeouts.open`; then the
--- request is answered with 503.
---@alias wsmanager.Authorize fun(request: wsmanager.Request): boolean|string|nil, any, any, any

--- Answers a plain HTTP request: a status, a body, headers. It may wait, for
--- `timeouts.open`; then the request is answered with 503.
---@alias wsmanager.Page fun(request: wsmanager.Request): integer, string, table?

--- The options of `wsmanager.serve`. Those that a connection has, too, are for each of the
--- server's connections: a server asks its clients for a sign of life as well.
---@class wsmanager.ServerOptions: wsmanager.SharedOptions
---
--- The address that it listens on, or a name. A name is looked up before `serve` returns, and
--- everything waits for that.
--- Default: every address of this machine.
---@field host? string
---
--- The port; 0 is a free one, which `server.port` tells.
--- Unit: port number. Default: 0.
---@field port? integer
---
--- A Unix socket to listen on, instead of `host` and `port`.
--- Default: none.
---@field path? string
---
--- A descriptor that listens already, instead of `host`, `port` and `path`: one that was passed
--- on by systemd, `wsmanager.listen_fds` tells which. From then on it is the server's, which
--- closes it when it stops; where `serve` fails it stays as it was. The file of a Unix socket
--- is left to whoever made it.
--- Unit: a descriptor. Default: none.
---@field fd? integer
---
--- How many clients wait in the kernel to be accepted.
--- Unit: connections. Default: 1024.
---@field backlog? integer
---
--- How many connections there are at once. Further clients wait in the kernel, as many as
--- `backlog` says.
--- Unit: connections. Default: no limit.
---@field connections? integer
---
--- Subprotocols, the preferred one first: the first that the client offers is chosen.
--- Default: none. Source: RFC 6455 4.2.2.
---@field protocols? string|string[]
---
--- TLS, with `cert` and `key`; with `ca` and `ask = true` a client needs a certificate.
--- Default: none.
---@field tls? wsmanager.Tls
---
--- Decides who may open a connection.
--- Default: everybody may.
---@field authorize? wsmanager.Authorize
---
--- Runs in a coroutine for each connection. When it has returned, or its coroutine is closed,
--- the connection is closed with 1000, unless it has listeners. Without a `handler` opening
--- handshakes are refused with 404. One of `handler` and `page` is required.
--- Default: none.
---@field handler? fun(ws: wsmanager.Connection, request: wsmanager.Request)
---
--- Runs before `handler`. Until it is done the client is in neither `clients()` nor a
--- `broadcast`. Where it fails or takes too long, the connection is closed with 1008, with
--- why as the reason; an error's text stays on the server.
--- Default: none.
---@field login? fun(ws: wsmanager.Login, request: wsmanager.Request): any, string?, any, integer?
---
--- Answers plain HTTP requests: a file for `/`, a table from paths to files or functions, or
--- one function for all. A table by a path answers for what is below that path, as
--- `wsmanager.dashboard` does. A file answers GET and HEAD. What is answered with 200 has an `ETag`,
--- and 304 is the answer to who has that already.
--- Default: none. Source: RFC 9110 8.8.3, 13.1.2.
---@field page? string|table<string, string|wsmanager.Page|table>|wsmanager.Page
---
--- How long it waits for its clients.
---@field timeouts? wsmanager.ConnectionTimeouts
---
--- Names whose connection it is; it may wait. The ids that `dedupe` reads are known again on
--- another connection of the same user: the last 4,096 of each who is connected, and 16 MiB of
--- those who are not. nil: nobody's.
--- Default: none.
---@field user? fun(request: wsmanager.Request): string|number|nil
---
--- Gets the errors of these functions, with the connection and the text with the traceback.
--- That connection ends with 1011.
--- Default: stderr.
---@field onerror? fun(why: any, ws: wsmanager.Connection, text: string)

local server = {
  host = rules.text,
  port = rule(is_integer(0, 65535), "integer from 0 to 65535"),
  path = rules.text,
  fd = rule(is_integer(1, 2^20 - 1), "integer from 1 to 1048575"),
  backlog = rules.size,
  connections = rules.size,
  protocols = rules.list,
  authorize = rules.callback,
  handler = rules.callback,
  user = rules.callback,
  page = rule(schema.any(schema.is "string", schema.is "table", schema.is "function"),
              "file name, table of file names or function"),
  onerror = rules.callback,
}

for name, each in pairs(both.shared) do server[name] = each end

return server
